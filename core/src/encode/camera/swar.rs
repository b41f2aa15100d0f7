//! Blocks on a 64-bit processor without vectors, such as the C906 as RV64GC: two columns in each register.
//!
//! A word holds two numbers, `low + high * 2^32`, both signed. That is one whole number, so sums, differences and products
//! by a constant act on both at once and exactly; only taking the numbers out again needs care: a negative low one
//! has borrowed from the high one. After the first pass a bias makes all of them positive. It is the same for all
//! numbers of a row, so that the second pass cancels it in all its outputs but the first. After the second pass
//! everything is even, and one is added: what a borrow takes is never missed.

use super::{
    picture::{Layout, Unit},
    portable::{Zigzag, constants::*},
    quantizer::divisors,
    samples::{chroma, luma},
    tables::{Kind, ZIGZAG},
};
use eyelet_hal::Quality;
use std::num::Wrapping;

/// Two numbers.
type Pair = Wrapping<u64>;

/// A row of 8 samples: column `k` low and column `k + 4` high.
type Row = [Pair; 4];

/// Bits to drop after the first pass.
const SHIFT: u32 = 11;
/// More than the first pass can be below 0.
const BIAS: u32 = 1 << 13;
/// What the first pass adds before it drops bits: a half, and the bias.
const LIFT: u32 = (BIAS << SHIFT) + (1 << (SHIFT - 1));
/// The same number twice.
const fn both(number: u32) -> u64 {
    number as u64 | (number as u64) << 32
}

/// The quantisation of one kind of component.
#[derive(Debug)]
struct Divisors {
    /// By pair of rows and column: what to add to both outputs of the second pass before their low 15 bits are dropped.
    lift: [[u64; 8]; 4],
    /// By row and column: what to multiply by; the quotient is the high word.
    factor: [[i64; 8]; 8],
}

impl Divisors {
    fn new(kind: Kind, quality: Quality) -> Self {
        let divisors = divisors(kind, quality);
        let lift = |v: usize, u: usize| {
            // The output is 2^15 times a coefficient that is 16 times too large.
            let half = (divisors[8 * v + u].half << 15) + (1 << 14);
            // What lifts the samples and the first pass comes out in the first column alone.
            let lifted = match (v, u) {
                (0, 0) => (8 * 8 * 128) << (2 + 14),
                (_, 0) => (8 * BIAS as i64) << 14,
                _ => 0,
            };
            i64::from(half) - lifted
        };
        Self {
            lift: std::array::from_fn(|pair| {
                std::array::from_fn(|u| {
                    let (low, high) = (lift(2 * pair, u), lift(2 * pair + 1, u));
                    (low as u64).wrapping_add((high as u64 + 1) << 32)
                })
            }),
            factor: std::array::from_fn(|v| {
                std::array::from_fn(|u| {
                    let divisor = divisors[8 * v + u];
                    i64::from(divisor.factor) << (64 - divisor.shift)
                })
            }),
        }
    }
}

/// The divisors of luma and of chroma.
#[derive(Debug)]
pub(super) struct Swar {
    luma: Divisors,
    chroma: Divisors,
}

impl Swar {
    pub(super) fn new(quality: Quality) -> Self {
        Self { luma: Divisors::new(Kind::Luma, quality), chroma: Divisors::new(Kind::Chroma, quality) }
    }

    /// The luma blocks row by row, then Cb and Cr.
    pub(super) fn blocks(&self, unit: &Unit<'_>, out: &mut [Zigzag; 6]) {
        let luma_blocks = unit.sampling.luma_blocks();
        for (row, pair) in out[..luma_blocks].as_chunks_mut::<2>().0.iter_mut().enumerate() {
            let [left, right] = pair;
            let mut columns = [[[Wrapping(0); 4]; 8]; 2];
            for y in 0..8 {
                let row = luma(unit, 8 * row + y);
                let (halves, _) = row.as_chunks::<8>();
                columns[0][y] = row_of(&halves[0]);
                columns[1][y] = row_of(&halves[1]);
            }
            block(&columns[0], &self.luma, left);
            block(&columns[1], &self.luma, right);
        }
        if unit.layout == Layout::Grey {
            return;
        }
        let mut columns = [[[Wrapping(0); 4]; 8]; 2];
        for y in 0..8 {
            let [cb, cr] = chroma(unit, y);
            columns[0][y] = row_of(&cb);
            columns[1][y] = row_of(&cr);
        }
        block(&columns[0], &self.chroma, &mut out[luma_blocks]);
        block(&columns[1], &self.chroma, &mut out[luma_blocks + 1]);
    }
}

