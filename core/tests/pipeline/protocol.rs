//! The pipeline's call protocol: what it calls of a camera and an encoder, and when.

use super::support::{Bench, STALL, grey, once};
use eyelet_core::feed::PictureKind;
use eyelet_hal::{
    CameraSource, Error, ErrorKind, Frame, FrameMeta, JpegEncoder, MockCameraSource, MockJpegEncoder, Plane,
    clock::Clock,
};
use mockall::Sequence;
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

/// What a call for a frame does: return the one of this number, or fail.
type Step = Result<u64, (ErrorKind, &'static str)>;

fn error<T>(kind: ErrorKind, what: &str) -> eyelet_hal::Result<T> {
    Err(Error::new(kind, what))
}

/// A camera that must be started once, goes through `script`, and must be stopped `stops` times after that.
fn camera(script: &[Step], stops: usize, stop: &Arc<AtomicBool>) -> Box<dyn CameraSource> {
    let mut camera = MockCameraSource::new();
    let mut order = Sequence::new();
    camera.expect_name().return_const("mock".to_owned());
    camera.expect_format().return_const(grey(1, 1));
    camera.expect_start().times(1).in_sequence(&mut order).returning(|| Ok(()));
    let mut script = Vec::from(script).into_iter();
    let stop = Arc::clone(stop);
    camera.expect_next_frame().returning(move |_| match script.next() {
        Some(Ok(sequence)) => {
            let meta = FrameMeta::new(sequence, Duration::ZERO);
            Frame::new(grey(1, 1), meta, &[Plane::host(b"x", 1)])
        }
        Some(Err((kind, what))) => error(kind, what),
        None => {
            stop.store(true, Ordering::Relaxed);
            error(ErrorKind::TimedOut, "the script is at its end")
        }
    });
    camera.expect_stop().times(stops).in_sequence(&mut order).returning(|| Ok(()));
    Box::new(camera)
}

fn encoder(calls: usize) -> Box<MockJpegEncoder> {
    let mut encoder = MockJpegEncoder::new();
    encoder.expect_name().return_const("mock".to_owned());
    encoder.expect_encode().times(calls).returning(|_, _, out| {
        out.extend_from_slice(b"JPEG");
        Ok(())
    });
    Box::new(encoder)
}

impl Bench {
    fn camera(&self, script: &[Step], stops: usize) -> Box<dyn CameraSource> {
        camera(script, stops, &self.stop)
    }

    /// Runs until a script ends; `cameras` are what opening gives, one after the other.
    fn run_cameras(
        &self,
        cameras: Vec<eyelet_hal::Result<Box<dyn CameraSource>>>,
        encoder: Box<MockJpegEncoder>,
    ) {
        let mut cameras = cameras.into_iter();
        self.run(
            move || cameras.next().expect("opened once too often"),
            once(encoder as Box<dyn JpegEncoder>),
        );
    }
}

#[test]
fn camera_is_started_once_and_stopped_at_shutdown() {
    let bench = Bench::new();
    let _viewer = bench.hub.feed.subscribe();
    bench.run_cameras(vec![Ok(bench.camera(&[Ok(1), Ok(2)], 1))], encoder(2));
    assert_eq!(bench.newest().label.sequence, 2);
    assert_eq!(bench.hub.metrics.frames_captured.get(), 2);
}

#[test]
fn camera_without_viewers_encodes_nothing() {
    let bench = Bench::new();
    bench.run_cameras(vec![Ok(bench.camera(&[Ok(1), Ok(2), Ok(3)], 1))], encoder(0));
    let metrics = &bench.hub.metrics;
    assert_eq!((metrics.frames_captured.get(), metrics.frames_skipped.get()), (3, 3));
    assert!(bench.hub.feed.newest().is_none());
}

#[test]
fn disconnected_camera_is_dropped_and_reopened_until_it_is_back() {
    let bench = Bench::new();
    let _viewer = bench.hub.feed.subscribe();
    let lost = Err((ErrorKind::Disconnected, "mock: unplugged"));
    let gone = || error(ErrorKind::NotFound, "mock: no such device");
    let first = bench.camera(&[Ok(5), lost], 0);
    let second = bench.camera(&[Ok(0), Ok(1)], 1);
    bench.run_cameras(vec![Ok(first), gone(), gone(), gone(), Ok(second)], encoder(3));
    assert_eq!(bench.opened(), 5);
    // 100 + 200 + 400 + 800 ms: the pauses grow.
    assert_eq!(bench.clock.monotonic(), Duration::from_millis(1_500));
    // 5, two "no signal" pictures (two reasons), then the second camera's two: numbers grow.
    assert_eq!(bench.newest().label.sequence, 9);
}

#[test]
fn viewers_of_a_lost_camera_see_why() {
    let bench = Bench::new();
    let stop = Arc::clone(&bench.stop);
    let mut camera = MockCameraSource::new();
    camera.expect_name().return_const("mock".to_owned());
    camera.expect_start().returning(move || {
        stop.store(true, Ordering::Relaxed);
        error(ErrorKind::Busy, "mock: busy")
    });
    bench.run_cameras(vec![Ok(Box::new(camera))], encoder(0));
    let picture = bench.newest();
    assert_eq!(picture.kind, PictureKind::NoSignal);
    assert!(eyelet_hal::jpeg::inspect(&picture.jpeg).is_ok());
    assert_eq!(bench.health(), Err("mock: busy".to_owned()));
}

#[test]
fn damaged_frames_are_counted_and_skipped() {
    let bench = Bench::new();
    let _viewer = bench.hub.feed.subscribe();
    let damaged = Err((ErrorKind::CorruptFrame, "mock: short"));
    bench.run_cameras(vec![Ok(bench.camera(&[Ok(1), damaged, damaged, Ok(6)], 1))], encoder(2));
    // Two damaged, and 2..=5 missing.
    assert_eq!(bench.hub.metrics.frames_dropped.get(), 2 + 4);
}

#[test]
fn encoder_that_finds_damage_loses_one_frame() {
    let bench = Bench::new();
    let _viewer = bench.hub.feed.subscribe();
    let mut encoder = MockJpegEncoder::new();
    encoder.expect_name().return_const("mock".to_owned());
    let mut call = 0;
    encoder.expect_encode().times(3).returning(move |_, _, out| {
        call += 1;
        if call == 1 {
            return error(ErrorKind::CorruptFrame, "truncated");
        }
        out.extend_from_slice(b"JPEG");
        Ok(())
    });
    bench.run_cameras(vec![Ok(bench.camera(&[Ok(1), Ok(2), Ok(3)], 1))], Box::new(encoder));
    let metrics = &bench.hub.metrics;
    let counts = (metrics.frames_encoded.get(), metrics.frames_dropped.get(), metrics.frames_failed.get());
    assert_eq!(counts, (2, 1, 0), "damage is the camera's");
    assert_eq!(bench.opened(), 1);
}

/// Each time that it was opened again it counted as working, while viewers saw why it does not.
#[test]
fn camera_of_damaged_pictures_alone_does_not_count_as_working() {
    let bench = Bench::new();
    let _viewer = bench.hub.feed.subscribe();
    let clock = Arc::clone(&bench.clock);
    let mut encoder = MockJpegEncoder::new();
    encoder.expect_name().return_const("mock".to_owned());
    encoder.expect_encode().times(3).returning(move |_, _, _| {
        clock.advance(STALL / 2);
        error(ErrorKind::CorruptFrame, "truncated")
    });
    let cameras = vec![Ok(bench.camera(&[Ok(1), Ok(2)], 0)), Ok(bench.camera(&[Ok(1)], 1))];
    bench.run_cameras(cameras, Box::new(encoder));
    assert_eq!(bench.opened(), 2);
    assert!(bench.health().unwrap_err().contains("no good frame from mock"), "{:?}", bench.health());
}

#[test]
fn silent_camera_counts_as_lost() {
    let bench = Bench::new();
    let clock = Arc::clone(&bench.clock);
    let mut silent = MockCameraSource::new();
    silent.expect_name().return_const("mock".to_owned());
    silent.expect_start().times(1).returning(|| Ok(()));
    silent.expect_next_frame().returning(move |timeout| {
        clock.advance(timeout);
        error(ErrorKind::TimedOut, "nothing yet")
    });
    bench.run_cameras(vec![Ok(Box::new(silent)), Ok(bench.camera(&[Ok(1)], 1))], encoder(0));
    assert_eq!(bench.opened(), 2);
    let waited = bench.clock.monotonic();
    assert!(waited >= Duration::from_secs(3) && waited < Duration::from_secs(5), "{waited:?}");
}
