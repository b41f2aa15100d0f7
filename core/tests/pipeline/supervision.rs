//! The camera thread and faults of its devices, on a clock that is moved by hand: see docs/reliability.md.

use super::support::{Bench, STALL, START, grey, once};
use eyelet_core::{
    encode,
    feed::{HANG, PictureKind},
    pipeline::Open,
};
use eyelet_hal::{
    CameraSource, Error, ErrorKind, Frame, FrameMeta, JpegEncoder, MockJpegEncoder, PixelFormat, Plane,
    Result, StreamFormat, clock::Clock, jpeg,
};
use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

const PERIOD: Duration = Duration::from_millis(33);

/// Called for each frame of a run with its number from 1; gives its format, or why there is no frame.
type Script = Arc<Mutex<dyn FnMut(u64) -> Result<StreamFormat> + Send>>;

struct Camera {
    bench: Bench,
    script: Script,
    frames: Arc<AtomicUsize>,
    pixels: Vec<u8>,
}

impl CameraSource for Camera {
    fn name(&self) -> &str {
        "test"
    }
    fn format(&self) -> StreamFormat {
        grey(16, 16)
    }
    fn start(&mut self) -> Result<()> {
        Ok(())
    }
    fn stop(&mut self) -> Result<()> {
        Ok(())
    }
    fn next_frame(&mut self, _: Duration) -> Result<Frame<'_>> {
        self.bench.clock.advance(PERIOD);
        let number = self.frames.fetch_add(1, Ordering::Relaxed) as u64 + 1;
        let format = (self.script.lock().unwrap())(number)?;
        let (width, height) = (format.width.get() as usize, format.height.get() as usize);
        self.pixels.resize(3 * width * height, number as u8);
        let stride = if format.pixel == PixelFormat::Rgb24 { 3 * width } else { width };
        let plane = Plane::host(&self.pixels[..stride * height], stride);
        Frame::new(format, FrameMeta::new(number, self.bench.clock.monotonic()), &[plane])
    }
}

impl Bench {
    /// Runs for `frames` frames. Opening the camera fails as often as there are errors in `refusals`.
    fn run_refused(
        &self,
        refusals: Vec<Error>,
        frames: u64,
        encoder: Open<dyn JpegEncoder>,
        mut script: impl FnMut(u64) -> Result<StreamFormat> + Send + 'static,
    ) {
        let stop = Arc::clone(&self.stop);
        let script: Script = Arc::new(Mutex::new(move |number| {
            if number >= frames {
                stop.store(true, Ordering::Relaxed);
            }
            script(number)
        }));
        let (bench, count) = (self.clone(), Arc::new(AtomicUsize::new(0)));
        let mut refusals = refusals.into_iter();
        let open = move || -> Result<Box<dyn CameraSource>> {
            match refusals.next() {
                Some(refusal) => Err(refusal),
                None => {
                    let (script, frames) = (Arc::clone(&script), Arc::clone(&count));
                    Ok(Box::new(Camera { bench: bench.clone(), script, frames, pixels: Vec::new() }))
                }
            }
        };
        self.run(open, encoder);
    }

    fn run_script(
        &self,
        frames: u64,
        encoder: Open<dyn JpegEncoder>,
        script: impl FnMut(u64) -> Result<StreamFormat> + Send + 'static,
    ) {
        self.run_refused(Vec::new(), frames, encoder, script);
    }
}

/// Opens encoders whose calls succeed except where `broken` gives an error, given the number of the call from 1.
fn encoder(mut broken: impl FnMut(u64) -> Option<Error> + Send + 'static) -> Open<dyn JpegEncoder> {
    let mut calls = 0;
    let outcome = Arc::new(Mutex::new(move || {
        calls += 1;
        broken(calls)
    }));
    Box::new(move || {
        let mut encoder = MockJpegEncoder::new();
        encoder.expect_name().return_const("test".to_owned());
        let outcome = Arc::clone(&outcome);
        encoder.expect_encode().returning(move |_, _, out| match (outcome.lock().unwrap())() {
            Some(error) => Err(error),
            None => {
                out.extend_from_slice(b"JPEG");
                Ok(())
            }
        });
        Ok(Box::new(encoder))
    })
}

fn failed() -> Error {
    Error::new(ErrorKind::Other, "the unit hangs")
}

