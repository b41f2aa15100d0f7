//! From marker to marker.

use super::{EOI, RST0, RST7, SOI, SOS, TEM, corrupt};
use crate::Result;

/// A marker and what belongs to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Segment<'a> {
    /// The marker's second byte.
    pub marker: u8,
    /// Offset of its first byte; fill bytes may come before the marker itself.
    pub at: usize,
    /// Offset of what follows the segment, entropy-coded data included.
    pub end: usize,
    /// What follows the length field; empty where there is none.
    pub payload: &'a [u8],
    /// The entropy-coded data that follows SOS, restart markers included; empty for the others.
    pub data: &'a [u8],
}

/// The segments of a JPEG in order, SOI and EOI included. After EOI or an error there is nothing more.
///
/// Bytes between two segments that belong to none are passed over, as decoders do: `at` of the one is then beyond
/// `end` of the other. An error is that of [`inspect`](super::inspect).
pub fn segments(bytes: &[u8]) -> impl Iterator<Item = Result<Segment<'_>>> {
    let mut at = Some(0);
    std::iter::from_fn(move || {
        let segment = next(bytes, at.take()?);
        if let Ok(Segment { marker, end, .. }) = segment
            && marker != EOI
        {
            at = Some(end);
        }
        Some(segment)
    })
}

fn next(bytes: &[u8], from: usize) -> Result<Segment<'_>> {
    if from == 0 {
        return match bytes.get(..2) {
            Some([0xff, SOI]) => Ok(Segment { marker: SOI, at: 0, end: 2, payload: &[], data: &[] }),
            _ => Err(corrupt("does not begin with SOI", 0)),
        };
    }
    let (marker, at, after) = marker(bytes, from)?;
    match marker {
        EOI | RST0..=RST7 | TEM => return Ok(Segment { marker, at, end: after, payload: &[], data: &[] }),
        SOI => return Err(corrupt("has a marker where none may be", at)),
        _ => {}
    }
    let payload = payload(bytes, after)?;
    let end = after + 2 + payload.len();
    let data = if marker == SOS { &bytes[end..end_of_data(bytes, end)] } else { &[] };
    Ok(Segment { marker, at, end: end + data.len(), payload, data })
}

/// The next marker from `from` on, its offset with its fill bytes, and the offset after it.
fn marker(bytes: &[u8], mut from: usize) -> Result<(u8, usize, usize)> {
    while let Some(found) = bytes.get(from..).and_then(first_ff) {
        let at = from + found;
        let fill = bytes[at..].iter().take_while(|&&b| b == 0xff).count();
        match bytes.get(at + fill) {
            Some(0) => from = at + fill + 1,
            Some(&marker) => return Ok((marker, at, at + fill + 1)),
            None => break,
        }
    }
    Err(corrupt("is truncated", bytes.len()))
}

/// The payload of the segment whose length field is at `at`.
fn payload(bytes: &[u8], at: usize) -> Result<&[u8]> {
    let truncated = || corrupt("is truncated", bytes.len());
    let field = bytes.get(at..at + 2).ok_or_else(truncated)?;
    let len = usize::from(u16::from_be_bytes([field[0], field[1]]));
    if len < 2 {
        return Err(corrupt("has a segment shorter than its length field", at));
    }
    bytes.get(at + 2..at + len).ok_or_else(truncated)
}

/// The offset of the first marker after entropy-coded data: neither a stuffed zero nor a restart. The end of the bytes
/// if there is none.
fn end_of_data(bytes: &[u8], mut at: usize) -> usize {
    while let Some(found) = bytes.get(at..).and_then(first_ff) {
        at += found;
        match bytes.get(at + 1) {
            Some(0x00 | RST0..=RST7) => at += 2,
            Some(0xff) => at += 1,
            Some(_) => return at,
            None => break,
        }
    }
    bytes.len()
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

    proptest! {
        #[test]
        fn first_marker_of_several_is_found(len in 0usize..200, at in prop::collection::vec(0usize..200, 0..3)) {
            let mut bytes = vec![0xfe; len];
            for at in at {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = 0xff;
                }
            }
            prop_assert_eq!(first_ff(&bytes), bytes.iter().position(|&b| b == 0xff));
        }

        #[test]
        fn segments_lie_within_the_bytes_and_follow_each_other(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let bytes = [&[0xff, SOI], &bytes[..]].concat();
            let mut end = 0;
            for segment in segments(&bytes).map_while(Result::ok) {
                prop_assert!(end <= segment.at && segment.at < segment.end && segment.end <= bytes.len());
                end = segment.end;
            }
        }
    }
}
