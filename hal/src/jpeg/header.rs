//! Frame headers and scan headers: ITU-T T.81, B.2.2 and B.2.3.

use super::corrupt;
use crate::{Error, ErrorKind, Result};

/// A component of the picture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Component {
    /// What scans call it.
    pub id: u8,
    /// Samples in a row and in a column of the smallest coded unit, in blocks: 1 to 4 each.
    pub sampling: (u8, u8),
    /// Which quantization table it uses, 0 to 3.
    pub quantization: u8,
}

/// What SOF declares of a picture that browsers show: Huffman-coded, 8 bits a sample, baseline, extended sequential or
/// progressive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FrameHeader {
    /// Whether its scans are progressive.
    pub progressive: bool,
    /// Pixels in a row.
    pub width: u16,
    /// Rows.
    pub height: u16,
    components: [Component; 4],
    count: u8,
}

impl FrameHeader {
    /// Whether `marker` begins a frame of any kind, one that browsers show or not.
    pub fn is(marker: u8) -> bool {
        // JPEG-LS and hierarchical pictures have markers of their own.
        matches!(marker, 0xc0..=0xc3 | 0xc5..=0xc7 | 0xc9..=0xcb | 0xcd..=0xcf | 0xde | 0xf7)
    }

    /// The header of this marker and payload; `at` is its offset, for the error.
    ///
    /// # Errors
    /// `Unsupported` for what browsers do not show, `CorruptFrame` for what cannot be.
    pub fn parse(marker: u8, payload: &[u8], at: usize) -> Result<Self> {
        let process = match marker {
            0xc0..=0xc2 => None,
            0xc3 | 0xf7 => Some("lossless"),
            0xc9..=0xcb => Some("arithmetic-coded"),
            _ => Some("hierarchical"),
        };
        if let Some(process) = process {
            return Err(unsupported(format_args!("is {process}")));
        }
        let &[bits, h1, h0, w1, w0, count, ref table @ ..] = payload else {
            return Err(corrupt("has a short frame header", at));
        };
        let (height, width) = (u16::from_be_bytes([h1, h0]), u16::from_be_bytes([w1, w0]));
        if width == 0 || height == 0 || count == 0 {
            return Err(corrupt("has an empty frame header", at));
        }
        if bits != 8 {
            return Err(unsupported(format_args!("has {bits} bits a sample")));
        }
        if !matches!(count, 1 | 3 | 4) {
            return Err(unsupported(format_args!("has {count} components")));
        }
        let mut components = [Component::default(); 4];
        let wrong = table.len() != 3 * usize::from(count);
        for (component, entry) in components.iter_mut().zip(table.as_chunks::<3>().0) {
            let &[id, sampling, quantization] = entry;
            *component = Component { id, sampling: (sampling >> 4, sampling & 15), quantization };
        }
        let possible = |c: &Component| matches!(c.sampling, (1..=4, 1..=4)) && c.quantization < 4;
        if wrong || !components[..usize::from(count)].iter().all(possible) {
            return Err(corrupt("has a damaged frame header", at));
        }
        Ok(Self { progressive: marker == 0xc2, width, height, components, count })
    }

    /// Its components: one for grey, three for colour, four for print.
    pub fn components(&self) -> &[Component] {
        &self.components[..usize::from(self.count)]
    }

    /// The greatest sampling of all, in a row and in a column.
    pub fn sampling(&self) -> (u8, u8) {
        self.components().iter().fold((1, 1), |most, c| (most.0.max(c.sampling.0), most.1.max(c.sampling.1)))
    }

    /// How many of the smallest coded units are in a row and in a column, where all components are coded together.
    pub fn units(&self) -> (usize, usize) {
        let (h, v) = self.sampling();
        let units = |pixels: u16, most: u8| usize::from(pixels).div_ceil(8 * usize::from(most));
        (units(self.width, h), units(self.height, v))
    }

