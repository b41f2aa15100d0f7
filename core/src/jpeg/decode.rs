//! A JPEG's samples: baseline, extended sequential and progressive, of any sampling.
//!
//! The decoder is small and careful rather than fast: it is for single pictures, and no input may end the process.

use super::{
    ZIGZAG,
    entropy::{Bits, Block, Coder, Table},
};
use eyelet_hal::{
    Error, ErrorKind, Result,
    jpeg::{FrameHeader, ScanHeader, Segment, segments},
};

/// The most pixels that are decoded: 8K has 33 million.
const MOST_PIXELS: usize = 1 << 25;

/// A component's 8-bit samples.
pub(crate) struct Plane {
    pub(crate) samples: Vec<u8>,
    pub(crate) width: usize,
    pub(crate) height: usize,
    stride: usize,
}

impl Plane {
    /// The samples of a row; those of the last one for rows beyond it.
    pub(crate) fn row(&self, y: usize) -> &[u8] {
        let at = y.min(self.height - 1) * self.stride;
        &self.samples[at..at + self.width]
    }
}

/// The samples of each component of `jpeg`, which [`inspect`](eyelet_hal::jpeg::inspect) has taken.
///
/// # Errors
/// `CorruptFrame` for data that ends too early or cannot be, `OutOfMemory` for more than 2^25 pixels.
pub(crate) fn planes(jpeg: &[u8]) -> Result<(FrameHeader, Vec<Plane>)> {
    let mut decoder = Decoder::default();
    for segment in segments(jpeg) {
        let segment = segment?;
        if decoder.segment(&segment, Keep::All)?.is_none() {
            return Err(damaged(&segment));
        }
    }
    let frame = decoder.frame.ok_or_else(|| Error::new(ErrorKind::CorruptFrame, "the JPEG has no frame"))?;
    Ok((frame, decoder.planes()))
}

/// Where the data of the last scan ends in `bytes`, which lack EOI: after the last block of the picture. `None` where
/// the picture is not whole, or is progressive.
pub(super) fn end_of_data(bytes: &[u8]) -> Option<usize> {
    let mut decoder = Decoder::default();
    for segment in segments(bytes) {
        let segment = segment.ok()?;
        let used = decoder.segment(&segment, Keep::Nothing).ok()??;
        if segment.end == bytes.len() {
            return Some(segment.end - segment.data.len() + used);
        }
    }
    None
}

#[derive(Clone, Copy, PartialEq)]
enum Keep {
    All,
    Nothing,
}

/// A component's coefficients.
#[derive(Default)]
struct Coefficients {
    blocks: Vec<Block>,
    /// Blocks in a row.
    stride: usize,
    quantization: Option<[u16; 64]>,
}

