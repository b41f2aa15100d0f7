//! The formats of pictures, by MaixPy's numbers.

use crate::error::refused;
use eyelet_hal::{PixelFormat, Result};

/// A format of `maix.image.Format` that eyelet has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Rgb888,
    Bgr888,
    Rgba8888,
    Bgra8888,
    /// NV21.
    Yvu420sp,
    /// NV12.
    Yuv420sp,
    Grayscale,
    Jpeg,
    Png,
}

impl Format {
    const ALL: [(u8, Self); 9] = [
        (0, Self::Rgb888),
        (1, Self::Bgr888),
        (2, Self::Rgba8888),
        (3, Self::Bgra8888),
        (8, Self::Yvu420sp),
        (9, Self::Yuv420sp),
        (12, Self::Grayscale),
        (31, Self::Jpeg),
        (32, Self::Png),
    ];

    /// The format with this number.
    ///
    /// # Errors
    /// `InvalidInput` if there is none.
    pub(crate) fn numbered(number: u8) -> Result<Self> {
        let found = Self::ALL.iter().find(|(n, _)| *n == number);
        found.map(|(_, format)| *format).ok_or_else(|| {
            refused(format!("no pictures of format {number} here")).with_remedy(
                "use RGB888, BGR888, RGBA8888, BGRA8888, YVU420SP, YUV420SP, GRAYSCALE, JPEG or PNG",
            )
        })
    }

    /// Its number.
    pub(crate) fn number(self) -> u8 {
        Self::ALL.iter().find(|(_, format)| *format == self).map_or(255, |(number, _)| *number)
    }

    /// Bytes of a pixel, for formats in which one follows the other.
    pub(crate) fn channels(self) -> Option<usize> {
        match self {
            Self::Rgb888 | Self::Bgr888 => Some(3),
            Self::Rgba8888 | Self::Bgra8888 => Some(4),
            Self::Grayscale => Some(1),
            Self::Yvu420sp | Self::Yuv420sp | Self::Jpeg | Self::Png => None,
        }
    }

    /// Whether the bytes are a file, of any length.
    pub(crate) fn is_compressed(self) -> bool {
        matches!(self, Self::Jpeg | Self::Png)
    }

    /// The format of frames with the same bytes.
    pub(crate) fn pixel(self) -> Option<PixelFormat> {
        match self {
            Self::Rgb888 => Some(PixelFormat::Rgb24),
            Self::Grayscale => Some(PixelFormat::Grey),
            Self::Yvu420sp => Some(PixelFormat::Nv21),
            Self::Yuv420sp => Some(PixelFormat::Nv12),
            Self::Jpeg => Some(PixelFormat::Jpeg),
            _ => None,
        }
    }
}
