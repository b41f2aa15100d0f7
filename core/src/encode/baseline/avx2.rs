//! Blocks two at a time on x86-64 with AVX2: one in each 128-bit half of a register, eight rows in eight registers.
//!
//! The arithmetic is that of [`portable`](super::portable), with the same result in every bit. Camera formats are taken
//! apart by byte shuffles straight from the frame. Everything here that needs AVX2 is safe to call from a function
//! that has it; only loads and stores by pointer, and the step into such a function, are not.
#![allow(unsafe_code)]

mod bits;
mod samples;

use super::{
    codes::{Codes, RUNS},
    picture::{Picture, SampleLayout, Unit},
    portable::constants::*,
    quantizer::divisors,
    scan::scan,
    tables::{Kind, NATURAL},
};
use bits::{End, Ready, Room, Writer};
use eyelet_hal::Quality;
use samples::{chroma, luma, prefetch};
use std::{arch::x86_64::*, ops::Range};

/// The quantisation of one kind of component, column by column as the DCT leaves it, for both halves of a register.
#[derive(Clone, Copy, Debug)]
struct Divisors {
    factor: [[i16; 16]; 8],
    /// 2^(15 - n), where the quotient is the high half of the product, divided by 2^n and rounded.
    shift: [[i16; 16]; 8],
}

impl Divisors {
    fn new(kind: Kind, quality: Quality) -> Self {
        let divisors = divisors(kind, quality);
        let each = |get: &dyn Fn(usize) -> i16| {
            std::array::from_fn(|u| std::array::from_fn(|v| get(8 * (v % 8) + u)))
        };
        Self {
            factor: each(&|at| divisors[at].factor as i16),
            shift: each(&|at| 1 << (15 - (divisors[at].shift - 16))),
        }
    }
}

/// The blocks of a unit, quantised.
struct Blocks {
    /// Coefficients clipped to 8 bits, in zigzag order.
    clipped: [[i8; 64]; 6],
    /// Coefficients as they are, of pairs of blocks: column by column, each pair's columns side by side.
    exact: [[[[i16; 8]; 2]; 8]; 3],
    /// Which are not 0, from the lowest bit on in zigzag order.
    present: [u64; 6],
}

/// The divisors of luma and of chroma.
#[derive(Debug)]
pub(super) struct Avx2 {
    luma: Divisors,
    chroma: Divisors,
}

/// Whether this processor has all that [`Avx2::scan`] needs.
pub(super) fn is_available() -> bool {
    is_x86_feature_detected!("avx2")
        && is_x86_feature_detected!("bmi1")
        && is_x86_feature_detected!("bmi2")
        && is_x86_feature_detected!("lzcnt")
}

impl Avx2 {
    /// `None` if the processor cannot.
    pub(super) fn new(quality: Quality) -> Option<Self> {
        is_available().then(|| Self {
            luma: Divisors::new(Kind::Luma, quality),
            chroma: Divisors::new(Kind::Chroma, quality),
        })
    }

    /// Appends the entropy-coded data of these rows of units.
    pub(super) fn scan(&self, picture: &Picture<'_>, rows: Range<usize>, out: &mut Vec<u8>) {
        // SAFETY: `new` has made sure that the processor has these features; there is no other way to get a `Self`.
        unsafe { self.scan_with_avx2(picture, rows, out) }
    }

    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
    fn scan_with_avx2(&self, picture: &Picture<'_>, rows: Range<usize>, out: &mut Vec<u8>) {
        let mut blocks = Blocks { clipped: [[0; 64]; 6], exact: [[[[0; 8]; 2]; 8]; 3], present: [0; 6] };
        scan(
            picture,
            rows,
            &mut blocks,
            out,
            |unit, blocks| self.blocks(unit, blocks),
            // A closure has this function's features, where the bare function would be called through one without them.
            |bits, blocks, index, ready, last| put_block(bits, blocks, index, ready, last),
        );
    }

