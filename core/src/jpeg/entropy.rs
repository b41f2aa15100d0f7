//! The entropy-coded data of a scan: ITU-T T.81, F.2.2 and G.1.2.
//!
//! `None` stands for data that ends too early or cannot be.

use super::ZIGZAG;

/// The coefficients of 8x8 samples, row by row.
pub(super) type Block = [i16; 64];

/// A Huffman table as DHT lists it.
#[derive(Clone, Copy)]
pub(super) struct Table<'a> {
    pub(super) counts: [u8; 16],
    pub(super) values: &'a [u8],
}

/// Bits of entropy-coded data, without the zeros that are stuffed into it.
pub(super) struct Bits<'a> {
    data: &'a [u8],
    at: usize,
    byte: u8,
    left: u8,
}

impl<'a> Bits<'a> {
    pub(super) fn new(data: &'a [u8]) -> Self {
        Self { data, at: 0, byte: 0, left: 0 }
    }

    /// Where the bytes begin that no bit was taken from.
    pub(super) fn end(&self) -> usize {
        self.at
    }

    /// Passes over what is left of this byte and over restart marker `number` modulo 8.
    pub(super) fn restart(&mut self, number: usize) -> Option<()> {
        self.left = 0;
        let fill = self.data.get(self.at..)?.iter().take_while(|&&b| b == 0xff).count();
        let marker = self.data.get(self.at + fill)?;
        self.at += fill + 1;
        (fill > 0 && usize::from(*marker) == 0xd0 + number % 8).then_some(())
    }

    fn bit(&mut self) -> Option<u16> {
        if self.left == 0 {
            self.byte = *self.data.get(self.at)?;
            self.at += match self.byte {
                0xff if *self.data.get(self.at + 1)? == 0 => 2,
                0xff => return None,
                _ => 1,
            };
            self.left = 8;
        }
        self.left -= 1;
        Some(u16::from(self.byte >> self.left) & 1)
    }

    fn bits(&mut self, count: u8) -> Option<u16> {
        let mut bits = 0;
        for _ in 0..count {
            bits = (bits << 1) | self.bit()?;
        }
        Some(bits)
    }

    /// A difference or coefficient of `size` bits.
    fn value(&mut self, size: u8) -> Option<i32> {
        let bits = i32::from(self.bits(size)?);
        Some(if size > 0 && bits >> (size - 1) == 0 { bits - (1 << size) + 1 } else { bits })
    }

    fn symbol(&mut self, table: &Table<'_>) -> Option<u8> {
        let (mut code, mut first, mut index) = (0, 0, 0);
        for &count in &table.counts {
            code |= usize::from(self.bit()?);
            if let Some(offset) = code.checked_sub(first).filter(|&offset| offset < usize::from(count)) {
                return table.values.get(index + offset).copied();
            }
            index += usize::from(count);
            first = (first + usize::from(count)) << 1;
            code <<= 1;
        }
        None
    }

    /// Bits, and whether one of them is set.
    fn run(&mut self, bits: u8) -> Option<u32> {
        Some((1 << bits) - 1 + u32::from(self.bits(bits)?))
    }
}

/// One block after the other, of one component of a scan.
pub(super) struct Coder<'a> {
    pub(super) dc: Option<Table<'a>>,
    pub(super) ac: Option<Table<'a>>,
    pub(super) progressive: bool,
    pub(super) spectrum: (u8, u8),
    /// Ah, Al.
    pub(super) approximation: (u8, u8),
    pub(super) predicted: i32,
    /// Blocks to come without a new coefficient.
    pub(super) run: u32,
}

impl Coder<'_> {
    /// Predicts from nothing, as at the beginning and after a restart marker.
    pub(super) fn restart(&mut self) {
        (self.predicted, self.run) = (0, 0);
    }

    pub(super) fn block(&mut self, bits: &mut Bits<'_>, block: &mut Block) -> Option<()> {
        let first = self.approximation.0 == 0;
        match (self.spectrum.0, first) {
            (0, true) => self.dc(bits, block)?,
            (0, false) => block[0] |= (bits.bit()? as i16) << self.approximation.1,
            (_, true) => self.ac(bits, block)?,
            (_, false) => self.refine(bits, block)?,
        }
        if self.progressive { Some(()) } else { self.ac(bits, block) }
    }

    fn dc(&mut self, bits: &mut Bits<'_>, block: &mut Block) -> Option<()> {
        let size = bits.symbol(self.dc.as_ref()?)?;
        let difference = bits.value(Some(size).filter(|&size| size < 16)?)?;
        self.predicted = self.predicted.wrapping_add(difference);
        block[0] = (self.predicted << self.approximation.1) as i16;
        Some(())
    }

    fn ac(&mut self, bits: &mut Bits<'_>, block: &mut Block) -> Option<()> {
        if let Some(left) = self.run.checked_sub(1) {
            self.run = left;
            return Some(());
        }
        let last = usize::from(self.spectrum.1);
        let mut at = usize::from(self.spectrum.0.max(1));
        while at <= last {
            let symbol = bits.symbol(self.ac.as_ref()?)?;
            match (symbol >> 4, symbol & 15) {
                (15, 0) => at += 16,
                (run, 0) => {
                    // A sequential scan has only the run of this one block.
                    self.run = if self.progressive { bits.run(run)? } else { 0 };
                    return Some(());
                }
                (run, size) => {
                    at += usize::from(run);
                    let value = bits.value(size)? << self.approximation.1;
                    // What lies beyond the band cannot be.
                    *block.get_mut(*ZIGZAG.get(at).filter(|_| at <= last)? as usize)? = value as i16;
                    at += 1;
                }
            }
        }
        Some(())
    }

    /// One more bit of the coefficients that are there, and those that come new with it.
    fn refine(&mut self, bits: &mut Bits<'_>, block: &mut Block) -> Option<()> {
        let bit = 1i16 << self.approximation.1;
        let mut band = ZIGZAG[usize::from(self.spectrum.0)..=usize::from(self.spectrum.1)].iter();
        let refined = |bits: &mut Bits<'_>, known: &mut i16| {
            if bits.bit()? == 1 && *known & bit == 0 {
                *known = known.wrapping_add(if *known > 0 { bit } else { -bit });
            }
            Some(())
        };
        while self.run == 0 && !band.as_slice().is_empty() {
            let symbol = bits.symbol(self.ac.as_ref()?)?;
            let (mut zeros, size) = (symbol >> 4, symbol & 15);
            let new = match size {
                0 if zeros < 15 => {
                    self.run = bits.run(zeros)? + 1;
                    break;
                }
                0 => 0,
                1 if bits.bit()? == 1 => bit,
                1 => -bit,
                _ => return None,
            };
            for &at in band.by_ref() {
                let known = &mut block[usize::from(at)];
                if *known != 0 {
                    refined(bits, known)?;
                } else if zeros == 0 {
                    *known = new;
                    break;
                } else {
                    zeros -= 1;
                }
            }
        }
        if self.run > 0 {
            for &at in band {
                let known = &mut block[usize::from(at)];
                if *known != 0 {
                    refined(bits, known)?;
                }
            }
            self.run -= 1;
        }
        Some(())
    }
}
