//! Huffman codes, ready to be written: code and magnitude bits in one word.

use super::tables::Kind;
use crate::jpeg::huffman::{AC, DC, Huffman};

/// Bits to be written: the low 6 bits are how many (at most 27), the others are the bits themselves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Bits(u32);

impl Bits {
    #[cfg(target_arch = "x86_64")]
    pub(super) const SEVEN_ONES: Self = Self::new(0x7f, 7);

    const fn new(bits: u32, len: u32) -> Self {
        Self(bits << 6 | len)
    }

    #[inline(always)]
    pub(super) const fn len(self) -> u32 {
        self.0 & 63
    }

    #[inline(always)]
    pub(super) const fn bits(self) -> u32 {
        self.0 >> 6
    }

    /// These, and then the magnitude bits of `value`, which has `category` of them (T.81, F.1.2.1).
    #[inline(always)]
    const fn with_magnitude(self, value: i32, category: u32) -> Self {
        // A negative value is sent as one less, cut to its bits.
        let magnitude = (value + (value >> 31)) as u32 & ((1 << category) - 1);
        Self::new(self.bits() << category | magnitude, self.len() + category)
    }
}

/// Values from -32 to 31 have their codes ready.
const SMALL: i32 = 32;
/// Runs from 0 to 15 zeros do.
pub(super) const RUNS: usize = 16;

/// The codes of one kind of component.
#[derive(Debug)]
pub(super) struct Codes {
    dc: [Bits; 12],
    /// By run and category, as in T.81: `run << 4 | category`.
    ac: [Bits; 256],
    /// By run and value: `run * 64 + value + 32`.
    small: [Bits; RUNS * 64],
    pub(super) end_of_block: Bits,
    pub(super) sixteen_zeros: Bits,
    /// A block like the one before it: no difference, nothing else.
    pub(super) same_again: Bits,
}

static LUMA: Codes = Codes::new(&DC[0], &AC[0]);
static CHROMA: Codes = Codes::new(&DC[1], &AC[1]);

impl Codes {
    pub(super) const fn of(kind: Kind) -> &'static Self {
        match kind {
            Kind::Luma => &LUMA,
            Kind::Chroma => &CHROMA,
        }
    }

    const fn new(dc: &Huffman, ac: &Huffman) -> Self {
        let (dc, ac) = (assign::<12>(dc), assign::<256>(ac));
        let mut small = [Bits(0); RUNS * 64];
        let mut at = 0;
        while at < small.len() {
            let value = (at % 64) as i32 - SMALL;
            if value != 0 {
                let category = 32 - value.unsigned_abs().leading_zeros();
                small[at] = ac[(at / 64) << 4 | category as usize].with_magnitude(value, category);
            }
            at += 1;
        }
        let (zero, end) = (dc[0], ac[0]);
        let same_again = Bits::new(zero.bits() << end.len() | end.bits(), zero.len() + end.len());
        Self { dc, ac, small, end_of_block: end, sixteen_zeros: ac[0xf0], same_again }
    }

    /// A difference of DC coefficients, -2047 to 2047.
    #[inline(always)]
    pub(super) fn dc(&self, difference: i32) -> Bits {
        let category = category(difference.unsigned_abs()).min(11);
        self.dc[category as usize].with_magnitude(difference, category)
    }

    /// The code of most coefficients: a small one after a short run of zeros.
    #[inline(always)]
    pub(super) fn ready(&self, run: usize, value: i32) -> Option<Bits> {
        let small = (value + SMALL) as usize;
        (small < 2 * SMALL as usize && run < RUNS).then(|| self.small[run * 64 + small])
    }

    /// Any coefficient after `run` zeros, `run` below 16; what baseline JPEG cannot hold is clipped to what it can.
    pub(super) const fn ac(&self, run: usize, value: i32) -> Bits {
        let value = if value > 1023 {
            1023
        } else if value < -1023 {
            -1023
        } else {
            value
        };
        let category = category(value.unsigned_abs());
        self.ac[(run & 15) << 4 | category as usize & 15].with_magnitude(value, category)
    }
}

/// Codes by value, as T.81, C.2 assigns them: counting up, one bit more at each length.
const fn assign<const N: usize>(table: &Huffman) -> [Bits; N] {
    let mut codes = [Bits(0); N];
    let (mut next, mut code, mut len) = (0, 0, 1);
    while len <= 16 {
        let mut left = table.counts[len - 1];
        while left > 0 {
            codes[table.values[next] as usize] = Bits::new(code, len as u32);
            code += 1;
            next += 1;
            left -= 1;
        }
        code <<= 1;
        len += 1;
    }
    codes
}

/// How many bits `magnitude` has.
#[cfg(not(target_arch = "riscv64"))]
#[inline(always)]
pub(super) const fn category(magnitude: u32) -> u32 {
    32 - magnitude.leading_zeros()
}

/// How many bits `magnitude` has, at most 16. Without the Zbb extension there is no instruction that counts zeros.
#[cfg(target_arch = "riscv64")]
#[inline(always)]
pub(super) const fn category(magnitude: u32) -> u32 {
    static BITS: [u8; 256] = {
        let mut bits = [0; 256];
        let mut at: usize = 0;
        while at < 256 {
            bits[at] = (usize::BITS - at.leading_zeros()) as u8;
            at += 1;
        }
        bits
    };
    let high = magnitude as usize >> 8;
    if high == 0 { BITS[magnitude as usize & 255] as u32 } else { 8 + BITS[high & 255] as u32 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bits: Bits) -> String {
        format!("{:0width$b}", bits.bits(), width = bits.len() as usize)
    }

    #[test]
    fn codes_are_those_printed_in_annex_k() {
        let (luma, chroma) = (Codes::of(Kind::Luma), Codes::of(Kind::Chroma));
        assert_eq!(text(luma.end_of_block), "1010");
        assert_eq!(text(luma.sixteen_zeros), "11111111001");
        assert_eq!(text(chroma.end_of_block), "00");
        assert_eq!(text(chroma.sixteen_zeros), "1111111010");
        assert_eq!(text(luma.same_again), "001010");
        assert_eq!(text(luma.dc(0)), "00");
        assert_eq!(text(luma.dc(-1)), "0100");
        assert_eq!(text(luma.dc(2047)), "11111111011111111111");
        assert_eq!(text(chroma.dc(5)), "110101");
        assert_eq!(text(luma.ac(0, 1)), "001");
        assert_eq!(text(luma.ac(15, -1023)), "11111111111111100000000000");
    }

    #[test]
    fn small_values_have_the_codes_of_all_values() {
        for kind in [Kind::Luma, Kind::Chroma] {
            let codes = Codes::of(kind);
            for run in 0..RUNS {
                for value in (-SMALL..SMALL).filter(|&v| v != 0) {
                    let ready = codes.ready(run, value).unwrap();
                    assert_eq!(ready, codes.ac(run, value));
                    assert!(ready.len() <= 26);
                }
                assert_eq!(codes.ready(run, SMALL), None);
                assert_eq!(codes.ready(run, -SMALL - 1), None);
            }
        }
    }

    #[test]
    fn categories_are_lengths_in_bits() {
        for magnitude in 0..4096u32 {
            assert_eq!(category(magnitude), 32 - magnitude.leading_zeros());
        }
    }
}