    /// Samples in a row and in a column of `component`.
    pub fn samples(&self, component: &Component) -> (usize, usize) {
        let (h, v) = self.sampling();
        let samples = |pixels: u16, own: u8, most: u8| {
            (usize::from(pixels) * usize::from(own)).div_ceil(usize::from(most))
        };
        (samples(self.width, component.sampling.0, h), samples(self.height, component.sampling.1, v))
    }
}

/// One component of a scan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ScanComponent {
    /// Which of the frame's components it is.
    pub index: u8,
    /// Its Huffman tables, 0 to 3: for DC values and for AC values.
    pub tables: (u8, u8),
}

/// What SOS declares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ScanHeader {
    components: [ScanComponent; 4],
    count: u8,
    /// The first and the last coefficient that it codes, 0 to 63; a sequential scan codes all.
    pub spectrum: (u8, u8),
    /// Ah, Al: the bits that came before and the one that it ends at. Both 0 in a sequential scan.
    pub approximation: (u8, u8),
}

impl ScanHeader {
    /// The header with this payload in a picture of `frame`; `at` is its offset, for the error.
    ///
    /// # Errors
    /// `CorruptFrame` for what cannot be.
    pub fn parse(frame: &FrameHeader, payload: &[u8], at: usize) -> Result<Self> {
        let damaged = || corrupt("has a damaged scan header", at);
        let (&count, rest) = payload.split_first().ok_or_else(damaged)?;
        let (table, rest) = rest.split_at_checked(2 * usize::from(count)).ok_or_else(damaged)?;
        let &[first, last, approximation] = rest else { return Err(damaged()) };
        let mut components = [ScanComponent::default(); 4];
        let mut blocks = 0;
        if !(1..=4).contains(&count) {
            return Err(damaged());
        }
        for (component, &[id, tables]) in components.iter_mut().zip(table.as_chunks::<2>().0) {
            let index = frame.components().iter().position(|c| c.id == id).ok_or_else(damaged)?;
            let (h, v) = frame.components()[index].sampling;
            blocks += h * v;
            *component = ScanComponent { index: index as u8, tables: (tables >> 4, tables & 15) };
            if component.tables.0 > 3 || component.tables.1 > 3 {
                return Err(damaged());
            }
        }
        let (mut spectrum, mut approximation) = ((first, last), (approximation >> 4, approximation & 15));
        if !frame.progressive {
            // Decoders do not look at them either.
            (spectrum, approximation) = ((0, 63), (0, 0));
        }
        let band = match spectrum {
            (0, 0) => frame.progressive,
            (0, 63) => !frame.progressive,
            (first, last) => first > 0 && first <= last && last < 64 && count == 1,
        };
        if !band || approximation.1 > 13 || (count > 1 && blocks > 10) {
            return Err(damaged());
        }
        Ok(Self { components, count, spectrum, approximation })
    }

    /// Its components.
    pub fn components(&self) -> &[ScanComponent] {
        &self.components[..usize::from(self.count)]
    }

    /// Whether it is the first of its band, and codes more than one more bit.
    pub fn is_first(&self) -> bool {
        self.approximation.0 == 0
    }

    /// How many blocks it codes.
    pub fn blocks(&self, frame: &FrameHeader) -> usize {
        let of = |scan: &ScanComponent| &frame.components()[usize::from(scan.index)];
        match self.components() {
            [only] => {
                let (width, height) = frame.samples(of(only));
                width.div_ceil(8) * height.div_ceil(8)
            }
            several => {
                let (columns, rows) = frame.units();
                let of_unit = |scan| of(scan).sampling.0 * of(scan).sampling.1;
                columns * rows * several.iter().map(|scan| usize::from(of_unit(scan))).sum::<usize>()
            }
        }
    }
}

fn unsupported(what: std::fmt::Arguments<'_>) -> Error {
    Error::new(ErrorKind::Unsupported, format!("the JPEG {what}, which browsers do not show"))
        .with_remedy("use baseline or progressive JPEG")
}