    #[target_feature(enable = "avx2")]
    #[inline]
    fn blocks(&self, unit: &Unit<'_>, out: &mut Blocks) {
        for y in 0..unit.sampling.rows() {
            prefetch(&unit.planes[0], y);
        }
        let luma_pairs = unit.sampling.luma_blocks() / 2;
        for pair in 0..luma_pairs {
            let mut rows = [_mm256_setzero_si256(); 8];
            for (y, row) in rows.iter_mut().enumerate() {
                *row = luma(unit, 8 * pair + y);
            }
            transform(rows, &self.luma, out, pair);
        }
        if unit.layout != SampleLayout::Grey {
            let mut rows = [_mm256_setzero_si256(); 8];
            for (y, row) in rows.iter_mut().enumerate() {
                *row = chroma(unit, y);
            }
            transform(rows, &self.chroma, out, luma_pairs);
        }
    }
}

/// Puts the block of that index.
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
#[inline]
fn put_block(bits: &mut Writer, blocks: &Blocks, index: usize, ready: &Ready, last: &mut i16) {
    let codes = ready.all;
    let (clipped, exact) = (&blocks.clipped[index], &blocks.exact[index / 2]);
    let Writer { room, end } = bits;
    let mut local = *end;
    let dc = exact[0][index % 2][0];
    local.put(room, codes.dc(i32::from(dc) - i32::from(*last)));
    *last = dc;
    let mut present = blocks.present[index] & !1;
    let mut next = 1;
    let mut add = |local: &mut End, room: &mut Room, present: u64| {
        let at = present.trailing_zeros() as usize;
        let run = at - next;
        next = at + 1;
        match ready.get(run, clipped[at]) {
            Some(code) => local.add(code),
            None => {
                let natural = usize::from(NATURAL[at]);
                let value = exact[natural % 8][index % 2][natural / 8];
                local.settle(room);
                *local = put_rare(*local, room, codes, value.into(), run);
            }
        }
        present & (present - 1)
    };
    while present != 0 {
        present = add(&mut local, room, present);
        if present != 0 {
            present = add(&mut local, room, present);
        }
        local.settle(room);
    }
    if next < 64 {
        local.put(room, codes.end_of_block);
    }
    *end = local;
}

/// Puts any coefficient after `run` zeros.
#[cold]
#[inline(never)]
fn put_rare(mut end: End, room: &mut Room, codes: &Codes, value: i32, mut run: usize) -> End {
    while run >= RUNS {
        end.put(room, codes.sixteen_zeros);
        run -= RUNS;
    }
    end.put(room, codes.ac(run, value));
    end
}

#[target_feature(enable = "avx2")]
#[inline]
fn load_words(words: &[i16; 16]) -> __m256i {
    // SAFETY: the reference is to 32 bytes, and this load wants no alignment.
    unsafe { _mm256_loadu_si256(words.as_ptr().cast()) }
}

#[target_feature(enable = "avx2")]
#[inline]
fn store_words(to: &mut [[i16; 8]; 2], words: __m256i) {
    // SAFETY: the reference is to 32 bytes, and this store wants no alignment.
    unsafe { _mm256_storeu_si256(to.as_mut_ptr().cast(), words) }
}

#[target_feature(enable = "avx2")]
#[inline]
fn store_bytes(to: &mut [i8; 32], bytes: __m256i) {
    // SAFETY: the reference is to 32 bytes, and this store wants no alignment.
    unsafe { _mm256_storeu_si256(to.as_mut_ptr().cast(), bytes) }
}

type Rows = [__m256i; 8];

/// DCT and quantisation of two blocks.
#[target_feature(enable = "avx2")]
#[inline]
fn transform(rows: Rows, divisors: &Divisors, out: &mut Blocks, pair: usize) {
    // Columns, then rows; what was a row is a column then.
    let columns = transposed(pass::<11, 2>(rows));
    let mut coefficients = pass::<14, -1>(columns);
    for (u, x) in coefficients.iter_mut().enumerate() {
        let high = _mm256_mulhi_epi16(*x, load_words(&divisors.factor[u]));
        *x = _mm256_mulhrs_epi16(high, load_words(&divisors.shift[u]));
        store_words(&mut out.exact[pair][u], *x);
    }
    zigzag(coefficients, out, pair);
}

