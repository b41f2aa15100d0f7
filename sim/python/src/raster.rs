//! A picture without Python: what is worked on while other threads have the interpreter.

use crate::{error::refused, format::Format};
use eyelet_hal::{Error, ErrorKind, Frame, FrameMeta, Plane, Result, StreamFormat};
use std::sync::Arc;

/// Rows of pixels without padding, or a file. Cloning shares the bytes.
#[derive(Clone)]
pub(crate) struct Raster {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) format: Format,
    pub(crate) bytes: Arc<Vec<u8>>,
}

/// The largest side: JPEG's.
pub(crate) const MAX_SIDE: usize = 65_535;

/// Bytes of an uncompressed picture.
///
/// # Errors
/// `InvalidInput` for a side that is 0 or larger than [`MAX_SIDE`], `OutOfMemory` beyond the address space.
pub(crate) fn len(width: usize, height: usize, format: Format) -> Result<usize> {
    let sides = 1..=MAX_SIDE;
    if !sides.contains(&width) || !sides.contains(&height) {
        let what = format!("no picture is {width}x{height}");
        return Err(refused(what).with_remedy(format!("sides are 1 to {MAX_SIDE}")));
    }
    let pixels = width.checked_mul(height);
    let len = match format.channels() {
        Some(channels) => pixels.and_then(|n| n.checked_mul(channels)),
        // The rows of chroma are rounded up, as those of frames.
        None => pixels.and_then(|n| n.checked_add(2 * width.div_ceil(2) * height.div_ceil(2))),
    };
    len.ok_or_else(|| Error::new(ErrorKind::OutOfMemory, format!("{width}x{height} is too large")))
}

impl Raster {
    /// A picture of `bytes`, which must be as many as it has, unless it is compressed.
    ///
    /// # Errors
    /// As [`len`], and `InvalidInput` for another number of bytes.
    pub(crate) fn new(width: usize, height: usize, format: Format, bytes: Vec<u8>) -> Result<Self> {
        check(width, height, format, bytes.len())?;
        Ok(Self { width, height, format, bytes: Arc::new(bytes) })
    }

    /// Bytes of a pixel.
    ///
    /// # Errors
    /// `Unsupported` if pixels do not follow each other.
    pub(crate) fn channels(&self, what: &str) -> Result<usize> {
        self.format.channels().ok_or_else(|| {
            Error::new(ErrorKind::Unsupported, format!("cannot {what} a {:?} picture", self.format))
                .with_remedy("convert it first: to_format(image.Format.FMT_RGB888)")
        })
    }

    /// The picture as a frame, if frames of its format exist.
    pub(crate) fn frame(&self) -> Option<Result<Frame<'_>>> {
        let format = StreamFormat::new(self.format.pixel()?, self.width as u32, self.height as u32)?;
        let luma = self.width * self.height;
        let planes = match self.format.channels() {
            _ if self.format.is_compressed() => vec![Plane::host(&self.bytes, 0)],
            Some(channels) => vec![Plane::host(&self.bytes, self.width * channels)],
            None => {
                let (luma, chroma) = self.bytes.split_at(luma.min(self.bytes.len()));
                vec![Plane::host(luma, self.width), Plane::host(chroma, 2 * self.width.div_ceil(2))]
            }
        };
        Some(Frame::new(format, FrameMeta::default(), &planes))
    }
}

/// # Errors
/// Those of [`Raster::new`].
pub(crate) fn check(width: usize, height: usize, format: Format, bytes: usize) -> Result<()> {
    if format.is_compressed() {
        return if bytes > 0 { Ok(()) } else { Err(refused("a compressed picture needs its bytes")) };
    }
    let expected = len(width, height, format)?;
    if bytes == expected {
        return Ok(());
    }
    let what = format!("{bytes} bytes are no {width}x{height} {format:?} picture");
    Err(refused(what).with_remedy(format!("it has {expected}")))
}
