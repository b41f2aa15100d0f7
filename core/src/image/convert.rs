//! Converts frames to pictures, and pictures to files.

use super::Image;
use crate::{
    encode::{BaselineEncoder, pixels::Pixels},
    jpeg::host_bytes,
};
use bytes::Bytes;
use eyelet_hal::{Frame, FrameMeta, JpegEncoder, PixelFormat, Quality, Result};
use jpeg_encoder::ImageBuffer;

/// The file formats of pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FileFormat {
    /// `image/jpeg`, 4:2:0.
    Jpeg(Quality),
    /// `image/png`, lossless.
    #[cfg(feature = "png")]
    Png,
}

impl Image {
    /// The picture in a frame, decoded if it is compressed, and converted from full-range BT.601 if it is
    /// YCbCr.
    ///
    /// # Errors
    /// `Unsupported` for frames that are not in host memory, otherwise as [`from_jpeg`](Self::from_jpeg).
    pub fn from_frame(frame: &Frame<'_>) -> Result<Self> {
        let format = frame.format();
        if format.pixel == PixelFormat::Jpeg {
            return Self::decode(host_bytes(frame)?, Some(format));
        }
        let pixels = Pixels::of(frame)?;
        let mut image = Self::new(format.width.get(), format.height.get())?;
        let mut buffers = <[Vec<u8>; 4]>::default();
        for (y, row) in (0..pixels.height()).zip(image.pixels.chunks_exact_mut(image.width)) {
            if let Some(rgb) = pixels.rgb(y) {
                row.copy_from_slice(rgb);
                if format.pixel == PixelFormat::Bgr24 {
                    row.iter_mut().for_each(|pixel| pixel.reverse());
                }
                continue;
            }
            buffers.iter_mut().for_each(Vec::clear);
            pixels.fill_buffers(y, &mut buffers);
            let [luma, cb, cr, _] = &buffers;
            if format.pixel == PixelFormat::Grey {
                row.iter_mut().zip(luma).for_each(|(pixel, &luma)| *pixel = [luma; 3]);
            } else {
                for (((pixel, &luma), &cb), &cr) in row.iter_mut().zip(luma).zip(cb).zip(cr) {
                    *pixel = rgb(luma, cb, cr);
                }
            }
        }
        Ok(image)
    }

    /// The picture as a file: [`to_jpeg`](Self::to_jpeg) or, with the feature `png`, `to_png`.
    ///
    /// # Errors
    /// The encoder's.
    pub fn to_format(&self, format: FileFormat) -> Result<Bytes> {
        match format {
            FileFormat::Jpeg(quality) => self.to_jpeg(quality),
            #[cfg(feature = "png")]
            FileFormat::Png => self.to_png(),
        }
    }

    /// The picture as a JPEG file, 4:2:0.
    ///
    /// # Errors
    /// The encoder's.
    pub fn to_jpeg(&self, quality: Quality) -> Result<Bytes> {
        let mut jpeg = Vec::new();
        BaselineEncoder::new().encode(&self.frame(FrameMeta::default())?, quality, &mut jpeg)?;
        Ok(jpeg.into())
    }

    /// The picture as a PNG file, lossless.
    ///
    /// # Errors
    /// The encoder's.
    #[cfg(feature = "png")]
    pub fn to_png(&self) -> Result<Bytes> {
        let mut file = Vec::new();
        let mut encoder = png::Encoder::new(&mut file, self.width(), self.height());
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        let written = encoder.write_header().and_then(|mut writer| {
            writer.write_image_data(self.as_bytes())?;
            writer.finish()
        });
        match written {
            Ok(()) => Ok(file.into()),
            Err(cause) => {
                let what = format!("cannot encode a {}x{} PNG: {cause}", self.width(), self.height());
                Err(eyelet_hal::Error::new(eyelet_hal::ErrorKind::Other, what).with_source(cause))
            }
        }
    }
}

/// JFIF's conversion, in 1/65536.
pub(super) fn rgb(luma: u8, cb: u8, cr: u8) -> [u8; 3] {
    let (luma, cb, cr) = ((i32::from(luma) << 16) + (1 << 15), i32::from(cb) - 128, i32::from(cr) - 128);
    let part = |sum: i32| (sum >> 16).clamp(0, 255) as u8;
    [part(luma + 91_881 * cr), part(luma - 22_554 * cb - 46_802 * cr), part(luma + 116_130 * cb)]
}
