//! The JPEG side of the HAL.

use crate::{Frame, Result, StreamFormat};
use std::{fmt, str::FromStr};

/// JPEG quality, 1 to 100, on the scale of the IJG library, which most programs use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Quality(u8);

impl Quality {
    /// 80.
    pub const DEFAULT: Self = Self(80);

    /// A quality; `None` outside 1..=100.
    pub const fn new(quality: u8) -> Option<Self> {
        if quality >= 1 && quality <= 100 { Some(Self(quality)) } else { None }
    }

    /// The number, 1 to 100.
    pub const fn get(self) -> u8 {
        self.0
    }
}

impl Default for Quality {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl fmt::Display for Quality {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Quality {
    type Err = &'static str;
    fn from_str(s: &str) -> std::result::Result<Self, &'static str> {
        s.parse().ok().and_then(Self::new).ok_or("a quality is a whole number from 1 to 100")
    }
}

/// Turns frames into JPEGs.
///
/// # For callers
///
/// Keep one encoder for many frames: hardware needs setting up, and software keeps its tables.
///
/// ```
/// # use eyelet_hal::*;
/// fn bytes_per_frame(encoder: &mut dyn JpegEncoder, frames: &[Frame<'_>]) -> Result<usize> {
///     let mut jpeg = Vec::new(); // reused: no allocation once it has grown
///     let mut total = 0;
///     for frame in frames {
///         jpeg.clear();
///         encoder.encode(frame, Quality::DEFAULT, &mut jpeg)?;
///         total += jpeg.len();
///     }
///     Ok(total)
/// }
/// ```
///
/// # For implementors
///
/// - *Append* one whole JPEG, SOI to EOI, of the frame's width and height. What is in `out` stays; on an error
///   `out` is as it was.
/// - Honour strides: a padded frame gives the same bytes as a packed one.
/// - Answer [`supports`](Self::supports) truthfully, and return `Unsupported` from `encode` where that is false.
/// - Recover by yourself (a hung device falls back to software) and let [`name`](Self::name) follow.
/// - Run `conformance` (feature `conformance`) against it.
///
/// ```
/// # use eyelet_hal::*;
/// /// Hands compressed frames on.
/// struct Copy;
///
/// impl JpegEncoder for Copy {
///     fn name(&self) -> &str { "copy" }
///     fn supports(&self, format: StreamFormat) -> bool { format.pixel == PixelFormat::Jpeg }
///     fn encode<'a>(&mut self, frame: &Frame<'a>, _: Quality, out: &mut Vec<u8>) -> Result<()> {
///         if !self.supports(frame.format()) {
///             let what = format!("copy cannot encode {}", frame.format());
///             return Err(Error::new(ErrorKind::Unsupported, what));
///         }
///         out.extend_from_slice(frame.planes()[0].bytes);
///         Ok(())
///     }
/// }
/// ```
#[cfg_attr(feature = "mock", mockall::automock)]
pub trait JpegEncoder: Send {
    /// What does the work: `jpeg-encoder`, `sg2002`. Shown in `/state`; it changes when a fallback takes over.
    fn name(&self) -> &str;

    /// Whether frames of this format and size can be encoded.
    fn supports(&self, format: StreamFormat) -> bool;

    /// Appends `frame` to `out` as one JPEG.
    ///
    /// # Errors
    /// `Unsupported` where [`supports`](Self::supports) is false, `CorruptFrame` when a compressed frame is damaged,
    /// and those of the device.
    #[allow(clippy::needless_lifetimes)]
    fn encode<'a>(&mut self, frame: &Frame<'a>, quality: Quality, out: &mut Vec<u8>) -> Result<()>;
}

macro_rules! forward {
    ($($pointer:ty),*) => { $(
        impl<T: JpegEncoder + ?Sized> JpegEncoder for $pointer {
            fn name(&self) -> &str {
                T::name(self)
            }
            fn supports(&self, format: StreamFormat) -> bool {
                T::supports(self, format)
            }
            fn encode(&mut self, frame: &Frame<'_>, quality: Quality, out: &mut Vec<u8>) -> Result<()> {
                T::encode(self, frame, quality, out)
            }
        }
    )* }
}
forward!(&mut T, Box<T>);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CameraSource, FrameMeta, MockCameraSource, MockJpegEncoder, PixelFormat, Plane};
    use std::time::Duration;

    #[test]
    fn qualities_are_one_to_a_hundred() {
        assert_eq!(Quality::new(0), None);
        assert_eq!(Quality::new(101), None);
        assert_eq!("100".parse(), Ok(Quality(100)));
        for bad in ["0", "101", "80%", "", "-1"] {
            assert!(bad.parse::<Quality>().is_err(), "{bad}");
        }
    }

    #[test]
    fn both_traits_can_be_mocked() {
        let grey = StreamFormat::new(PixelFormat::Grey, 1, 1).unwrap();
        let mut camera = MockCameraSource::new();
        camera
            .expect_next_frame()
            .returning(move |_| Frame::new(grey, FrameMeta::default(), &[Plane::host(b"x", 1)]));
        let mut encoder = MockJpegEncoder::new();
        encoder.expect_encode().times(1).returning(|frame, _, out| {
            out.extend_from_slice(frame.planes()[0].bytes);
            Ok(())
        });
        let mut out = vec![];
        encoder.encode(&camera.next_frame(Duration::ZERO).unwrap(), Quality::DEFAULT, &mut out).unwrap();
        assert_eq!(out, b"x");
    }
}
