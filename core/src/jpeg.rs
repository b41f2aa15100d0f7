//! Compressed frames from cameras: whole, and with the tables that every decoder needs.

use crate::huffman::{AC, DC};
use eyelet_hal::{
    Result,
    jpeg::{Info, inspect},
};

/// Appends the JPEG in `bytes` to `out`, as every decoder takes it.
///
/// What follows EOI (padding up to the driver's buffer size) is left out. Where the picture has no Huffman
/// tables, as those of many USB cameras, the standard ones of ITU-T T.81, annex K.3, go in before its first
/// scan. The rest is copied byte for byte; nothing is decoded. The returned [`Info`] describes what was
/// appended, offsets counted from its SOI.
///
/// # Errors
/// `CorruptFrame` when `bytes` is not one whole JPEG as far as its markers tell (truncated, damaged headers);
/// `out` is then as it was.
///
/// ```
/// assert!(eyelet_core::jpeg::repair(b"\xff\xd8 cut off", &mut Vec::new()).is_err());
/// ```
pub fn repair(bytes: &[u8], out: &mut Vec<u8>) -> Result<Info> {
    let mut info = inspect(bytes)?;
    let (headers, scans) = bytes[..info.len].split_at(info.scan);
    let most = info.len + STANDARD_TABLES_LEN;
    if out.capacity() - out.len() < most {
        // An eighth is what pictures of one camera differ by; `reserve` would double what was there.
        out.reserve_exact(most + most / 8);
    }
    out.extend_from_slice(headers);
    if !info.huffman_tables {
        push_standard_tables(out);
        info.huffman_tables = true;
        info.scan += STANDARD_TABLES_LEN;
        info.len += STANDARD_TABLES_LEN;
    }
    out.extend_from_slice(scans);
    Ok(info)
}

/// Marker, length field, and for each table its 17 bytes of head and its values.
const STANDARD_TABLES_LEN: usize = 2 + 2 + 4 * 17 + 2 * 12 + 2 * 162;

fn push_standard_tables(out: &mut Vec<u8>) {
    out.extend_from_slice(&[0xff, 0xc4]);
    out.extend_from_slice(&(STANDARD_TABLES_LEN as u16 - 2).to_be_bytes());
    for id in 0..2 {
        for (class, table) in [(0x00, &DC[usize::from(id)]), (0x10, &AC[usize::from(id)])] {
            out.push(class | id);
            out.extend_from_slice(&table.counts);
            out.extend_from_slice(table.values);
        }
    }
}
