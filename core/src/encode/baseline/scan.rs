//! The walk over a picture, the same for every backend.

use super::{
    codes::{Bits, Codes},
    picture::{Margin, Picture, Sampling, Unit},
    tables::Kind,
};
use std::ops::Range;

/// Where codes go, first bit first.
pub(super) trait Output {
    /// The codes of one kind of component, as whoever puts blocks wants them.
    type Tables: 'static;

    fn tables(kind: Kind) -> &'static Self::Tables;

    fn new() -> Self;

    fn put(&mut self, code: Bits);

    /// Appends what waits, if it is much: to be called after each unit.
    fn drain(&mut self, out: &mut Vec<u8>);

    /// Appends all, the last byte filled with ones.
    fn finish(self, out: &mut Vec<u8>);
}

/// Appends the entropy-coded data of these rows of units of `picture`, as if there were no others. `transform` computes the
/// blocks of a unit into `blocks`, `put` writes the one with the given index.
#[inline(always)]
pub(super) fn scan<B, O: Output>(
    picture: &Picture<'_>,
    rows: Range<usize>,
    blocks: &mut B,
    out: &mut Vec<u8>,
    mut transform: impl FnMut(&Unit<'_>, &mut B),
    mut put: impl FnMut(&mut O, &B, usize, &'static O::Tables, &mut i16),
) {
    let (luma, chroma) = (O::tables(Kind::Luma), O::tables(Kind::Chroma));
    let same_again = Codes::of(Kind::Luma).same_again;
    let luma_blocks = picture.sampling.luma_blocks();
    let mut margin = Margin::new();
    let mut bits = O::new();
    let mut last = [0; 3];
    for row in rows {
        let y = row * picture.sampling.rows();
        for x in (0..picture.width).step_by(16) {
            transform(&picture.unit(x, y, &mut margin), blocks);
            for index in 0..luma_blocks {
                let outside = x + 8 * (index % 2) >= picture.width || y + 8 * (index / 2) >= picture.height;
                if !outside {
                    put(&mut bits, blocks, index, luma, &mut last[0]);
                } else if picture.sampling != Sampling::Grey {
                    // Outside the picture, only there to complete the MCU.
                    bits.put(same_again);
                }
            }
            if picture.sampling != Sampling::Grey {
                put(&mut bits, blocks, luma_blocks, chroma, &mut last[1]);
                put(&mut bits, blocks, luma_blocks + 1, chroma, &mut last[2]);
            }
            bits.drain(out);
        }
    }
    bits.finish(out);
}
