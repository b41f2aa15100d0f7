//! Conversion between formats.

use crate::{error::refused, format::Format, raster::Raster};
use eyelet_core::{encode::BaselineEncoder, image::Image};
use eyelet_hal::{Error, ErrorKind, Frame, JpegEncoder as _, Quality, Result};
use std::{borrow::Cow, cell::RefCell, io::Cursor};

thread_local! {
    /// One for each thread, so that it keeps its tables. It has no thread of its own: where every processor is busy, a second
    /// one makes a picture take six times as long.
    static ENCODER: RefCell<BaselineEncoder> = RefCell::new(BaselineEncoder::new());
}

impl Raster {
    /// The same picture in another format; `quality` is for JPEG. A file's picture has the size that is in the file.
    ///
    /// # Errors
    /// The decoder's and the encoder's.
    pub(crate) fn to(&self, format: Format, quality: Quality) -> Result<Self> {
        if self.format.is_compressed() && format != self.format {
            return match self.decoded()? {
                picture if picture.format == format => Ok(picture),
                picture => picture.to(format, quality),
            };
        }
        let (width, height) = (self.width, self.height);
        let bytes = match format {
            _ if format == self.format => self.bytes.to_vec(),
            Format::Jpeg => self.jpeg(quality)?,
            Format::Png => self.png()?,
            Format::Yvu420sp | Format::Yuv420sp => {
                semiplanar(&self.rgb()?, width, height, format == Format::Yvu420sp)
            }
            _ => match self.format.channels() {
                Some(_) => repack(&self.bytes, self.format, format),
                None => repack(&self.rgb()?, Format::Rgb888, format),
            },
        };
        Self::new(width, height, format, bytes)
    }

    /// R, G, B of every pixel.
    fn rgb(&self) -> Result<Cow<'_, [u8]>> {
        match self.format {
            Format::Rgb888 => Ok(Cow::Borrowed(&self.bytes)),
            Format::Jpeg | Format::Png => Ok(Cow::Owned(self.decoded()?.rgb()?.into_owned())),
            Format::Yvu420sp | Format::Yuv420sp => match self.frame() {
                Some(frame) => Ok(Cow::Owned(Image::from_frame(&frame?)?.to_bytes())),
                None => Err(refused("the picture has no size")),
            },
            _ => Ok(Cow::Owned(repack(&self.bytes, self.format, Format::Rgb888))),
        }
    }

    fn jpeg(&self, quality: Quality) -> Result<Vec<u8>> {
        // As large as a hard picture's file; what is not written to costs nothing.
        let mut jpeg = Vec::with_capacity(self.width * self.height / 2 + 1024);
        match self.frame() {
            Some(frame) => {
                let frame = frame?;
                ENCODER.with_borrow_mut(|encoder| encoder.encode(&frame, quality, &mut jpeg))?;
            }
            None => {
                let rgb = Self::new(self.width, self.height, Format::Rgb888, self.rgb()?.into_owned())?;
                return rgb.jpeg(quality);
            }
        };
        Ok(jpeg)
    }

    fn png(&self) -> Result<Vec<u8>> {
        let (color, pixels) = match self.format {
            Format::Grayscale => (png::ColorType::Grayscale, Cow::Borrowed(&self.bytes[..])),
            Format::Rgba8888 => (png::ColorType::Rgba, Cow::Borrowed(&self.bytes[..])),
            Format::Bgra8888 => {
                (png::ColorType::Rgba, Cow::Owned(repack(&self.bytes, self.format, Format::Rgba8888)))
            }
            _ => (png::ColorType::Rgb, self.rgb()?),
        };
        let mut file = Vec::new();
        let mut encoder = png::Encoder::new(&mut file, self.width as u32, self.height as u32);
        encoder.set_color(color);
        encoder.set_depth(png::BitDepth::Eight);
        encoder.set_compression(png::Compression::Fast);
        let written = encoder.write_header().and_then(|mut writer| {
            writer.write_image_data(&pixels)?;
            writer.finish()
        });
        written.map_err(|cause| {
            Error::new(ErrorKind::Other, format!("cannot encode a PNG: {cause}")).with_source(cause)
        })?;
        Ok(file)
    }

    /// The picture in a file: RGB888, or RGBA8888 for a PNG with transparency.
    fn decoded(&self) -> Result<Self> {
        if self.format == Format::Jpeg {
            let image = Image::from_jpeg(&self.bytes)?;
            let (width, height) = (image.width() as usize, image.height() as usize);
            return Self::new(width, height, Format::Rgb888, image.to_bytes());
        }
        let cannot = |cause: png::DecodingError| {
            Error::new(ErrorKind::CorruptFrame, format!("cannot read the PNG: {cause}")).with_source(cause)
        };
        let mut decoder = png::Decoder::new(Cursor::new(&self.bytes[..]));
        decoder.set_transformations(png::Transformations::normalize_to_color8());
        let mut reader = decoder.read_info().map_err(cannot)?;
        let mut pixels = vec![0; reader.output_buffer_size().unwrap_or_default()];
        let info = reader.next_frame(&mut pixels).map_err(cannot)?;
        pixels.truncate(info.buffer_size());
        let (format, pixels) = match info.color_type {
            png::ColorType::Rgba => (Format::Rgba8888, pixels),
            png::ColorType::Grayscale => (Format::Rgb888, pixels.iter().flat_map(|&g| [g; 3]).collect()),
            png::ColorType::GrayscaleAlpha => {
                (Format::Rgba8888, pixels.chunks_exact(2).flat_map(|p| [p[0], p[0], p[0], p[1]]).collect())
            }
            _ => (Format::Rgb888, pixels),
        };
        Self::new(info.width as usize, info.height as usize, format, pixels)
    }
}

