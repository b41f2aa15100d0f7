//! The samples of a unit, whatever its layout, in plain code: the other backends must produce the same.

use super::picture::{SampleLayout, Unit};

/// BT.601 weights of R, G and B in Y, Cb and Cr, in parts of 2^15. Those of Y add up to one, the others to nothing.
const WEIGHTS: [[i16; 3]; 3] = [[9798, 19235, 3735], [-5529, -10855, 16384], [16384, -13720, -2664]];

/// The same for B, G and R.
const REVERSED: [[i16; 3]; 3] = {
    let [[y_r, y_g, y_b], [cb_r, cb_g, cb_b], [cr_r, cr_g, cr_b]] = WEIGHTS;
    [[y_b, y_g, y_r], [cb_b, cb_g, cb_r], [cr_b, cr_g, cr_r]]
};

/// The weights of a pixel's three bytes in Y, Cb and Cr.
#[cfg(target_arch = "x86_64")]
pub(super) fn weights(layout: SampleLayout) -> [[i16; 3]; 3] {
    if layout == SampleLayout::Bgr { REVERSED } else { WEIGHTS }
}

/// What rounds the Y of one pixel.
pub(super) const LUMA_ROUND: i32 = 1 << 14;
/// What rounds the chroma of four pixels, and lifts it to 128. One less than a half, or pure blue would be 256.
pub(super) const CHROMA_ROUND: i32 = (128 << 17) + (1 << 16) - 1;

fn weigh(weights: [i16; 3], rgb: [i32; 3]) -> i32 {
    weights.iter().zip(rgb).map(|(&weight, part)| i32::from(weight) * part).sum()
}

/// Row `y` of a unit's luma.
#[inline(always)]
pub(super) fn luma(unit: &Unit<'_>, y: usize) -> [u8; 16] {
    let plane = &unit.planes[0];
    match unit.layout {
        SampleLayout::Planar | SampleLayout::CbCr | SampleLayout::CrCb | SampleLayout::Grey => *plane.row(y),
        SampleLayout::Yuyv => {
            let row = plane.row::<32>(y).as_chunks::<2>().0;
            std::array::from_fn(|x| row[x][0])
        }
        SampleLayout::Rgb => rgb_luma(plane.row(y), WEIGHTS),
        SampleLayout::Bgr => rgb_luma(plane.row(y), REVERSED),
    }
}

/// Row `y` of a unit's Cb and Cr.
#[inline(always)]
pub(super) fn chroma(unit: &Unit<'_>, y: usize) -> [[u8; 8]; 2] {
    let [first, second, third] = &unit.planes;
    let pairs = |at: usize| {
        let row = second.row::<16>(y).as_chunks::<2>().0;
        std::array::from_fn(|x| row[x][at])
    };
    match unit.layout {
        SampleLayout::Planar => [*second.row(y), *third.row(y)],
        SampleLayout::CbCr => [pairs(0), pairs(1)],
        SampleLayout::CrCb => [pairs(1), pairs(0)],
        SampleLayout::Yuyv => {
            let row = first.row::<32>(y).as_chunks::<4>().0;
            [1, 3].map(|at| std::array::from_fn(|x| row[x][at]))
        }
        SampleLayout::Rgb => rgb_chroma([first.row(2 * y), first.row(2 * y + 1)], WEIGHTS),
        SampleLayout::Bgr => rgb_chroma([first.row(2 * y), first.row(2 * y + 1)], REVERSED),
        SampleLayout::Grey => [[128; 8]; 2],
    }
}

/// Y of 16 pixels, each weighed by constants: a compiler multiplies by those with fewer instructions.
#[inline(always)]
fn rgb_luma(row: &[u8; 48], weights: [[i16; 3]; 3]) -> [u8; 16] {
    let pixels = row.as_chunks::<3>().0;
    std::array::from_fn(|x| ((weigh(weights[0], pixels[x].map(i32::from)) + LUMA_ROUND) >> 15) as u8)
}

/// Cb and Cr of two rows of 16 pixels: the mean of four pixels first, and its chroma then: one rounding, and a quarter of the
/// work.
#[inline(always)]
fn rgb_chroma(rows: [&[u8; 48]; 2], weights: [[i16; 3]; 3]) -> [[u8; 8]; 2] {
    let [above, below] = rows.map(|row| row.as_chunks::<6>().0);
    let sums: [[i32; 3]; 8] = std::array::from_fn(|x| {
        let (above, below) = (above[x].map(i32::from), below[x].map(i32::from));
        std::array::from_fn(|part| above[part] + above[part + 3] + below[part] + below[part + 3])
    });
    [1, 2].map(|c| sums.map(|sum| ((weigh(weights[c], sum) + CHROMA_ROUND) >> 17) as u8))
}
