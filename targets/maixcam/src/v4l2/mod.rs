//! Cameras behind Video4Linux: USB webcams on the board and on a laptop, `vivid` in the virtual board.
//!
//! [`V4l2Camera`] is the [`CameraSource`](eyelet_hal::CameraSource); [`V4l2Device`] lists what a node can
//! do, and [`nodes`] and [`find_camera`] list the nodes. Opening, formats, sizes, rates and the values of
//! controls go through the `v4l` crate. Streaming does not: the crate's stream queues a buffer that the
//! kernel still owns after a timeout, panics in its drop and lends one whole buffer at a time; the ring
//! here is ours. Two questions are also asked without the crate, which panics on answers that cameras do
//! give: the capabilities (a card's name is cut in the middle of a character) and the list of controls (of
//! types newer than the crate).
//!
//! Only the single-planar API is spoken; nodes that have only the multi-planar one are told apart and
//! refused.

mod camera;
mod capture;
mod choose;
mod config;
mod control;
mod device;
mod error;
#[cfg(test)]
mod fake;
mod fourcc;
mod kernel;
mod layout;
mod list;
mod memory;
mod queue;
mod ring;
#[cfg(test)]
mod ring_properties;
#[cfg(test)]
mod ring_tests;
mod sequence;

pub use camera::{V4l2Camera, V4l2Opener};
pub use choose::{Choice, Interval, IntervalRange, Offer, Request, SizeRange, choose, nearest_interval};
pub use config::V4l2Config;
pub use control::{ControlInfo, ControlKind, ControlSetting};
pub use device::{Capabilities, Role, V4l2Device};
pub use list::{Node, find_camera, nodes};
