//! Synthetic cameras.

pub mod receive;
