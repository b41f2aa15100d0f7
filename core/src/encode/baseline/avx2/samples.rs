//! Rows of samples, taken apart by byte shuffles straight from the frame.

use crate::encode::baseline::{
    picture::{SampleLayout, Strip, Unit},
    samples::{CHROMA_ROUND, LUMA_ROUND, weights},
};
use std::arch::x86_64::*;

/// Prefetches what will be read of row `y` some units from here: a unit touches more rows than the processor predicts.
#[inline]
pub(super) fn prefetch(plane: &Strip<'_>, y: usize) {
    if let Some(byte) = plane.ahead(y, AHEAD) {
        // SAFETY: a prefetch reads nothing that the program could see, and the address is that of a reference.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(byte).cast()) }
    }
}

/// How many bytes ahead to prefetch.
const AHEAD: usize = 256;

#[target_feature(enable = "avx2")]
#[inline]
fn load16(bytes: &[u8; 16]) -> __m128i {
    // SAFETY: the reference is to 16 bytes, and this load wants no alignment.
    unsafe { _mm_loadu_si128(bytes.as_ptr().cast()) }
}

#[target_feature(enable = "avx2")]
#[inline]
fn load32(bytes: &[u8; 32]) -> __m256i {
    // SAFETY: the reference is to 32 bytes, and this load wants no alignment.
    unsafe { _mm256_loadu_si256(bytes.as_ptr().cast()) }
}

/// Samples are signed from here on.
#[target_feature(enable = "avx2")]
#[inline]
fn level(samples: __m256i) -> __m256i {
    _mm256_sub_epi16(samples, _mm256_set1_epi16(128))
}

/// Row `y` of 16 luma samples, less 128.
#[target_feature(enable = "avx2")]
#[inline]
pub(super) fn luma(unit: &Unit<'_>, y: usize) -> __m256i {
    let plane = &unit.planes[0];
    level(match unit.layout {
        SampleLayout::Yuyv => {
            // Left pixels to the left half.
            let (left, right) = halves(plane, y);
            let words = _mm256_set_m128i(right, left);
            _mm256_and_si256(words, _mm256_set1_epi16(0xff))
        }
        SampleLayout::Rgb | SampleLayout::Bgr => rgb_luma(plane, y, weights(unit.layout)),
        _ => _mm256_cvtepu8_epi16(load16(plane.row(y))),
    })
}

/// The two halves of 32 bytes.
#[target_feature(enable = "avx2")]
#[inline]
fn halves(plane: &Strip<'_>, y: usize) -> (__m128i, __m128i) {
    let words = load32(plane.row(y));
    (_mm256_castsi256_si128(words), _mm256_extracti128_si256::<1>(words))
}

/// Row `y` of 8 Cb samples in the low half and 8 Cr in the high one, less 128.
#[target_feature(enable = "avx2")]
#[inline]
pub(super) fn chroma(unit: &Unit<'_>, y: usize) -> __m256i {
    const NO: i8 = -1;
    let [first, second, third] = &unit.planes;
    level(match unit.layout {
        SampleLayout::Planar => {
            let (cb, cr) = (u64::from_le_bytes(*second.row(y)), u64::from_le_bytes(*third.row(y)));
            _mm256_cvtepu8_epi16(_mm_set_epi64x(cr as i64, cb as i64))
        }
        SampleLayout::CbCr | SampleLayout::CrCb => {
            let pairs = _mm256_broadcastsi128_si256(load16(second.row(y)));
            let (low, high) = (
                _mm_setr_epi8(0, NO, 2, NO, 4, NO, 6, NO, 8, NO, 10, NO, 12, NO, 14, NO),
                _mm_setr_epi8(1, NO, 3, NO, 5, NO, 7, NO, 9, NO, 11, NO, 13, NO, 15, NO),
            );
            let order = if unit.layout == SampleLayout::CbCr {
                _mm256_set_m128i(high, low)
            } else {
                _mm256_set_m128i(low, high)
            };
            _mm256_shuffle_epi8(pairs, order)
        }
        SampleLayout::Yuyv => {
            // Four Cb, then four Cr of each half; then the quarters in order.
            let order = _mm256_broadcastsi128_si256(_mm_setr_epi8(
                1, NO, 5, NO, 9, NO, 13, NO, 3, NO, 7, NO, 11, NO, 15, NO,
            ));
            let quarters = _mm256_shuffle_epi8(load32(first.row(y)), order);
            _mm256_permute4x64_epi64::<0b11_01_10_00>(quarters)
        }
        SampleLayout::Rgb | SampleLayout::Bgr => rgb_chroma(first, y, weights(unit.layout)),
        SampleLayout::Grey => _mm256_set1_epi16(128),
    })
}

