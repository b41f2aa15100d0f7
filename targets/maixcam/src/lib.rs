//! eyelet on the Sipeed MaixCAM, and on any Linux machine with a V4L2 camera.

mod devices;
pub mod v4l2;

pub use devices::{Board, BoardFlags};
