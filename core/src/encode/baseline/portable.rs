//! The plain backend: the others must produce the same blocks, and a compiler can vectorise it.
//!
//! The DCT is that of Loeffler, Ligtenberg and Moschytz with 12 multiplications, in the fixed point of the IJG
//! library's accurate one: constants of 13 bits, and 2 more bits between the passes than a pixel has.

use super::{
    picture::Unit,
    quantizer::{Divisor, divisors},
    samples::{chroma, luma},
    tables::{Kind, ZIGZAG},
};
use eyelet_hal::Quality;

/// Four coefficients, so aligned that one load can tell whether all of them are 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(align(8))]
pub(super) struct Four(pub(super) [i16; 4]);

/// Quantised coefficients in zigzag order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Zigzag(pub(super) [Four; 16]);

impl Zigzag {
    /// Sets the coefficient that is at `natural` row by row.
    #[inline(always)]
    pub(super) fn set(&mut self, natural: usize, value: i16) {
        let at = usize::from(ZIGZAG[natural]);
        self.0[at / 4].0[at % 4] = value;
    }
}

/// The multipliers of the DCT, in parts of 2^13.
pub(super) mod constants {
    pub(in super::super) const C0_298: i16 = 2446;
    pub(in super::super) const C0_390: i16 = 3196;
    pub(in super::super) const C0_541: i16 = 4433;
    pub(in super::super) const C0_765: i16 = 6270;
    pub(in super::super) const C0_899: i16 = 7373;
    pub(in super::super) const C1_175: i16 = 9633;
    pub(in super::super) const C1_501: i16 = 12299;
    pub(in super::super) const C1_847: i16 = 15137;
    pub(in super::super) const C1_961: i16 = 16069;
    pub(in super::super) const C2_053: i16 = 16819;
    pub(in super::super) const C2_562: i16 = 20995;
    pub(in super::super) const C3_072: i16 = 25172;
}

/// The divisors of luma and of chroma.
#[derive(Debug)]
pub(super) struct Portable {
    luma: [Divisor; 64],
    chroma: [Divisor; 64],
}

impl Portable {
    pub(super) fn new(quality: Quality) -> Self {
        Self { luma: divisors(Kind::Luma, quality), chroma: divisors(Kind::Chroma, quality) }
    }

    /// The luma blocks row by row, then Cb and Cr.
    pub(super) fn blocks(&self, unit: &Unit<'_>, out: &mut [Zigzag; 6]) {
        let luma_blocks = unit.sampling.luma_blocks();
        for (row, pair) in out[..luma_blocks].as_chunks_mut::<2>().0.iter_mut().enumerate() {
            let samples: [[u8; 16]; 8] = std::array::from_fn(|y| luma(unit, 8 * row + y));
            for (column, out) in pair.iter_mut().enumerate() {
                block(|x, y| samples[y][8 * column + x].into(), &self.luma, out);
            }
        }
        if luma_blocks < 4 && unit.layout == super::picture::SampleLayout::Grey {
            return;
        }
        let samples: [[[u8; 8]; 2]; 8] = std::array::from_fn(|y| chroma(unit, y));
        for (component, out) in out[luma_blocks..][..2].iter_mut().enumerate() {
            block(|x, y| samples[y][component][x].into(), &self.chroma, out);
        }
    }
}

fn block(sample: impl Fn(usize, usize) -> i32, divisors: &[Divisor; 64], out: &mut Zigzag) {
    let samples: [[i32; 8]; 8] = std::array::from_fn(|y| std::array::from_fn(|x| sample(x, y) - 128));
    // Columns, then rows. The first pass leaves 2 bits more, the second takes one of them away.
    let columns = transposed(&pass::<11>(&samples));
    let coefficients = pass::<14>(&columns);
    for (u, row) in coefficients.iter().enumerate() {
        for (v, &coefficient) in row.iter().enumerate() {
            let at = 8 * v + u;
            out.set(at, divisors[at].divide(coefficient) as i16);
        }
    }
}

fn transposed(rows: &[[i32; 8]; 8]) -> [[i32; 8]; 8] {
    std::array::from_fn(|y| std::array::from_fn(|x| rows[x][y]))
}

/// One-dimensional DCTs down all columns at once, divided by 2^`SHIFT`.
fn pass<const SHIFT: u32>(rows: &[[i32; 8]; 8]) -> [[i32; 8]; 8] {
    let mut out = [[0; 8]; 8];
    for x in 0..8 {
        let column = dct(std::array::from_fn(|y| rows[y][x]));
        for (out, value) in out.iter_mut().zip(column) {
            out[x] = (value + (1 << (SHIFT - 1))) >> SHIFT;
        }
    }
    out
}

/// A DCT of 8 samples, 2^13 * sqrt(8) times too large.
#[inline(always)]
fn dct(d: [i32; 8]) -> [i32; 8] {
    use constants::*;
    let by = |x: i32, constant: i16| x * i32::from(constant);

    let [s0, s1, s2, s3] = [d[0] + d[7], d[1] + d[6], d[2] + d[5], d[3] + d[4]];
    let [d0, d1, d2, d3] = [d[0] - d[7], d[1] - d[6], d[2] - d[5], d[3] - d[4]];

    let (even0, even1, even2, even3) = (s0 + s3, s1 + s2, s1 - s2, s0 - s3);
    let turn = by(even2 + even3, C0_541);

    let z5 = by(d3 + d1 + d2 + d0, C1_175);
    let z1 = -by(d3 + d0, C0_899);
    let z2 = -by(d2 + d1, C2_562);
    let z3 = z5 - by(d3 + d1, C1_961);
    let z4 = z5 - by(d2 + d0, C0_390);
    [
        (even0 + even1) << 13,
        by(d0, C1_501) + z1 + z4,
        turn + by(even3, C0_765),
        by(d1, C3_072) + z2 + z3,
        (even0 - even1) << 13,
        by(d2, C2_053) + z2 + z4,
        turn - by(even2, C1_847),
        by(d3, C0_298) + z1 + z3,
    ]
}
