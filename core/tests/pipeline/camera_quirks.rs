//! Cameras that lie about time or size, and slow ones: what viewers get all the same.

use super::support::{Bench, grey};
use eyelet_core::encode;
use eyelet_hal::{
    CameraSource, Error, ErrorKind, Frame, FrameMeta, PixelFormat, Plane, Quality, Result, StreamFormat,
    clock::{Clock, ManualClock},
};
use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// A whole JPEG as the camera would compress it.
fn jpeg(width: u32, height: u32) -> Vec<u8> {
    let pixels = vec![90; (width * height) as usize];
    let frame =
        Frame::new(grey(width, height), FrameMeta::default(), &[Plane::host(&pixels, width as usize)])
            .unwrap();
    let mut jpeg = Vec::new();
    encode::by_name("auto").unwrap().encode(&frame, Quality::DEFAULT, &mut jpeg).unwrap();
    jpeg
}

/// From a frame's number and its time of arrival.
type Stamp = fn(u64, Duration) -> Duration;

/// A camera of 16x16 JPEGs, one each `period`.
struct Camera {
    clock: Arc<ManualClock>,
    period: Duration,
    /// When the next frame arrives.
    due: Duration,
    frames: u64,
    /// The stamp of a frame that arrives at this time.
    stamp: Stamp,
    picture: Vec<u8>,
    /// Called with the number of each frame before it is lent.
    seen: Box<dyn FnMut(u64) + Send>,
}

impl CameraSource for Camera {
    fn name(&self) -> &str {
        "quirky"
    }
    fn format(&self) -> StreamFormat {
        StreamFormat::new(PixelFormat::Jpeg, 16, 16).unwrap()
    }
    fn start(&mut self) -> Result<()> {
        self.due = self.clock.monotonic() + self.period;
        Ok(())
    }
    fn stop(&mut self) -> Result<()> {
        Ok(())
    }
    fn next_frame(&mut self, timeout: Duration) -> Result<Frame<'_>> {
        let now = self.clock.monotonic();
        if self.due > now + timeout {
            self.clock.advance(timeout.max(ms(1)));
            return Err(Error::new(ErrorKind::TimedOut, "not yet"));
        }
        self.clock.advance(self.due.saturating_sub(now));
        let now = self.clock.monotonic();
        self.due = now + self.period;
        self.frames += 1;
        (self.seen)(self.frames);
        let meta = FrameMeta::new(self.frames, (self.stamp)(self.frames, now));
        Frame::new(self.format(), meta, &[Plane::host(&self.picture, 0)])
    }
}

impl Bench {
    /// Runs for `count` frames; `seen` is called at each of them.
    fn run_quirky(
        &self,
        count: u64,
        period: Duration,
        stamp: Stamp,
        picture: Vec<u8>,
        seen: impl FnMut(u64) + Send + Clone + 'static,
    ) {
        // Stamps that were taken at the start of the stream must be old.
        self.clock.advance(Duration::from_secs(1000));
        let (clock, stop) = (Arc::clone(&self.clock), Arc::clone(&self.stop));
        let total = Arc::new(AtomicUsize::new(0));
        let open = move || -> Result<Box<dyn CameraSource>> {
            let (mut seen, stop, total) = (seen.clone(), Arc::clone(&stop), Arc::clone(&total));
            let seen = move |_| {
                let number = total.fetch_add(1, Ordering::Relaxed) as u64 + 1;
                stop.store(number >= count, Ordering::Relaxed);
                seen(number);
            };
            let (clock, picture, due) = (Arc::clone(&clock), picture.clone(), Duration::ZERO);
            Ok(Box::new(Camera { clock, period, due, frames: 0, stamp, picture, seen: Box::new(seen) }))
        };
        self.run(open, Box::new(|| encode::by_name("auto")));
    }
}

