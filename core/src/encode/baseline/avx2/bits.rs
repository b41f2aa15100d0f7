//! Output of entropy-coded data without branches that depend on it: a processor that looks far ahead would guess wrong once for
//! every few codes, which costs more than all the work here.
//!
//! Every code is stored at once, together with what the last byte has already, and the place for the next one advances by whole
//! bytes. The zero after each 0xff comes later, when many bytes are appended.

use super::super::{
    codes::{Bits, Codes, RUNS},
    scan::Output,
    tables::Kind,
};

/// More than the largest unit: six blocks of 64 coefficients of 26 bits.
const UNIT: usize = 6 * 64 * 26 / 8 + 8;

/// Bits to be written: those at the high end, and in the low 6 bits how many (at most 26).
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct High(u32);

impl High {
    const NONE: Self = Self(0);

    const fn new(code: Bits) -> Self {
        Self(code.bits() << (32 - code.len()) | code.len())
    }
}

/// Codes of all values of 8 bits but the two that may be larger ones, clipped.
pub(super) struct Ready {
    /// By run and value: `run * 256 + value + 128`; [`High::NONE`] where there is none.
    codes: [High; RUNS * 256],
    pub(super) all: &'static Codes,
}

static LUMA: Ready = Ready::new(Codes::of(Kind::Luma));
static CHROMA: Ready = Ready::new(Codes::of(Kind::Chroma));

impl Ready {
    const fn new(codes: &'static Codes) -> Self {
        let mut ready = [High::NONE; RUNS * 256];
        let mut at = 0;
        while at < ready.len() {
            let value = (at % 256) as i32 - 128;
            if value != 0 && value != -128 && value != 127 {
                ready[at] = High::new(codes.ac(at / 256, value));
            }
            at += 1;
        }
        Self { codes: ready, all: codes }
    }

    /// The code of `value` after `run` zeros.
    #[inline(always)]
    pub(super) fn get(&self, run: usize, value: i8) -> Option<High> {
        let code = *self.codes.get(run * 256 + usize::from(value as u8 ^ 0x80))?;
        (code != High::NONE).then_some(code)
    }
}

/// The end of what was written. Copied to a local while a block is put, so that it stays in registers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct End {
    /// The bits of the last byte at the high end, all others 0.
    bits: u64,
    /// How many they are: 0 to 7, more before [`End::settle`].
    len: u32,
    /// Bytes that are complete.
    bytes: usize,
}

/// Bytes that wait to be appended.
pub(super) type Room = [u8; 4 * UNIT];

impl End {
    /// Adds a code, which is not yet stored: room is for two of them.
    #[inline(always)]
    pub(super) fn add(&mut self, High(code): High) {
        let len = code & 63;
        self.bits |= u64::from(code - len) << 32 >> self.len;
        self.len += len;
    }

    /// Stores what was added.
    #[inline(always)]
    pub(super) fn settle(&mut self, room: &mut Room) {
        if let Some(to) = room.get_mut(self.bytes..).and_then(<[u8]>::first_chunk_mut) {
            *to = self.bits.to_be_bytes();
        }
        self.bytes += self.len as usize / 8;
        self.bits <<= self.len & !7;
        self.len &= 7;
    }

    /// Adds and stores any code.
    #[inline(always)]
    pub(super) fn put(&mut self, room: &mut Room, code: Bits) {
        self.len += code.len();
        self.bits |= u64::from(code.bits()) << (64 - self.len);
        self.settle(room);
    }
}

/// Writes codes, first bit first.
pub(super) struct Writer {
    pub(super) room: Room,
    pub(super) end: End,
}

impl Writer {
    #[cold]
    #[inline(never)]
    fn append(&mut self, out: &mut Vec<u8>) {
        let mut left = &self.room[..self.end.bytes];
        while let Some(ff) = position_of_ff(left) {
            let (done, rest) = left.split_at(ff + 1);
            out.extend_from_slice(done);
            out.push(0);
            left = rest;
        }
        out.extend_from_slice(left);
        self.end.bytes = 0;
    }
}

