//! Where the samples of a pixel are in each raw format, and which colour they make.

use super::{Color, convert::rgb};
use eyelet_hal::PixelFormat;
use jpeg_encoder::rgb_to_ycbcr;

/// Where the samples of one component are: that of pixel (x, y) in row `y >> down` of a plane, at byte
/// `(x >> across) * step + offset`.
#[derive(Clone, Copy)]
pub(super) struct Samples {
    pub(super) plane: usize,
    pub(super) across: u32,
    pub(super) down: u32,
    pub(super) step: usize,
    pub(super) offset: usize,
}

const fn one(plane: usize, (across, down): (u32, u32), step: usize, offset: usize) -> Samples {
    Samples { plane, across, down, step, offset }
}

const FULL: (u32, u32) = (0, 0);
const HALF: (u32, u32) = (1, 1);
const NARROW: (u32, u32) = (1, 0);
const LUMA: Samples = one(0, FULL, 1, 0);

/// The components of a raw format: Y, Cb and Cr; R, G and B; or Y alone. None of a compressed one.
pub(super) const fn of(pixel: PixelFormat) -> &'static [Samples] {
    match pixel {
        PixelFormat::Nv12 => &const { [LUMA, one(1, HALF, 2, 0), one(1, HALF, 2, 1)] },
        PixelFormat::Nv21 => &const { [LUMA, one(1, HALF, 2, 1), one(1, HALF, 2, 0)] },
        PixelFormat::I420 => &const { [LUMA, one(1, HALF, 1, 0), one(2, HALF, 1, 0)] },
        PixelFormat::Yuv422p => &const { [LUMA, one(1, NARROW, 1, 0), one(2, NARROW, 1, 0)] },
        PixelFormat::Yuyv => &const { [one(0, FULL, 2, 0), one(0, NARROW, 4, 1), one(0, NARROW, 4, 3)] },
        PixelFormat::Rgb24 => &const { [one(0, FULL, 3, 0), one(0, FULL, 3, 1), one(0, FULL, 3, 2)] },
        PixelFormat::Bgr24 => &const { [one(0, FULL, 3, 2), one(0, FULL, 3, 1), one(0, FULL, 3, 0)] },
        PixelFormat::Grey => &const { [LUMA] },
        _ => &[],
    }
}

/// Whether the components are R, G and B.
const fn is_rgb(pixel: PixelFormat) -> bool {
    matches!(pixel, PixelFormat::Rgb24 | PixelFormat::Bgr24)
}

/// The samples of a colour: of full-range BT.601 where they are YCbCr.
pub(super) fn from_color(pixel: PixelFormat, color: Color) -> [u8; 3] {
    let [r, g, b] = color.to_bytes();
    if is_rgb(pixel) {
        return [r, g, b];
    }
    rgb_to_ycbcr(r, g, b).into()
}

/// The colour of samples.
pub(super) fn to_color(pixel: PixelFormat, [a, b, c]: [u8; 3]) -> Color {
    let [r, g, b] = match pixel {
        _ if is_rgb(pixel) => [a, b, c],
        PixelFormat::Grey => [a; 3],
        _ => rgb(a, b, c),
    };
    Color::from_rgb(r, g, b)
}

/// The brightness of samples.
pub(super) fn to_luma(pixel: PixelFormat, samples: [u8; 3]) -> u8 {
    let [a, b, c] = samples;
    if is_rgb(pixel) { rgb_to_ycbcr(a, b, c).0 } else { a }
}