/// 8 pixels of 3 bytes, four in each half: the bytes of four pixels from the bottom of each half on.
#[target_feature(enable = "avx2")]
#[inline]
fn eight_pixels(bytes: &[u8; 48], right: usize) -> __m256i {
    // The last four pixels are loaded together with the four bytes before them, so as not to read past the row.
    let (low, high) = if right == 0 { (0, 12) } else { (24, 32) };
    let at = |from: usize| bytes[from..].first_chunk().map_or(_mm_setzero_si128(), |bytes| load16(bytes));
    let (low, high) = (at(low), at(high));
    _mm256_set_m128i(if right == 0 { high } else { _mm_srli_si128::<4>(high) }, low)
}

/// Y of 16 pixels, whose bytes are R, G, B or as `weights` are.
#[target_feature(enable = "avx2")]
#[inline]
fn rgb_luma(plane: &Strip<'_>, y: usize, weights: [[i16; 3]; 3]) -> __m256i {
    const NO: i8 = -1;
    let row: &[u8; 48] = plane.row(y);
    let red_green =
        _mm256_broadcastsi128_si256(_mm_setr_epi8(0, NO, 1, NO, 3, NO, 4, NO, 6, NO, 7, NO, 9, NO, 10, NO));
    let blue = _mm256_broadcastsi128_si256(_mm_setr_epi8(
        2, NO, NO, NO, 5, NO, NO, NO, 8, NO, NO, NO, 11, NO, NO, NO,
    ));
    let [r, g, b] = weights[0].map(i32::from);
    let weights = (_mm256_set1_epi32(g << 16 | r), _mm256_set1_epi32(b));
    let four = |pixels: __m256i| {
        let sum = _mm256_add_epi32(
            _mm256_madd_epi16(_mm256_shuffle_epi8(pixels, red_green), weights.0),
            _mm256_madd_epi16(_mm256_shuffle_epi8(pixels, blue), weights.1),
        );
        _mm256_srli_epi32::<15>(_mm256_add_epi32(sum, _mm256_set1_epi32(LUMA_ROUND)))
    };
    let (left, right) = (four(eight_pixels(row, 0)), four(eight_pixels(row, 1)));
    // Packing interleaves quarters; put them in order again.
    _mm256_permute4x64_epi64::<0b11_01_10_00>(_mm256_packus_epi32(left, right))
}

/// Cb and Cr of 2 rows of 16 pixels: each of the mean of 2x2.
#[target_feature(enable = "avx2")]
#[inline]
fn rgb_chroma(plane: &Strip<'_>, y: usize, weights: [[i16; 3]; 3]) -> __m256i {
    const NO: i8 = -1;
    let (above, below): (&[u8; 48], &[u8; 48]) = (plane.row(2 * y), plane.row(2 * y + 1));
    // Neighbours side by side, to be added up: reds and greens of two pairs of pixels; blues of two pairs.
    let red_green =
        _mm256_broadcastsi128_si256(_mm_setr_epi8(0, 3, 1, 4, 6, 9, 7, 10, NO, NO, NO, NO, NO, NO, NO, NO));
    let blue = _mm256_broadcastsi128_si256(_mm_setr_epi8(
        2, 5, NO, NO, 8, 11, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO,
    ));
    let ones = _mm256_set1_epi8(1);
    let sums = |order: __m256i, right: usize| {
        let each = |row| _mm256_maddubs_epi16(_mm256_shuffle_epi8(eight_pixels(row, right), order), ones);
        _mm256_add_epi16(each(above), each(below))
    };
    // Two means in each half of each; together 4 in each half: 0, 1, 4, 5 and 2, 3, 6, 7.
    let join = |order| _mm256_unpacklo_epi64(sums(order, 0), sums(order, 1));
    let (red_green, blue) = (join(red_green), join(blue));
    let weigh = |[r, g, b]: [i16; 3]| {
        let pair = i32::from(g) << 16 | i32::from(r) & 0xffff;
        let sum = _mm256_add_epi32(
            _mm256_madd_epi16(red_green, _mm256_set1_epi32(pair)),
            _mm256_madd_epi16(blue, _mm256_set1_epi32(i32::from(b) & 0xffff)),
        );
        _mm256_srli_epi32::<17>(_mm256_add_epi32(sum, _mm256_set1_epi32(CHROMA_ROUND)))
    };
    // Cb 0, 1, 4, 5, Cr 0, 1, 4, 5; then 2, 3, 6, 7.
    let packed = _mm256_packus_epi32(weigh(weights[1]), weigh(weights[2]));
    let order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
    _mm256_permutevar8x32_epi32(packed, order)
}