#[derive(Default)]
struct Decoder<'a> {
    frame: Option<FrameHeader>,
    components: [Coefficients; 4],
    quantization: [Option<[u16; 64]>; 4],
    dc: [Option<Table<'a>>; 4],
    ac: [Option<Table<'a>>; 4],
    /// Coded units between restart markers; 0 for none.
    interval: usize,
}

impl<'a> Decoder<'a> {
    /// Takes in a segment; how many bytes of its data were used. `None` if they cannot be.
    fn segment(&mut self, segment: &Segment<'a>, keep: Keep) -> Result<Option<usize>> {
        let payload = segment.payload;
        match segment.marker {
            0xc4 => self.huffman(payload),
            0xdb => self.quantization(payload),
            0xdd => self.interval = payload.first_chunk().map_or(0, |&n| u16::from_be_bytes(n).into()),
            0xda => {
                let Some(frame) = self.frame else { return Ok(None) };
                let scan = ScanHeader::parse(&frame, payload, segment.at)?;
                return Ok(self.scan(&frame, &scan, segment.data, keep));
            }
            marker if FrameHeader::is(marker) => {
                let frame = FrameHeader::parse(marker, payload, segment.at)?;
                if keep == Keep::All {
                    self.allocate(&frame)?;
                }
                self.frame = Some(frame);
            }
            _ => {}
        }
        Ok(Some(0))
    }

    fn huffman(&mut self, mut rest: &'a [u8]) {
        while let Some((&[head, ref counts @ ..], values)) = rest.split_first_chunk::<17>() {
            let len = counts.iter().map(|&n| usize::from(n)).sum::<usize>().min(values.len());
            let (values, next) = values.split_at(len);
            let tables = if head < 16 { &mut self.dc } else { &mut self.ac };
            tables[usize::from(head & 3)] = Some(Table { counts: *counts, values });
            rest = next;
        }
    }

    fn quantization(&mut self, mut rest: &[u8]) {
        while let Some((&head, values)) = rest.split_first() {
            let width = if head < 16 { 1 } else { 2 };
            let Some((values, next)) = values.split_at_checked(64 * width) else { return };
            let mut table = [0; 64];
            for (&at, value) in ZIGZAG.iter().zip(values.chunks_exact(width)) {
                table[usize::from(at)] = value.iter().fold(0, |sum, &byte| (sum << 8) | u16::from(byte));
            }
            self.quantization[usize::from(head & 3)] = Some(table);
            rest = next;
        }
    }

    fn allocate(&mut self, frame: &FrameHeader) -> Result<()> {
        let no_room = || {
            let what = format!("cannot decode a {}x{} JPEG: too large", frame.width, frame.height);
            Error::new(ErrorKind::OutOfMemory, what)
        };
        if usize::from(frame.width) * usize::from(frame.height) > MOST_PIXELS {
            return Err(no_room());
        }
        let (columns, rows) = frame.units();
        for (kept, component) in self.components.iter_mut().zip(frame.components()) {
            kept.stride = columns * usize::from(component.sampling.0);
            let len = kept.stride * rows * usize::from(component.sampling.1);
            kept.blocks.try_reserve_exact(len).map_err(|cause| no_room().with_source(cause))?;
            kept.blocks.resize(len, [0; 64]);
        }
        Ok(())
    }

    fn scan(&mut self, frame: &FrameHeader, scan: &ScanHeader, data: &[u8], keep: Keep) -> Option<usize> {
        if keep == Keep::Nothing && frame.progressive {
            return None;
        }
        let mut bits = Bits::new(data);
        let mut coders = [const { None }; 4];
        for (coder, component) in coders.iter_mut().zip(scan.components()) {
            let (dc, ac) = component.tables;
            *coder = Some(Coder {
                dc: self.dc[usize::from(dc)],
                ac: self.ac[usize::from(ac)],
                progressive: frame.progressive,
                spectrum: scan.spectrum,
                approximation: scan.approximation,
                predicted: 0,
                run: 0,
            });
            // A table may be replaced after the first scan that uses it.
            let index = usize::from(component.index);
            let table = frame.components()[index].quantization;
            let latched = &mut self.components[index].quantization;
            *latched = latched.or(self.quantization[usize::from(table)]);
        }
        let (columns, rows) = match scan.components() {
            // Alone in its scan, a component has no blocks but its own.
            [only] => {
                let samples = frame.samples(&frame.components()[usize::from(only.index)]);
                (samples.0.div_ceil(8), samples.1.div_ceil(8))
            }
            _ => frame.units(),
        };
        let mut scratch = [0; 64];
        for unit in 0..columns * rows {
            if self.interval > 0 && unit > 0 && unit % self.interval == 0 {
                bits.restart(unit / self.interval - 1)?;
                coders.iter_mut().flatten().for_each(Coder::restart);
            }
            let (x, y) = (unit % columns, unit / columns);
            for (coder, component) in coders.iter_mut().flatten().zip(scan.components()) {
                let index = usize::from(component.index);
                let (h, v) = match scan.components() {
                    [_] => (1, 1),
                    _ => frame.components()[index].sampling,
                };
                let (h, v) = (usize::from(h), usize::from(v));
                for within in 0..h * v {
                    let block = match keep {
                        Keep::Nothing => &mut scratch,
                        Keep::All => {
                            let kept = &mut self.components[index];
                            let at = (y * v + within / h) * kept.stride + x * h + within % h;
                            kept.blocks.get_mut(at)?
                        }
                    };
                    coder.block(&mut bits, block)?;
                }
            }
        }
        Some(bits.end())
    }

    fn planes(self) -> Vec<Plane> {
        let Some(frame) = self.frame else { return Vec::new() };
        let cosines = cosines();
        let of = |(kept, component): (Coefficients, _)| {
            let (width, height) = frame.samples(component);
            let stride = kept.stride * 8;
            let mut samples = vec![0; kept.blocks.len() * 64];
            let table = kept.quantization.unwrap_or([1; 64]);
            for (index, block) in kept.blocks.iter().enumerate() {
                let at = index / kept.stride * 8 * stride + index % kept.stride * 8;
                let rows = samples[at..].chunks_mut(stride).take(8);
                for (row, values) in rows.zip(transformed(block, &table, &cosines)) {
                    row[..8].copy_from_slice(&values);
                }
            }
            Plane { samples, width, height, stride }
        };
        self.components.into_iter().zip(frame.components()).map(of).collect()
    }
}

fn damaged(segment: &Segment<'_>) -> Error {
    let what = format!("the JPEG has damaged or missing picture data (in the scan at byte {})", segment.at);
    Error::new(ErrorKind::CorruptFrame, what)
}

/// Half the cosine of each sixteenth of pi up to a right angle. A table: the system's mathematics would be one more library
/// to load, and differ between systems in the last bit.
const HALF_COSINES: [f32; 9] = [
    0.5,
    0.490_392_64,
    0.461_939_77,
    0.415_734_8,
    0.353_553_4,
    0.277_785_12,
    0.191_341_72,
    0.097_545_16,
    0.0,
];

/// By sample and frequency: what the inverse transform multiplies with, along one axis.
fn cosines() -> [[f32; 8]; 8] {
    let half_cosine = |sixteenths: usize| match sixteenths % 32 {
        up_to_right @ 0..=8 => HALF_COSINES[up_to_right],
        up_to_straight @ 9..=16 => -HALF_COSINES[16 - up_to_straight],
        up_to_three_right @ 17..=23 => -HALF_COSINES[up_to_three_right - 16],
        rest => HALF_COSINES[32 - rest],
    };
    // The constant term weighs less, by the root of a half: as the cosine of half a right angle.
    std::array::from_fn(|x| std::array::from_fn(|u| half_cosine(if u == 0 { 4 } else { (2 * x + 1) * u })))
}

/// The samples of a block.
fn transformed(block: &Block, table: &[u16; 64], cosines: &[[f32; 8]; 8]) -> [[u8; 8]; 8] {
    let mut half = [[0.0; 8]; 8];
    let (coefficients, _) = block.as_chunks::<8>();
    let (steps, _) = table.as_chunks::<8>();
    for ((half, coefficients), steps) in half.iter_mut().zip(coefficients).zip(steps) {
        for (u, (&coefficient, &step)) in coefficients.iter().zip(steps).enumerate() {
            // Most are zero.
            if coefficient != 0 {
                let value = f32::from(coefficient) * f32::from(step);
                half.iter_mut().zip(cosines).for_each(|(sum, row)| *sum += value * row[u]);
            }
        }
    }
    std::array::from_fn(|y| {
        let mut sums = [128.5f32; 8];
        for (half, cosine) in half.iter().zip(cosines[y]) {
            sums.iter_mut().zip(half).for_each(|(sum, value)| *sum += value * cosine);
        }
        // The conversion saturates.
        sums.map(|sum| sum as u8)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cosines_are_those_of_the_transform() {
        for (x, row) in cosines().iter().enumerate() {
            for (u, cosine) in row.iter().enumerate() {
                let scale = if u == 0 { 0.125f64.sqrt() } else { 0.5 };
                let exact = scale * ((2 * x + 1) as f64 * u as f64 * std::f64::consts::PI / 16.0).cos();
                assert!((f64::from(*cosine) - exact).abs() < 1e-7, "{x}, {u}: {cosine}, not {exact}");
            }
        }
    }
}
