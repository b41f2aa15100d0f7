//! Huffman coding of blocks of coefficients.

use super::{
    bits::BitWriter,
    codes::{Codes, RUNS, SMALL},
    portable::Zigzag,
};

/// Puts a block that is in zigzag order; `last` is the DC coefficient of the component's block before, and becomes
/// this one's.
#[inline(always)]
pub(super) fn put_block(bits: &mut BitWriter, codes: &Codes, block: &Zigzag, last: &mut i16) {
    put_dc(bits, codes, block[0], last);
    let mut run = 0;
    // The first of the groups of four holds the DC coefficient.
    for &value in &block[1..4] {
        run = put_or_count(bits, codes, value, run);
    }
    for group in &block.as_chunks::<4>().0[1..] {
        if *group == [0; 4] {
            run += 4;
        } else {
            for &value in group {
                run = put_or_count(bits, codes, value, run);
            }
        }
    }
    if run > 0 {
        bits.put(codes.end_of_block);
    }
}

#[inline(always)]
pub(super) fn put_dc(bits: &mut BitWriter, codes: &Codes, value: i16, last: &mut i16) {
    bits.put(codes.dc(i32::from(value) - i32::from(*last)));
    *last = value;
}

/// The length of the run of zeros after `value`.
#[inline(always)]
fn put_or_count(bits: &mut BitWriter, codes: &Codes, value: i16, run: usize) -> usize {
    if value == 0 {
        return run + 1;
    }
    put_ac(bits, codes, value.into(), run);
    0
}

/// Puts a coefficient that is not 0, after `run` zeros.
#[inline(always)]
pub(super) fn put_ac(bits: &mut BitWriter, codes: &Codes, value: i32, run: usize) {
    let small = (value + SMALL) as usize;
    if small < 2 * SMALL as usize && run < RUNS {
        bits.put(codes.small[run * 64 + small]);
    } else {
        put_rare(bits, codes, value, run);
    }
}

#[cold]
#[inline(never)]
fn put_rare(bits: &mut BitWriter, codes: &Codes, value: i32, mut run: usize) {
    while run >= RUNS {
        bits.put(codes.sixteen_zeros);
        run -= RUNS;
    }
    bits.put(codes.ac(run, value));
}