/// The byte shuffles that put coefficients in zigzag order: `[to][from]` quarters of a block.
const SHUFFLES: [[[i8; 16]; 4]; 4] = {
    let mut shuffles = [[[-1; 16]; 4]; 4];
    let mut at = 0;
    while at < 64 {
        let natural = NATURAL[at] as usize;
        // Column by column.
        let from = natural % 8 * 8 + natural / 8;
        shuffles[at / 16][from / 16][at % 16] = (from % 16) as i8;
        at += 1;
    }
    shuffles
};

/// Stores clipped coefficients in zigzag order, and which are not 0.
#[target_feature(enable = "avx2")]
#[inline]
fn zigzag(c: Rows, out: &mut Blocks, pair: usize) {
    let quarters = [
        _mm256_packs_epi16(c[0], c[1]),
        _mm256_packs_epi16(c[2], c[3]),
        _mm256_packs_epi16(c[4], c[5]),
        _mm256_packs_epi16(c[6], c[7]),
    ];
    let pick = |to: usize, from: usize| {
        let s = &SHUFFLES[to][from];
        let order = _mm_setr_epi8(
            s[0], s[1], s[2], s[3], s[4], s[5], s[6], s[7], s[8], s[9], s[10], s[11], s[12], s[13], s[14],
            s[15],
        );
        _mm256_shuffle_epi8(quarters[from], _mm256_broadcastsi128_si256(order))
    };
    let or = |a, b| _mm256_or_si256(a, b);
    // The first and the last quarter have nothing from the opposite one.
    let ordered = [
        or(or(pick(0, 0), pick(0, 1)), pick(0, 2)),
        or(or(pick(1, 0), pick(1, 1)), or(pick(1, 2), pick(1, 3))),
        or(or(pick(2, 0), pick(2, 1)), or(pick(2, 2), pick(2, 3))),
        or(or(pick(3, 1), pick(3, 2)), pick(3, 3)),
    ];
    let halves = [
        (
            _mm256_permute2x128_si256::<0x20>(ordered[0], ordered[1]),
            _mm256_permute2x128_si256::<0x20>(ordered[2], ordered[3]),
        ),
        (
            _mm256_permute2x128_si256::<0x31>(ordered[0], ordered[1]),
            _mm256_permute2x128_si256::<0x31>(ordered[2], ordered[3]),
        ),
    ];
    for (block, (low, high)) in halves.into_iter().enumerate() {
        let index = 2 * pair + block;
        let ([to_low, to_high], _) = out.clipped[index].as_chunks_mut::<32>() else { return };
        store_bytes(to_low, low);
        store_bytes(to_high, high);
        let zeros = |half| _mm256_movemask_epi8(_mm256_cmpeq_epi8(half, _mm256_setzero_si256())) as u32;
        out.present[index] = !(u64::from(zeros(low)) | u64::from(zeros(high)) << 32);
    }
}

/// Both blocks transposed.
#[target_feature(enable = "avx2")]
#[inline]
fn transposed(r: Rows) -> Rows {
    let (a0, a1) = (_mm256_unpacklo_epi16(r[0], r[1]), _mm256_unpackhi_epi16(r[0], r[1]));
    let (a2, a3) = (_mm256_unpacklo_epi16(r[2], r[3]), _mm256_unpackhi_epi16(r[2], r[3]));
    let (a4, a5) = (_mm256_unpacklo_epi16(r[4], r[5]), _mm256_unpackhi_epi16(r[4], r[5]));
    let (a6, a7) = (_mm256_unpacklo_epi16(r[6], r[7]), _mm256_unpackhi_epi16(r[6], r[7]));
    let (b0, b1) = (_mm256_unpacklo_epi32(a0, a2), _mm256_unpackhi_epi32(a0, a2));
    let (b2, b3) = (_mm256_unpacklo_epi32(a1, a3), _mm256_unpackhi_epi32(a1, a3));
    let (b4, b5) = (_mm256_unpacklo_epi32(a4, a6), _mm256_unpackhi_epi32(a4, a6));
    let (b6, b7) = (_mm256_unpacklo_epi32(a5, a7), _mm256_unpackhi_epi32(a5, a7));
    [
        _mm256_unpacklo_epi64(b0, b4),
        _mm256_unpackhi_epi64(b0, b4),
        _mm256_unpacklo_epi64(b1, b5),
        _mm256_unpackhi_epi64(b1, b5),
        _mm256_unpacklo_epi64(b2, b6),
        _mm256_unpackhi_epi64(b2, b6),
        _mm256_unpacklo_epi64(b3, b7),
        _mm256_unpackhi_epi64(b3, b7),
    ]
}

