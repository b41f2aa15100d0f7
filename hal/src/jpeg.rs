//! The outside of a JPEG: its markers, without decoding a pixel.
//!
//! Enough to tell a whole picture from a damaged one, and to know its size. Markers are those of ITU-T T.81,
//! table B.1.

mod header;
mod segments;

pub use header::{Component, FrameHeader, ScanComponent, ScanHeader};
pub use segments::{Segment, segments};

use crate::{Error, ErrorKind, Result};

const SOI: u8 = 0xd8;
const EOI: u8 = 0xd9;
const SOS: u8 = 0xda;
const DQT: u8 = 0xdb;
const DHT: u8 = 0xc4;
const TEM: u8 = 0x01;
const RST0: u8 = 0xd0;
const RST7: u8 = 0xd7;

/// What the markers of a whole JPEG say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Info {
    /// Pixels in a row.
    pub width: u16,
    /// Rows.
    pub height: u16,
    /// Number of components: 1 for grey, 3 for colour, 4 for print.
    pub components: u8,
    /// Whether the Huffman tables that its scans use are there. Many USB cameras leave them out (the AVI1 habit),
    /// or some of them; most decoders then refuse the picture.
    pub huffman_tables: bool,
    /// Whether the quantization tables of its components are there.
    pub quantization_tables: bool,
    /// Where standard Huffman tables may go in, so that those that are there take their place: offset of the first
    /// DHT marker, or of the first SOS marker.
    pub tables: usize,
    /// Offset of the first SOS marker.
    pub scan: usize,
    /// Whether there are bytes between segments that belong to none.
    pub stray: bool,
    /// Length from SOI to EOI, both included; what follows is padding.
    pub len: usize,
}

/// Walks the markers from SOI to EOI.
///
/// # Errors
/// [`CorruptFrame`](ErrorKind::CorruptFrame), with the offset, when the bytes do not begin with SOI, a segment
/// runs past the end or cannot be, there is no frame header with a size before the first scan, no EOI follows the
/// last scan (a truncated picture), a component has no scan, or a scan is too short for the blocks that it must
/// hold. [`Unsupported`](ErrorKind::Unsupported) for JPEGs that browsers do not show: lossless, arithmetic-coded,
/// hierarchical, of 12 bits a sample or two components.
pub fn inspect(bytes: &[u8]) -> Result<Info> {
    let mut walk = Walk::default();
    let mut end = 0;
    for segment in segments(bytes) {
        let segment = segment?;
        walk.stray |= segment.at > end;
        end = segment.end;
        match segment.marker {
            EOI => return walk.info(&segment),
            SOS => walk.scan(&segment)?,
            DQT => walk.quantization(&segment)?,
            DHT => walk.huffman(&segment)?,
            marker if FrameHeader::is(marker) => walk.frame(&segment)?,
            _ => {}
        }
    }
    Err(corrupt("is truncated", bytes.len()))
}

/// The size that a JPEG declares, read from its first frame header; `None` where there is none.
///
/// It checks little: whether the picture is whole is up to [`inspect`].
pub fn size(bytes: &[u8]) -> Option<(u16, u16)> {
    let mut headers = segments(bytes).map_while(Result::ok).take_while(|segment| segment.marker != SOS);
    let frame = headers.find(|segment| FrameHeader::is(segment.marker))?;
    let &[_, h1, h0, w1, w0, ..] = frame.payload else { return None };
    Some((u16::from_be_bytes([w1, w0]), u16::from_be_bytes([h1, h0]))).filter(|&(w, h)| w > 0 && h > 0)
}

/// What is known of a picture so far.
#[derive(Default)]
struct Walk {
    frame: Option<FrameHeader>,
    /// Tables that are there, a bit each: by number, and those for AC values from bit 4 on.
    quantization: u8,
    huffman: u8,
    /// Whether a scan used a Huffman table that was not there.
    missing: bool,
    tables: Option<usize>,
    scan: Option<usize>,
    /// Components that have a scan, a bit each.
    scanned: u8,
    stray: bool,
}

impl Walk {
    fn frame(&mut self, segment: &Segment<'_>) -> Result<()> {
        let header = FrameHeader::parse(segment.marker, segment.payload, segment.at)?;
        match self.frame.replace(header) {
            None => Ok(()),
            Some(_) => Err(corrupt("has a second frame header", segment.at)),
        }
    }

    fn quantization(&mut self, segment: &Segment<'_>) -> Result<()> {
        let mut rest = segment.payload;
        while let Some((&head, tables)) = rest.split_first() {
            let len = if head < 16 { 64 } else { 128 };
            let damaged = || corrupt("has a damaged quantization table", segment.at);
            rest = tables.split_at_checked(len).filter(|_| head & 0xec == 0).ok_or_else(damaged)?.1;
            self.quantization |= 1 << (head & 3);
        }
        Ok(())
    }

