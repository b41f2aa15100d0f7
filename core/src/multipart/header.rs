//! The header block of a part.

use super::Part;
use bytes::Bytes;
use std::time::Duration;

/// The relevant contents of a header block.
#[derive(Debug, Default)]
pub(super) struct Header {
    pub(super) length: Option<usize>,
    content_type: Option<String>,
    timestamp: Option<Duration>,
    sequence: Option<u64>,
}

/// The end of the block, including the blank line; `searched` is the start of a line, and advances.
pub(super) fn end(buffer: &[u8], searched: &mut usize) -> Option<usize> {
    loop {
        let rest = &buffer[*searched..];
        let line = rest.iter().position(|&b| b == b'\n')?;
        *searched += line + 1;
        if matches!(rest[..line], [] | [b'\r']) {
            return Some(*searched);
        }
    }
}

impl Header {
    /// Reads the known headers; lines that are not headers are ignored.
    pub(super) fn parse(block: &[u8]) -> Self {
        let mut header = Self::default();
        for line in block.split(|&b| b == b'\n') {
            let line = String::from_utf8_lossy(line);
            let Some((name, value)) = line.split_once(':') else { continue };
            let value = value.trim();
            match name.trim().to_ascii_lowercase().as_str() {
                "content-length" => header.length = value.parse().ok(),
                "content-type" => header.content_type = Some(value.to_string()),
                "x-timestamp" => header.timestamp = seconds(value),
                "x-sequence" => header.sequence = value.parse().ok(),
                _ => {}
            }
        }
        header
    }

    /// The part with this header, whose values are moved into it.
    pub(super) fn part(&mut self, body: Bytes) -> Part {
        let Self { content_type, timestamp, sequence, .. } = std::mem::take(self);
        Part { content_type, timestamp, sequence, body }
    }
}

/// Seconds with any number of decimals, to the nanosecond: floating point would be off by tenths of microseconds.
fn seconds(text: &str) -> Option<Duration> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if !whole.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit()) {
        return None;
    }
    let nanos = fraction.bytes().map(|b| u32::from(b - b'0')).chain(std::iter::repeat(0)).take(9);
    Some(Duration::new(whole.parse().ok()?, nanos.fold(0, |nanos, digit| nanos * 10 + digit)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamp_is_decimal_seconds_or_none() {
        for (text, want) in [
            ("1795000000.000005", Some(Duration::new(1_795_000_000, 5_000))),
            ("12", Some(Duration::from_secs(12))),
            ("12.", Some(Duration::from_secs(12))),
            ("0.1234567891234", Some(Duration::from_nanos(123_456_789))),
            ("-1.0", None),
            (".5", None),
            ("1.-5", None),
            ("1e9", None),
            ("99999999999999999999", None),
            ("", None),
        ] {
            assert_eq!(seconds(text), want, "{text}");
        }
    }

    #[test]
    fn careless_header_block_gives_what_is_readable() {
        let header =
            Header::parse(b"nonsense\r\nCONTENT-LENGTH : 12 \r\nx-sequence: -1\nContent-Type:a:b\r\n\r\n");
        assert_eq!((header.length, header.sequence), (Some(12), None));
        assert_eq!(header.content_type.as_deref(), Some("a:b"));
        assert_eq!(Header::parse(b"Content-Length: -1\r\nContent-Length: x\r\n\r\n").length, None);
    }
}