/// 2^13 times a multiplier of the DCT, or a sum of them, for each of two 16-bit numbers.
#[target_feature(enable = "avx2")]
#[inline]
fn weights(first: i16, second: i16) -> __m256i {
    _mm256_set1_epi32(i32::from(second) << 16 | i32::from(first) & 0xffff)
}

/// DCTs down all columns at once, divided by 2^`SHIFT`; `LEFT` is 13 - `SHIFT`.
#[target_feature(enable = "avx2")]
#[inline]
fn pass<const SHIFT: i32, const LEFT: i32>(d: Rows) -> Rows {
    let (add, sub) = (|a, b| _mm256_add_epi16(a, b), |a, b| _mm256_sub_epi16(a, b));
    let [s0, s1, s2, s3] = [add(d[0], d[7]), add(d[1], d[6]), add(d[2], d[5]), add(d[3], d[4])];
    let [d0, d1, d2, d3] = [sub(d[0], d[7]), sub(d[1], d[6]), sub(d[2], d[5]), sub(d[3], d[4])];

    // Two 16-bit numbers as one pair, the low and the high half of all pairs; and weighted sums of pairs.
    let pairs = |a, b| (_mm256_unpacklo_epi16(a, b), _mm256_unpackhi_epi16(a, b));
    let weigh = |(low, high), weights| (_mm256_madd_epi16(low, weights), _mm256_madd_epi16(high, weights));
    let plus = |a: (__m256i, __m256i), b: (__m256i, __m256i)| {
        (_mm256_add_epi32(a.0, b.0), _mm256_add_epi32(a.1, b.1))
    };
    let half = _mm256_set1_epi32(1 << (SHIFT - 1));
    let rounded = |a| plus(a, (half, half));
    let narrowed =
        |(low, high)| _mm256_packs_epi32(_mm256_srai_epi32::<SHIFT>(low), _mm256_srai_epi32::<SHIFT>(high));
    // Sums that were not multiplied.
    let scaled = |x| {
        if LEFT > 0 {
            _mm256_slli_epi16::<2>(x)
        } else {
            _mm256_srai_epi16::<1>(add(x, _mm256_set1_epi16(1)))
        }
    };

    let (even0, even1, even2, even3) = (add(s0, s3), add(s1, s2), sub(s1, s2), sub(s0, s3));
    let even = pairs(even3, even2);
    let out2 = narrowed(rounded(weigh(even, weights(C0_541 + C0_765, C0_541))));
    let out6 = narrowed(rounded(weigh(even, weights(C0_541, C0_541 - C1_847))));

    let z34 = pairs(add(d3, d1), add(d2, d0));
    let z3 = rounded(weigh(z34, weights(C1_175 - C1_961, C1_175)));
    let z4 = rounded(weigh(z34, weights(C1_175, C1_175 - C0_390)));
    let (outer, inner) = (pairs(d3, d0), pairs(d2, d1));
    // -(d3 + d0) * 0.899 and -(d2 + d1) * 2.562, each together with the output's own product.
    let out7 = narrowed(plus(weigh(outer, weights(C0_298 - C0_899, -C0_899)), z3));
    let out1 = narrowed(plus(weigh(outer, weights(-C0_899, C1_501 - C0_899)), z4));
    let out5 = narrowed(plus(weigh(inner, weights(C2_053 - C2_562, -C2_562)), z4));
    let out3 = narrowed(plus(weigh(inner, weights(-C2_562, C3_072 - C2_562)), z3));
    [scaled(add(even0, even1)), out1, out2, out3, scaled(sub(even0, even1)), out5, out6, out7]
}
