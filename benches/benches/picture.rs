//! What a frame costs on the camera thread that is rotated, flipped, masked or written on, with an encoder that does nothing. `none`
//! is one that is not edited: what all of them have in common.

#![forbid(unsafe_code)]
// criterion's macros generate functions without documentation.
#![allow(missing_docs)]

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use eyelet_bench::{natural::Picture, unencoded::time_of};
use eyelet_core::pipeline::{Flip, Mask, Overlay, Pipeline, Rotation};
use eyelet_hal::PixelFormat;
use std::sync::Arc;

const SIZES: [(u32, u32); 2] = [(640, 480), (1920, 1080)];
const FORMATS: [PixelFormat; 4] =
    [PixelFormat::Nv12, PixelFormat::I420, PixelFormat::Yuyv, PixelFormat::Rgb24];

fn overlay(text: &str) -> Overlay {
    text.parse().expect("its placeholders are known")
}

fn picture(c: &mut Criterion) {
    for size in SIZES {
        let picture = Picture::new(size.0, size.1, 7);
        // A quarter of the picture.
        let mask = Mask::new([size.0 / 4, size.1 / 4, size.0 / 2, size.1 / 2], size).expect("it is inside");
        let edits: [(&str, &dyn Fn(Pipeline) -> Pipeline); 7] = [
            ("none", &|pipeline| pipeline),
            ("rotate-90", &|pipeline| pipeline.rotate(Rotation::Deg90)),
            ("rotate-180", &|pipeline| pipeline.rotate(Rotation::Deg180)),
            ("flip-v", &|pipeline| pipeline.flip(Flip::Vertical)),
            ("mask", &move |pipeline| pipeline.mask(mask)),
            ("overlay", &|pipeline| pipeline.overlay(overlay("{name} {time:%F %T}"))),
            ("overlay-each", &|pipeline| pipeline.overlay(overlay("{name} {time:%F %T} {sequence}"))),
        ];
        for format in FORMATS {
            let delivered = Arc::new(picture.delivered(format));
            let mut group = c.benchmark_group(format!("picture/{format}/{}x{}", size.0, size.1));
            for (name, edit) in edits {
                group.bench_function(BenchmarkId::from_parameter(name), |b| {
                    b.iter_custom(|frames| time_of(&delivered, frames, edit));
                });
            }
        }
    }
}

criterion_group!(benches, picture);
criterion_main!(benches);
