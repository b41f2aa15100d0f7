//! Streams written, cut anywhere and read again.

use eyelet_core::multipart::{Limits, Part, Reader};
use eyelet_hal::{ErrorKind, Result};
use proptest::prelude::*;
use std::time::Duration;

const TYPE: &str = "multipart/x-mixed-replace; boundary=frame";

/// Feeds `stream` in pieces of the given lengths, again and again, and gives all parts, the one at the end included.
fn read(content_type: &str, stream: &[u8], pieces: &[usize]) -> Result<Vec<Part>> {
    let mut reader = Reader::new(content_type)?;
    let mut parts = vec![];
    let mut rest = stream;
    for len in pieces.iter().cycle() {
        let (piece, after) = rest.split_at((*len).min(rest.len()));
        reader.push(piece);
        while let Some(part) = reader.next_part()? {
            parts.push(part);
        }
        rest = after;
        if rest.is_empty() {
            parts.extend(reader.finish());
            break;
        }
    }
    Ok(parts)
}

fn bodies(content_type: &str, stream: &[u8]) -> Vec<Vec<u8>> {
    let parts = read(content_type, stream, &[1]).unwrap();
    parts.into_iter().map(|part| part.body.to_vec()).collect()
}

#[derive(Clone, Debug)]
struct Written {
    body: Vec<u8>,
    sized: bool,
    timestamp: Option<Duration>,
    sequence: Option<u64>,
}

/// A body of noise, line ends and things that look like boundaries.
fn body() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        3 => prop::collection::vec(any::<u8>(), 0..40),
        1 => Just(b"\r\n".to_vec()),
        1 => Just(b"\r\n--fram".to_vec()),
        1 => Just(b"\r\n--frame-".to_vec()),
        1 => Just(b"--frame\r\n".to_vec()),
        1 => Just(b"\r\n--frame\r\nContent-Length: 3\r\n\r\n".to_vec()),
        1 => Just(b"\r\n--frame--".to_vec()),
        1 => Just(b"\xff\xd8\xff\xd9".to_vec()),
    ];
    prop::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat())
}

fn written() -> impl Strategy<Value = Written> {
    let timestamp = prop::option::of((0u64..4_000_000_000, 0u32..1_000_000));
    (body(), any::<bool>(), timestamp, any::<Option<u64>>()).prop_map(|(body, sized, at, sequence)| {
        let text = [b"\n", &body[..]].concat();
        let ambiguous = text.windows(8).any(|w| w == b"\n--frame");
        let timestamp = at.map(|(secs, micros)| Duration::new(secs, micros * 1000));
        Written { sized: sized || ambiguous, body, timestamp, sequence }
    })
}

impl Written {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend(b"Content-Type: image/jpeg\r\n");
        if self.sized {
            out.extend(format!("Content-Length: {}\r\n", self.body.len()).bytes());
        }
        if let Some(at) = self.timestamp {
            out.extend(format!("X-Timestamp: {}.{:06}\r\n", at.as_secs(), at.subsec_micros()).bytes());
        }
        if let Some(sequence) = self.sequence {
            out.extend(format!("X-Sequence: {sequence}\r\n").bytes());
        }
        out.extend(b"\r\n");
        out.extend(&self.body);
    }
}

proptest! {
    #[test]
    fn parts_survive_any_split(
        written in prop::collection::vec(written(), 0..6),
        pieces in prop::collection::vec(1..200usize, 1..20),
        start in prop::sample::select(vec!["", "\r\n", "hello\r\n", "--\r\n--frame no\r\n", "---frame-\r\n\n"]),
        closed: bool,
    ) {
        let mut stream = start.as_bytes().to_vec();
        stream.extend(b"--frame\r\n");
        for (i, part) in written.iter().enumerate() {
            part.write(&mut stream);
            let end = if closed && i + 1 == written.len() { "\r\n--frame--\r\nignored" } else { "\r\n--frame\r\n" };
            stream.extend(end.bytes());
        }
        let parts = read(TYPE, &stream, &pieces).unwrap();
        prop_assert_eq!(parts.len(), written.len());
        for (got, want) in parts.iter().zip(&written) {
            prop_assert_eq!(&got.body[..], &want.body[..]);
            prop_assert_eq!(got.timestamp, want.timestamp);
            prop_assert_eq!(got.sequence, want.sequence);
            prop_assert_eq!(got.content_type.as_deref(), Some("image/jpeg"));
        }
    }

    #[test]
    fn arbitrary_bytes_are_read_the_same_in_any_split(
        junk in prop::collection::vec(body(), 0..8),
        pieces in prop::collection::vec(1..200usize, 1..20),
    ) {
        let stream = junk.concat();
        let whole = read(TYPE, &stream, &[usize::MAX]).map_err(|e| e.to_string());
        let split = read(TYPE, &stream, &pieces).map_err(|e| e.to_string());
        prop_assert_eq!(whole, split);
    }

    #[test]
    fn arbitrary_content_type_never_panics(text in "\\PC*", parameters in "[a-z=;\" \\\\-]{0,40}") {
        let _ = Reader::new(&text);
        let _ = Reader::new(&format!("multipart/x; boundary{parameters}"));
    }

    #[test]
    fn endless_input_is_bounded_in_memory(
        start in prop::sample::select(vec![
            "", "-", "--frame", "--frame ", "--frame\r\n", "--frame\r\nContent-Length: 900\r\n\r\n", "--frame\r\n\r\n",
            "--frame\r\n\r\n\r\n--frame ", "--frame\r\nContent-Length: 1\r\n\r\n", "--frame\r\nContent-Length: 1\r\n\r\nx--frame\t",
        ]),
        endless in prop::sample::select(vec!["\n", "\r", "-", " ", "x", "x\n", "--frame ", "\r\n--fram"]),
    ) {
        let mut limits = Limits::default();
        (limits.header, limits.body) = (500, 1000);
        let mut reader = Reader::with_limits(TYPE, limits).unwrap();
        reader.push(start.as_bytes());
        let mut held = start.len();
        // Until it refuses, or has taken what it was given as something that ends.
        for _ in 0..5_000 {
            reader.push(endless.as_bytes());
            held += endless.len();
            match reader.next_part() {
                Err(error) => {
                    prop_assert_eq!(error.kind(), ErrorKind::CorruptFrame);
                    prop_assert!(reader.is_finished());
                    return Ok(());
                }
                Ok(Some(_)) => held = 0,
                Ok(None) => prop_assert!(reader.unfinished() <= 1_300),
            }
            if reader.is_finished() {
                return Ok(());
            }
        }
        // Blank lines between parts are dropped as they come.
        prop_assert!(start.contains("Content-Length") && matches!(endless, "\n" | "\r"), "{} bytes held", held);
    }
}