    fn huffman(&mut self, segment: &Segment<'_>) -> Result<()> {
        self.tables.get_or_insert(segment.at);
        let mut rest = segment.payload;
        while !rest.is_empty() {
            let damaged = || corrupt("has a damaged Huffman table", segment.at);
            let (&[head, ref counts @ ..], values) = rest.split_first_chunk::<17>().ok_or_else(damaged)?;
            let len = counts.iter().map(|&n| usize::from(n)).sum();
            // Of 1 << 16, the share of all codes.
            let codes: u32 = counts.iter().zip(1u32..).map(|(&n, bits)| u32::from(n) << (16 - bits)).sum();
            let possible = head & 0xec == 0 && len <= 256 && codes <= 1 << 16;
            rest = values.split_at_checked(len).filter(|_| possible).ok_or_else(damaged)?.1;
            self.huffman |= 1 << ((head & 3) | ((head & 0x10) >> 2));
        }
        Ok(())
    }

    fn scan(&mut self, segment: &Segment<'_>) -> Result<()> {
        let at = segment.at;
        let frame = self.frame.ok_or_else(|| corrupt("has a scan before its frame header", at))?;
        let scan = ScanHeader::parse(&frame, segment.payload, at)?;
        self.scan.get_or_insert(at);
        let (dc, ac) = (scan.spectrum.0 == 0, scan.spectrum.1 > 0);
        for component in scan.components() {
            let tables = component.tables;
            let mut used = 0;
            if dc && scan.is_first() {
                used |= 1 << tables.0;
            }
            if ac {
                used |= 0x10 << tables.1;
            }
            let missing = used & !self.huffman;
            // The standard ones have the numbers 0 and 1, and are made for sequential scans.
            if missing & 0xcc != 0 || (missing != 0 && frame.progressive) {
                return Err(corrupt("has a scan without its Huffman tables", at));
            }
            self.missing |= missing != 0;
            if dc {
                self.scanned |= 1 << component.index;
            }
        }
        // Each block takes one bit of its DC value at least, and another one where its AC values follow.
        let least = if ac { 2 } else { 1 };
        if dc && scan.blocks(&frame) * least > segment.data.len() * 8 {
            return Err(corrupt("has a scan too short for its size", at));
        }
        Ok(())
    }

    fn info(&self, eoi: &Segment<'_>) -> Result<Info> {
        let scan = self.scan.ok_or_else(|| corrupt("ends before its first scan", eoi.at))?;
        let frame = self.frame.ok_or_else(|| corrupt("has no frame header", eoi.at))?;
        let components = frame.components();
        if self.scanned.count_ones() as usize != components.len() {
            return Err(corrupt("ends before the scan of a component", eoi.at));
        }
        Ok(Info {
            width: frame.width,
            height: frame.height,
            components: components.len() as u8,
            huffman_tables: !self.missing,
            quantization_tables: components.iter().all(|c| self.quantization & (1 << c.quantization) != 0),
            tables: self.tables.unwrap_or(scan).min(scan),
            scan,
            stray: self.stray,
            len: eoi.end,
        })
    }
}

