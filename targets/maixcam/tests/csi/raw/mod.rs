//! Frames taken from the scaler.

mod camera;
mod encode;
mod kill;
mod rules;
mod support;