#[test]
fn impossible_timestamps_become_the_time_of_arrival_everywhere() {
    let lies: [(&str, Stamp); 5] = [
        ("nothing", |_, _| Duration::ZERO),
        ("standing still", |_, _| Duration::from_secs(1000)),
        ("long ago", |_, now| now - Duration::from_secs(190)),
        ("of the stream", |n, _| ms(33) * n as u32),
        ("in the future", |_, now| now + Duration::from_secs(60)),
    ];
    for (name, stamp) in lies {
        let bench = Bench::new();
        let _viewer = bench.hub.feed.subscribe();
        let (feed, clock) = (bench.hub.feed.clone(), Arc::clone(&bench.clock));
        bench.run_quirky(30, ms(33), stamp, jpeg(16, 16), move |number| {
            // The first stamp of those that stand still may be right.
            if let Some(picture) = feed.newest().filter(|_| number > 2) {
                // The previous frame arrived a period ago.
                assert_eq!(clock.unix() - picture.label.captured_at, ms(33), "{name} {number}");
            }
        });
        assert_eq!(bench.newest().label.captured_at, bench.clock.unix(), "{name}");
        #[cfg(feature = "metrics")]
        {
            let text = bench.hub.metrics.render();
            let sum = text.lines().find_map(|l| l.strip_prefix("eyelet_capture_to_publish_seconds_sum "));
            assert!(sum.unwrap().parse::<f64>().unwrap() < 0.1, "{name}: {sum:?}");
        }
    }
}

#[test]
fn timestamps_of_a_slow_pipeline_are_kept() {
    let bench = Bench::new();
    let _viewer = bench.hub.feed.subscribe();
    bench.run_quirky(30, ms(33), |_, now| now - ms(400), jpeg(16, 16), |_| {});
    assert_eq!(bench.clock.unix() - bench.newest().label.captured_at, ms(400));
}

#[test]
fn jpegs_of_another_size_than_negotiated_are_adopted_after_a_few() {
    let bench = Bench::new();
    let _viewer = bench.hub.feed.subscribe();
    bench.run_quirky(10, ms(33), |_, now| now, jpeg(16, 24), |_| {});
    let status = bench.hub.status.snapshot(bench.clock.monotonic());
    assert_eq!(status.format.unwrap().to_string(), "16x24 jpeg");
    let metrics = &bench.hub.metrics;
    assert_eq!((metrics.frames_encoded.get(), metrics.frames_dropped.get()), (8, 2));
    assert_eq!(bench.opened(), 1);
    assert_eq!(eyelet_hal::jpeg::size(&bench.newest().jpeg), Some((16, 24)));
}

#[test]
fn camera_slower_than_requested_is_waited_for() {
    for period in [10, 30] {
        let bench = Bench::new();
        let (status, clock) = (Arc::clone(&bench.hub.status), Arc::clone(&bench.clock));
        let feed = bench.hub.feed.clone();
        let seen = bench.clone();
        let attempts = Arc::new(AtomicUsize::new(0));
        let first = Arc::clone(&attempts);
        // Until its pace is measured; without viewers the thread rests by the real clock.
        let viewer = Arc::new(Mutex::new(Some(feed.subscribe())));
        bench.run_quirky(
            8,
            Duration::from_secs(period),
            |_, now| now,
            jpeg(16, 16),
            move |number| {
                if number == 1 {
                    first.store(seen.opened(), Ordering::Relaxed);
                    return;
                }
                if number == 3 {
                    *viewer.lock().unwrap() = None;
                    feed.clear();
                }
                let snapshot = status.snapshot(clock.monotonic());
                assert_eq!(snapshot.health, Ok(()), "{period} {number}");
                // Even without viewers: a new one sees the last picture at once.
                assert!(number < 4 || feed.newest().is_some(), "{period} {number}");
                assert!(number < 4 || snapshot.allowance >= 2 * Duration::from_secs(period));
                assert!(number < 4 || (snapshot.fps * period as f64 - 1.0).abs() < 0.1, "{}", snapshot.fps);
            },
        );
        let (first, all) = (attempts.load(Ordering::Relaxed), bench.opened());
        assert!((2..=5).contains(&first), "{first}");
        assert_eq!(all, first, "lost again");
    }
}
