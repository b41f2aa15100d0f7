//! Frames in the hand of an application before they are encoded.

use super::support::{Bench, START, once};
use eyelet_core::{
    feed::Picture,
    image::{Color, Thickness},
    pipeline::{FrameInHand, Pipeline},
};
use eyelet_hal::{
    CameraSource, Error, ErrorKind, Frame, FrameMeta, JpegEncoder, PixelFormat, Plane, Quality, Result,
    StreamFormat, clock::Clock,
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

const PERIOD: Duration = Duration::from_millis(40);
/// How old each frame is on arrival.
const AGE: Duration = Duration::from_millis(15);

/// A camera of 4x2 pixels of 7, with gaps in its numbers, that ends the run after some frames.
struct Camera {
    bench: Bench,
    pixel: PixelFormat,
    frames: u64,
    left: u64,
    pixels: [u8; 8],
}

impl CameraSource for Camera {
    fn name(&self) -> &str {
        "four by two"
    }
    fn format(&self) -> StreamFormat {
        StreamFormat::new(self.pixel, 4, 2).unwrap()
    }
    fn start(&mut self) -> Result<()> {
        Ok(())
    }
    fn stop(&mut self) -> Result<()> {
        Ok(())
    }
    fn next_frame(&mut self, _: Duration) -> Result<Frame<'_>> {
        self.frames += 1;
        self.left -= 1;
        self.bench.stop.store(self.left == 0, Ordering::Relaxed);
        self.bench.clock.advance(PERIOD);
        let meta = FrameMeta::new(self.frames * 2, self.bench.clock.monotonic() - AGE);
        let stride = if self.pixel == PixelFormat::Jpeg { 0 } else { 4 };
        Frame::new(self.format(), meta, &[Plane::host(&self.pixels, stride)])
    }
}

/// Gives the pixels as they are for a JPEG, and remembers where they were.
struct Copy {
    at: Arc<AtomicUsize>,
}

impl JpegEncoder for Copy {
    fn name(&self) -> &str {
        "copy"
    }
    fn supports(&self, _: StreamFormat) -> bool {
        true
    }
    fn encode(&mut self, frame: &Frame<'_>, _: Quality, out: &mut Vec<u8>) -> Result<()> {
        self.at.store(frame.planes()[0].bytes.as_ptr().addr(), Ordering::Relaxed);
        out.extend_from_slice(frame.planes()[0].bytes);
        Ok(())
    }
}

/// What `each` made of so many frames.
struct Run {
    bench: Bench,
    frames: u64,
    pixel: PixelFormat,
}

impl Run {
    fn of(frames: u64) -> Self {
        Self { bench: Bench::new(), frames, pixel: PixelFormat::Grey }
    }

    /// Where the pixels were that the encoder got last.
    fn with(self, each: impl FnMut(&mut FrameInHand<'_>) -> Result<()> + Send + 'static) -> usize {
        let Self { bench, frames, pixel } = self;
        bench.clock.advance(Duration::from_secs(1000));
        let camera = Camera { bench: bench.clone(), pixel, frames: 0, left: frames, pixels: [7; 8] };
        let at = Arc::new(AtomicUsize::new(0));
        let encoder = Copy { at: Arc::clone(&at) };
        let camera = once(Box::new(camera) as Box<dyn CameraSource>);
        let pipeline = Pipeline::new(camera, once(Box::new(encoder)), bench.hub.clone());
        pipeline.clock(Arc::clone(&bench.clock) as Arc<dyn Clock>).each_frame(each).run(&bench.stop);
        at.load(Ordering::Relaxed)
    }
}

#[test]
fn what_is_drawn_is_encoded_with_the_frames_number_and_time() {
    let run = Run::of(5);
    let bench = run.bench.clone();
    let _viewer = bench.hub.feed.subscribe();
    let (seen, clock) = (std::sync::mpsc::channel(), Arc::clone(&bench.clock));
    run.with(move |frame| {
        assert_eq!(frame.view()?.luma(1, 1), Some(7), "without what was drawn on the frame before");
        frame.canvas()?.set_pixel(0, 0, Color::WHITE);
        // A second canvas is the same.
        frame.canvas()?.draw_rect(3, 1, 1, 1, Color::BLACK, Thickness::Filled);
        assert_eq!(frame.view()?.luma(0, 0), Some(255));
        assert_eq!(frame.frame().planes()[0].bytes, [7; 8]);
        assert_eq!(frame.format(), StreamFormat::new(PixelFormat::Grey, 4, 2).unwrap());
        assert_eq!(clock.unix() - frame.label().captured_at, AGE);
        seen.0.send(frame.label()).unwrap();
        Ok(())
    });
    let Picture { jpeg, label, .. } = &*bench.newest();
    assert_eq!(jpeg[..], [255, 7, 7, 7, 7, 7, 7, 0]);
    let labels: Vec<_> = seen.1.try_iter().collect();
    assert_eq!((labels.len(), labels.last()), (5, Some(label)));
    assert_eq!(label.captured_at, START + Duration::from_secs(1000) + 5 * PERIOD - AGE);
}

#[test]
fn frame_that_is_only_looked_at_is_encoded_where_the_camera_has_it() {
    let run = Run::of(3);
    let _viewer = run.bench.hub.feed.subscribe();
    let lent = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&lent);
    let encoded = run.with(move |frame| {
        assert_eq!(frame.view()?.luma(3, 1), Some(7));
        seen.store(frame.frame().planes()[0].bytes.as_ptr().addr(), Ordering::Relaxed);
        Ok(())
    });
    assert_eq!(encoded, lent.load(Ordering::Relaxed));
}