#[test]
fn encoder_that_fails_occasionally_loses_only_those_frames() {
    let bench = Bench::new();
    let _viewer = bench.hub.feed.subscribe();
    let seen = bench.clone();
    bench.run_script(60, encoder(|call| (call % 3 == 0).then(failed)), move |number| {
        if number > 1 {
            assert_eq!(seen.health(), Ok(()));
            assert_eq!(seen.hub.feed.newest().unwrap().kind, PictureKind::Live);
        }
        Ok(grey(16, 16))
    });
    let metrics = &bench.hub.metrics;
    assert_eq!((metrics.frames_encoded.get(), metrics.frames_failed.get()), (40, 20));
    assert_eq!(metrics.frames_dropped.get(), 0, "no fault of the camera");
    assert_eq!(bench.opened(), 1, "the camera was left alone");
}

#[test]
fn broken_encoder_shows_no_signal_and_recovers() {
    let bench = Bench::new();
    let _viewer = bench.hub.feed.subscribe();
    // Works for a second, fails for ten, works again.
    let (from, until) = (Duration::from_secs(1), Duration::from_secs(11));
    let calls = Arc::new(Mutex::new(Vec::new()));
    let (clock, log) = (Arc::clone(&bench.clock), Arc::clone(&calls));
    let encoder = encoder(move |_| {
        let now = clock.monotonic();
        log.lock().unwrap().push(now);
        (from..until).contains(&now).then(failed)
    });
    let seen = bench.clone();
    let mut drawn = BTreeSet::new();
    bench.run_script(600, encoder, move |number| {
        let now = seen.clock.monotonic();
        let status = seen.hub.status.snapshot(now);
        let newest = seen.hub.feed.newest();
        let kind = newest.as_ref().map(|picture| picture.kind);
        if kind == Some(PictureKind::NoSignal) {
            drawn.extend(newest.map(|picture| picture.label.sequence));
            assert_eq!(drawn.len(), 1, "it is drawn once");
        }
        if (from + STALL + Duration::from_secs(1)..until).contains(&now) {
            assert_eq!(status.health, Err("the unit hangs".to_owned()), "at {now:?}");
            assert_eq!(status.camera, Ok(()), "the camera lives");
            assert!(status.fps > 29.0, "{}", status.fps);
            assert_eq!(kind, Some(PictureKind::NoSignal));
        } else if number > 1 && !(from + STALL..until + Duration::from_secs(6)).contains(&now) {
            assert_eq!((status.health, kind), (Ok(()), Some(PictureKind::Live)), "at {now:?}");
        }
        Ok(grey(16, 16))
    });
    let metrics = &bench.hub.metrics;
    assert_eq!(metrics.frames_captured.get(), 600);
    assert_eq!(metrics.frames_encoded.get() + metrics.frames_failed.get(), 600, "each is accounted for");
    assert_eq!(bench.opened(), 1);
    // In ten seconds: three at once, then pauses of 0.1, 0.2, 0.4, 0.8, 1.6, 3.2 and 5 s.
    let tries = calls.lock().unwrap().iter().filter(|&&at| (from..until).contains(&at)).count();
    assert!((8..=10).contains(&tries), "{tries} tries");
}

#[test]
fn encoder_that_works_only_after_reopening_is_reopened() {
    let bench = Bench::new();
    let _viewer = bench.hub.feed.subscribe();
    let opened = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&opened);
    let mut refusals = [failed()].into_iter();
    let open: Open<dyn JpegEncoder> = Box::new(move || {
        // The second one is refused at first, as by a device that is busy for a moment.
        match count.fetch_add(1, Ordering::Relaxed) {
            0 => encoder(|call| (call > 10).then(failed))(),
            _ => refusals.next().map_or_else(encoder(|_| None), Err),
        }
    });
    bench.run_script(100, open, |_| Ok(grey(16, 16)));
    assert_eq!(opened.load(Ordering::Relaxed), 3);
    let metrics = &bench.hub.metrics;
    assert_eq!(metrics.frames_encoded.get() + metrics.frames_failed.get(), 100);
    // Three at once, then those that arrive in pauses of 0.1 and 0.2 s.
    assert!((10..20).contains(&metrics.frames_failed.get()), "{} frames", metrics.frames_failed.get());
    assert_eq!(bench.health(), Ok(()));
}

#[test]
fn broken_encoder_without_viewers_is_retried_until_it_works() {
    let bench = Bench::new();
    let viewer = Mutex::new(Some(bench.hub.feed.subscribe()));
    let (seen, clock) = (bench.clone(), Arc::clone(&bench.clock));
    let until = Duration::from_secs(10);
    let mut encoded_at = u64::MAX;
    bench.run_script(600, encoder(move |_| (clock.monotonic() < until).then(failed)), move |number| {
        if number == 200 {
            assert!(seen.health().is_err());
            viewer.lock().unwrap().take();
        }
        if seen.hub.metrics.frames_encoded.get() > 0 {
            encoded_at = encoded_at.min(number);
        }
        // From then on there are five frames a second, in real time.
        seen.stop.store(number >= 600.min(encoded_at.saturating_add(20)), Ordering::Relaxed);
        Ok(grey(16, 16))
    });
    assert_eq!(bench.health(), Ok(()));
    assert_eq!(bench.hub.metrics.frames_encoded.get(), 1, "the try that worked; no other was wanted");
}

