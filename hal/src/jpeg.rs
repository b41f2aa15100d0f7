//! The outside of a JPEG: its markers, without decoding a pixel.
//!
//! Enough to tell a whole picture from a damaged one, and to know its size. Markers are those of ITU-T T.81,
//! table B.1.

use crate::{Error, ErrorKind, Result};

const SOI: u8 = 0xd8;
const EOI: u8 = 0xd9;
const SOS: u8 = 0xda;
const DHT: u8 = 0xc4;
const TEM: u8 = 0x01;

/// What the markers of a whole JPEG say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Info {
    /// Pixels in a row.
    pub width: u16,
    /// Rows.
    pub height: u16,
    /// Number of components: 1 for grey, 3 for colour.
    pub components: u8,
    /// Whether a DHT segment comes before the first scan. Many USB cameras leave it out (the AVI1 habit); most
    /// decoders then refuse the picture.
    pub huffman_tables: bool,
    /// Offset of the first SOS marker.
    pub scan: usize,
    /// Length from SOI to EOI, both included; what follows is padding.
    pub len: usize,
}

/// Walks the markers from SOI to EOI.
///
/// # Errors
/// [`CorruptFrame`](ErrorKind::CorruptFrame), with the offset, when the bytes do not begin with SOI, a segment
/// runs past the end, there is no frame header with a size before the first scan, or no EOI follows the last
/// scan (a truncated picture).
pub fn inspect(bytes: &[u8]) -> Result<Info> {
    if bytes.get(..2) != Some(&[0xff, SOI]) {
        return Err(corrupt("does not begin with SOI", 0));
    }
    let mut header = None;
    let mut huffman_tables = false;
    let mut scan = None;
    let mut at = 2;
    loop {
        let (marker, after) = marker_at(bytes, at)?;
        match marker {
            EOI => {
                let scan = scan.ok_or_else(|| corrupt("ends before its first scan", at))?;
                let (width, height, components) = header.ok_or_else(|| corrupt("has no frame header", at))?;
                return Ok(Info { width, height, components, huffman_tables, scan, len: after });
            }
            0xd0..=0xd7 | TEM => {
                at = after;
                continue;
            }
            SOI | 0x00 => return Err(corrupt("has a marker where none may be", at)),
            _ => {}
        }
        let payload = segment(bytes, after)?;
        let end = after + 2 + payload.len();
        match marker {
            DHT => huffman_tables |= scan.is_none(),
            0xc0..=0xc3 | 0xc5..=0xc7 | 0xc9..=0xcb | 0xcd..=0xcf => {
                let &[_, h1, h0, w1, w0, components, ..] = payload else {
                    return Err(corrupt("has a short frame header", at));
                };
                let (height, width) = (u16::from_be_bytes([h1, h0]), u16::from_be_bytes([w1, w0]));
                if width == 0 || height == 0 || components == 0 {
                    return Err(corrupt("has an empty frame header", at));
                }
                header = Some((width, height, components));
            }
            SOS => {
                if header.is_none() {
                    return Err(corrupt("has a scan before its frame header", at));
                }
                scan.get_or_insert(at);
                at = skip_scan(bytes, end)?;
                continue;
            }
            _ => {}
        }
        at = end;
    }
}

fn corrupt(what: &str, at: usize) -> Error {
    Error::new(ErrorKind::CorruptFrame, format!("the JPEG {what} (at byte {at})"))
}

/// The marker at `at`, skipping fill bytes, and the offset after it.
fn marker_at(bytes: &[u8], at: usize) -> Result<(u8, usize)> {
    let rest = bytes.get(at..).unwrap_or_default();
    let fill = rest.iter().take_while(|&&b| b == 0xff).count();
    match rest.get(fill) {
        Some(&marker) if fill > 0 => Ok((marker, at + fill + 1)),
        Some(_) => Err(corrupt("has no marker where one must be", at)),
        None => Err(corrupt("is truncated", bytes.len())),
    }
}

/// The payload of the segment whose length field is at `at`.
fn segment(bytes: &[u8], at: usize) -> Result<&[u8]> {
    let truncated = || corrupt("is truncated", bytes.len());
    let field = bytes.get(at..at + 2).ok_or_else(truncated)?;
    let len = usize::from(u16::from_be_bytes([field[0], field[1]]));
    if len < 2 {
        return Err(corrupt("has a segment shorter than its length field", at));
    }
    bytes.get(at + 2..at + len).ok_or_else(truncated)
}

/// The offset of the first marker after entropy-coded data: neither a stuffed zero nor a restart.
fn skip_scan(bytes: &[u8], mut at: usize) -> Result<usize> {
    while let Some(found) = bytes.get(at..).and_then(first_ff) {
        at += found;
        match bytes.get(at + 1) {
            Some(0x00 | 0xd0..=0xd7) => at += 2,
            Some(0xff) => at += 1,
            Some(_) => return Ok(at),
            None => break,
        }
    }
    Err(corrupt("is truncated", bytes.len()))
}

/// The offset of the first 0xff: by chunks, which compilers look through with vector instructions.
fn first_ff(bytes: &[u8]) -> Option<usize> {
    let (chunks, _) = bytes.as_chunks::<32>();
    let without = |chunk: &&[u8; 32]| !chunk.iter().fold(false, |found, &b| found | (b == 0xff));
    let passed = 32 * chunks.iter().take_while(without).count();
    bytes[passed..].iter().position(|&b| b == 0xff).map(|at| passed + at)
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
        0xff, 0xc4, 0x00, 0x03, 0x00, // DHT
        0xff, 0xda, 0x00, 0x08, 1, 1, 0, 0, 63, 0, // SOS
        0x12, 0xff, 0x00, 0x34, 0xff, 0xd0, 0x56, // data, stuffed zero, restart
        0xff, 0xff, 0xd9, // fill, EOI
    ];

    #[test]
    fn a_whole_picture() {
        let mut padded = TINY.to_vec();
        padded.extend([0; 5]);
        let info = inspect(&padded).unwrap();
        let want =
            Info { width: 3, height: 2, components: 1, huffman_tables: true, scan: 26, len: TINY.len() };
        assert_eq!(info, want);
    }

    proptest! {
        #[test]
        fn the_first_of_them_is_found(len in 0usize..200, at in prop::collection::vec(0usize..200, 0..3)) {
            let mut bytes = vec![0xfe; len];
            for at in at {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = 0xff;
                }
            }
            prop_assert_eq!(first_ff(&bytes), bytes.iter().position(|&b| b == 0xff));
        }
    }

    #[test]
    fn every_truncation_is_noticed() {
        for len in 0..TINY.len() {
            let error = inspect(&TINY[..len]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::CorruptFrame, "{len}");
        }
    }

    #[test]
    fn a_missing_huffman_table_is_told() {
        let mut bytes = TINY.to_vec();
        bytes.drain(21..26);
        assert!(!inspect(&bytes).unwrap().huffman_tables);
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = inspect(&bytes);
        }

        #[test]
        fn any_damage_is_answered(at in 0..TINY.len(), value: u8) {
            let mut bytes = TINY.to_vec();
            bytes[at] = value;
            if let Ok(info) = inspect(&bytes) {
                prop_assert!(info.len <= bytes.len() && info.scan < info.len);
            }
        }
    }
}
