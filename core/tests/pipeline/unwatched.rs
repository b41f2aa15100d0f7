//! The camera thread without viewers.

use super::support::{Bench, grey, once};
use eyelet_core::feed::Subscription;
use eyelet_hal::{
    CameraSource, Frame, FrameMeta, JpegEncoder, Plane, Quality, Result, StreamFormat, clock::Clock,
};
use std::{
    sync::{Arc, Mutex, atomic::Ordering, mpsc},
    thread,
    time::{Duration, Instant},
};

/// Longer than the time without viewers after which the thread naps.
const LONG: Duration = Duration::from_millis(1_500);

/// A camera that calls `next` for each frame: from the timeout to the frame's number.
struct Scripted<F>(F);

impl<F: FnMut(Duration) -> u64 + Send> CameraSource for Scripted<F> {
    fn name(&self) -> &str {
        "scripted"
    }
    fn format(&self) -> StreamFormat {
        grey(1, 1)
    }
    fn start(&mut self) -> Result<()> {
        Ok(())
    }
    fn next_frame(&mut self, timeout: Duration) -> Result<Frame<'_>> {
        let meta = FrameMeta::new((self.0)(timeout), Duration::ZERO);
        Frame::new(grey(1, 1), meta, &[Plane::host(b"x", 1)])
    }
    fn stop(&mut self) -> Result<()> {
        Ok(())
    }
}

struct Encoder;

impl JpegEncoder for Encoder {
    fn name(&self) -> &str {
        "none"
    }
    fn supports(&self, _: StreamFormat) -> bool {
        true
    }
    fn encode(&mut self, _: &Frame<'_>, _: Quality, out: &mut Vec<u8>) -> Result<()> {
        out.extend_from_slice(b"JPEG");
        Ok(())
    }
}

/// Runs until `next` sets the stop.
fn run(mut bench: Bench, next: impl FnMut(Duration) -> u64 + Send + 'static) {
    bench.stall = Duration::from_secs(3600);
    bench.run(once(Box::new(Scripted(next)) as Box<dyn CameraSource>), once(Box::new(Encoder)));
}

#[test]
fn frames_left_at_the_camera_are_skipped_not_lost() {
    let bench = Bench::new();
    // Two in time, then the newest of those that waited; what the camera could not keep is missing after that one.
    // Later one is lost although there is a viewer.
    let mut numbers = [1, 2, 8, 11, 12, 13, 15].into_iter();
    let (inner, time, done) = (bench.hub.clone(), Arc::clone(&bench.clock), Arc::clone(&bench.stop));
    let mut viewers: Vec<Subscription> = vec![];
    run(bench.clone(), move |_| {
        let number = numbers.next().unwrap();
        match number {
            2 => time.advance(LONG),
            11 => viewers.push(inner.feed.subscribe()),
            15 => done.store(true, Ordering::Relaxed),
            _ => {}
        }
        number
    });
    let metrics = &bench.hub.metrics;
    assert_eq!(metrics.frames_captured.get(), 14);
    assert_eq!(metrics.frames_skipped.get(), 10, "1 to 10");
    assert_eq!(metrics.frames_dropped.get(), 1, "14");
}

#[test]
fn viewer_after_a_rest_gets_no_stale_frame() {
    let bench = Bench::new();
    let viewer = Arc::new(Mutex::new(None));
    let (feed, time, seat, done) =
        (bench.hub.feed.clone(), Arc::clone(&bench.clock), Arc::clone(&viewer), Arc::clone(&bench.stop));
    let (sender, waited) = mpsc::channel();
    let mut number = 0;
    run(bench.clone(), move |timeout| {
        number += 1;
        if timeout.is_zero() {
            sender.send(number).unwrap();
            done.store(true, Ordering::Relaxed);
            return number;
        }
        // The viewer joins while the thread rests; if it was too early or too late, it joins again.
        *seat.lock().unwrap() = None;
        time.advance(LONG);
        let (feed, seat) = (feed.clone(), Arc::clone(&seat));
        thread::spawn(move || *seat.lock().unwrap() = Some(feed.subscribe()));
        number
    });
    let old = waited.recv().unwrap();
    assert!(
        bench.hub.feed.newest().is_none_or(|picture| picture.label.sequence != old),
        "{old} waited at the camera"
    );
    assert_eq!(bench.hub.metrics.frames_captured.get(), old);
    drop(viewer);
}

/// A browser that cannot show the stream and reloads, or a client that takes a snapshot now and then.
#[test]
fn request_once_a_second_does_not_keep_the_camera_awake() {
    let bench = Bench::new();
    let (feed, time, done) = (bench.hub.feed.clone(), Arc::clone(&bench.clock), Arc::clone(&bench.stop));
    let looks = Arc::new(Mutex::new(0));
    let count = Arc::clone(&looks);
    let (mut number, mut visits, mut visitor, mut last) = (0, 0, None, Instant::now());
    run(bench.clone(), move |_| {
        number += 1;
        *count.lock().unwrap() += 1;
        // A frame every 10 ms, unless the thread has rested. A visitor stays for one.
        let rested = std::mem::replace(&mut last, Instant::now()).elapsed() > Duration::from_millis(150);
        time.advance(Duration::from_millis(if rested { 200 } else { 10 }));
        drop(visitor.take());
        if time.monotonic() > visits * Duration::from_secs(1) {
            visits += 1;
            visitor = Some(feed.subscribe());
        }
        done.store(visits > 3, Ordering::Relaxed);
        number
    });
    let looks = *looks.lock().unwrap();
    assert!(looks < 150, "{looks} looks at the camera in three seconds with a visitor each");
}
