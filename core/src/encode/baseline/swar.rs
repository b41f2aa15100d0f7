//! Blocks on a 64-bit processor without vectors, such as the C906 as RV64GC: two columns in each register.
//!
//! A word holds two numbers, `low + high * 2^32`, both signed. That is one whole number, so sums, differences and products
//! by a constant act on both at once and exactly; only taking the numbers out again needs care: a negative low one
//! has borrowed from the high one. After the first pass a bias makes all of them positive. It is the same for all
//! numbers of a row, so that the second pass cancels it in all its outputs but the first. After the second pass
//! everything is even, and one is added: what a borrow takes is never missed.

use super::{
    picture::{SampleLayout, Unit},
    portable::{Zigzag, constants::*},
    quantizer::divisors,
    samples::{chroma, luma},
    tables::Kind,
};
use eyelet_hal::Quality;
use std::{hint::black_box, num::Wrapping};

/// Two numbers.
pub(super) type Pair = Wrapping<u64>;

/// A row of 8 samples: column `k` low and column `k + 4` high.
pub(super) type Row = [Pair; 4];

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

    /// The luma blocks row by row, then Cb and Cr. `rows` is only room: filling it anew each time would cost as much
    /// as reading the samples.
    pub(super) fn blocks(&self, unit: &Unit<'_>, rows: &mut Rows, out: &mut [Zigzag; 6]) {
        let luma_blocks = unit.sampling.luma_blocks();
        for (at, pair) in out[..luma_blocks].as_chunks_mut::<2>().0.iter_mut().enumerate() {
            luma_rows(unit, 8 * at, rows);
            both_blocks(rows, &self.luma, pair);
        }
        if unit.layout != SampleLayout::Grey
            && let Some(pair) = out[luma_blocks..].first_chunk_mut()
        {
            chroma_rows(unit, rows);
            both_blocks(rows, &self.chroma, pair);
        }
    }
}

/// The rows of two blocks side by side.
pub(super) type Rows = [[Row; 2]; 8];

fn both_blocks(rows: &Rows, divisors: &Divisors, [left, right]: &mut [Zigzag; 2]) {
    block(rows, 0, divisors, left);
    block(rows, 1, divisors, right);
}

/// Puts two blocks' luma into `rows`, from row `top` of the unit on.
#[inline(always)]
fn luma_rows(unit: &Unit<'_>, top: usize, rows: &mut Rows) {
    let plane = &unit.planes[0];
    let done = match unit.layout {
        SampleLayout::Planar | SampleLayout::CbCr | SampleLayout::CrCb | SampleLayout::Grey => {
            fill(rows, |y| {
                let words = plane.words::<2>(top + y)?;
                Some(words.map(|word| [0, 8, 16, 24].map(|bit| at(word, bit))))
            })
        }
        SampleLayout::Yuyv => fill(rows, |y| {
            let [a, b, c, d] = plane.words::<4>(top + y)?;
            Some([[a, b], [c, d]].map(|words| {
                let [even, odd] = crossed(words);
                [at(even, 0), at(even, 16), at(odd, 0), at(odd, 16)]
            }))
        }),
        SampleLayout::Rgb | SampleLayout::Bgr => None,
    };
    if done.is_none() {
        luma_rows_anyhow(unit, top, rows);
    }
}

#[inline(never)]
fn luma_rows_anyhow(unit: &Unit<'_>, top: usize, rows: &mut Rows) {
    for (y, row) in rows.iter_mut().enumerate() {
        let samples = luma(unit, top + y);
        let (halves, _) = samples.as_chunks::<8>();
        *row = [row_of(&halves[0]), row_of(&halves[1])];
    }
}

/// Puts Cb and Cr into `rows`.
#[inline(always)]
fn chroma_rows(unit: &Unit<'_>, rows: &mut Rows) {
    let [first, second, third] = &unit.planes;
    let done = match unit.layout {
        SampleLayout::Planar => fill(rows, |y| {
            let ([cb], [cr]) = (second.words::<1>(y)?, third.words::<1>(y)?);
            Some([cb, cr].map(|word| [0, 8, 16, 24].map(|bit| at(word, bit))))
        }),
        SampleLayout::CbCr => fill(rows, |y| Some(interleaved(second.words(y)?, [0, 8]))),
        SampleLayout::CrCb => fill(rows, |y| Some(interleaved(second.words(y)?, [8, 0]))),
        SampleLayout::Yuyv => fill(rows, |y| {
            let [a, b, c, d] = first.words::<4>(y)?;
            let ([even, odd], [even2, odd2]) = (crossed([a, c]), crossed([b, d]));
            Some([8, 24].map(|bit| [even, odd, even2, odd2].map(|word| at(word, bit))))
        }),
        SampleLayout::Rgb | SampleLayout::Bgr | SampleLayout::Grey => None,
    };
    if done.is_none() {
        chroma_rows_anyhow(unit, rows);
    }
}

#[inline(never)]
fn chroma_rows_anyhow(unit: &Unit<'_>, rows: &mut Rows) {
    for (y, row) in rows.iter_mut().enumerate() {
        *row = chroma(unit, y).map(|samples| row_of(&samples));
    }
}

/// Fills all rows; `None` if one cannot be read by words.
#[inline(always)]
fn fill(rows: &mut Rows, read: impl Fn(usize) -> Option<[Row; 2]>) -> Option<()> {
    for (y, row) in rows.iter_mut().enumerate() {
        *row = read(y)?;
    }
    Some(())
}

/// Both of two interleaved components, the one whose first byte is at this bit first.
#[inline(always)]
fn interleaved(words: [u64; 2], bits: [u32; 2]) -> [Row; 2] {
    let [even, odd] = crossed(words);
    bits.map(|bit| [at(even, bit), at(even, bit + 16), at(odd, bit), at(odd, bit + 16)])
}

/// The two bytes of `word` from `bit` on and from 32 bits higher.
#[inline(always)]
fn at(word: u64, bit: u32) -> Pair {
    Wrapping(word >> bit & both(0xff))
}

/// The low halves of two words in one, and the high halves.
#[inline(always)]
fn crossed([a, b]: [u64; 2]) -> [u64; 2] {
    const LOW: u64 = 0xffff_ffff;
    [a & LOW | b << 32, a >> 32 | b & !LOW]
}

#[inline(always)]
fn row_of(samples: &[u8; 8]) -> Row {
    std::array::from_fn(|k| Wrapping(u64::from(samples[k]) | u64::from(samples[k + 4]) << 32))
}

#[inline(never)]
fn block(rows: &Rows, side: usize, divisors: &Divisors, out: &mut Zigzag) {
    let mut columns = [[Wrapping(0); 4]; 8];
    // Unrolled, this loop would keep more numbers at a time than there are registers.
    for k in 0..black_box(4) {
        let column = first_pass(std::array::from_fn(|y| rows[y][side % 2][k % 4]));
        for (row, value) in columns.iter_mut().zip(column) {
            row[k % 4] = value;
        }
    }
    // One after the other, for the same reason: what is hidden from the compiler it cannot interleave.
    second_pass::<0>(black_box(&columns), divisors, out);
    second_pass::<1>(black_box(&columns), divisors, out);
    second_pass::<2>(black_box(&columns), divisors, out);
    second_pass::<3>(black_box(&columns), divisors, out);
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
        out.set(8 * v + u, high_word(low, factor[v][u]));
        out.set(8 * v + 8 + u, high_word(high, factor[v + 1][u]));
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