/// Where the first 0xff is.
fn position_of_ff(bytes: &[u8]) -> Option<usize> {
    let (chunks, rest) = bytes.as_chunks::<32>();
    let with =
        chunks.iter().position(|chunk| chunk.iter().fold(false, |found, &byte| found | (byte == 0xff)));
    let (start, last) = match with {
        Some(index) => (32 * index, &chunks[index][..]),
        None => (bytes.len() - rest.len(), rest),
    };
    last.iter().position(|&byte| byte == 0xff).map(|at| start + at)
}

impl Output for Writer {
    type Tables = Ready;

    fn tables(kind: Kind) -> &'static Ready {
        match kind {
            Kind::Luma => &LUMA,
            Kind::Chroma => &CHROMA,
        }
    }

    fn new() -> Self {
        Self { room: [0; 4 * UNIT], end: End::default() }
    }

    #[inline(always)]
    fn put(&mut self, code: Bits) {
        self.end.put(&mut self.room, code);
    }

    #[inline(always)]
    fn drain(&mut self, out: &mut Vec<u8>) {
        if self.end.bytes > 3 * UNIT {
            self.append(out);
        }
    }

    fn finish(mut self, out: &mut Vec<u8>) {
        // Seven ones complete whatever byte is begun.
        self.end.put(&mut self.room, Bits::SEVEN_ONES);
        self.append(out);
    }
}

#[cfg(test)]
mod tests {
    use super::{super::super::bits::BitWriter, *};

    fn written<O: Output>(codes: impl Iterator<Item = Bits>) -> Vec<u8> {
        let (mut output, mut out) = (O::new(), Vec::new());
        for code in codes {
            output.put(code);
            output.drain(&mut out);
        }
        output.finish(&mut out);
        out
    }

    #[test]
    fn both_outputs_write_the_same_bytes() {
        let codes = Codes::of(Kind::Luma);
        for len in 0..200 {
            // Long codes are ones at their start, magnitudes of ones follow: many bytes are 0xff, and others nearly.
            let values = (0..len).map(|n| codes.ac(n % 16, [1023, -1, 2, 511, -1023, 15][n * n % 6]));
            assert_eq!(written::<Writer>(values.clone()), written::<BitWriter>(values));
        }
        let many =
            (0..100_000).map(|n| codes.ac(n % 7, (n * n % 2047) as i32 - 1023)).filter(|c| c.len() > 0);
        let bytes = written::<Writer>(many.clone());
        assert!(bytes.iter().filter(|&&byte| byte == 0xff).count() > 1000);
        assert_eq!(bytes, written::<BitWriter>(many));
    }

    #[test]
    fn codes_that_are_added_are_those_that_are_put() {
        for kind in [Kind::Luma, Kind::Chroma] {
            let (ready, codes) = (Writer::tables(kind), Codes::of(kind));
            for (run, value) in (0..RUNS).flat_map(|run| (-127..127).map(move |value| (run, value))) {
                let Some(code) = ready.get(run, value) else {
                    assert_eq!(value, 0);
                    continue;
                };
                let (mut added, mut put) = (Writer::new(), Writer::new());
                added.end.add(code);
                added.end.add(code);
                added.end.settle(&mut added.room);
                put.put(codes.ac(run, value.into()));
                put.put(codes.ac(run, value.into()));
                assert_eq!(added.room[..8], put.room[..8]);
                assert_eq!(added.end, put.end);
            }
            for (run, value) in [(0, 127), (0, -128), (16, 1), (63, 1)] {
                assert!(ready.get(run, value).is_none(), "{value} after {run} zeros");
            }
        }
    }

    #[test]
    fn first_ff_is_found_wherever_it_is() {
        for len in 0..100 {
            for at in 0..len {
                let mut bytes = vec![0xfe; len];
                bytes[at..].fill(0xff);
                assert_eq!(position_of_ff(&bytes), Some(at));
            }
            assert_eq!(position_of_ff(&vec![0xfe; len]), None);
        }
    }
}