#[test]
fn streams_of_real_servers_are_read() {
    for (name, content_type, stream) in [
        (
            "ours",
            TYPE,
            "--frame\r\nContent-Length: 1\r\n\r\nA\r\n--frame\r\nContent-Length: 1\r\n\r\nB\r\n--frame\r\n",
        ),
        (
            "ours, to browsers",
            TYPE,
            "--frame\r\nX: y\r\n\r\nA\r\n--frame\r\nX: y\r\n\r\nB\r\n--frame\r\nX: y\r\n\r\n",
        ),
        (
            "dashes in the type",
            "multipart/x-mixed-replace; boundary=--frame",
            "--frame\r\n\r\nA\r\n--frame\r\n\r\nB\r\n--frame--",
        ),
        (
            "dashes in both",
            "multipart/x-mixed-replace; boundary=--frame",
            "----frame\r\n\r\nA\r\n----frame\r\n\r\nB\r\n----frame--",
        ),
        ("bare line feeds", TYPE, "\n--frame\nContent-Length: 1\n\nA\n--frame\n\nB\n--frame\n"),
        (
            "no line end after the body",
            TYPE,
            "--frame\r\nContent-Length: 1\r\n\r\nA--frame\r\nContent-Length: 1\r\n\r\nB",
        ),
        (
            "many line ends after the body",
            TYPE,
            "--frame\r\nContent-Length: 1\r\n\r\nA\r\n\r\n\r\n--frame\r\nContent-Length: 1\r\n\r\nB",
        ),
        (
            "junk after the body",
            TYPE,
            "--frame\r\nContent-Length: 1\r\n\r\nAjunk\r\njunk\r\n--frame\r\nContent-Length: 1\r\n\r\nB",
        ),
        ("padding", TYPE, "--frame \t\r\n\r\nA\r\n--frame \r\n\r\nB\r\n--frame\r\n"),
        ("no header", TYPE, "--frame\r\n\r\nA\r\n--frame\r\n\r\nB"),
        (
            "a preamble",
            TYPE,
            "This is\r\nmultipart --frame\r\n--frames\r\n--frame\r\n\r\nA\r\n--frame\r\n\r\nB\r\n--frame",
        ),
    ] {
        assert_eq!(bodies(content_type, stream.as_bytes()), [b"A", b"B"], "{name}");
    }
    assert_eq!(
        bodies(TYPE, b"--frame\r\n\r\n--frame\r\n\r\nA\r\n--frame--"),
        [&b""[..], b"A"],
        "an empty part"
    );
}

#[test]
fn part_with_a_length_is_complete_with_its_last_byte() {
    let mut reader = Reader::new(TYPE).unwrap();
    reader.push(b"--frame\r\nContent-Length: 2\r\n\r\nA");
    assert_eq!(reader.next_part().unwrap(), None);
    assert_eq!(reader.unfinished(), 1);
    reader.push(b"B");
    assert_eq!(&reader.next_part().unwrap().unwrap().body[..], b"AB", "the boundary is not waited for");
    assert_eq!(reader.unfinished(), 0);
}

#[test]
fn limits_are_exact() {
    let mut limits = Limits::default();
    (limits.header, limits.body) = (30, 5);
    let try_one = |stream: &str| {
        let mut reader = Reader::with_limits(TYPE, limits).unwrap();
        reader.push(stream.as_bytes());
        reader.next_part().map(|part| part.map(|part| part.body.len())).map_err(|e| e.to_string())
    };
    assert_eq!(try_one("--frame\r\n\r\n12345\r\n--frame\r\n"), Ok(Some(5)));
    let too_long = "a picture is longer than 5 bytes; is it an MJPEG stream?";
    assert_eq!(try_one("--frame\r\n\r\n123456\r\n--frame\r\n"), Err(too_long.into()));
    assert_eq!(try_one("--frame\r\n\r\n12345678"), Err(too_long.into()));
    assert_eq!(try_one("--frame\r\nContent-Length: 6\r\n\r\n"), Err(too_long.into()));
    assert_eq!(
        try_one("--frame\r\nContent-Length: 99999999999999999999\r\n\r\n"),
        Err("the header of a picture is longer than 30 bytes; is it an MJPEG stream?".into())
    );
    assert_eq!(try_one("--frame\r\nX: 45678901234567890123456\r\n\r\n"), Ok(None), "30 bytes");
    assert!(try_one("--frame\r\nX: 456789012345678901234567\r\n\r\n").is_err(), "31 bytes");
}
