//! eyelet on the Sipeed MaixCAM, and on any Linux machine with a V4L2 camera.

mod devices;
pub mod v4l2;
pub mod venc;

pub use devices::{Board, BoardFlags};
