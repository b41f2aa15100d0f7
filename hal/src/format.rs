//! Pixel formats and the geometry of their planes.

use std::{fmt, num::NonZeroU32, str::FromStr};

/// How pixels lie in memory.
///
/// The names (`Display`, `FromStr`) are those of the `--format` flag. The V4L2 four-character code of each is
/// given for reference; YCbCr is full-range BT.601 (JFIF) throughout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PixelFormat {
    /// `nv12` (`NV12`): a Y plane, then a plane of Cb, Cr pairs at half width and half height.
    Nv12,
    /// `nv21` (`NV21`): a Y plane, then a plane of Cr, Cb pairs at half width and half height.
    Nv21,
    /// `i420` (`YU12`): Y, Cb and Cr planes; chroma at half width and half height.
    I420,
    /// `yuv422p` (`422P`): Y, Cb and Cr planes; chroma at half width and full height.
    Yuv422p,
    /// `yuyv` (`YUYV`): one plane of Y0 Cb Y1 Cr, four bytes for two pixels.
    Yuyv,
    /// `rgb24` (`RGB3`): one plane of R, G, B.
    Rgb24,
    /// `bgr24` (`BGR3`): one plane of B, G, R.
    Bgr24,
    /// `grey` (`GREY`): one plane of Y.
    Grey,
    /// `jpeg` (`MJPG`): one compressed picture.
    Jpeg,
}

/// Bytes and rows of one plane, without padding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlaneGeometry {
    /// Bytes of pixels in a row.
    pub row_bytes: usize,
    /// Number of rows.
    pub rows: usize,
}

impl PlaneGeometry {
    /// The least number of bytes that hold this plane when rows begin every `stride` bytes: all rows but the
    /// last take a whole stride, the last one only its pixels. `None` if the stride is shorter than a row or
    /// the size does not fit in `usize`.
    pub fn min_len(self, stride: usize) -> Option<usize> {
        if stride < self.row_bytes {
            return None;
        }
        self.rows.checked_sub(1)?.checked_mul(stride)?.checked_add(self.row_bytes)
    }
}

impl PixelFormat {
    /// Every format, in the order of the documentation.
    pub const ALL: [Self; 9] = [
        Self::Nv12,
        Self::Nv21,
        Self::I420,
        Self::Yuv422p,
        Self::Yuyv,
        Self::Rgb24,
        Self::Bgr24,
        Self::Grey,
        Self::Jpeg,
    ];

    /// The formats that hold pixels: all but [`Jpeg`](Self::Jpeg), in the same order.
    pub const RAW: [Self; 8] =
        [Self::Nv12, Self::Nv21, Self::I420, Self::Yuv422p, Self::Yuyv, Self::Rgb24, Self::Bgr24, Self::Grey];

    /// The name used in flags, configuration and `/state`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Nv12 => "nv12",
            Self::Nv21 => "nv21",
            Self::I420 => "i420",
            Self::Yuv422p => "yuv422p",
            Self::Yuyv => "yuyv",
            Self::Rgb24 => "rgb24",
            Self::Bgr24 => "bgr24",
            Self::Grey => "grey",
            Self::Jpeg => "jpeg",
        }
    }

    /// How many planes a frame of this format has.
    pub const fn planes(self) -> usize {
        match self {
            Self::Nv12 | Self::Nv21 => 2,
            Self::I420 | Self::Yuv422p => 3,
            Self::Yuyv | Self::Rgb24 | Self::Bgr24 | Self::Grey | Self::Jpeg => 1,
        }
    }
}

impl fmt::Display for PixelFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// No such pixel format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParseFormatError(());

impl fmt::Display for ParseFormatError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no such pixel format; use one of")?;
        for (i, format) in PixelFormat::ALL.iter().enumerate() {
            write!(f, "{}{format}", if i == 0 { " " } else { ", " })?;
        }
        Ok(())
    }
}

impl std::error::Error for ParseFormatError {}

impl FromStr for PixelFormat {
    type Err = ParseFormatError;
    fn from_str(s: &str) -> Result<Self, ParseFormatError> {
        Self::ALL.into_iter().find(|f| f.name() == s).ok_or(ParseFormatError(()))
    }
}

/// What a camera delivers between `start` and `stop`: `640x480 nv12`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct StreamFormat {
    /// The pixel format.
    pub pixel: PixelFormat,
    /// Pixels in a row.
    pub width: NonZeroU32,
    /// Rows.
    pub height: NonZeroU32,
}

impl StreamFormat {
    /// A format; `None` if a side is zero.
    pub const fn new(pixel: PixelFormat, width: u32, height: u32) -> Option<Self> {
        match (NonZeroU32::new(width), NonZeroU32::new(height)) {
            (Some(width), Some(height)) => Some(Self { pixel, width, height }),
            _ => None,
        }
    }

