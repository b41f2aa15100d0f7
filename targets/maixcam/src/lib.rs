//! eyelet on the Sipeed MaixCAM, and on any Linux machine with a V4L2 camera: the SG2002's JPEG unit, and the program
//! that takes it and the cameras of `eyelet-v4l2`.

// Allowed in `sys/kernel.rs` and `sys/abi.rs`; nowhere else.
#![deny(unsafe_code)]

mod cameras;
pub mod csi;
#[cfg(any(test, feature = "model"))]
pub mod model;
mod physical;
mod platform;
pub mod sys;
pub mod venc;

pub use platform::{Board, BoardFlags};
