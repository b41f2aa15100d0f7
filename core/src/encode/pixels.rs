//! A raw frame, row by row, as the `jpeg-encoder` crate wants it: full-width rows of Y, Cb and Cr.

use eyelet_hal::{Error, ErrorKind, Frame, PixelFormat, Result, StreamFormat};
use jpeg_encoder::{ImageBuffer, JpegColorType, rgb_to_ycbcr};
use std::num::NonZeroU32;

/// The rows of one plane.
#[derive(Clone, Copy, Default)]
pub(super) struct Rows<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) stride: usize,
    row_bytes: usize,
}

impl<'a> Rows<'a> {
    pub(super) fn row(&self, y: usize) -> &'a [u8] {
        &self.bytes[y * self.stride..][..self.row_bytes]
    }
}

/// A raw frame of a size that a JPEG can have, in host memory.
pub(crate) struct Pixels<'a> {
    pub(super) pixel: PixelFormat,
    pub(super) width: u16,
    pub(super) height: u16,
    pub(super) planes: [Rows<'a>; 3],
}

impl<'a> Pixels<'a> {
    /// A side that a JPEG can have.
    pub(super) fn side(pixels: NonZeroU32) -> Option<u16> {
        u16::try_from(pixels.get()).ok()
    }

    /// Whether `fill_buffers` below has an arm for it.
    pub(super) fn is_raw(pixel: PixelFormat) -> bool {
        matches!(
            pixel,
            PixelFormat::Nv12
                | PixelFormat::Nv21
                | PixelFormat::I420
                | PixelFormat::Yuv422p
                | PixelFormat::Yuyv
                | PixelFormat::Rgb24
                | PixelFormat::Bgr24
                | PixelFormat::Grey
        )
    }

    /// Whether frames of this format can be read.
    pub(crate) fn supports(format: StreamFormat) -> bool {
        Self::side(format.width).is_some()
            && Self::side(format.height).is_some()
            && Self::is_raw(format.pixel)
    }

    /// # Errors
    /// `Unsupported` for any other frame.
    pub(crate) fn of(frame: &'a Frame<'_>) -> Result<Self> {
        let format = frame.format();
        let (Some(width), Some(height), true) =
            (Self::side(format.width), Self::side(format.height), Self::is_raw(format.pixel))
        else {
            return Err(unsupported(format, "not a raw format with sides up to 65535"));
        };
        let mut planes = [Rows::default(); 3];
        for (index, (rows, plane)) in planes.iter_mut().zip(frame.planes()).enumerate() {
            let geometry = format.plane(index).filter(|_| !plane.bytes.is_empty());
            let Some(geometry) = geometry else {
                return Err(unsupported(format, "not in host memory").with_remedy("map it"));
            };
            *rows = Rows { bytes: plane.bytes, stride: plane.stride, row_bytes: geometry.row_bytes };
        }
        Ok(Self { pixel: format.pixel, width, height, planes })
    }

    /// Row `y` as it is, where that is R, G, B or B, G, R.
    pub(crate) fn rgb(&self, y: u16) -> Option<&'a [[u8; 3]]> {
        matches!(self.pixel, PixelFormat::Rgb24 | PixelFormat::Bgr24)
            .then(|| self.planes[0].row(y.into()).as_chunks().0)
    }
}

fn unsupported(format: StreamFormat, why: &str) -> Error {
    Error::new(ErrorKind::Unsupported, format!("cannot read the pixels of a {format} frame: {why}"))
}

impl ImageBuffer for Pixels<'_> {
    fn get_jpeg_color_type(&self) -> JpegColorType {
        if self.pixel == PixelFormat::Grey { JpegColorType::Luma } else { JpegColorType::Ycbcr }
    }

    fn width(&self) -> u16 {
        self.width
    }

    fn height(&self) -> u16 {
        self.height
    }

    // Chroma goes in at full width and height: the encoder takes the top left of each 2x2 or 2x1. Which rows those
    // are depends on how it repeats the last one, so every row gets its chroma.
    fn fill_buffers(&self, y: u16, [luma, cb, cr, _]: &mut [Vec<u8>; 4]) {
        let (width, y) = (usize::from(self.width), usize::from(y));
        let [first, second, third] = &self.planes;
        match self.pixel {
            PixelFormat::Nv12 | PixelFormat::Nv21 => {
                let pairs = second.row(y / 2).as_chunks::<2>().0;
                let at = usize::from(self.pixel == PixelFormat::Nv21);
                luma.extend_from_slice(first.row(y));
                twice(cb, width, pairs, at);
                twice(cr, width, pairs, 1 - at);
            }
            PixelFormat::I420 | PixelFormat::Yuv422p => {
                let chroma_y = if self.pixel == PixelFormat::I420 { y / 2 } else { y };
                luma.extend_from_slice(first.row(y));
                twice(cb, width, second.row(chroma_y).as_chunks::<1>().0, 0);
                twice(cr, width, third.row(chroma_y).as_chunks::<1>().0, 0);
            }
            PixelFormat::Yuyv => {
                let pairs = first.row(y).as_chunks::<4>().0;
                expand(luma, width, pairs, |&[y0, _, y1, _]| [y0, y1]);
                twice(cb, width, pairs, 1);
                twice(cr, width, pairs, 3);
            }
            PixelFormat::Rgb24 | PixelFormat::Bgr24 => {
                let pixels = first.row(y).as_chunks::<3>().0;
                let (red, blue) = if self.pixel == PixelFormat::Rgb24 { (0, 2) } else { (2, 0) };
                let (luma, cb, cr) = (grow(luma, width), grow(cb, width), grow(cr, width));
                for (((pixel, luma), cb), cr) in pixels.iter().zip(luma).zip(cb).zip(cr) {
                    (*luma, *cb, *cr) = rgb_to_ycbcr(pixel[red], pixel[1], pixel[blue]);
                }
            }
            // Grey; `of` lets nothing else through.
            _ => luma.extend_from_slice(first.row(y)),
        }
    }
}

/// `width` more bytes, to be overwritten.
fn grow(out: &mut Vec<u8>, width: usize) -> &mut [u8] {
    let before = out.len();
    out.resize(before + width, 0);
    &mut out[before..]
}

/// Appends `width` samples, two from each cell; an odd width leaves out the very last.
fn expand<const N: usize>(
    out: &mut Vec<u8>,
    width: usize,
    cells: &[[u8; N]],
    two: impl Fn(&[u8; N]) -> [u8; 2],
) {
    let (pairs, rest) = grow(out, width).as_chunks_mut::<2>();
    for (pair, cell) in pairs.iter_mut().zip(cells) {
        *pair = two(cell);
    }
    if let ([last], Some(cell)) = (rest, cells.last()) {
        *last = two(cell)[0];
    }
}

/// Appends `width` samples: byte `at` of each cell, for two pixels.
fn twice<const N: usize>(out: &mut Vec<u8>, width: usize, cells: &[[u8; N]], at: usize) {
    expand(out, width, cells, |cell| [cell[at]; 2]);
}
