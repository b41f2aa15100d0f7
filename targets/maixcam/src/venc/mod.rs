//! The SG2002's JPEG unit.

pub mod sys;