#[test]
fn frame_that_nobody_wants_is_in_no_hand() {
    let run = Run::of(2);
    let bench = run.bench.clone();
    run.with(|_| panic!("nobody wants it"));
    assert_eq!(bench.hub.metrics.frames_skipped.get(), 2);
}

#[test]
fn jpegs_cannot_be_drawn_on_and_viewers_see_why() {
    let mut run = Run::of(400);
    run.pixel = PixelFormat::Jpeg;
    let bench = run.bench.clone();
    let _viewer = bench.hub.feed.subscribe();
    let (status, clock) = (Arc::clone(&bench.hub.status), Arc::clone(&bench.clock));
    let shown = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&shown);
    run.with(move |frame| {
        if let Err(reason) = status.snapshot(clock.monotonic()).health {
            assert!(
                reason.contains("4x2 jpeg frame: it is compressed; have the camera deliver a raw format"),
                "{reason}"
            );
            seen.store(true, Ordering::Relaxed);
        }
        frame.canvas().map(drop)
    });
    assert!(shown.load(Ordering::Relaxed));
    assert_eq!(bench.hub.metrics.frames_encoded.get(), 0, "no picture without what should be on it");
}

#[test]
fn application_that_fails_costs_neither_camera_nor_encoder() {
    let run = Run::of(100);
    let bench = run.bench.clone();
    let _viewer = bench.hub.feed.subscribe();
    // Both devices can be opened once only.
    run.with(|frame| match frame.label().sequence {
        0..30 => {
            Err(Error::new(ErrorKind::Other, "the model is not loaded yet").with_source(std::fmt::Error))
        }
        _ => Ok(()),
    });
    assert!(bench.hub.metrics.frames_encoded.get() > 0 && bench.hub.metrics.frames_failed.get() > 3);
    assert_eq!(bench.health(), Ok(()));
}

/// A panic once ended the camera for ever.
#[test]
fn application_that_panics_loses_the_frame_and_viewers_see_why() {
    let run = Run::of(400);
    let bench = run.bench.clone();
    let _viewer = bench.hub.feed.subscribe();
    let (status, clock) = (Arc::clone(&bench.hub.status), Arc::clone(&bench.clock));
    let (shown, mut works) = (std::sync::mpsc::channel(), false);
    run.with(move |frame| {
        if let Err(reason) = status.snapshot(clock.monotonic()).health {
            works = true;
            shown.0.send(reason).unwrap();
        }
        let n = frame.label().sequence;
        assert!(works, "no model for frame {n}");
        Ok(())
    });
    let reason = shown.1.recv().unwrap();
    assert!(reason.contains("each_frame panicked: no model for frame "), "{reason}");
    assert!(bench.hub.metrics.frames_failed.get() > 3 && bench.hub.metrics.frames_encoded.get() > 3);
    assert_eq!(bench.health(), Ok(()), "it works again");
}

#[test]
fn pixels_and_data_are_lent_together() {
    let run = Run::of(2);
    let bench = run.bench.clone();
    let _viewer = bench.hub.feed.subscribe();
    let (found, seen) = std::sync::mpsc::channel();
    run.with(move |frame| {
        let (view, data) = frame.view_and_data()?;
        for x in (0..4).filter(|&x| view.luma(x, 0) == Some(7)) {
            data.value("x", f64::from(x));
        }
        let (mut canvas, data) = frame.canvas_and_data()?;
        canvas.set_pixel(1, 0, Color::WHITE);
        data.value("drawn", 1.0);
        let (view, data) = frame.view_and_data()?;
        data.value("luma", view.luma(1, 0).unwrap().into());
        found.send(frame.data().is_empty()).unwrap();
        Ok(())
    });
    assert_eq!(seen.try_iter().collect::<Vec<_>>(), [false; 2]);
    assert_eq!(bench.newest().jpeg[..], [7, 255, 7, 7, 7, 7, 7, 7]);
}

#[test]
fn damaged_frame_is_dropped_as_damaged() {
    let run = Run::of(4);
    let bench = run.bench.clone();
    let _viewer = bench.hub.feed.subscribe();
    run.with(|_| Err(Error::new(ErrorKind::CorruptFrame, "all green")));
    assert_eq!((bench.hub.metrics.frames_failed.get(), bench.hub.metrics.frames_dropped.get()), (0, 4 + 3));
}
