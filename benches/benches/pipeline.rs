//! Capture to published: what a frame costs on the camera thread, encoding included.
//!
//! After each measurement a line has the median and the worst hundredth of single frames, where criterion has the mean.

// criterion's macros generate functions without documentation.
#![allow(missing_docs)]
#![forbid(unsafe_code)]

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use eyelet_bench::load::Tail;
use eyelet_core::{Hub, encode, pipeline::Pipeline};
use eyelet_hal::{
    CameraSource, Frame, FrameMeta, PixelFormat, Plane, Result, StreamFormat,
    clock::{Clock, SystemClock},
};
use eyelet_sim::{
    camera::{SimCamera, SimConfig},
    pace::Rate,
    scene::Scene,
};
use std::{
    io::{self, Write},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

/// Of single frames, in microseconds.
type Times = Arc<Mutex<Vec<u32>>>;

/// Lends one picture `left` times, then stops the pipeline: drawing would cost more than what is measured.
struct Still {
    format: StreamFormat,
    planes: Vec<(Vec<u8>, usize)>,
    left: u64,
    stop: Arc<AtomicBool>,
    /// When the frame was lent that is under way, and what those before it took.
    lent: Option<Instant>,
    times: Times,
}

impl Still {
    fn new(format: StreamFormat, left: u64, stop: Arc<AtomicBool>, times: Times) -> Self {
        let mut config = SimConfig::default();
        config.format = format;
        config.rate = Rate::FreeRunning;
        config.scene = Scene::Detail;
        let mut camera = SimCamera::open(config, Arc::new(SystemClock)).expect("a sensible size");
        camera.start().expect("a simulated camera starts");
        let frame = camera.next_frame(Duration::from_secs(1)).expect("it runs freely");
        let planes = frame.planes().iter().map(|plane| (plane.bytes.to_vec(), plane.stride)).collect();
        Self { format, planes, left, stop, lent: None, times }
    }
}

impl Still {
    fn published(&mut self) {
        if let Some(lent) = self.lent.take() {
            let micros = u32::try_from(lent.elapsed().as_micros()).unwrap_or(u32::MAX);
            self.times.lock().unwrap_or_else(PoisonError::into_inner).push(micros);
        }
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
        self.published();
        Ok(())
    }
    fn next_frame(&mut self, _: Duration) -> Result<Frame<'_>> {
        // Whoever asks for the next frame has published the one before.
        self.published();
        self.left -= 1;
        if self.left == 0 {
            self.stop.store(true, Ordering::Relaxed);
        }
        let planes: Vec<_> = self.planes.iter().map(|(bytes, stride)| Plane::host(bytes, *stride)).collect();
        self.lent = Some(Instant::now());
        Frame::new(self.format, FrameMeta::new(u64::MAX - self.left, SystemClock.monotonic()), &planes)
    }
}

fn run(format: StreamFormat, frames: u64, times: &Times) -> Duration {
    let stop = Arc::new(AtomicBool::new(false));
    let hub = Hub::default();
    let _viewer = hub.feed.subscribe();
    let (ended, times) = (Arc::clone(&stop), Arc::clone(times));
    let camera = move || Ok(Box::new(Still::new(format, frames, ended.clone(), times.clone())) as _);
    let mut pipeline = Pipeline::new(Box::new(camera), Box::new(|| encode::by_name("auto")), hub.clone())
        .stall_after(Duration::from_secs(60));
    pipeline.open_camera().expect("a camera in memory");
    pipeline.open_encoder().expect("there is always an encoder");
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
            let (name, times) = (format!("{width}x{height}"), Times::default());
            let id = BenchmarkId::new(pixel.name(), &name);
            group.bench_function(id, |b| b.iter_custom(|frames| run(format, frames, &times)));
            let times = std::mem::take(&mut *times.lock().unwrap_or_else(PoisonError::into_inner));
            if let Some(tail) = Tail::of(times) {
                let _ = writeln!(io::stdout(), "pipeline/{pixel}/{name}: {tail} ms (p50 / p99 / max)");
            }
        }
    }
    group.finish();
}

criterion_group!(benches, capture_to_published);
criterion_main!(benches);
