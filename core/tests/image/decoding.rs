//! JPEGs as cameras and programs make them, well or badly: the right picture or an error, and never the end.
//!
//! The files in `cases` are those that other decoders stumble over.

use eyelet_core::{image::Image, jpeg::repair};
use eyelet_hal::{
    ErrorKind, Frame, FrameMeta, PixelFormat, Plane, StreamFormat,
    jpeg::{inspect, segments},
};
use jpeg_encoder::{ColorType, Encoder, SamplingFactor};
use proptest::prelude::*;
use zune_jpeg::{
    JpegDecoder,
    zune_core::{bytestream::ZCursor, colorspace::ColorSpace, options::DecoderOptions},
};

fn case(name: &str) -> Vec<u8> {
    std::fs::read(format!("{}/tests/cases/{name}.jpg", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

fn repaired(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    repair(bytes, &mut out).unwrap();
    out
}

/// Bytes, width and height of an RGB picture with edges and slopes.
fn picture(width: u16, height: u16) -> Vec<u8> {
    let pixel = |x: u32, y: u32| {
        let edge = if (x / 5 + y / 7).is_multiple_of(2) { 70 } else { 0 };
        [x * 3 + edge, y * 5 + edge, 40 + x + 2 * y].map(|level| level.min(255) as u8)
    };
    (0..u32::from(height)).flat_map(|y| (0..u32::from(width)).flat_map(move |x| pixel(x, y))).collect()
}

/// How far two pictures are apart: the most, and on average in hundredths.
fn distance(a: &[u8], b: &[u8]) -> (u8, u64) {
    assert_eq!(a.len(), b.len());
    let apart = || a.iter().zip(b).map(|(a, b)| a.abs_diff(*b));
    (apart().max().unwrap(), apart().map(u64::from).sum::<u64>() * 100 / a.len() as u64)
}

/// The picture that these cases hold, stored upright.
fn upright() -> Image {
    let image = Image::from_jpeg(&case("zero-byte-between-segments")).unwrap();
    assert_eq!((image.width(), image.height()), (127, 65));
    let mut clean = DecoderOptions::default();
    clean = clean.jpeg_set_out_colorspace(ColorSpace::RGB);
    let bytes = repaired(&case("zero-byte-between-segments"));
    let theirs = JpegDecoder::new_with_options(ZCursor::new(&bytes), clean).decode().unwrap();
    let (most, mean) = distance(image.as_bytes(), &theirs);
    assert!(most <= 4 && mean <= 50, "{most} {mean}");
    image
}

#[test]
fn quirks_that_browsers_accept_give_the_same_picture() {
    let want = upright();
    for name in ["no-eoi-zero-padded", "empty-dht-only", "dnl-with-height-given"] {
        let bytes = case(name);
        let whole = repaired(&bytes);
        assert!(whole.ends_with(&[0xff, 0xd9]), "{name}");
        let info = inspect(&whole).unwrap();
        assert!(info.huffman_tables && !info.stray && info.len == whole.len(), "{name}");
        assert!(Image::from_jpeg(&bytes).unwrap() == want, "{name}");
    }
}

#[test]
fn picture_is_rotated_by_its_exif_orientation() {
    let (want, turned) = (upright(), Image::from_jpeg(&case("exif-orientation-6")).unwrap());
    assert_eq!((turned.width(), turned.height()), (65, 127));
    let pixel = |image: &Image, x: u32, y: u32| {
        let at = (y * image.width() + x) as usize * 3;
        image.as_bytes()[at..at + 3].to_vec()
    };
    for (x, y) in [(0, 0), (126, 0), (0, 64), (126, 64), (50, 20)] {
        assert_eq!(pixel(&turned, 64 - y, x), pixel(&want, x, y), "({x}, {y})");
    }
}

/// Files with what libjpeg-turbo 2.1.5 makes of them, by `djpeg -rgb -dct int -ppm`; those in `libjpeg-turbo` are
/// `cjpeg`'s, with the options that their names tell.
#[test]
fn decoded_pixels_equal_those_of_libjpeg_turbo() {
    let cases = format!("{}/tests/cases", env!("CARGO_MANIFEST_DIR"));
    let mut seen = 0;
    for folder in [cases.clone(), format!("{cases}/libjpeg-turbo")] {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_none_or(|extension| extension != "ppm") {
                continue;
            }
            let image = Image::from_jpeg(&std::fs::read(path.with_extension("jpg")).unwrap()).unwrap();
            let ppm = std::fs::read(&path).unwrap();
            let head = format!("P6\n{} {}\n255\n", image.width(), image.height());
            let (most, mean) = distance(image.as_bytes(), ppm.strip_prefix(head.as_bytes()).unwrap());
            // They round in different places, and interpolated chroma adds to it.
            assert!(most <= 4 && mean <= 50, "{}: {most} {mean}", path.display());
            seen += 1;
        }
    }
    assert_eq!(seen, 14);
}

#[test]
fn size_beyond_its_data_is_refused_before_allocation() {
    let bytes = case("sof-30000x30000");
    let error = repair(&bytes, &mut Vec::new()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::CorruptFrame);
    assert!(error.to_string().contains("too short for its size"), "{error}");
    assert!(Image::from_jpeg(&bytes).is_err());
}

#[test]
fn frame_of_another_size_than_its_format_is_refused() {
    let bytes = case("dnl-with-height-given");
    for (width, height, right) in [(127, 65, true), (127, 66, false), (640, 480, false)] {
        let format = StreamFormat::new(PixelFormat::Jpeg, width, height).unwrap();
        let frame = Frame::new(format, FrameMeta::default(), &[Plane::host(&bytes, 0)]).unwrap();
        assert_eq!(Image::from_frame(&frame).is_ok(), right, "{width}x{height}");
    }
}

#[test]
fn too_many_pixels_are_refused_however_much_data_there_is() {
    // 8192 x 8192 pixels, each block of two zero bits: 256 kB.
    let blocks = 1024 * 1024usize;
    let mut jpeg = vec![0xff, 0xd8, 0xff, 0xdb, 0, 67, 0];
    jpeg.extend([16; 64]);
    jpeg.extend([0xff, 0xc0, 0, 11, 8, 0x20, 0, 0x20, 0, 1, 1, 0x11, 0]);
    for class in [0x00, 0x10] {
        jpeg.extend([0xff, 0xc4, 0, 20, class, 1]);
        jpeg.extend([0; 16]);
    }
    jpeg.extend([0xff, 0xda, 0, 8, 1, 1, 0, 0, 63, 0]);
    jpeg.extend(std::iter::repeat_n(0, blocks * 2 / 8));
    jpeg.extend([0xff, 0xd9]);
    assert!(inspect(&jpeg).is_ok());
    assert_eq!(Image::from_jpeg(&jpeg).unwrap_err().kind(), ErrorKind::OutOfMemory);
}

#[test]
fn truncated_data_is_refused_whatever_follows() {
    let whole = case("dnl-with-height-given");
    let scan = segments(&whole).map(Result::unwrap).find(|segment| segment.marker == 0xda).unwrap();
    let data = scan.end - scan.data.len();
    for keep in (0..scan.data.len() - 2).step_by(7) {
        let cut = &whole[..data + keep];
        // As drivers pad it: no EOI may be put in.
        for padding in [0x00, 0xff] {
            let padded = [cut, &[padding; 500]].concat();
            assert!(repair(&padded, &mut Vec::new()).is_err(), "{keep} bytes and {padding:x}");
        }
        // As cameras end it that ran out of room: the markers are right, the picture is not.
        let ended = [cut, &[0xff, 0xd9]].concat();
        assert!(Image::from_jpeg(&ended).is_err(), "{keep} bytes and EOI");
    }
}

#[test]
fn missing_eoi_is_inserted_after_the_last_block() {
    for (sampling, interval) in [(SamplingFactor::R_4_2_0, 0), (SamplingFactor::R_4_2_2, 3)] {
        let jpeg = encoded(50, 35, sampling, false, interval);
        let open = &jpeg[..jpeg.len() - 2];
        for padding in [&[0x00; 1][..], &[0x00; 700], &[0xff; 9], &[0xff, 0x00, 0x00]] {
            assert!(repaired(&[open, padding].concat()) == jpeg, "{interval} {padding:?}");
        }
        assert!(repair(open, &mut Vec::new()).is_err(), "as good as cut off");
        assert!(repair(&[open, &[0x00, 0x01]].concat(), &mut Vec::new()).is_err(), "no padding");
    }
}

#[test]
fn missing_tables_are_inserted_and_present_ones_stay() {
    let jpeg = encoded(40, 24, SamplingFactor::R_4_2_0, false, 0);
    let want = Image::from_jpeg(&jpeg).unwrap();
    let (mut luma_only, mut one_by_one) = (Vec::new(), Vec::new());
    for segment in segments(&jpeg).map(Result::unwrap) {
        let bytes = &jpeg[segment.at..segment.end];
        one_by_one.extend_from_slice(bytes);
        if segment.marker != 0xc4 || segment.payload[0] & 15 == 0 {
            luma_only.extend_from_slice(bytes);
        }
    }
    assert!(one_by_one == jpeg, "segments are all that there is");
    assert!(luma_only.len() < jpeg.len());
    assert!(Image::from_jpeg(&luma_only).unwrap() == want);
}

#[test]
fn jpeg_without_quantization_tables_is_refused() {
    let jpeg = encoded(16, 16, SamplingFactor::R_4_4_4, false, 0);
    let mut without = Vec::new();
    for segment in segments(&jpeg).map(Result::unwrap).filter(|segment| segment.marker != 0xdb) {
        without.extend_from_slice(&jpeg[segment.at..segment.end]);
    }
    let error = repair(&without, &mut Vec::new()).unwrap_err();
    assert!(error.to_string().contains("no quantization table"), "{error}");
}

/// The picture of this size in a JPEG.
fn encoded(width: u16, height: u16, sampling: SamplingFactor, progressive: bool, interval: u16) -> Vec<u8> {
    let mut jpeg = Vec::new();
    let mut encoder = Encoder::new(&mut jpeg, 92);
    encoder.set_sampling_factor(sampling);
    encoder.set_progressive(progressive);
    if interval > 0 {
        encoder.set_restart_interval(interval);
    }
    encoder.encode(&picture(width, height), width, height, ColorType::Rgb).unwrap();
    jpeg
}

const SAMPLINGS: [SamplingFactor; 6] = [
    SamplingFactor::R_4_4_4,
    SamplingFactor::R_4_4_0,
    SamplingFactor::R_4_2_2,
    SamplingFactor::R_4_2_0,
    SamplingFactor::R_4_1_1,
    SamplingFactor::R_4_1_0,
];

#[test]
fn every_sampling_and_process_is_decoded() {
    for sampling in SAMPLINGS {
        for (width, height) in [(1, 1), (2, 3), (16, 16), (33, 17), (50, 41)] {
            let want = picture(width, height);
            for (progressive, interval) in [(false, 0), (true, 0), (false, 2), (true, 3)] {
                let jpeg = encoded(width, height, sampling, progressive, interval);
                let image = Image::from_jpeg(&jpeg).unwrap();
                assert_eq!((image.width(), image.height()), (width.into(), height.into()));
                let (_, mean) = distance(image.as_bytes(), &want);
                // Shared chroma is what moves most of it.
                assert!(mean < 1400, "{sampling:?} {width}x{height} {progressive} {interval}: {mean}");
                let baseline = Image::from_jpeg(&encoded(width, height, sampling, false, 0)).unwrap();
                assert!(image == baseline, "{sampling:?} {width}x{height} {progressive} {interval}");
            }
        }
    }
}

proptest! {
    #[test]
    fn damaged_jpeg_never_panics(
        kind in 0usize..6, progressive: bool, interval in 0u16..4,
        hits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12),
    ) {
        let mut jpeg = encoded(33, 17, SAMPLINGS[kind], progressive, interval);
        for (at, value) in hits {
            let at = at.index(jpeg.len());
            jpeg[at] = value;
        }
        if let Ok(image) = Image::from_jpeg(&jpeg) {
            prop_assert!(image.width() > 0);
        }
    }
}
