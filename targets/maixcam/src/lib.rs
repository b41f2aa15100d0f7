//! eyelet on the Sipeed MaixCAM, and on any Linux machine with a V4L2 camera.

// Allowed in `v4l2/kernel.rs`, `venc/sys/kernel.rs` and `venc/sys/abi.rs`; nowhere else.
#![deny(unsafe_code)]

mod devices;
pub mod v4l2;
pub mod venc;

pub use devices::{Board, BoardFlags};
