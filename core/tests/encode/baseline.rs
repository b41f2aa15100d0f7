//! The baseline encoder: every backend against the portable one, and all of them against the reference encoder.

use crate::{
    backends, decode, encode, format, rgb, smooth,
    source::{Source, Wave},
};
use eyelet_core::encode::{BaselineEncoder, ReferenceEncoder, baseline::Backend};
use eyelet_hal::{PixelFormat, StreamFormat, jpeg};
use proptest::prelude::*;
use zune_jpeg::zune_core::colorspace::ColorSpace;

fn by_backend(backend: Backend, source: &Source, quality: u8) -> Vec<u8> {
    encode(&mut BaselineEncoder::with_backend(backend).unwrap(), source, quality)
}

/// What a picture is made of.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Content {
    Waves([Wave; 3]),
    Noise(u64),
    /// Black and white only: the largest coefficients there are.
    Extremes(u64),
    /// Waves with some noise: runs of zeros of every length.
    Sparse([Wave; 3], u64),
    /// Waves under the noise of a sensor in the dark: no coefficient is special.
    Grainy([Wave; 3], u64),
}

impl Content {
    pub(crate) fn any() -> impl Strategy<Value = Self> {
        prop_oneof![
            smooth().prop_map(Self::Waves),
            any::<u64>().prop_map(Self::Noise),
            any::<u64>().prop_map(Self::Extremes),
            (smooth(), any::<u64>()).prop_map(|(waves, seed)| Self::Sparse(waves, seed)),
        ]
    }

    pub(crate) fn source(self, format: StreamFormat, pad: [usize; 3], garbage: u8) -> Source {
        let seed = match self {
            Self::Waves(_) => 0,
            Self::Noise(seed) | Self::Extremes(seed) | Self::Sparse(_, seed) | Self::Grainy(_, seed) => seed,
        };
        // A generator for each place, so that formats with fewer samples get the same ones.
        Source::new(format, pad, garbage, |component, x, y| {
            let mut at = fastrand::Rng::with_seed(seed ^ ((component * 1_000_003 + y * 1009 + x) as u64));
            match self {
                Self::Waves(waves) => waves[component].at(x, y),
                Self::Noise(_) => at.u8(..),
                Self::Extremes(_) => at.u8(..2) * 255,
                Self::Sparse(waves, _) => {
                    let wave = waves[component].at(x, y);
                    if at.u8(..) < 3 { wave ^ 0x40 } else { wave }
                }
                Self::Grainy(waves, _) => waves[component].at(x, y).saturating_add(at.u8(..24)),
            }
        })
    }
}

proptest! {
    #[test]
    fn every_backend_gives_the_same_bytes(
        pixel in prop::sample::select(PixelFormat::RAW.to_vec()),
        (width, height) in (1u32..=200, 1u32..=200),
        pad in prop::array::uniform3(0usize..40),
        garbage: u8,
        content in Content::any(),
        q in 1u8..=100,
    ) {
        let format = format(pixel, width, height);
        let plain = by_backend(Backend::Portable, &content.source(format, [0; 3], garbage), q);
        let info = jpeg::inspect(&plain).unwrap();
        prop_assert_eq!((u32::from(info.width), u32::from(info.height), info.len), (width, height, plain.len()));
        let (w, h, _) = rgb(&plain);
        prop_assert_eq!((w as u32, h as u32), (width, height));
        let padded = content.source(format, pad, !garbage);
        for backend in backends() {
            prop_assert!(by_backend(backend, &padded, q) == plain, "{:?}", backend);
        }
    }
}

#[test]
fn reference_encoder_is_no_better_and_no_smaller() {
    // The mean of some pictures: a tie that is rounded one way or the other is better now here, now there.
    const SEEDS: std::ops::Range<u64> = 0..8;
    let wave = |mean, height, seed| Wave { mean, height, x: 0.11, y: 0.07, phase: seed as f64 };
    for pixel in PixelFormat::RAW {
        for q in [50, 75, 80, 90] {
            let mut decibels = [0.0; 2];
            let mut bytes = [0; 2];
            for seed in SEEDS {
                let waves =
                    [wave(110.0, 60.0, seed), wave(120.0, 25.0, seed + 1), wave(135.0, 20.0, seed + 2)];
                let source = Content::Grainy(waves, seed).source(format(pixel, 176, 144), [0; 3], 0);
                let jpegs = [
                    encode(&mut BaselineEncoder::new(), &source, q),
                    encode(&mut ReferenceEncoder::new(), &source, q),
                ];
                for (at, jpeg) in jpegs.iter().enumerate() {
                    decibels[at] += source.psnr(&rgb(jpeg).2) / SEEDS.count() as f64;
                    bytes[at] += jpeg.len();
                }
            }
            let [ours, theirs] = decibels;
            assert!(ours > theirs - 0.05, "{pixel} at {q}: {ours:.3} dB and {theirs:.3} dB");
            let ratio = bytes[0] as f64 / bytes[1] as f64;
            assert!(ratio < 1.01, "{pixel} at {q}: {ratio:.4} of the bytes");
        }
    }
}

#[test]
fn one_encoder_with_changing_quality_gives_what_a_new_one_gives() {
    // Tables are kept from frame to frame: a change of quality must change them.
    let source = Content::Noise(3).source(format(PixelFormat::Nv12, 48, 32), [0; 3], 0);
    for backend in backends() {
        let mut kept = BaselineEncoder::with_backend(backend).unwrap();
        for q in (1..=100).chain([80, 80, 20, 80]) {
            assert_eq!(
                encode(&mut kept, &source, q),
                by_backend(Backend::Portable, &source, q),
                "{backend:?} at {q}"
            );
        }
    }
}

#[test]
fn primary_colours_survive_encoding() {
    for (rgb, want) in
        [([255, 0, 0], [76, 85, 255]), ([0, 255, 0], [150, 44, 21]), ([0, 0, 255], [29, 255, 107])]
    {
        let source = Source::new(format(PixelFormat::Rgb24, 33, 17), [0; 3], 0, |part, _, _| rgb[part]);
        for backend in backends() {
            let (_, _, pixels) = decode(&by_backend(backend, &source, 100), ColorSpace::YCbCr).unwrap();
            for got in pixels.chunks(3) {
                let off = got.iter().zip(want).map(|(&got, want): (_, u8)| got.abs_diff(want)).max().unwrap();
                assert!(off <= 1, "{rgb:?} {backend:?}: {got:?}");
            }
        }
    }
}

#[test]
fn every_backend_with_the_longest_sides_gives_the_same_bytes() {
    for pixel in PixelFormat::RAW {
        for (width, height) in [(65535, 1), (1, 65535)] {
            let source =
                Source::new(format(pixel, width, height), [0; 3], 0, |_, x, y| ((x + y) / 256) as u8);
            let plain = by_backend(Backend::Portable, &source, 90);
            for backend in backends() {
                assert!(by_backend(backend, &source, 90) == plain, "{pixel} {backend:?}");
            }
        }
    }
}
