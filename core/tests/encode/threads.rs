//! Many threads: the same pixels as one thread's, with restart markers where they belong.

use crate::{backends, baseline::Content, encode, format, rgb};
use eyelet_core::encode::{BaselineEncoder, baseline::Backend};
use eyelet_hal::{JpegEncoder, PixelFormat, jpeg::inspect};
use proptest::prelude::*;
use std::num::NonZeroU8;

fn threads(count: u8, backend: Backend) -> BaselineEncoder {
    BaselineEncoder::with_backend(backend).unwrap().with_threads(NonZeroU8::new(count).unwrap()).unwrap()
}

/// Width and height of an MCU.
fn mcu(pixel: PixelFormat) -> (u32, u32) {
    match pixel {
        PixelFormat::Grey => (8, 8),
        PixelFormat::Yuv422p | PixelFormat::Yuyv => (16, 8),
        _ => (16, 16),
    }
}

/// The restart interval, in MCUs, and the low 3 bits of the restart markers in their order.
fn restarts(jpeg: &[u8]) -> (Option<u16>, Vec<u8>) {
    let at = inspect(jpeg).unwrap().scan;
    let interval = jpeg[..at].windows(4).position(|marker| marker == [0xff, 0xdd, 0, 4]);
    let interval = interval.map(|at| u16::from_be_bytes([jpeg[at + 4], jpeg[at + 5]]));
    let pairs = jpeg[at..].windows(2).filter(|pair| pair[0] == 0xff && (0xd0..=0xd7).contains(&pair[1]));
    (interval, pairs.map(|pair| pair[1] & 7).collect())
}

proptest! {
    #[test]
    fn threaded_encoder_gives_equal_pixels_with_markers_between_rows(
        pixel in prop::sample::select(PixelFormat::RAW.to_vec()),
        (width, height) in (1u32..=200, 1u32..=200),
        pad in prop::array::uniform3(0usize..40),
        content in Content::any(),
        q in 1u8..=100,
    ) {
        let source = content.source(format(pixel, width, height), pad, 0x5a);
        let one = encode(&mut BaselineEncoder::new(), &source, q);
        prop_assert_eq!(restarts(&one), (None, vec![]));
        let many = encode(&mut threads(2, Backend::best()), &source, q);
        prop_assert_eq!(inspect(&many).unwrap().len, many.len());
        prop_assert!(rgb(&many) == rgb(&one), "{pixel} {width}x{height} at {q}");

        let (across, down) = mcu(pixel);
        let rows = height.div_ceil(down);
        let want = (1..rows).map(|row| (row as u8 - 1) % 8).collect();
        prop_assert_eq!(restarts(&many), (Some(width.div_ceil(across) as u16), want));
        for backend in backends() {
            for count in [2, 3, 7] {
                prop_assert!(encode(&mut threads(count, backend), &source, q) == many, "{count} {backend:?}");
            }
        }
    }
}

#[test]
fn one_threaded_encoder_takes_frames_of_all_sizes() {
    // What is kept from frame to frame must not show.
    let mut kept = threads(3, Backend::best());
    for height in [200, 1, 16, 17, 120, 64, 200] {
        for pixel in PixelFormat::RAW {
            let source = Content::Noise(height.into()).source(format(pixel, 33, height), [0; 3], 0);
            let fresh = encode(&mut threads(3, Backend::best()), &source, 70);
            assert!(encode(&mut kept, &source, 70) == fresh, "{pixel} of height {height}");
        }
    }
}

#[test]
fn restart_markers_cost_a_thousandth() {
    let source = Content::Noise(1).source(format(PixelFormat::Nv12, 640, 480), [0; 3], 0);
    let [one, many] = [1, 4].map(|count| encode(&mut threads(count, Backend::best()), &source, 30).len());
    assert!(one < many && many < one + one / 1000, "{one} and {many} bytes");
}

#[test]
fn threaded_encoder_name_has_the_number_of_threads() {
    assert_eq!(threads(4, Backend::best()).name(), "eyelet:4");
    assert_eq!(threads(1, Backend::best()).name(), "eyelet");
}
