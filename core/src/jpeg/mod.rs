//! The JPEG format itself: checks and completes what cameras deliver, so that every decoder takes it, and decodes it for
//! [`image`](crate::image). Uses no other room.

mod decode;
mod entropy;
pub(crate) mod huffman;

pub(crate) use decode::{Plane, planes};

use eyelet_hal::{
    Error, ErrorKind, Frame, Result, StreamFormat,
    jpeg::{Info, inspect, segments},
};
use huffman::{AC, DC};

/// Where the coefficients lie in their block, in the order of the data: ITU-T T.81, figure A.6.
const ZIGZAG: [u8; 64] = [
    0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7,
    14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39,
    46, 53, 60, 61, 54, 47, 55, 62, 63,
];

/// Appends the JPEG in `bytes` to `out`, in a form that every decoder takes.
///
/// What follows EOI (padding up to the driver's buffer size) is left out, and so are bytes between segments that belong
/// to none. Where the picture lacks Huffman tables that its scans use, as those of many USB cameras do, the standard
/// ones of ITU-T T.81, annex K.3, go in before those that it has. Where nothing but padding follows the data of the last
/// block, EOI goes in; only then is anything decoded. The rest is copied byte for byte. The returned [`Info`] describes
/// what was appended, offsets counted from its SOI.
///
/// # Errors
/// As [`inspect`]: `CorruptFrame` when `bytes` is not one whole JPEG as far as its markers tell (truncated, damaged
/// headers, no quantization tables), `Unsupported` for one that browsers do not show; `out` is then as it was.
///
/// ```
/// assert!(eyelet_core::jpeg::repair(b"\xff\xd8 cut off", &mut Vec::new()).is_err());
/// ```
pub fn repair(bytes: &[u8], out: &mut Vec<u8>) -> Result<Info> {
    let mut info = match inspect(bytes) {
        Ok(info) => info,
        Err(error) => match closed(bytes) {
            Some(closed) => return repair(&closed, out),
            None => return Err(error),
        },
    };
    if info.stray {
        let mut clean = Vec::with_capacity(info.len);
        for segment in segments(bytes) {
            let segment = segment?;
            clean.extend_from_slice(&bytes[segment.at..segment.end]);
        }
        return repair(&clean, out);
    }
    if !info.quantization_tables {
        let what = "the JPEG has no quantization table for one of its components";
        return Err(Error::new(ErrorKind::CorruptFrame, what));
    }
    let (headers, rest) = bytes[..info.len].split_at(info.tables);
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
    out.extend_from_slice(rest);
    Ok(info)
}

/// As [`inspect`], but for a picture that may lack EOI, which [`repair`] puts in; `len` counts it.
///
/// # Errors
/// As [`inspect`].
pub fn check(bytes: &[u8]) -> Result<Info> {
    inspect(bytes).or_else(|error| inspect(&closed(bytes).ok_or(error)?))
}

/// The bytes of a compressed frame.
pub(crate) fn host_bytes<'a>(frame: &'a Frame<'_>) -> Result<&'a [u8]> {
    // An empty plane is one that is not in host memory.
    let bytes = frame.planes().first().map(|plane| plane.bytes).filter(|bytes| !bytes.is_empty());
    bytes.ok_or_else(|| {
        let what = format!("cannot read a {} frame: it is not in host memory", frame.format());
        Error::new(ErrorKind::Unsupported, what).with_remedy("map it")
    })
}

/// Checks that a picture has the size of its frame: right after a change of resolution, cameras deliver other ones.
pub(crate) fn check_size(info: &Info, format: StreamFormat) -> Result<()> {
    let (width, height) = (info.width, info.height);
    if (u32::from(width), u32::from(height)) == (format.width.get(), format.height.get()) {
        return Ok(());
    }
    let what = format!("the camera delivered a {width}x{height} JPEG as a {format} frame");
    Err(Error::new(ErrorKind::CorruptFrame, what))
}

/// The picture with EOI, if that is all that it lacks: nothing but padding follows its last block.
fn closed(bytes: &[u8]) -> Option<Vec<u8>> {
    // Zeros decode as blocks too: those of the picture end before the padding begins. Without any it may as well have
    // been cut off.
    let data = bytes.iter().rposition(|&b| !matches!(b, 0x00 | 0xff))? + 1;
    if data == bytes.len() {
        return None;
    }
    let mut tables = bytes.get(..2)?.to_vec();
    push_standard_tables(&mut tables);
    let put_in = tables.len() - 2;
    tables.extend_from_slice(&bytes[2..]);
    let end = decode::end_of_data(&tables)? - put_in;
    let picture = bytes.get(..end).filter(|_| end <= data)?;
    Some([picture, &[0xff, 0xd9]].concat())
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
