//! Synthetic cameras for eyelet: pictures that are drawn, replayed or damaged, and nothing to plug in.
//!
//! [`SimCamera`](camera::SimCamera) draws a [`Scene`](scene::Scene) and
//! [`ReplayCamera`](replay::ReplayCamera) plays JPEG files. [`FaultInjector`](fault::FaultInjector) and
//! [`Recorder`](recorder::Recorder) wrap any camera, a real one too. All are
//! [`CameraSource`](eyelet_hal::CameraSource)s; time and seeds are given to them, so that a run can be repeated.

#![forbid(unsafe_code)]

pub mod camera;
mod compress;
mod convert;
pub mod fault;
pub mod pace;
pub mod pattern;
mod platform;
pub mod receive;
pub mod recorder;
pub mod replay;
pub mod scene;

pub use platform::{ReceiveArgs, SimCommand, SimFlags, Simulator};
