//! 10,000 pictures gone wrong: the marker walk, the repair, the pass-through encoder and the reader of `watch` answer
//! each of them, and what they accept is whole.

use eyelet_core::{
    encode,
    jpeg::{check, repair},
    multipart::Reader,
};
use eyelet_hal::{
    Error, ErrorKind, Frame, FrameMeta, PixelFormat, Plane, Quality, StreamFormat,
    jpeg::{Info, inspect},
};
use eyelet_soak::mutation::mutated;
use fastrand::Rng;

const INPUTS: usize = 10_000;

/// Small pictures of every sort that the encoder makes, with padding, and without Huffman tables.
fn pictures() -> Vec<Vec<u8>> {
    let mut encoder = encode::by_name("auto").unwrap();
    let mut rng = Rng::with_seed(1);
    let mut pictures = Vec::new();
    for pixel in [PixelFormat::Grey, PixelFormat::I420, PixelFormat::Yuv422p] {
        let format = StreamFormat::new(pixel, 24, 16).unwrap();
        let planes: Vec<_> = (0..pixel.planes())
            .map(|index| {
                let plane = format.plane(index).unwrap();
                let bytes: Vec<u8> = (0..plane.row_bytes * plane.rows).map(|_| rng.u8(..)).collect();
                (bytes, plane.row_bytes)
            })
            .collect();
        let lent: Vec<_> = planes.iter().map(|(bytes, stride)| Plane::host(bytes, *stride)).collect();
        let frame = Frame::new(format, FrameMeta::default(), &lent).unwrap();
        let mut jpeg = Vec::new();
        encoder.encode(&frame, Quality::DEFAULT, &mut jpeg).unwrap();
        pictures.push(without_tables(&jpeg));
        pictures.push([&jpeg[..], &[0; 100]].concat());
        pictures.push(jpeg);
    }
    pictures
}

/// As the cameras send it that leave the tables out.
fn without_tables(jpeg: &[u8]) -> Vec<u8> {
    let mut bytes = jpeg[..2].to_vec();
    let (mut at, scan) = (2, inspect(jpeg).unwrap().scan);
    while at < scan {
        let end = at + 2 + usize::from(u16::from_be_bytes([jpeg[at + 2], jpeg[at + 3]]));
        if jpeg[at + 1] != 0xc4 {
            bytes.extend_from_slice(&jpeg[at..end]);
        }
        at = end;
    }
    bytes.extend_from_slice(&jpeg[scan..]);
    bytes
}

/// Damaged, or of a kind that browsers do not show.
fn is_refusal(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::CorruptFrame | ErrorKind::Unsupported)
}

/// What accepts the picture, and its findings.
fn accepted(bytes: &[u8]) -> Option<Info> {
    let mut out = vec![7];
    let repaired = repair(bytes, &mut out);
    let info = check(bytes).ok().filter(|info| info.quantization_tables);
    let Some(info) = info else {
        assert!(is_refusal(&repaired.unwrap_err()) && out == [7]);
        return None;
    };
    // EOI may have gone in.
    assert!(info.scan < info.len && info.len <= bytes.len() + 2);
    let repaired = repaired.unwrap();
    assert!(repaired.huffman_tables);
    assert_eq!(inspect(&out[1..]).unwrap(), repaired);
    assert_eq!((repaired.width, repaired.height), (info.width, info.height));
    Some(info)
}

#[test]
fn mutated_pictures_are_passed_on_whole_or_refused() {
    let corpus = pictures();
    assert!(corpus.iter().all(|picture| accepted(picture).is_some()), "the corpus is good");
    let mut encoder = encode::by_name("auto").unwrap();
    let format = StreamFormat::new(PixelFormat::Jpeg, 24, 16).unwrap();
    let mut rng = Rng::with_seed(2);
    let (mut passed, mut refused) = (0, 0);
    for _ in 0..INPUTS {
        let bytes = mutated(&mut rng, &corpus);
        let accepted = accepted(&bytes);
        let Ok(frame) = Frame::new(format, FrameMeta::default(), &[Plane::host(&bytes, 0)]) else {
            assert!(bytes.is_empty());
            continue;
        };
        let mut out = Vec::new();
        match encoder.encode(&frame, Quality::DEFAULT, &mut out) {
            Ok(()) => {
                passed += 1;
                let info = inspect(&out).unwrap();
                assert_eq!((info.width, info.height, info.len), (24, 16, out.len()));
            }
            Err(error) => {
                refused += 1;
                assert!(is_refusal(&error) && out.is_empty());
                assert!(accepted.is_none_or(|info| (info.width, info.height) != (24, 16)), "{error}");
            }
        }
    }
    assert!(passed > INPUTS / 10 && refused > INPUTS / 10, "{passed} passed, {refused} refused");
}

#[test]
fn mutated_streams_are_read_the_same_in_any_split() {
    let corpus: Vec<Vec<u8>> = pictures()
        .iter()
        .enumerate()
        .map(|(sequence, picture)| {
            let length = picture.len();
            let head = match sequence % 3 {
                0 => format!("Content-Length: {length}\r\nX-Sequence: {sequence}\r\n"),
                1 => format!("Content-Type: image/jpeg\r\nX-Timestamp: {sequence}.5\r\n"),
                _ => format!("content-length:{}\r\n", length + 10),
            };
            [b"--frame\r\n", head.as_bytes(), b"\r\n", picture, b"\r\n--frame\r\n\r\nA\r\n--frame\r\n"]
                .concat()
        })
        .collect();
    let mut rng = Rng::with_seed(3);
    let mut parts = 0;
    for _ in 0..INPUTS {
        let stream = mutated(&mut rng, &corpus);
        let whole = read(&stream, || usize::MAX);
        assert_eq!(read(&stream, || 1 + rng.usize(..500)), whole);
        parts += whole.0.len();
    }
    assert!(parts > INPUTS / 2, "{parts} parts");
}

/// The bodies, and whether it ended in an error.
fn read(stream: &[u8], mut piece: impl FnMut() -> usize) -> (Vec<Vec<u8>>, bool) {
    let mut reader = Reader::new("multipart/x-mixed-replace; boundary=frame").unwrap();
    let (mut bodies, mut rest) = (Vec::new(), stream);
    while !rest.is_empty() {
        let (bytes, later) = rest.split_at(rest.len().min(piece()));
        rest = later;
        reader.push(bytes);
        loop {
            match reader.next_part() {
                Ok(Some(part)) => bodies.push(part.body.to_vec()),
                Ok(None) => break,
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::CorruptFrame);
                    return (bodies, true);
                }
            }
        }
    }
    bodies.extend(reader.finish().map(|part| part.body.to_vec()));
    (bodies, false)
}
