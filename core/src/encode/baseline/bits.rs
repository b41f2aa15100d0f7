//! Output of entropy-coded data.

use super::{
    codes::{Bits, Codes},
    scan::Output,
    tables::Kind,
};

/// More than the largest unit: six blocks of 64 coefficients of 26 bits, each byte stuffed.
const UNIT: usize = 6 * 64 * 26 / 8 * 2;

/// Bytes that wait to be appended, many at once.
pub(super) struct Stage {
    bytes: [u8; 2 * UNIT],
    len: usize,
}

impl Stage {
    fn new() -> Self {
        Self { bytes: [0; 2 * UNIT], len: 0 }
    }

    /// 64 bits, with a zero byte after each 0xff.
    #[inline(always)]
    fn push(&mut self, word: u64) {
        if has_ff(word) {
            self.push_stuffed(&word.to_be_bytes());
        } else if let Some(to) = self.bytes.get_mut(self.len..).and_then(<[u8]>::first_chunk_mut) {
            *to = word.to_be_bytes();
            self.len += 8;
        }
    }

    #[cold]
    #[inline(never)]
    fn push_stuffed(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.bytes[self.len] = byte;
            self.len += 1;
            if byte == 0xff {
                self.bytes[self.len] = 0;
                self.len += 1;
            }
        }
    }

    #[cold]
    #[inline(never)]
    fn append(&mut self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.bytes[..self.len]);
        self.len = 0;
    }
}

/// Whether a byte of `word` is 0xff, or, rarely, only looks so: a bit set in every byte whose top bit is and that
/// carries when one is added.
#[inline(always)]
fn has_ff(word: u64) -> bool {
    word & !word.wrapping_add(0x0101_0101_0101_0101) & 0x8080_8080_8080_8080 != 0
}

/// Up to 64 bits for a [`Stage`]. Copied to a local while a block is put, so that it stays in registers.
#[derive(Clone, Copy)]
pub(super) struct Word {
    /// The bits at the low end; above them may be anything.
    bits: u64,
    /// How many more have room.
    room: usize,
}

impl Word {
    #[inline(always)]
    pub(super) fn put(&mut self, stage: &mut Stage, code: Bits) {
        let (bits, len) = (u64::from(code.bits()), code.len() as usize);
        if len <= self.room {
            // Never 64: a code has at most 27 bits.
            self.bits = self.bits << len | bits;
            self.room -= len;
        } else {
            let over = len - self.room;
            stage.push(self.bits << self.room | bits >> over);
            self.bits = bits;
            self.room = 64 - over;
        }
    }
}

/// Writes codes, first bit first.
pub(super) struct BitWriter {
    pub(super) stage: Stage,
    pub(super) word: Word,
}

impl Output for BitWriter {
    type Tables = Codes;

    fn tables(kind: Kind) -> &'static Codes {
        Codes::of(kind)
    }

    fn new() -> Self {
        Self { stage: Stage::new(), word: Word { bits: 0, room: 64 } }
    }

    #[inline(always)]
    fn put(&mut self, code: Bits) {
        self.word.put(&mut self.stage, code);
    }

    #[inline(always)]
    fn drain(&mut self, out: &mut Vec<u8>) {
        if self.stage.len > UNIT {
            self.stage.append(out);
        }
    }

    fn finish(mut self, out: &mut Vec<u8>) {
        let Word { bits, room } = self.word;
        if room < 64 {
            let word = bits << room | ((1 << room) - 1);
            self.stage.push_stuffed(&word.to_be_bytes()[..(64 - room).div_ceil(8)]);
        }
        self.stage.append(out);
    }
}
