//! Compressed frames: repaired, refused or passed through.

use crate::{rgb, source::Source};
use eyelet_core::{
    encode::{PassThrough, ReferenceEncoder},
    jpeg::repair,
};
use eyelet_hal::{
    ErrorKind, Frame, FrameMeta, JpegEncoder, MockJpegEncoder, PixelFormat, Plane, Quality, StreamFormat,
    jpeg::inspect,
};
use proptest::prelude::*;

/// A JPEG full of detail, so that decoding it needs many of the Huffman codes.
fn detailed(pixel: PixelFormat, width: u32, height: u32, seed: u64, quality: u8) -> Vec<u8> {
    let noise = std::cell::RefCell::new(fastrand::Rng::with_seed(seed));
    let format = StreamFormat::new(pixel, width, height).unwrap();
    let source = Source::new(format, [0; 3], 0, |_, _, _| noise.borrow_mut().u8(..));
    let mut jpeg = Vec::new();
    let quality = Quality::new(quality).unwrap();
    ReferenceEncoder::new().encode(&source.frame(), quality, &mut jpeg).unwrap();
    jpeg
}

fn any_jpeg() -> impl Strategy<Value = Vec<u8>> {
    (prop::sample::select(PixelFormat::RAW.to_vec()), 1u32..40, 1u32..40, any::<u64>(), 30u8..=100)
        .prop_map(|(pixel, width, height, seed, quality)| detailed(pixel, width, height, seed, quality))
}

/// The picture without its DHT segments, and what was in them.
fn strip(jpeg: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let (mut stripped, mut tables) = (jpeg[..2].to_vec(), Vec::new());
    let mut at = 2;
    loop {
        let len = usize::from(u16::from_be_bytes([jpeg[at + 2], jpeg[at + 3]]));
        let segment = &jpeg[at..at + 2 + len];
        match segment[1] {
            0xc4 => tables.extend_from_slice(&segment[4..]),
            0xda => break,
            _ => stripped.extend_from_slice(segment),
        }
        at += segment.len();
    }
    stripped.extend_from_slice(&jpeg[at..]);
    (stripped, tables)
}

/// Expects `CorruptFrame` with `out` as it was.
fn refused(bytes: &[u8]) -> Result<(), TestCaseError> {
    let mut out = b"kept".to_vec();
    let error = repair(bytes, &mut out).unwrap_err();
    prop_assert_eq!(error.kind(), ErrorKind::CorruptFrame);
    prop_assert_eq!(&out[..], b"kept");
    Ok(())
}

