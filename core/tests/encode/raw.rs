//! Raw frames: every encoder, format, size and stride against the naive reference.

use crate::{decode, encode, encoders, format, rgb, smooth, source::Source};
use eyelet_hal::{
    ErrorKind, Frame, FrameMeta, Memory, PixelFormat, Plane, Quality, StreamFormat, jpeg::inspect,
};
use proptest::prelude::*;
use zune_jpeg::zune_core::colorspace::ColorSpace;

/// Formats whose chroma has the same resolution.
const KINDS: [&[PixelFormat]; 4] = [
    &[PixelFormat::Nv12, PixelFormat::Nv21, PixelFormat::I420],
    &[PixelFormat::Yuv422p, PixelFormat::Yuyv],
    &[PixelFormat::Rgb24, PixelFormat::Bgr24],
    &[PixelFormat::Grey],
];

proptest! {
    #[test]
    fn any_format_size_and_stride_looks_like_its_source(
        pixel in prop::sample::select(PixelFormat::RAW.to_vec()),
        (width, height) in (1u32..=80, 1u32..=80),
        pad in prop::array::uniform3(0usize..40),
        garbage: u8,
        waves in smooth(),
        q in 60u8..=100,
    ) {
        let format = format(pixel, width, height);
        let sample = |component: usize, x, y| waves[component].at(x, y);
        let packed = Source::new(format, [0; 3], garbage, sample);
        let source = Source::new(format, pad, garbage, sample);
        for mut encoder in encoders() {
            let jpeg = encode(&mut encoder, &source, q);
            prop_assert!(jpeg == encode(&mut encoder, &packed, q), "padding changed the picture");

            let (w, h, pixels) = rgb(&jpeg);
            prop_assert_eq!((w as u32, h as u32), (width, height));
            let psnr = source.psnr(&pixels);
            // The worst of 40 000 cases of jpeg-encoder: 33.7 dB at 60, 34.7 at 80, 39.1 at 100.
            let bound = 32.0 + f64::from(q - 60) / 20.0;
            prop_assert!(psnr > bound, "{}: {psnr:.1} dB, not over {bound:.1}", encoder.name());
        }
    }

    #[test]
    fn formats_with_equal_samples_give_equal_jpegs(
        (width, height) in (1u32..=40, 1u32..=40), waves in smooth(), q in 1u8..=100,
    ) {
        for (kind, mut encoder) in KINDS.iter().flat_map(|kind| encoders().into_iter().map(move |encoder| (kind, encoder))) {
            let jpegs: Vec<_> = kind
                .iter()
                .map(|&pixel| Source::new(format(pixel, width, height), [0, 3, 5], 0xaa, |c, x, y| waves[c].at(x, y)))
                .map(|source| encode(&mut encoder, &source, q))
                .collect();
            prop_assert!(jpegs.windows(2).all(|pair| pair[0] == pair[1]), "{}: {:?}", encoder.name(), kind);
        }
    }

    #[test]
    fn any_content_gives_a_whole_jpeg(
        pixel in prop::sample::select(PixelFormat::RAW.to_vec()),
        (width, height) in (1u32..=40, 1u32..=40),
        seed: u64,
        extreme in prop::bool::ANY,
        q in 1u8..=100,
    ) {
        let noise = std::cell::RefCell::new(fastrand::Rng::with_seed(seed));
        let source = Source::new(format(pixel, width, height), [0; 3], 0, |_, _, _| {
            let value = noise.borrow_mut().u8(..);
            if extreme { (value >> 7) * 255 } else { value }
        });
        for mut encoder in encoders() {
            let jpeg = encode(&mut encoder, &source, q);
            let info = inspect(&jpeg).unwrap();
            prop_assert_eq!((u32::from(info.width), u32::from(info.height)), (width, height));
            prop_assert_eq!(info.len, jpeg.len());
            let (w, h, _) = rgb(&jpeg);
            prop_assert_eq!((w as u32, h as u32), (width, height));
        }
    }
}

/// Horizontal and vertical sampling factors of each component, from the frame header.
fn sampling(jpeg: &[u8]) -> Vec<(u8, u8)> {
    let at = jpeg.windows(2).position(|marker| marker == [0xff, 0xc0]).unwrap();
    let components = usize::from(jpeg[at + 9]);
    (0..components).map(|i| jpeg[at + 11 + 3 * i]).map(|hv| (hv >> 4, hv & 15)).collect()
}

#[test]
fn chroma_keeps_its_resolution() {
    for (pixel, want) in PixelFormat::RAW.into_iter().zip([
        vec![(2, 2), (1, 1), (1, 1)],
        vec![(2, 2), (1, 1), (1, 1)],
        vec![(2, 2), (1, 1), (1, 1)],
        vec![(2, 1), (1, 1), (1, 1)],
        vec![(2, 1), (1, 1), (1, 1)],
        vec![(2, 2), (1, 1), (1, 1)],
        vec![(2, 2), (1, 1), (1, 1)],
        vec![(1, 1)],
    ]) {
        for q in [1, 80, 95, 100] {
            let source = Source::new(format(pixel, 17, 9), [0; 3], 0, |_, _, _| 100);
            for mut encoder in encoders() {
                let got = sampling(&encode(&mut encoder, &source, q));
                assert_eq!(got, want, "{}: {pixel} at {q}", encoder.name());
            }
        }
    }
}

