//! The contract of both traits, as checks that any implementation can run.
//!
//! [`camera`] and [`encoder`] work on what they are given and return a [`Report`]: a line for each promise that
//! [`CameraSource`](crate::CameraSource) and [`JpegEncoder`](crate::JpegEncoder) make. They neither panic nor
//! print, so that a tool can run them on a device in the field; a test ends with
//! [`assert_passed`](Report::assert_passed).
//!
//! ```
//! # use eyelet_hal::*; use std::time::Duration;
//! # struct Dark { started: bool, sequence: u64, pixels: Vec<u8> }
//! # impl CameraSource for Dark {
//! #     fn name(&self) -> &str { "dark" }
//! #     fn format(&self) -> StreamFormat { StreamFormat::new(PixelFormat::Grey, 16, 16).unwrap() }
//! #     fn start(&mut self) -> Result<()> { self.started = true; Ok(()) }
//! #     fn stop(&mut self) -> Result<()> { self.started = false; Ok(()) }
//! #     fn next_frame<'a>(&'a mut self, _: Duration) -> Result<Frame<'a>> {
//! #         if !self.started { return Err(Error::new(ErrorKind::InvalidInput, "dark: not started")); }
//! #         self.sequence += 1;
//! #         let meta = FrameMeta::now(self.sequence);
//! #         Frame::new(self.format(), meta, &[Plane::host(&self.pixels, 16)])
//! #     }
//! # }
//! # let mut my_camera = Dark { started: false, sequence: 0, pixels: vec![0; 256] };
//! use eyelet_hal::conformance::{self, CameraExpectations};
//!
//! conformance::camera(&mut my_camera, &CameraExpectations::default()).assert_passed();
//! ```

mod camera;
mod controls;
mod encoder;
mod pictures;
mod report;
mod run;
#[cfg(test)]
mod wrong_cameras;
#[cfg(test)]
mod wrong_encoders;

pub use camera::{CameraExpectations, camera};
pub use encoder::{EncoderExpectations, encoder};
pub use report::{Check, Outcome, Report};
