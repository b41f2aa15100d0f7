//! Cameras behind Video4Linux: USB webcams on the board and on a laptop, `vivid` in the virtual board.
//!
//! [`V4l2Camera`] is the [`CameraSource`](eyelet_hal::CameraSource); [`V4l2Device`] lists what a node can
//! do, and [`nodes`] and [`find_camera`] list the nodes. Opening, the ioctl call, the numbers of ioctls and the
//! meaning of flags and types come from the `v4l` crate. Its enumeration and its streaming are not used: the crate panics
//! on values that cameras do return (a colorspace or a type of control that it does not know, a name that is cut in the
//! middle of a character), collects lists that never end, queues a buffer that the kernel still owns after a timeout,
//! panics in its stream's drop and lends one whole buffer at a time. `driver` enumerates and configures, `queue` streams;
//! both are traits, which tests implement with kernels that return anything.
//!
//! Only the single-planar API is spoken; nodes that have only the multi-planar one are recognised and
//! refused.

// Allowed in `kernel.rs`; nowhere else.
#![deny(unsafe_code)]

mod camera;
mod capture;
mod choose;
mod config;
mod control;
mod device;
mod driver;
mod enumerate;
mod error;
mod fourcc;
mod kernel;
mod layout;
mod list;
mod memory;
mod negotiate;
mod queue;
mod range;
mod ring;
mod sequence;
#[cfg(test)]
mod tests;
mod text;

pub use camera::{V4l2Camera, V4l2Opener};
pub use choose::{Choice, FormatInfo, Interval, IntervalRange, Request, SizeRange, choose, nearest_interval};
pub use config::V4l2Config;
pub use control::{ControlInfo, ControlKind, ControlSetting};
pub use device::{Capabilities, Role, Survey, V4l2Device};
pub use list::{Node, find_camera, nodes};