/// The size of the picture in a JPEG or PNG file, and which of them it is.
///
/// # Errors
/// `CorruptFrame` for anything else.
pub(crate) fn identify(file: &[u8]) -> Result<(usize, usize, Format)> {
    if file.starts_with(b"\x89PNG") {
        let reader = png::Decoder::new(Cursor::new(file))
            .read_info()
            .map_err(|cause| Error::new(ErrorKind::CorruptFrame, format!("cannot read the PNG: {cause}")))?;
        let info = reader.info();
        return Ok((info.width as usize, info.height as usize, Format::Png));
    }
    let info = eyelet_core::jpeg::check(file)?;
    Ok((info.width.into(), info.height.into(), Format::Jpeg))
}

/// The bytes of one pixel as R, G, B, A.
pub(crate) fn load(pixel: &[u8], format: Format) -> [u8; 4] {
    match (format, pixel) {
        (Format::Rgb888, &[r, g, b]) | (Format::Bgr888, &[b, g, r]) => [r, g, b, 255],
        (Format::Rgba8888, &[r, g, b, a]) | (Format::Bgra8888, &[b, g, r, a]) => [r, g, b, a],
        (_, &[gray, ..]) => [gray, gray, gray, 255],
        _ => [0; 4],
    }
}

/// R, G, B, A as the bytes of one pixel. Gray is luma, of BT.601.
pub(crate) fn store([r, g, b, a]: [u8; 4], format: Format, pixel: &mut [u8]) {
    match (format, pixel) {
        (Format::Rgb888, [x, y, z]) => [*x, *y, *z] = [r, g, b],
        (Format::Bgr888, [x, y, z]) => [*x, *y, *z] = [b, g, r],
        (Format::Rgba8888, [x, y, z, w]) => [*x, *y, *z, *w] = [r, g, b, a],
        (Format::Bgra8888, [x, y, z, w]) => [*x, *y, *z, *w] = [b, g, r, a],
        (_, [gray]) => *gray = luma([r, g, b]),
        _ => {}
    }
}

/// BT.601's weights, in 1/65536.
fn luma([r, g, b]: [u8; 3]) -> u8 {
    ((19_595 * u32::from(r) + 38_470 * u32::from(g) + 7_471 * u32::from(b) + (1 << 15)) >> 16) as u8
}

/// Pixels that follow each other, in another order of bytes.
fn repack(bytes: &[u8], from: Format, to: Format) -> Vec<u8> {
    if from == to {
        return bytes.to_vec();
    }
    let (Some(old), Some(new)) = (from.channels(), to.channels()) else { return Vec::new() };
    let mut out = vec![0; bytes.len() / old * new];
    if old == 3 && new == 3 {
        // The way of every BGR picture that is compressed.
        for (new, old) in out.as_chunks_mut::<3>().0.iter_mut().zip(bytes.as_chunks::<3>().0) {
            *new = [old[2], old[1], old[0]];
        }
        return out;
    }
    for (new, old) in out.chunks_exact_mut(new).zip(bytes.chunks_exact(old)) {
        store(load(old, from), to, new);
    }
    out
}

/// A plane of luma, then one of chroma for four pixels each: Cr first for NV21. Full range, as in JPEGs.
fn semiplanar(rgb: &[u8], width: usize, height: usize, cr_first: bool) -> Vec<u8> {
    let pixels = rgb.as_chunks::<3>().0;
    let mut out: Vec<u8> = pixels.iter().map(|&pixel| luma(pixel)).collect();
    for y in (0..height).step_by(2) {
        for x in (0..width).step_by(2) {
            let mut sums = [0i32; 3];
            let mut count = 0;
            for y in y..(y + 2).min(height) {
                for pixel in &pixels[y * width + x..y * width + (x + 2).min(width)] {
                    sums.iter_mut().zip(pixel).for_each(|(sum, &value)| *sum += i32::from(value));
                    count += 1;
                }
            }
            let [r, g, b] = sums.map(|sum| sum / count);
            let part = |sum: i32| (((sum + (1 << 15)) >> 16) + 128).clamp(0, 255) as u8;
            let cb = part(-11_059 * r - 21_709 * g + 32_768 * b);
            let cr = part(32_768 * r - 27_439 * g - 5_329 * b);
            out.extend(if cr_first { [cr, cb] } else { [cb, cr] });
        }
    }
    out
}

/// A frame's picture as a raster: the frame's own bytes where MaixPy has the format, RGB888 otherwise.
///
/// # Errors
/// The decoder's.
pub(crate) fn of_frame(frame: &Frame<'_>, wanted: Format) -> Result<Raster> {
    let format = frame.format();
    let (width, height) = (format.width.get() as usize, format.height.get() as usize);
    if wanted.pixel() != Some(format.pixel) || wanted == Format::Jpeg {
        let image = Image::from_frame(frame)?;
        return Raster::new(width, height, Format::Rgb888, image.to_bytes());
    }
    let mut bytes = Vec::with_capacity(format.packed_len().unwrap_or_default());
    for (index, plane) in frame.planes().iter().enumerate() {
        let Some(geometry) = format.plane(index) else { continue };
        for row in plane.bytes.chunks(plane.stride.max(1)).take(geometry.rows) {
            bytes.extend_from_slice(&row[..geometry.row_bytes.min(row.len())]);
        }
    }
    Raster::new(width, height, wanted, bytes)
}