#[test]
fn camera_lost_while_the_encoder_is_broken_is_found_again() {
    let bench = Bench::new();
    let _viewer = bench.hub.feed.subscribe();
    let seen = bench.clone();
    let mut unplugged = None;
    let newest = move || seen.hub.feed.newest().unwrap().label.sequence;
    let seen = bench.clone();
    bench.run_script(400, encoder(|_| Some(failed())), move |number| match number {
        200 => Err(Error::new(ErrorKind::Disconnected, "unplugged")),
        201 => {
            unplugged = Some(newest());
            Ok(grey(16, 16))
        }
        202 => {
            assert!(unplugged < Some(newest()), "viewers still see that it is unplugged");
            Ok(grey(16, 16))
        }
        300 => {
            assert_eq!(seen.health(), Err("the unit hangs".to_owned()));
            assert_eq!(seen.hub.feed.newest().unwrap().kind, PictureKind::NoSignal);
            Ok(grey(16, 16))
        }
        _ => Ok(grey(16, 16)),
    });
    assert_eq!(bench.opened(), 2);
}

#[test]
fn camera_that_changes_format_and_size_is_followed() {
    let bench = Bench::new();
    let _viewer = bench.hub.feed.subscribe();
    let rgb = StreamFormat::new(PixelFormat::Rgb24, 24, 40).unwrap();
    let formats = [grey(16, 16), grey(64, 48), rgb, grey(8, 8)];
    let seen = bench.clone();
    let mut last = None;
    bench.run_script(40, Box::new(|| encode::by_name("auto")), move |number| {
        if let Some((format, sequence)) = last {
            let picture = seen.hub.feed.newest().unwrap();
            let info = jpeg::inspect(&picture.jpeg).unwrap();
            let StreamFormat { width, height, .. } = format;
            assert_eq!((u32::from(info.width), u32::from(info.height)), (width.get(), height.get()));
            assert_eq!(picture.label.sequence, sequence);
            let status = seen.hub.status.snapshot(seen.clock.monotonic());
            assert_eq!((status.format, status.health), (Some(format), Ok(())));
        }
        let format = formats[(number / 10) as usize % 4];
        last = Some((format, number));
        Ok(format)
    });
    assert_eq!(bench.hub.metrics.frames_encoded.get(), 40);
    assert_eq!(bench.opened(), 1);
}

#[test]
fn unsupported_format_is_reported_and_the_next_tried_at_once() {
    let bench = Bench::new();
    let _viewer = bench.hub.feed.subscribe();
    let mut encoder = MockJpegEncoder::new();
    encoder.expect_name().return_const("test".to_owned());
    encoder.expect_encode().returning(|frame, _, out| {
        if frame.format().pixel == PixelFormat::Rgb24 {
            return Err(Error::new(ErrorKind::Unsupported, "no rgb24 here"));
        }
        out.extend_from_slice(b"JPEG");
        Ok(())
    });
    let seen = bench.clone();
    let rgb = StreamFormat::new(PixelFormat::Rgb24, 16, 16).unwrap();
    bench.run_script(402, once(Box::new(encoder)), move |number| {
        match number {
            390 => assert_eq!(seen.health(), Err("no rgb24 here".to_owned())),
            402 => assert_eq!(seen.health(), Ok(()), "as soon as the format has changed"),
            _ => {}
        }
        Ok(if (100..401).contains(&number) { rgb } else { grey(16, 16) })
    });
}

#[test]
fn wall_clock_jump_moves_only_timestamps() {
    let bench = Bench::new();
    let _viewer = bench.hub.feed.subscribe();
    let seen = bench.clone();
    let hour = Duration::from_secs(3600);
    let mut wall = START;
    let mut sequence = None;
    bench.run_script(300, encoder(|_| None), move |number| {
        if number > 1 {
            let picture = seen.hub.feed.newest().unwrap();
            assert_eq!(picture.label.captured_at, wall, "of the frame before");
            assert!(sequence < Some(picture.label.sequence));
            sequence = Some(picture.label.sequence);
        }
        match number {
            // What a board without a battery does when it gets the time, and what corrects it.
            100 => seen.clock.set_unix(START + 1000 * hour),
            200 => seen.clock.set_unix(START - 10 * hour),
            _ => {}
        }
        wall = seen.clock.unix();
        let status = seen.hub.status.snapshot(seen.clock.monotonic());
        assert!(number < 40 || (29.0..31.5).contains(&status.fps), "{} fps", status.fps);
        Ok(grey(16, 16))
    });
    assert_eq!(bench.opened(), 1, "no stall was seen");
    #[cfg(feature = "metrics")]
    {
        let text = bench.hub.metrics.render();
        let whole = "eyelet_capture_to_publish_seconds_bucket{le=\"0.0001\"} 300";
        assert!(text.lines().any(|line| line == whole), "latencies know no wall clock: {text}");
    }
}

