//! How long it takes to encode a natural picture: format, size, encoder.
//!
//! Within a group all encoders take the same frame, as a camera delivers it. With the feature `peers` libjpeg-turbo is
//! among them; what it cannot read (NV12, YUYV) is taken apart for it, into planes that are kept.

#![forbid(unsafe_code)]
// criterion's macros generate functions without documentation.
#![allow(missing_docs)]

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use eyelet_bench::natural::Picture;
use eyelet_core::encode::{BaselineEncoder, ReferenceEncoder, baseline::Backend};
use eyelet_hal::{JpegEncoder, PixelFormat, Quality};
use std::hint::black_box;

const SIZES: [(u32, u32); 4] = [(320, 240), (640, 480), (1280, 720), (1920, 1080)];
const FORMATS: [PixelFormat; 3] = [PixelFormat::Nv12, PixelFormat::Yuyv, PixelFormat::Rgb24];

/// The encoders, by the names they have in the report.
fn encoders() -> Vec<(String, Box<dyn JpegEncoder>)> {
    let ours = Backend::ALL.into_iter().filter_map(|backend| {
        let encoder = BaselineEncoder::with_backend(backend)?;
        Some((format!("eyelet-{backend:?}").to_lowercase(), Box::new(encoder) as Box<dyn JpegEncoder>))
    });
    let reference: Box<dyn JpegEncoder> = Box::new(ReferenceEncoder::new());
    ours.chain([("jpeg-encoder".into(), reference)]).collect()
}

fn encode(c: &mut Criterion) {
    for (width, height) in SIZES {
        let picture = Picture::new(width, height, 7);
        for format in FORMATS {
            let delivered = picture.delivered(format);
            let mut group = c.benchmark_group(format!("encode/{format}"));
            group.throughput(Throughput::Elements(u64::from(width) * u64::from(height)));
            let size = format!("{width}x{height}");
            let mut jpeg = Vec::new();
            for (name, mut encoder) in encoders() {
                group.bench_function(BenchmarkId::new(name, &size), |b| {
                    b.iter(|| {
                        jpeg.clear();
                        let frame = black_box(&delivered).frame();
                        encoder
                            .encode(&frame, Quality::DEFAULT, &mut jpeg)
                            .expect("every format is supported");
                        jpeg.len()
                    });
                });
            }
            #[cfg(feature = "peers")]
            {
                let mut turbo = eyelet_bench::turbo::Turbo::new(Quality::DEFAULT, delivered.format);
                group.bench_function(BenchmarkId::new("libjpeg-turbo", &size), |b| {
                    b.iter(|| turbo.encode(black_box(&delivered)).len());
                });
            }
        }
    }
}

criterion_group!(benches, encode);
criterion_main!(benches);
