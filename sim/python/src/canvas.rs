//! Pixels of one colour, clipped to the picture.

use crate::{
    convert::{load, store},
    format::Format,
    raster::Raster,
};
use eyelet_hal::Result;
use std::ops::Range;

/// A picture that is drawn on in one colour.
pub(crate) struct Canvas<'a> {
    bytes: &'a mut [u8],
    pub(crate) width: i64,
    pub(crate) height: i64,
    format: Format,
    channels: usize,
    color: [u8; 4],
}

impl<'a> Canvas<'a> {
    /// Draws on `bytes`, the pixels of a picture shaped as `shape`, in the colour R, G, B, A.
    ///
    /// # Errors
    /// `Unsupported` if its pixels do not follow each other.
    pub(crate) fn new(shape: &Raster, bytes: &'a mut [u8], color: [u8; 4]) -> Result<Self> {
        let channels = shape.channels("draw on")?;
        let [r, g, b, _] = color;
        // MaixPy's gray of a colour is the mean.
        let mean = ((u16::from(r) + u16::from(g) + u16::from(b)) / 3) as u8;
        let color = if channels == 1 { [mean, mean, mean, 255] } else { color };
        let (width, height) = (shape.width as i64, shape.height as i64);
        Ok(Self { bytes, width, height, format: shape.format, channels, color })
    }

    /// Fills a part of a row.
    pub(crate) fn span(&mut self, y: i64, x: Range<i64>) {
        let (start, end) = (x.start.clamp(0, self.width), x.end.clamp(0, self.width));
        if !(0..self.height).contains(&y) || start >= end {
            return;
        }
        let row = (y * self.width) as usize;
        let bytes = (row + start as usize) * self.channels..(row + end as usize) * self.channels;
        for pixel in self.bytes[bytes].chunks_exact_mut(self.channels) {
            store(self.color, self.format, pixel);
        }
    }

    /// Fills the rectangle of these columns and rows.
    pub(crate) fn fill(&mut self, x: Range<i64>, y: Range<i64>) {
        for y in y.start.max(0)..y.end.min(self.height) {
            self.span(y, x.clone());
        }
    }

    /// Mixes `ink` 256ths of a colour into a pixel.
    pub(crate) fn blend(&mut self, x: i64, y: i64, ink: u32) {
        self.mix(x, y, self.color, ink);
    }

    /// As [`blend`](Self::blend), with another colour.
    pub(crate) fn mix(&mut self, x: i64, y: i64, color: [u8; 4], ink: u32) {
        if !(0..self.width).contains(&x) || !(0..self.height).contains(&y) {
            return;
        }
        let at = (y * self.width + x) as usize * self.channels;
        let pixel = &mut self.bytes[at..at + self.channels];
        let mut mixed = load(pixel, self.format);
        for (old, new) in mixed.iter_mut().zip(color) {
            *old = ((u32::from(*old) * (256 - ink) + u32::from(new) * ink) >> 8) as u8;
        }
        // What is drawn on a transparent pixel is as opaque as it is drawn.
        mixed[3] = load(pixel, self.format)[3].max((color[3] as u32 * ink / 256) as u8);
        store(mixed, self.format, pixel);
    }
}
