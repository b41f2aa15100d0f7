//! What it costs to have a frame in the hand: to look at one pixel of 64, to copy the frame for drawing, and to draw a line of
//! text and a box on the copy.

#![forbid(unsafe_code)]
// criterion's macros generate functions without documentation.
#![allow(missing_docs)]

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use eyelet_bench::natural::Picture;
use eyelet_core::image::{Canvas, Color, Thickness, View};
use eyelet_hal::PixelFormat;
use std::hint::black_box;

const SIZES: [(u32, u32); 2] = [(640, 480), (1920, 1080)];
const FORMATS: [PixelFormat; 3] = [PixelFormat::Nv12, PixelFormat::Yuyv, PixelFormat::Rgb24];

fn in_hand(c: &mut Criterion) {
    for (width, height) in SIZES {
        let picture = Picture::new(width, height, 7);
        for format in FORMATS {
            let delivered = picture.delivered(format);
            let frame = delivered.frame();
            let mut group = c.benchmark_group(format!("in-hand/{format}"));
            let size = format!("{width}x{height}");
            group.bench_function(BenchmarkId::new("look", &size), |b| {
                b.iter(|| {
                    let view = View::of(black_box(&frame)).expect("it is in memory");
                    let at = (0..height).step_by(8).flat_map(|y| (0..width).step_by(8).map(move |x| (x, y)));
                    at.map(|(x, y)| view.luma(x, y).map_or(0, u32::from)).sum::<u32>()
                });
            });
            let mut buffer = Vec::new();
            group.bench_function(BenchmarkId::new("copy", &size), |b| {
                b.iter(|| {
                    black_box(Canvas::copy_of(black_box(&frame), &mut buffer).expect("it is in memory"))
                        .width()
                });
            });
            let mut canvas = Canvas::copy_of(&frame, &mut buffer).expect("it is in memory");
            group.bench_function(BenchmarkId::new("text-and-box", &size), |b| {
                b.iter(|| {
                    canvas.draw_string(8, 2, black_box("2026-11-26T12:40:05Z"), Color::WHITE);
                    canvas.draw_rect(61, 61, 81, 121, Color::RED, Thickness::Pixels(2));
                });
            });
        }
    }
}

criterion_group!(benches, in_hand);
criterion_main!(benches);
