//! Frames that the bit budget has no room for.

use super::support::{Bench, grey, once};
use eyelet_core::feed::{Budget, Subscription};
use eyelet_hal::{
    CameraSource, Frame, FrameMeta, JpegEncoder, Plane, Quality, Result, StreamFormat, clock::Clock,
};
use std::{
    num::NonZeroU32,
    sync::{Arc, Mutex, atomic::Ordering},
    time::Duration,
};

/// 25 frames a second; the viewer takes each picture before the next frame comes.
struct Camera {
    bench: Bench,
    viewer: Option<Subscription>,
    frames: u64,
    end: u64,
}

impl CameraSource for Camera {
    fn name(&self) -> &str {
        "budget"
    }
    fn format(&self) -> StreamFormat {
        grey(1, 1)
    }
    fn start(&mut self) -> Result<()> {
        Ok(())
    }
    fn next_frame(&mut self, _: Duration) -> Result<Frame<'_>> {
        if let Some(picture) = self.viewer.as_mut().and_then(Subscription::unseen) {
            self.bench.hub.metrics.stream_bytes.inc_by(picture.jpeg.len() as u64);
        }
        assert!(
            self.frames == 0 || self.bench.hub.feed.newest().is_some(),
            "the newest picture is forgotten"
        );
        self.frames += 1;
        self.bench.stop.fetch_or(self.frames == self.end, Ordering::Relaxed);
        self.bench.clock.advance(Duration::from_millis(40));
        let meta = FrameMeta::new(self.frames - 1, self.bench.clock.monotonic());
        Frame::new(grey(1, 1), meta, &[Plane::host(b"x", 1)])
    }
    fn stop(&mut self) -> Result<()> {
        Ok(())
    }
}

/// Pictures of so many bytes for each step of quality.
struct Encoder(usize, Arc<Mutex<Vec<u8>>>);

impl JpegEncoder for Encoder {
    fn name(&self) -> &str {
        "budget"
    }
    fn supports(&self, _: StreamFormat) -> bool {
        true
    }
    fn encode(&mut self, _: &Frame<'_>, quality: Quality, out: &mut Vec<u8>) -> Result<()> {
        self.1.lock().unwrap().push(quality.get());
        out.resize(out.len() + self.0 * usize::from(quality.get()), 7);
        Ok(())
    }
}

/// Runs 250 frames under 1000 kbit/s with quality 40 at least: the qualities of all pictures that were encoded.
fn run(bench: &Bench, bytes: usize) -> Vec<u8> {
    let budget = Budget::new(NonZeroU32::new(1000).unwrap(), Quality::new(40).unwrap());
    budget.limit(&bench.hub).unwrap();
    let viewer = Some(bench.hub.feed.subscribe());
    let camera = Camera { bench: bench.clone(), viewer, frames: 0, end: 250 };
    let qualities = Arc::<Mutex<Vec<u8>>>::default();
    let encoder = Encoder(bytes, Arc::clone(&qualities));
    bench.run(once(Box::new(camera) as Box<dyn CameraSource>), once(Box::new(encoder)));
    let qualities = qualities.lock().unwrap();
    qualities.clone()
}

#[test]
fn frame_without_room_in_the_budget_is_skipped_and_the_newest_picture_stays() {
    let bench = Bench::new();
    // 40 kB at quality 40, of which 125 kB/s take three.
    let qualities = run(&bench, 1000);
    let metrics = &bench.hub.metrics;
    let (encoded, skipped) = (metrics.frames_encoded.get(), metrics.frames_skipped.get());
    assert_eq!((encoded + skipped, metrics.frames_captured.get()), (250, 250));
    assert!((28..=35).contains(&encoded), "{encoded} in ten seconds");
    assert_eq!(qualities.len() as u64, encoded + 1, "the first picture is encoded twice");
    assert!(qualities[1..].iter().all(|&quality| quality == 40), "{qualities:?}");
    // The viewer has left, as one of a snapshot does at once.
    let status = bench.hub.budget(bench.clock.monotonic()).unwrap();
    assert!(status.limited && status.quality == Some(40) && status.max_kbps == 1000, "{status:?}");
    let later = bench.clock.monotonic() + Duration::from_secs(1);
    assert!(!bench.hub.budget(later).unwrap().limited);
}

#[test]
fn quality_that_nobody_watches_is_no_higher_than_its_ceiling() {
    let bench = Bench::new();
    let status = |bench: &Bench| bench.hub.budget(bench.clock.monotonic()).unwrap().quality;
    Budget::new(NonZeroU32::new(1000).unwrap(), Quality::new(40).unwrap()).limit(&bench.hub).unwrap();
    assert_eq!(status(&bench), Some(80), "before the first picture");
    run(&bench, 50);
    for quality in [60, 30] {
        bench.hub.settings.set_quality(Quality::new(quality).unwrap());
        assert_eq!(status(&bench), Some(quality), "changed since the last one");
    }
}

#[test]
fn budget_with_room_changes_nothing() {
    let bench = Bench::new();
    assert_eq!(run(&bench, 50), [80; 250]);
    let status = bench.hub.budget(bench.clock.monotonic()).unwrap();
    assert!(!status.limited && status.kbps.abs_diff(800) < 80, "{status:?}");
}

#[test]
fn lowest_quality_above_the_highest_is_refused() {
    let bench = Bench::new();
    let budget = Budget::new(NonZeroU32::MIN, Quality::new(81).unwrap());
    assert!(budget.limit(&bench.hub).is_err());
    assert!(bench.hub.budget(Duration::ZERO).is_none());
}
