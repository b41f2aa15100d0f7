//! Software JPEG encoders: the stage between a camera's frame and the feed.
//!
//! [`by_name`] finds one. [`BaselineEncoder`] is our own, made for camera frames; [`ReferenceEncoder`] is the `jpeg-encoder`
//! crate. [`PassThrough`] lets through what a camera has compressed already.
//!
//! ```
//! use eyelet_core::encode;
//! use eyelet_hal::{Frame, FrameMeta, JpegEncoder, PixelFormat, Plane, Quality, StreamFormat};
//!
//! # fn main() -> eyelet_hal::Result<()> {
//! let mut encoder = encode::by_name("auto")?;
//! let format = StreamFormat::new(PixelFormat::Grey, 16, 16).expect("not zero");
//! let pixels = [128; 256];
//! let frame = Frame::new(format, FrameMeta::default(), &[Plane::host(&pixels, 16)])?;
//! let mut jpeg = Vec::new(); // reused for the next frame
//! encoder.encode(&frame, Quality::DEFAULT, &mut jpeg)?;
//! assert!(jpeg.starts_with(b"\xff\xd8") && jpeg.ends_with(b"\xff\xd9"));
//! # Ok(())
//! # }
//! ```

pub mod baseline;
mod pass_through;
pub(crate) mod pixels;
mod reference;
mod registry;

pub use baseline::BaselineEncoder;
pub use pass_through::PassThrough;
pub use reference::ReferenceEncoder;
pub use registry::{NAMES, by_name};
