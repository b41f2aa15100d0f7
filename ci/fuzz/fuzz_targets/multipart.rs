//! The reader of `watch`: the same parts in any split, and never more held than its limits allow.
//!
//! The first line is the `Content-Type`; the first byte after it says how long the pieces are.
#![no_main]

use eyelet_core::multipart::{Limits, Part, Reader};
use libfuzzer_sys::fuzz_target;

const HEADER: usize = 300;
const BODY: usize = 1000;

fn read(content_type: &str, stream: &[u8], piece: usize) -> Option<(Vec<Part>, Option<String>)> {
    let mut limits = Limits::default();
    (limits.header, limits.body) = (HEADER, BODY);
    let mut reader = Reader::with_limits(content_type, limits).ok()?;
    let mut parts = Vec::new();
    for bytes in stream.chunks(piece) {
        reader.push(bytes);
        loop {
            match reader.next_part() {
                Ok(Some(part)) => parts.push(part),
                Ok(None) => break,
                Err(error) => {
                    assert!(reader.is_finished());
                    return Some((parts, Some(error.to_string())));
                }
            }
        }
        // A body, its header, and a boundary line with its padding.
        let most = HEADER + BODY + content_type.len() + 300 + bytes.len();
        assert!(reader.unfinished() <= most, "{} bytes held", reader.unfinished());
    }
    assert!(parts.iter().all(|part| part.body.len() <= BODY));
    parts.extend(reader.finish());
    Some((parts, None))
}

fuzz_target!(|bytes: &[u8]| {
    let (content_type, rest) = bytes.iter().position(|&b| b == b'\n').map_or((bytes, &[][..]), |at| {
        let (line, rest) = bytes.split_at(at);
        (line, &rest[1..])
    });
    let Ok(content_type) = std::str::from_utf8(content_type) else { return };
    let Some((&piece, stream)) = rest.split_first() else {
        let _ = Reader::new(content_type);
        return;
    };
    let whole = read(content_type, stream, usize::MAX);
    assert_eq!(read(content_type, stream, 1 + usize::from(piece)), whole);
});
