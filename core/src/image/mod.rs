//! Pictures to draw on, after MaixPy's `image.Image`.
//!
//! An [`Image`] owns its pixels, of 8-bit R, G and B. A [`View`] looks at the pixels of a frame where they are and in the
//! frame's own format, and a [`Canvas`] draws on them; [`pipeline`](crate::pipeline#frames-before-they-are-encoded) hands
//! out the frames of a running camera for it.

mod black_out;
mod canvas;
mod color;
mod convert;
mod decode;
#[cfg(feature = "drawing")]
mod drawing;
mod orientation;
#[cfg(test)]
mod random;
mod samples;
#[cfg(feature = "drawing")]
mod text;
mod turn;
mod view;

pub use canvas::Canvas;
pub use color::Color;
pub use convert::FileFormat;
pub(crate) use orientation::Orientation;
#[cfg(feature = "drawing")]
pub(crate) use text::Lettering;
pub(crate) use turn::turned;
pub use view::View;

use eyelet_hal::{Error, ErrorKind, Frame, FrameMeta, PixelFormat, Plane, Result, StreamFormat};
use std::fmt;

/// The line thickness of a shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Thickness {
    /// In pixels, centred on the shape's outermost ones; if it is even, the extra pixel is outside.
    Pixels(u32),
    /// No line: the shape is filled. MaixPy's -1.
    Filled,
}

impl Default for Thickness {
    fn default() -> Self {
        Self::Pixels(1)
    }
}

/// A picture of 8-bit R, G and B, to draw on and to send.
///
/// ```
/// use eyelet_core::image::{Color, Image, Thickness};
/// use eyelet_hal::Quality;
///
/// # fn main() -> eyelet_hal::Result<()> {
/// let mut img = Image::new(640, 480)?;
/// img.draw_rect(60, 60, 80, 80, Color::from_rgb(255, 0, 0), Thickness::Pixels(1));
/// img.draw_string(60, 150, "here", Color::WHITE);
/// let jpeg = img.to_jpeg(Quality::DEFAULT)?;
/// assert!(jpeg.starts_with(b"\xff\xd8"));
/// # Ok(())
/// # }
/// ```
///
/// With the feature `drawing` it is also an embedded-graphics `DrawTarget`, so whatever draws there draws here. Pixels
/// outside the picture are clipped.
#[derive(Clone, PartialEq, Eq)]
pub struct Image {
    format: StreamFormat,
    // One entry per pixel, row by row, without padding.
    pixels: Vec<[u8; 3]>,
    width: usize,
}

impl Image {
    /// A black picture of `width` x `height` pixels.
    ///
    /// # Errors
    /// `InvalidInput` when a side is 0 or over 65535 (the limit of JPEG), `OutOfMemory` when memory is short.
    pub fn new(width: u32, height: u32) -> Result<Self> {
        let cannot = |kind, why| Error::new(kind, format!("cannot make a {width}x{height} picture: {why}"));
        let sides = 1..=u32::from(u16::MAX);
        let format = StreamFormat::new(PixelFormat::Rgb24, width, height)
            .filter(|_| sides.contains(&width) && sides.contains(&height))
            .ok_or_else(|| cannot(ErrorKind::InvalidInput, "sides are 1 to 65535"))?;
        let no_room =
            || cannot(ErrorKind::OutOfMemory, "not enough memory").with_remedy("choose a smaller one");
        let (columns, rows) = (width as usize, height as usize);
        let len = columns.checked_mul(rows).ok_or_else(no_room)?;
        let mut pixels = Vec::new();
        pixels.try_reserve_exact(len).map_err(|cause| no_room().with_source(cause))?;
        pixels.resize(len, [0; 3]);
        Ok(Self { format, pixels, width: columns })
    }

    /// In pixels.
    pub fn width(&self) -> u32 {
        self.format.width.get()
    }

    /// In pixels.
    pub fn height(&self) -> u32 {
        self.format.height.get()
    }

    /// Draws the rectangle whose top left pixel is (`x`, `y`), `w` pixels wide and `h` high.
    pub fn draw_rect(&mut self, x: i32, y: i32, w: u32, h: u32, color: Color, thickness: Thickness) {
        self.canvas().draw_rect(x, y, w, h, color, thickness);
    }

    /// The pixels, to look at and to draw on as on those of a frame.
    pub fn canvas(&mut self) -> Canvas<'_> {
        Canvas::over_rgb(self.format, self.pixels.as_flattened_mut())
    }

    /// R, G, B of each pixel, row by row: an owned copy.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.as_bytes().to_vec()
    }

    /// The same bytes, borrowed: nothing is copied. In MaixPy the caller must keep the picture alive for as long as
    /// these bytes are used; here the compiler enforces it:
    ///
    /// ```compile_fail,E0505
    /// # use eyelet_core::image::Image;
    /// let img = Image::new(640, 480).unwrap();
    /// let bytes = img.as_bytes();
    /// drop(img); // `bytes` still borrows it
    /// assert_eq!(bytes[0], 0);
    /// ```
    pub fn as_bytes(&self) -> &[u8] {
        self.pixels.as_flattened()
    }

    /// The picture as a camera's frame, to encode or to stream. Nothing is copied.
    ///
    /// # Errors
    /// None in practice: a picture meets every check of [`Frame::new`].
    pub fn frame(&self, meta: FrameMeta) -> Result<Frame<'_>> {
        Frame::new(self.format, meta, &[Plane::host(self.as_bytes(), self.width * 3)])
    }

    /// Blends `ink` 256ths of a colour into a pixel, if it is inside the picture.
    pub(crate) fn blend(&mut self, x: i64, y: i64, color: Color, ink: u32) {
        self.canvas().blend(x, y, color, ink);
    }
}

impl fmt::Debug for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Image({}x{})", self.width(), self.height())
    }
}
