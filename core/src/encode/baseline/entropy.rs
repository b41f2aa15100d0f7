//! Huffman coding of blocks of coefficients.

use super::{
    bits::{BitWriter, Stage, Word},
    codes::{Codes, RUNS},
    portable::{Four, Zigzag},
};

/// Puts a block that is in zigzag order; `last` is the DC coefficient of the component's block before, and becomes
/// this one's.
#[inline(always)]
pub(super) fn put_block(bits: &mut BitWriter, codes: &Codes, block: &Zigzag, last: &mut i16) {
    let stage = &mut bits.stage;
    let mut word = put_dc(bits.word, stage, codes, block.0[0].0[0], last);
    let mut run = 0;
    // The first of the groups of four holds the DC coefficient.
    for &value in &block.0[0].0[1..] {
        (word, run) = put_or_count(word, stage, codes, value, run);
    }
    for Four(group) in &block.0[1..] {
        if *group == [0; 4] {
            run += 4;
        } else {
            for &value in group {
                (word, run) = put_or_count(word, stage, codes, value, run);
            }
        }
    }
    if run > 0 {
        word.put(stage, codes.end_of_block);
    }
    bits.word = word;
}

#[inline(always)]
fn put_dc(mut word: Word, stage: &mut Stage, codes: &Codes, value: i16, last: &mut i16) -> Word {
    word.put(stage, codes.dc(i32::from(value) - i32::from(*last)));
    *last = value;
    word
}

/// Puts `value` if it is not 0; gives the length of the run of zeros up to here too.
#[inline(always)]
fn put_or_count(mut word: Word, stage: &mut Stage, codes: &Codes, value: i16, run: usize) -> (Word, usize) {
    if value == 0 {
        return (word, run + 1);
    }
    match codes.ready(run, value.into()) {
        Some(code) => word.put(stage, code),
        None => word = put_rare(word, stage, codes, value.into(), run),
    }
    (word, 0)
}

/// Puts any coefficient after `run` zeros.
#[cold]
#[inline(never)]
fn put_rare(mut word: Word, stage: &mut Stage, codes: &Codes, value: i32, mut run: usize) -> Word {
    while run >= RUNS {
        word.put(stage, codes.sixteen_zeros);
        run -= RUNS;
    }
    word.put(stage, codes.ac(run, value));
    word
}