#[inline(always)]
fn row_of(samples: &[u8; 8]) -> Row {
    std::array::from_fn(|k| Wrapping(u64::from(samples[k]) | u64::from(samples[k + 4]) << 32))
}

#[inline(never)]
fn block(rows: &[Row; 8], divisors: &Divisors, out: &mut Zigzag) {
    let mut columns = [[Wrapping(0); 4]; 8];
    for k in 0..4 {
        let column = first_pass(std::array::from_fn(|y| rows[y][k]));
        for (row, value) in columns.iter_mut().zip(column) {
            row[k] = value;
        }
    }
    second_pass::<0>(&columns, divisors, out);
    second_pass::<1>(&columns, divisors, out);
    second_pass::<2>(&columns, divisors, out);
    second_pass::<3>(&columns, divisors, out);
}

/// DCTs down two columns, lifted.
#[inline(always)]
fn first_pass(d: [Pair; 8]) -> [Pair; 8] {
    let lift = Wrapping(both(LIFT));
    let mut out = dct::<1>(d, lift);
    out[0] += Wrapping(both(1 << (SHIFT - 1)));
    out[4] += lift;
    out
}

/// DCTs along rows `2 * PAIR` and the next, and their quantisation.
#[inline(always)]
fn second_pass<const PAIR: usize>(columns: &[Row; 8], divisors: &Divisors, out: &mut Zigzag) {
    const LOW: u64 = 0xffff_ffff;
    let (above, below) = (&columns[2 * PAIR], &columns[2 * PAIR + 1]);
    let samples: [Pair; 8] = std::array::from_fn(|x| {
        let (a, b) = (above[x % 4].0, below[x % 4].0);
        Wrapping(if x < 4 {
            (a & LOW) >> SHIFT | ((b & LOW) >> SHIFT) << 32
        } else {
            a >> (32 + SHIFT) | (b >> (32 + SHIFT)) << 32
        })
    });
    let outputs = dct::<2>(samples, Wrapping(0));
    for u in 0..8 {
        let lifted = outputs[u].0.wrapping_add(divisors.lift[PAIR][u]);
        let (low, high) = (i64::from(lifted as i32 >> 15), lifted as i64 >> 47);
        let (v, factor) = (2 * PAIR, &divisors.factor);
        out[usize::from(ZIGZAG[8 * v + u])] = high_word(low, factor[v][u]);
        out[usize::from(ZIGZAG[8 * v + 8 + u])] = high_word(high, factor[v + 1][u]);
    }
}

#[inline(always)]
fn high_word(x: i64, factor: i64) -> i16 {
    ((i128::from(x) * i128::from(factor)) >> 64) as i16
}

/// A DCT of two times 8 samples, `TIMES` * 2^13 * sqrt(8) times too large; `lift` is added to outputs 1, 2, 3, 5, 6, 7.
#[inline(always)]
fn dct<const TIMES: i64>(d: [Pair; 8], lift: Pair) -> [Pair; 8] {
    let by = |x: Pair, constant: i16| x * Wrapping((i64::from(constant) * TIMES) as u64);
    let scaled = |x: Pair| x << (12 + TIMES as usize);

    let [s0, s1, s2, s3] = [d[0] + d[7], d[1] + d[6], d[2] + d[5], d[3] + d[4]];
    let [d0, d1, d2, d3] = [d[0] - d[7], d[1] - d[6], d[2] - d[5], d[3] - d[4]];

    let (even0, even1, even2, even3) = (s0 + s3, s1 + s2, s1 - s2, s0 - s3);
    let turn = by(even2 + even3, C0_541) + lift;

    let (odd, even) = (d3 + d1, d2 + d0);
    let z5 = by(odd + even, C1_175) + lift;
    let z1 = by(d3 + d0, C0_899);
    let z2 = by(d2 + d1, C2_562);
    let z3 = z5 - by(odd, C1_961);
    let z4 = z5 - by(even, C0_390);
    [
        scaled(even0 + even1),
        by(d0, C1_501) - z1 + z4,
        turn + by(even3, C0_765),
        by(d1, C3_072) - z2 + z3,
        scaled(even0 - even1),
        by(d2, C2_053) - z2 + z4,
        turn - by(even2, C1_847),
        by(d3, C0_298) - z1 + z3,
    ]
}
