//! The pixels of a raw frame, to look at.

use super::{Color, samples};
use eyelet_hal::{Error, ErrorKind, Frame, PixelFormat, Result, StreamFormat};

/// The bytes of a plane and its stride.
pub(super) type Rows<'a> = (&'a [u8], usize);

/// The pixels of a raw frame where they are, in any of its formats: nothing is copied or converted but the pixels that are
/// asked for.
///
/// ```
/// use eyelet_core::image::View;
/// use eyelet_hal::{Frame, Result};
///
/// /// How bright it is, 0 to 255, by one pixel of 256.
/// fn brightness(frame: &Frame<'_>) -> Result<u32> {
///     let view = View::of(frame)?;
///     let (mut sum, mut count) = (0, 0);
///     for y in (0..view.height()).step_by(16) {
///         for x in (0..view.width()).step_by(16) {
///             sum += view.luma(x, y).map_or(0, u32::from);
///             count += 1;
///         }
///     }
///     Ok(sum / count)
/// }
/// # let image = eyelet_core::image::Image::new(40, 30)?;
/// # assert_eq!(brightness(&image.frame(Default::default())?)?, 0);
/// # Ok::<_, eyelet_hal::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    pub(super) format: StreamFormat,
    // Each holds all its rows.
    pub(super) planes: [Rows<'a>; 3],
}

impl<'a> View<'a> {
    /// The pixels of `frame`.
    ///
    /// # Errors
    /// `Unsupported` for a compressed frame, which [`Image::from_frame`](super::Image::from_frame) decodes, and for one that is
    /// not in host memory.
    pub fn of(frame: &'a Frame<'_>) -> Result<Self> {
        let format = frame.format();
        let mut planes = [Rows::default(); 3];
        for (rows, plane) in planes.iter_mut().zip(frame.planes()) {
            if format.pixel == PixelFormat::Jpeg {
                return Err(cannot(format, "it is compressed")
                    .with_remedy("have the camera deliver a raw format, such as nv12 or yuyv"));
            }
            if plane.bytes.is_empty() {
                return Err(cannot(format, "it is not in host memory").with_remedy("map it"));
            }
            *rows = (plane.bytes, plane.stride);
        }
        Ok(Self { format, planes })
    }

    /// Pixel format and size.
    pub fn format(&self) -> StreamFormat {
        self.format
    }

    /// In pixels.
    pub fn width(&self) -> u32 {
        self.format.width.get()
    }

    /// In pixels.
    pub fn height(&self) -> u32 {
        self.format.height.get()
    }

    /// The brightness of a pixel: Y, full-range BT.601; `None` outside.
    pub fn luma(&self, x: u32, y: u32) -> Option<u8> {
        self.samples(x, y).map(|samples| samples::to_luma(self.format.pixel, samples))
    }

    /// The colour of a pixel, converted from full-range BT.601 if it is YCbCr; `None` outside. Pixels that share their
    /// chroma have it all, as it is.
    pub fn pixel(&self, x: u32, y: u32) -> Option<Color> {
        self.samples(x, y).map(|samples| samples::to_color(self.format.pixel, samples))
    }

    fn samples(&self, x: u32, y: u32) -> Option<[u8; 3]> {
        if x >= self.width() || y >= self.height() {
            return None;
        }
        let mut all = [0; 3];
        for (sample, s) in all.iter_mut().zip(samples::of(self.format.pixel)) {
            let (bytes, stride) = self.planes[s.plane];
            *sample = bytes[(y >> s.down) as usize * stride + (x >> s.across) as usize * s.step + s.offset];
        }
        Some(all)
    }
}

/// That the pixels of a frame of this format cannot be read.
fn cannot(format: StreamFormat, why: &str) -> Error {
    let what = format!("cannot look at or draw on the pixels of a {format} frame: {why}");
    Error::new(ErrorKind::Unsupported, what)
}