proptest! {
    #[test]
    fn whole_jpeg_is_copied_without_padding(
        jpeg in any_jpeg(), padding in prop::collection::vec(any::<u8>(), 0..50),
    ) {
        let mut out = b"kept".to_vec();
        let info = repair(&[&jpeg[..], &padding].concat(), &mut out).unwrap();
        prop_assert!(out == [b"kept", &jpeg[..]].concat());
        prop_assert_eq!(info, inspect(&jpeg).unwrap());
    }

    #[test]
    fn jpeg_without_huffman_tables_gets_them(jpeg in any_jpeg()) {
        let (stripped, tables) = strip(&jpeg);
        let mut out = Vec::new();
        let info = repair(&stripped, &mut out).unwrap();
        prop_assert_eq!(info, inspect(&out).unwrap());
        prop_assert!(info.huffman_tables);
        let (without, inserted) = strip(&out);
        prop_assert!(without == stripped, "more than tables changed");
        prop_assert!(inserted.starts_with(&tables), "not the standard tables");
        prop_assert!(rgb(&out) == rgb(&jpeg));
    }

    #[test]
    fn truncated_jpeg_is_refused_wherever_it_ends(jpeg in any_jpeg(), at: prop::sample::Index, tables: bool) {
        let jpeg = if tables { jpeg } else { strip(&jpeg).0 };
        // With the first byte of EOI left, the picture is whole, followed by a byte of padding.
        refused(&jpeg[..at.index(jpeg.len() - 1)])?;
    }

    #[test]
    fn jpeg_interrupted_by_the_next_is_refused(
        jpeg in any_jpeg(), next in any_jpeg(), at: prop::sample::Index,
    ) {
        // Within the scan: in a header the next picture may pass for a segment's payload.
        let scan = inspect(&jpeg).unwrap().scan;
        let data = scan + 2 + usize::from(u16::from_be_bytes([jpeg[scan + 2], jpeg[scan + 3]]));
        let at = data + at.index(jpeg.len() - 1 - data);
        let end = if jpeg[at - 1] == 0xff { at - 1 } else { at };
        refused(&[&jpeg[..end], &next[..]].concat())?;
    }

    #[test]
    fn damaged_jpeg_never_panics(
        jpeg in any_jpeg(), hits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let mut damaged = jpeg;
        for (at, value) in hits {
            let at = at.index(damaged.len());
            damaged[at] = value;
        }
        let mut once = b"kept".to_vec();
        match repair(&damaged, &mut once) {
            Ok(info) => {
                prop_assert_eq!(info, inspect(&once[4..]).unwrap());
                let mut twice = b"kept".to_vec();
                prop_assert_eq!(repair(&once[4..], &mut twice).unwrap(), info);
                prop_assert!(once == twice, "a repaired picture needs no repair");
            }
            Err(error) => {
                prop_assert!(matches!(error.kind(), ErrorKind::CorruptFrame | ErrorKind::Unsupported));
                prop_assert_eq!(&once[..], b"kept");
            }
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = repair(&bytes, &mut Vec::new());
        let _ = repair(&[b"\xff\xd8", &bytes[..]].concat(), &mut Vec::new());
    }
}

fn compressed(jpeg: &[u8], width: u32, height: u32) -> Frame<'_> {
    let format = StreamFormat::new(PixelFormat::Jpeg, width, height).unwrap();
    Frame::new(format, FrameMeta::default(), &[Plane::host(jpeg, 0)]).unwrap()
}

#[test]
fn pass_through_copies_jpeg_and_encodes_raw_frames() {
    let grey = StreamFormat::new(PixelFormat::Grey, 4, 4).unwrap();
    let raw = Frame::new(grey, FrameMeta::default(), &[Plane::host(&[7; 16], 4)]).unwrap();
    let jpeg = detailed(PixelFormat::Yuyv, 20, 10, 1, 80);
    let mut inner = MockJpegEncoder::new();
    inner.expect_name().return_const("inner".to_owned());
    inner.expect_encode().times(1).returning(|frame, quality, out| {
        out.push(frame.planes()[0].bytes[0] + quality.get());
        Ok(())
    });
    let mut encoder = PassThrough::new(inner);
    assert_eq!(encoder.name(), "inner");

    let mut out = b"kept".to_vec();
    encoder.encode(&compressed(&strip(&jpeg).0, 20, 10), Quality::DEFAULT, &mut out).unwrap();
    assert_eq!(encoder.name(), "pass-through");
    assert_eq!(rgb(&out[4..]), rgb(&jpeg));

    out.truncate(4);
    encoder.encode(&raw, Quality::new(90).unwrap(), &mut out).unwrap();
    assert_eq!(encoder.name(), "inner");
    assert_eq!(out, b"kepta");
}

#[test]
fn jpeg_of_a_stale_size_is_refused() {
    let jpeg = detailed(PixelFormat::Yuyv, 20, 10, 1, 80);
    let mut encoder = PassThrough::new(ReferenceEncoder::new());
    for (width, height) in [(20, 11), (19, 10), (10, 20), (65536 + 20, 10)] {
        let mut out = b"kept".to_vec();
        let error =
            encoder.encode(&compressed(&jpeg, width, height), Quality::DEFAULT, &mut out).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::CorruptFrame);
        assert_eq!(
            error.to_string(),
            format!("the camera delivered a 20x10 JPEG as a {width}x{height} jpeg frame")
        );
        assert_eq!(out, b"kept");
    }
}

#[test]
fn pass_through_supports_jpeg_and_its_encoders_formats() {
    let encoder = PassThrough::new(ReferenceEncoder::new());
    let size = |pixel, width| StreamFormat::new(pixel, width, 8).unwrap();
    assert!(PixelFormat::ALL.into_iter().all(|pixel| encoder.supports(size(pixel, 8))));
    assert!(!encoder.supports(size(PixelFormat::Nv12, 65536)));
}
