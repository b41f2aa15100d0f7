//! Cameras behind Video4Linux: USB webcams on the board and on a laptop, `vivid` in the virtual board.
//!
//! [`V4l2Camera`] is the [`CameraSource`](eyelet_hal::CameraSource); [`V4l2Device`] lists what a node can
//! do, and [`nodes`] and [`find_camera`] list the nodes. `driver` enumerates and configures, `queue` streams; both are
//! traits, which tests implement with kernels that return anything. `sys` has the kernel's structures and the numbers of its
//! ioctls, and says how they compare with the `v4l` crate's.
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
mod live;
mod memory;
mod negotiate;
mod queue;
mod range;
mod ring;
mod sequence;
mod sys;
#[cfg(test)]
mod tests;
mod text;

pub use camera::{V4l2Camera, V4l2Opener};
pub use choose::{Choice, FormatInfo, Interval, IntervalRange, Request, SizeRange, choose, nearest_interval};
pub use config::V4l2Config;
pub use control::{ControlInfo, ControlKind, ControlSetting};
pub use device::{Capabilities, Role, Survey, V4l2Device};
pub use list::{Node, find_camera, nodes};
