//! Camera and JPEG hardware, abstracted.
//!
//! An application is written once against two traits: [`CameraSource`], which lends frames, and
//! [`JpegEncoder`], which turns a frame into a JPEG. A target implements them on its hardware; the simulator
//! implements them on synthetic pictures. Nothing here does I/O; the only system call is for the time.
//!
//! ```
//! use eyelet_hal::{CameraSource, JpegEncoder, Quality, Result};
//! use std::time::Duration;
//!
//! /// One picture from any camera, with any encoder.
//! fn snapshot(camera: &mut dyn CameraSource, encoder: &mut dyn JpegEncoder) -> Result<Vec<u8>> {
//!     let mut jpeg = Vec::new();
//!     camera.start()?;
//!     let frame = camera.next_frame(Duration::from_secs(1))?; // borrowed: no copy
//!     encoder.encode(&frame, Quality::DEFAULT, &mut jpeg)?;
//!     drop(frame); // the buffer goes back to the camera here
//!     camera.stop()?;
//!     Ok(jpeg)
//! }
//! ```
//!
//! What an open camera can change, such as its brightness, it offers as [`CameraControls`].
//!
//! [`clock`] is the time as an argument, for devices and for what is made of them.
//!
//! Features: `mock` adds `MockCameraSource` and `MockJpegEncoder`; `conformance` adds the contract of both
//! traits as a test suite for implementations.

#![forbid(unsafe_code)]

mod camera;
pub mod clock;
#[cfg(feature = "conformance")]
pub mod conformance;
mod control;
mod encoder;
mod error;
mod format;
mod frame;
pub mod jpeg;

pub use camera::CameraSource;
#[cfg(feature = "mock")]
pub use camera::MockCameraSource;
pub use clock::monotonic;
pub use control::{CameraControls, Control, ControlKind, Mode, Modes};
#[cfg(feature = "mock")]
pub use encoder::MockJpegEncoder;
pub use encoder::{JpegEncoder, Quality};
pub use error::{Error, ErrorKind, Result};
pub use format::{ParseFormatError, PixelFormat, PlaneGeometry, StreamFormat};
pub use frame::{Frame, FrameMeta, Lease, Memory, Plane, Requeue};