    /// Geometry of plane `index`, counted from 0. Chroma sides are rounded up, so odd sizes lose nothing.
    ///
    /// `None` if there is no such plane, if the size does not fit in `usize`, and for
    /// [`Jpeg`](PixelFormat::Jpeg), which has bytes but no rows.
    pub fn plane(&self, index: usize) -> Option<PlaneGeometry> {
        let width = usize::try_from(self.width.get()).ok()?;
        let height = usize::try_from(self.height.get()).ok()?;
        let (half_width, half_height) = (width.div_ceil(2), height.div_ceil(2));
        let (row_bytes, rows) = match (self.pixel, index) {
            (PixelFormat::Nv12 | PixelFormat::Nv21, 1) => (half_width.checked_mul(2)?, half_height),
            (PixelFormat::I420, 1 | 2) => (half_width, half_height),
            (PixelFormat::Yuv422p, 1 | 2) => (half_width, height),
            (PixelFormat::Yuyv, 0) => (half_width.checked_mul(4)?, height),
            (PixelFormat::Rgb24 | PixelFormat::Bgr24, 0) => (width.checked_mul(3)?, height),
            (
                PixelFormat::Nv12
                | PixelFormat::Nv21
                | PixelFormat::I420
                | PixelFormat::Yuv422p
                | PixelFormat::Grey,
                0,
            ) => (width, height),
            _ => return None,
        };
        Some(PlaneGeometry { row_bytes, rows })
    }

    /// Bytes of all planes without padding: the size of a frame in a file. `None` where [`plane`](Self::plane)
    /// is.
    pub fn packed_len(&self) -> Option<usize> {
        (0..self.pixel.planes()).try_fold(0usize, |sum, index| {
            let plane = self.plane(index)?;
            sum.checked_add(plane.row_bytes.checked_mul(plane.rows)?)
        })
    }
}

impl fmt::Display for StreamFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{} {}", self.width, self.height, self.pixel)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    /// Where each sample of pixel (x, y) lies, as (plane, row, byte): written out per pixel, with nothing shared
    /// with `plane()`.
    fn samples(format: PixelFormat, x: usize, y: usize) -> Vec<(usize, usize, usize)> {
        match format {
            PixelFormat::Nv12 | PixelFormat::Nv21 => {
                vec![(0, y, x), (1, y / 2, x / 2 * 2), (1, y / 2, x / 2 * 2 + 1)]
            }
            PixelFormat::I420 => vec![(0, y, x), (1, y / 2, x / 2), (2, y / 2, x / 2)],
            PixelFormat::Yuv422p => vec![(0, y, x), (1, y, x / 2), (2, y, x / 2)],
            PixelFormat::Yuyv => (0..4).map(|i| (0, y, x / 2 * 4 + i)).collect(),
            PixelFormat::Rgb24 | PixelFormat::Bgr24 => (0..3).map(|i| (0, y, x * 3 + i)).collect(),
            PixelFormat::Grey => vec![(0, y, x)],
            PixelFormat::Jpeg => vec![],
        }
    }

    fn any_format() -> impl Strategy<Value = PixelFormat> {
        prop::sample::select(PixelFormat::ALL.to_vec())
    }

    proptest! {
        #[test]
        fn geometry_is_what_a_walk_over_all_pixels_touches(
            pixel in any_format(), width in 1u32..40, height in 1u32..40, pad in 0usize..9,
        ) {
            let format = StreamFormat::new(pixel, width, height).unwrap();
            let mut touched = vec![BTreeSet::new(); 3];
            for y in 0..height as usize {
                for x in 0..width as usize {
                    for (plane, row, byte) in samples(pixel, x, y) {
                        touched[plane].insert((row, byte));
                    }
                }
            }
            for (index, touched) in touched.iter().enumerate() {
                let Some(&(last_row, last_byte)) = touched.last() else {
                    prop_assert_eq!(format.plane(index), None);
                    continue;
                };
                let plane = format.plane(index).unwrap();
                let widest = touched.iter().map(|&(_, byte)| byte).max().unwrap();
                prop_assert_eq!(plane, PlaneGeometry { row_bytes: widest + 1, rows: last_row + 1 });
                let stride = plane.row_bytes + pad;
                prop_assert_eq!(plane.min_len(stride), Some(last_row * stride + last_byte + 1));
                prop_assert_eq!(plane.min_len(plane.row_bytes - 1), None);
            }
        }

        #[test]
        fn extreme_sizes_do_not_overflow(pixel in any_format(), width: u32, height: u32, stride: usize) {
            if let Some(format) = StreamFormat::new(pixel, width, height) {
                let _ = format.packed_len();
                for index in 0..4 {
                    let _ = format.plane(index).and_then(|p| p.min_len(stride));
                }
            }
        }

        #[test]
        fn names_round_trip(pixel in any_format()) {
            prop_assert_eq!(pixel.to_string().parse(), Ok(pixel));
        }
    }

    #[test]
    fn largest_sizes_have_no_length() {
        let format = StreamFormat::new(PixelFormat::Grey, u32::MAX, u32::MAX).unwrap();
        assert_eq!(format.plane(0).unwrap().min_len(usize::MAX), None);
        assert_eq!(StreamFormat::new(PixelFormat::Grey, 0, 1), None);
    }

    #[test]
    fn parse_of_an_unknown_name_lists_the_known_ones() {
        let error = "h264".parse::<PixelFormat>().unwrap_err().to_string();
        assert_eq!(
            error,
            "no such pixel format; use one of nv12, nv21, i420, yuv422p, yuyv, rgb24, bgr24, grey, jpeg"
        );
    }
}