#[test]
fn opening_is_retried_after_any_error_until_the_camera_is_there() {
    for (kind, what) in [
        (ErrorKind::Other, "cannot open test: too many open files"),
        (ErrorKind::OutOfMemory, "cannot start test: no memory for its buffers"),
        (ErrorKind::PermissionDenied, "cannot open test: permission denied"),
        (ErrorKind::Unsupported, "cannot use test: another camera was plugged in"),
        (ErrorKind::InvalidInput, "cannot set 640x480 on test: the driver refuses it"),
    ] {
        let bench = Bench::new();
        let _viewer = bench.hub.feed.subscribe();
        let (seen, reason) = (bench.clone(), what.to_owned());
        let refusals = (0..9).map(|_| Error::new(kind, what)).collect();
        bench.run_refused(refusals, 2, encoder(|_| None), move |number| {
            if number == 1 {
                assert_eq!(seen.health(), Err(reason.clone()));
                assert_eq!(seen.hub.feed.newest().unwrap().kind, PictureKind::NoSignal);
            }
            Ok(grey(16, 16))
        });
        assert_eq!(bench.health(), Ok(()));
        assert_eq!(bench.opened(), 10);
        // One picture for nine refusals.
        assert_eq!(bench.hub.feed.newest().unwrap().label.sequence, 2, "{what}");
    }
}

#[test]
fn hung_or_panicked_camera_thread_is_unhealthy() {
    let bench = Bench::new();
    let seen = bench.clone();
    bench.run_script(2, encoder(|_| None), move |number| {
        if number == 2 {
            assert_eq!(seen.health(), Ok(()));
            // To another thread this looks like a call that does not return.
            seen.clock.advance(HANG);
            let why = seen.health().unwrap_err();
            assert_eq!(why, "the camera thread has hung; restart the program");
        }
        Ok(grey(16, 16))
    });
    assert_eq!(
        bench.hub.status.hung_for(bench.clock.monotonic() + 2 * HANG),
        None,
        "there is no such thread"
    );

    let bench = Bench::new();
    let panicking = bench.clone();
    let thread = std::thread::spawn(move || {
        panicking.run_script(3, encoder(|_| None), |number| match number {
            2 => panic!("on purpose"),
            _ => Ok(grey(16, 16)),
        });
    });
    assert!(thread.join().is_err());
    assert_eq!(bench.health(), Err("the camera thread has panicked; restart the program".to_owned()));
    assert!(
        bench.hub.status.hung_for(bench.clock.monotonic() + HANG).is_some(),
        "nor does a watchdog take it for good"
    );
}

/// Its back-off grew to 5 s each time, as after failures.
#[test]
fn camera_that_is_still_being_opened_is_called_again_without_a_pause() {
    const CALLS: u32 = 50;
    let bench = Bench::new();
    let refusals = (0..CALLS).map(|_| Error::new(ErrorKind::Opening, "still being opened")).collect();
    let began = bench.clock.monotonic();
    let (seen, clock) = (bench.clone(), Arc::clone(&bench.clock));
    bench.run_refused(refusals, 1, encoder(|_| None), move |_| {
        assert_eq!(seen.health(), Err("still being opened".to_owned()), "until the first frame");
        let slices = CALLS * Duration::from_millis(200);
        assert!(
            (slices..=slices + PERIOD).contains(&(clock.monotonic() - began)),
            "no back-off, and no busy loop"
        );
        Ok(grey(16, 16))
    });
    assert_eq!(bench.opened(), CALLS as usize + 1);
}

#[test]
fn silent_camera_is_lost_with_the_remedy_that_it_names_itself() {
    let bench = Bench::new();
    let seen = bench.clone();
    let silent = |_| Err(Error::new(ErrorKind::TimedOut, "no frame").with_remedy("restart the board"));
    let reasons = Arc::new(Mutex::new(BTreeSet::new()));
    let noted = Arc::clone(&reasons);
    bench.run_script(300, encoder(|_| None), move |number| {
        noted.lock().unwrap().extend(seen.health().err());
        silent(number)
    });
    let reasons = reasons.lock().unwrap();
    assert!(reasons.contains("no good frame from test for 3s; restart the board"), "{reasons:?}");
}