fn corrupt(what: &str, at: usize) -> Error {
    Error::new(ErrorKind::CorruptFrame, format!("the JPEG {what} (at byte {at})"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A 3x2 grey picture as far as the markers go.
    const TINY: &[u8] = &[
        0xff, 0xd8, // SOI
        0xff, 0xe0, 0x00, 0x04, 0x4a, 0x46, // APP0
        0xff, 0xc0, 0x00, 0x0b, 8, 0, 2, 0, 3, 1, 1, 0x11, 0, // SOF0
        0xff, 0xc4, 0x00, 0x14, 0x00, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, // DHT
        0xff, 0xc4, 0x00, 0x14, 0x10, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, // DHT
        0xff, 0xda, 0x00, 0x08, 1, 1, 0, 0, 63, 0, // SOS
        0x12, 0xff, 0x00, 0x34, 0xff, 0xd0, 0x56, // data, stuffed zero, restart
        0xff, 0xff, 0xd9, // fill, EOI
    ];
    const SOF: usize = 8;
    const DHT: usize = 21;
    const SCAN: usize = 65;

    /// [`TINY`] with `bytes` put in at `at` in place of `removed` ones.
    fn changed(at: usize, removed: usize, bytes: &[u8]) -> Vec<u8> {
        let mut changed = TINY.to_vec();
        changed.splice(at..at + removed, bytes.iter().copied());
        changed
    }

    fn refused(bytes: &[u8]) -> (ErrorKind, String) {
        let error = inspect(bytes).unwrap_err();
        (error.kind(), error.to_string())
    }

    #[test]
    fn whole_padded_picture_is_described() {
        let mut padded = TINY.to_vec();
        padded.extend([0; 5]);
        let info = inspect(&padded).unwrap();
        let want = Info {
            width: 3,
            height: 2,
            components: 1,
            huffman_tables: true,
            quantization_tables: false,
            tables: DHT,
            scan: SCAN,
            stray: false,
            len: TINY.len(),
        };
        assert_eq!(info, want);
        assert_eq!(size(&padded), Some((3, 2)));
        assert_eq!(size(&padded[..SOF]), None);
    }

    #[test]
    fn truncation_anywhere_is_corrupt() {
        for len in 0..TINY.len() {
            assert_eq!(refused(&TINY[..len]).0, ErrorKind::CorruptFrame, "{len}");
            assert_eq!(
                refused(&[&TINY[..len], &[0; 64]].concat()).0,
                ErrorKind::CorruptFrame,
                "{len}, padded"
            );
        }
    }

    #[test]
    fn missing_huffman_tables_are_reported_with_their_place() {
        let all = 44;
        let empty = [0xff, 0xc4, 0, 2];
        for (bytes, tables) in [
            (changed(DHT, all, &[]), DHT),
            (changed(DHT, all, &empty), DHT),
            (changed(DHT, all / 2, &[]), DHT),
            (changed(DHT + all / 2, all / 2, &[]), DHT),
        ] {
            let info = inspect(&bytes).unwrap();
            assert_eq!((info.huffman_tables, info.tables), (false, tables));
        }
        // A table of no number that the standard ones have.
        let other = changed(SCAN + 6, 1, &[0x22]);
        assert!(refused(&other).1.contains("without its Huffman tables"));
    }

    #[test]
    fn jpeg_that_browsers_do_not_show_is_unsupported() {
        for (marker, what) in [
            (0xc3, "lossless"),
            (0xc5, "hierarchical"),
            (0xc9, "arithmetic-coded"),
            (0xca, "arithmetic-coded"),
            (0xcf, "hierarchical"),
            (0xde, "hierarchical"),
            (0xf7, "lossless"),
        ] {
            let (kind, text) = refused(&changed(SOF + 1, 1, &[marker]));
            assert_eq!(kind, ErrorKind::Unsupported);
            let want =
                format!("the JPEG is {what}, which browsers do not show; use baseline or progressive JPEG");
            assert_eq!(text, want, "{marker:x}");
        }
        let (kind, text) = refused(&changed(SOF + 4, 1, &[12]));
        assert!(kind == ErrorKind::Unsupported && text.contains("12 bits a sample"), "{text}");
        let (kind, text) = refused(&changed(SOF + 2, 8, &[0, 14, 8, 0, 2, 0, 3, 2, 2, 0x11, 0]));
        assert!(kind == ErrorKind::Unsupported && text.contains("2 components"), "{text}");
    }

    #[test]
    fn impossible_values_are_corrupt() {
        let sof = &TINY[SOF..DHT];
        let sos = &TINY[SCAN..TINY.len() - 3];
        let end = TINY.len() - 3;
        for (bytes, what) in [
            (changed(SOF + 5, 2, &[0, 0]), "empty frame header"),
            (changed(SOF + 9, 1, &[0]), "empty frame header"),
            (changed(SOF + 9, 1, &[3]), "damaged frame header"),
            (changed(SOF + 11, 1, &[0x51]), "damaged frame header"),
            (changed(SOF + 11, 1, &[0x10]), "damaged frame header"),
            (changed(DHT, 0, sof), "second frame header"),
            (changed(end, 0, sof), "second frame header"),
            (changed(SOF, sof.len(), &[]), "scan before its frame header"),
            (changed(SCAN, sos.len(), &[]), "ends before its first scan"),
            (changed(SCAN + 4, 1, &[2]), "damaged scan header"),
            (changed(SCAN + 5, 1, &[9]), "damaged scan header"),
            (changed(DHT + 4, 1, &[0x20]), "damaged Huffman table"),
            (changed(DHT + 5, 1, &[3]), "damaged Huffman table"),
            (changed(DHT, 0, &[0xff, 0xdb, 0, 4, 0, 16]), "damaged quantization table"),
            (changed(SOF + 5, 4, &[0x75, 0x30, 0x75, 0x30]), "too short for its size"),
        ] {
            let (kind, text) = refused(&bytes);
            assert!(kind == ErrorKind::CorruptFrame && text.contains(what), "{what}: {text}");
        }
    }

    #[test]
    fn component_without_a_scan_is_corrupt() {
        let three = [0, 17, 8, 0, 2, 0, 3, 3, 1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0];
        assert!(refused(&changed(SOF + 2, 11, &three)).1.contains("before the scan of a component"));
    }

    #[test]
    fn bytes_between_segments_are_skipped() {
        for stray in [&[0][..], &[0, 0, 0], &[0xff, 0x00], &[0x0a]] {
            for at in [2, SOF, DHT, SCAN] {
                let info = inspect(&changed(at, 0, stray)).unwrap();
                assert!(info.stray && info.len == TINY.len() + stray.len());
            }
        }
    }

    proptest! {
        #[test]
        fn any_bytes_give_a_picture_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = inspect(&bytes);
        }

        #[test]
        fn any_damage_gives_a_picture_or_an_error(at in 0..TINY.len(), value: u8) {
            let mut bytes = TINY.to_vec();
            bytes[at] = value;
            let _ = size(&bytes);
            if let Ok(info) = inspect(&bytes) {
                prop_assert!(info.len <= bytes.len() && info.scan < info.len);
            }
        }
    }
}
