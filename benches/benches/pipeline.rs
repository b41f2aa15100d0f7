//! Capture to published: what a frame costs on the camera thread, encoding included.

#![forbid(unsafe_code)]

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use eyelet_core::{
    Hub,
    clock::{Clock, SystemClock},
    encode,
    pipeline::Pipeline,
};
use eyelet_hal::{CameraSource, Frame, FrameMeta, PixelFormat, Plane, Quality, Result, StreamFormat};
use eyelet_sim::{
    camera::{SimCamera, SimConfig},
    pace::Rate,
    scene::Scene,
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

/// Lends one picture `left` times, then stops the pipeline: drawing would cost more than what is measured.
struct Still {
    format: StreamFormat,
    planes: Vec<(Vec<u8>, usize)>,
    left: u64,
    stop: Arc<AtomicBool>,
}

impl Still {
    fn new(format: StreamFormat, left: u64, stop: Arc<AtomicBool>) -> Self {
        let mut config = SimConfig::default();
        config.format = format;
        config.rate = Rate::FreeRunning;
        config.scene = Scene::Detail;
        let mut camera = SimCamera::open(config, Arc::new(SystemClock)).expect("a sensible size");
        camera.start().expect("a simulated camera starts");
        let frame = camera.next_frame(Duration::from_secs(1)).expect("it runs freely");
        let planes = frame.planes().iter().map(|plane| (plane.bytes.to_vec(), plane.stride)).collect();
        Self { format, planes, left, stop }
    }
}

impl CameraSource for Still {
    fn name(&self) -> &str {
        "still"
    }
    fn format(&self) -> StreamFormat {
        self.format
    }
    fn start(&mut self) -> Result<()> {
        Ok(())
    }
    fn stop(&mut self) -> Result<()> {
        Ok(())
    }
    fn next_frame(&mut self, _: Duration) -> Result<Frame<'_>> {
        self.left -= 1;
        if self.left == 0 {
            self.stop.store(true, Ordering::Relaxed);
        }
        let planes: Vec<_> = self.planes.iter().map(|(bytes, stride)| Plane::host(bytes, *stride)).collect();
        Frame::new(self.format, FrameMeta::new(u64::MAX - self.left, SystemClock.monotonic()), &planes)
    }
}

fn run(format: StreamFormat, frames: u64) -> Duration {
    let stop = Arc::new(AtomicBool::new(false));
    let hub = Hub::default();
    let _viewer = hub.feed.subscribe();
    let pipeline = Pipeline {
        camera: Some(Box::new(Still::new(format, frames, Arc::clone(&stop)))),
        reopen: Box::new(|| unreachable!("the camera is never lost")),
        encoder: encode::by_name("auto").expect("there is always an encoder"),
        quality: Quality::DEFAULT,
        stall_after: Duration::from_secs(60),
        clock: Arc::new(SystemClock),
        hub: hub.clone(),
    };
    let began = Instant::now();
    pipeline.run(&stop);
    let took = began.elapsed();
    assert_eq!(hub.metrics.frames_encoded.get(), frames);
    took
}

fn capture_to_published(c: &mut Criterion) {
    let mut group = c.benchmark_group("pipeline");
    for pixel in [PixelFormat::Nv12, PixelFormat::Yuyv, PixelFormat::Jpeg] {
        for (width, height) in [(320, 240), (640, 480), (1280, 720)] {
            let format = StreamFormat::new(pixel, width, height).expect("not zero");
            group.throughput(Throughput::Elements(1));
            let id = BenchmarkId::new(pixel.name(), format!("{width}x{height}"));
            group.bench_with_input(id, &format, |b, &format| b.iter_custom(|frames| run(format, frames)));
        }
    }
    group.finish();
}

criterion_group!(benches, capture_to_published);
criterion_main!(benches);