#[test]
fn cb_and_cr_are_not_swapped() {
    for pixel in PixelFormat::RAW
        .into_iter()
        .filter(|&p| !matches!(p, PixelFormat::Rgb24 | PixelFormat::Bgr24 | PixelFormat::Grey))
    {
        let source =
            Source::new(format(pixel, 31, 15), [0; 3], 0, |component, _, _| [120, 80, 200][component]);
        for mut encoder in encoders() {
            let (_, _, pixels) = decode(&encode(&mut encoder, &source, 95), ColorSpace::YCbCr).unwrap();
            for got in pixels.chunks(3) {
                let off =
                    got.iter().zip([120u8, 80, 200]).map(|(got, want)| got.abs_diff(want)).max().unwrap();
                assert!(off <= 2, "{}: {pixel}: {got:?}", encoder.name());
            }
        }
    }
}

#[test]
fn rgb_chroma_sample_is_the_mean_of_four_pixels() {
    // Alternating red and blue. One pixel of four alone would be all red (Cb 85, Cr 255) or all blue (255, 107).
    for turn in [|x: usize, _: usize| x % 2, |_: usize, y: usize| y % 2, |x: usize, y: usize| (x + y) % 2] {
        let source = Source::new(format(PixelFormat::Rgb24, 32, 32), [0; 3], 0, |component, x, y| {
            if component == turn(x, y) * 2 { 255 } else { 0 }
        });
        for mut encoder in encoders() {
            let (_, _, pixels) = decode(&encode(&mut encoder, &source, 100), ColorSpace::YCbCr).unwrap();
            for got in pixels.chunks(3) {
                let near = got[1].abs_diff(170) <= 3 && got[2].abs_diff(181) <= 3;
                assert!(near, "{}: {got:?}", encoder.name());
            }
        }
    }
}

#[test]
fn jpeg_is_appended_to_the_output() {
    let source = Source::new(format(PixelFormat::Nv12, 8, 8), [0; 3], 0, |_, x, y| (x * y) as u8);
    for mut encoder in encoders() {
        let mut out = b"before".to_vec();
        encoder.encode(&source.frame(), Quality::DEFAULT, &mut out).unwrap();
        let first = out.len();
        encoder.encode(&source.frame(), Quality::DEFAULT, &mut out).unwrap();
        assert!(out.starts_with(b"before\xff\xd8"));
        assert_eq!(out[6..first], out[first..], "{} remembers something", encoder.name());
    }
}

#[test]
fn longest_sides_are_encoded() {
    for pixel in PixelFormat::RAW {
        for (width, height) in [(65535, 1), (1, 65535)] {
            let source =
                Source::new(format(pixel, width, height), [0; 3], 0, |_, x, y| ((x + y) / 256) as u8);
            for mut encoder in encoders() {
                assert!(encoder.supports(source.format));
                let (w, h, pixels) = rgb(&encode(&mut encoder, &source, 90));
                assert_eq!((w as u32, h as u32), (width, height));
                assert!(source.psnr(&pixels) > 30.0, "{}: {pixel}", encoder.name());
            }
        }
    }
}

/// Expects `Unsupported`, with `out` as it was.
fn refused(frame: &Frame<'_>) {
    for mut encoder in encoders() {
        let mut out = b"kept".to_vec();
        let error = encoder.encode(frame, Quality::DEFAULT, &mut out).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{}: {error}", encoder.name());
        assert_eq!(out, b"kept", "{}", encoder.name());
    }
}

/// Expects `supports` to be false.
fn not_supported(format: StreamFormat) {
    for encoder in encoders() {
        assert!(!encoder.supports(format), "{}: {format}", encoder.name());
    }
}

#[test]
fn sides_longer_than_jpeg_allows_are_refused() {
    for (width, height) in [(65536, 1), (1, 65536)] {
        let source = Source::new(format(PixelFormat::Grey, width, height), [0; 3], 0, |_, _, _| 0);
        not_supported(source.format);
        refused(&source.frame());
    }
    not_supported(format(PixelFormat::Rgb24, u32::MAX, u32::MAX));
}

#[test]
fn compressed_frame_is_refused() {
    let jpeg = format(PixelFormat::Jpeg, 8, 8);
    not_supported(jpeg);
    refused(&Frame::new(jpeg, FrameMeta::default(), &[Plane::host(b"\xff\xd8", 0)]).unwrap());
}

#[test]
fn frame_outside_host_memory_is_refused() {
    let plane = Plane { bytes: &[], stride: 8, memory: Memory::Physical(0x8000_0000) };
    refused(&Frame::new(format(PixelFormat::Grey, 8, 8), FrameMeta::default(), &[plane]).unwrap());
}
