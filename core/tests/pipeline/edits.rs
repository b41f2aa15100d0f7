//! What is done to each frame before anything else sees it.

use super::support::{Bench, once};
#[cfg(feature = "drawing")]
use eyelet_core::pipeline::{Corner, Overlay};
use eyelet_core::{
    feed::PictureKind,
    pipeline::{Flip, Mask, Pipeline, Rotation},
};
use eyelet_hal::{
    CameraSource, Frame, FrameMeta, JpegEncoder, Memory, PixelFormat, Plane, Quality, Result, StreamFormat,
    clock::Clock,
};
use std::{
    sync::{Arc, Mutex, atomic::Ordering},
    time::Duration,
};

/// A camera of one picture, 20 of them a second, that ends the run after some frames.
struct Camera {
    bench: Bench,
    format: StreamFormat,
    bytes: Vec<u8>,
    memory: Memory<'static>,
    left: u64,
}

impl CameraSource for Camera {
    fn name(&self) -> &str {
        "attic"
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
        self.bench.stop.store(self.left == 0, Ordering::Relaxed);
        self.bench.clock.advance(Duration::from_millis(50));
        let (mut planes, mut at) = ([Plane::host(&[], 0); 3], 0);
        for (index, plane) in planes.iter_mut().enumerate().take(self.format.pixel.planes()) {
            let (stride, len) = self
                .format
                .plane(index)
                .map_or((0, self.bytes.len()), |g| (g.row_bytes, g.row_bytes * g.rows));
            let bytes = self.bytes.get(at..at + len).unwrap_or_default();
            *plane = Plane { bytes, stride, memory: self.memory };
            at += len;
        }
        let meta = FrameMeta::new(self.left, self.bench.clock.monotonic());
        Frame::new(self.format, meta, &planes[..self.format.pixel.planes()])
    }
}

/// The format and the bytes of a frame.
type Bytes = (StreamFormat, Vec<u8>);

/// Keeps what it gets.
struct Kept(Arc<Mutex<Option<Bytes>>>);

impl JpegEncoder for Kept {
    fn name(&self) -> &str {
        "kept"
    }
    fn supports(&self, _: StreamFormat) -> bool {
        true
    }
    fn encode(&mut self, frame: &Frame<'_>, _: Quality, out: &mut Vec<u8>) -> Result<()> {
        let bytes = frame.planes().iter().flat_map(|plane| plane.bytes.to_vec()).collect();
        *self.0.lock().unwrap() = Some((frame.format(), bytes));
        out.push(0);
        Ok(())
    }
}

/// What the encoder got last of so many frames.
fn encoded(
    bench: &Bench,
    (format, bytes, frames): (StreamFormat, Vec<u8>, u64),
    edit: impl FnOnce(Pipeline) -> Pipeline,
) -> Option<Bytes> {
    let memory = if bytes.is_empty() { Memory::Physical(0x8000_0000) } else { Memory::Host };
    let camera = Camera { bench: bench.clone(), format, bytes, memory, left: frames };
    let kept = Arc::<Mutex<_>>::default();
    let encoder = Kept(Arc::clone(&kept));
    let camera = once(Box::new(camera) as Box<dyn CameraSource>);
    let pipeline = Pipeline::new(camera, once(Box::new(encoder)), bench.hub.clone());
    let _viewer = bench.hub.feed.subscribe();
    edit(pipeline.clock(Arc::clone(&bench.clock) as Arc<dyn Clock>)).run(&bench.stop);
    kept.lock().unwrap().take()
}

fn grey(width: u32, height: u32) -> StreamFormat {
    StreamFormat::new(PixelFormat::Grey, width, height).unwrap()
}

#[test]
fn each_frame_the_encoder_and_the_status_have_the_edited_picture() {
    let bench = Bench::new();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let in_hand = Arc::clone(&seen);
    //  1 2 3   clockwise  4 1   flipped  6 3   masked  6 0
    //  4 5 6              5 2            5 2           5 0
    //                     6 3            4 1           4 1
    let got = encoded(&bench, (grey(3, 2), vec![1, 2, 3, 4, 5, 6], 3), |pipeline| {
        pipeline
            .mask(Mask::new([1, 0, 7, 2], (2, 3)).unwrap())
            .flip(Flip::Vertical)
            .rotate(Rotation::Deg90)
            .each_frame(move |frame| {
                *in_hand.lock().unwrap() = frame.frame().planes()[0].bytes.to_vec();
                assert_eq!(frame.view()?.luma(1, 0), Some(0));
                Ok(())
            })
    });
    let want = vec![6, 0, 5, 0, 4, 1];
    assert_eq!(got, Some((grey(2, 3), want.clone())));
    assert_eq!(*seen.lock().unwrap(), want);
    let status = bench.hub.status.snapshot(bench.clock.monotonic());
    assert_eq!(status.format, Some(grey(2, 3)));
}

#[test]
fn rotation_of_yuyv_swaps_the_sides_and_keeps_the_cameras_format_in_the_status() {
    let bench = Bench::new();
    let format = StreamFormat::new(PixelFormat::Yuyv, 2, 2).unwrap();
    let bytes = vec![1, 100, 2, 200, 3, 102, 4, 202];
    let got = encoded(&bench, (format, bytes, 3), |pipeline| pipeline.rotate(Rotation::Deg270));
    let i420 = StreamFormat::new(PixelFormat::I420, 2, 2).unwrap();
    assert_eq!(got, Some((i420, vec![2, 4, 1, 3, 101, 201])));
    assert_eq!(bench.hub.status.snapshot(bench.clock.monotonic()).format, Some(format));
}

/// A camera that comes up with another size would show what the mask should cover, or another part of the scene.
#[test]
fn pictures_of_another_size_than_the_masks_are_not_published() {
    let bench = Bench::new();
    let mask = Mask::new([0, 0, 2, 2], (8, 4)).unwrap();
    let got = encoded(&bench, (grey(4, 2), vec![9; 8], 100), |pipeline| pipeline.mask(mask));
    assert_eq!(got, None);
    assert_eq!(bench.newest().kind, PictureKind::NoSignal);
    assert!(bench.hub.metrics.frames_failed.get() > 0);
}

#[test]
fn edits_that_a_frame_cannot_have_leave_it_without_a_picture() {
    let jpeg = StreamFormat::new(PixelFormat::Jpeg, 4, 2).unwrap();
    for (format, bytes) in [(jpeg, vec![0xff; 9]), (grey(4, 2), Vec::new())] {
        let bench = Bench::new();
        let got = encoded(&bench, (format, bytes, 100), |pipeline| pipeline.flip(Flip::Both));
        assert_eq!(got, None, "{format}");
        assert_eq!(bench.newest().kind, PictureKind::NoSignal, "{format}");
    }
}

#[test]
fn edits_of_a_camera_that_cannot_have_them_are_an_error_at_the_start() {
    let open = |format| {
        let camera = move || {
            let bench = Bench::new();
            Ok(Camera { bench, format, bytes: Vec::new(), memory: Memory::Host, left: 1 })
        };
        let mask = Mask::new([0, 0, 2, 2], (8, 4)).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let _context = runtime.enter();
        eyelet_core::Eyelet::builder().camera(camera).mask(mask).bind("127.0.0.1:0").open().map(drop)
    };
    assert!(open(grey(8, 4)).is_ok());
    let error = open(grey(8, 6)).unwrap_err().to_string();
    let why = ": the masks are for pictures of 8x4, not of 8x6; ";
    assert!(error.starts_with("cannot edit the pictures of ") && error.contains(why), "{error}");
    let error = open(StreamFormat::new(PixelFormat::Jpeg, 8, 4).unwrap()).unwrap_err().to_string();
    assert!(error.contains(": JPEGs cannot be rotated, "), "{error}");
}

#[cfg(feature = "drawing")]
mod overlay {
    use super::*;
    use eyelet_core::image::View;

    type Pixels = Vec<(u32, u32)>;

    /// White and black pixels of a picture of this format with a text, drawn on mid-grey.
    fn drawn(format: StreamFormat, text: &str, corner: Corner) -> (Pixels, Pixels) {
        let bench = Bench::new();
        let overlay = text.parse::<Overlay>().unwrap().at(corner);
        let bytes = vec![128; format.packed_len().unwrap()];
        let (got, bytes) = encoded(&bench, (format, bytes, 2), |pipeline| pipeline.overlay(overlay)).unwrap();
        assert_eq!(got, format);
        let (mut planes, mut rest) = ([Plane::host(&[], 0); 3], &bytes[..]);
        for (index, plane) in planes.iter_mut().enumerate().take(format.pixel.planes()) {
            let geometry = format.plane(index).unwrap();
            let (bytes, after) = rest.split_at(geometry.row_bytes * geometry.rows);
            (*plane, rest) = (Plane::host(bytes, geometry.row_bytes), after);
        }
        let frame = Frame::new(format, FrameMeta::default(), &planes[..format.pixel.planes()]).unwrap();
        let view = View::of(&frame).unwrap();
        let all = (0..view.height()).flat_map(|y| (0..view.width()).map(move |x| (x, y)));
        let (mut white, mut black) = (Vec::new(), Vec::new());
        for (x, y) in all {
            match view.pixel(x, y).unwrap().to_bytes() {
                [255, 255, 255] => white.push((x, y)),
                [0, 0, 0] => black.push((x, y)),
                [a, b, c] if a == b && b == c => {}
                tinted => panic!("{format}: {tinted:?} at {x}, {y}"),
            }
        }
        (white, black)
    }

    #[test]
    fn text_is_white_on_black_in_every_format_and_size() {
        for pixel in PixelFormat::RAW {
            for (width, height) in [(160, 120), (333, 245), (640, 480), (481, 641)] {
                let format = StreamFormat::new(pixel, width, height).unwrap();
                let (white, black) = drawn(format, "{name}", Corner::TopLeft);
                assert!(white.len() > 30 && black.len() > 2 * white.len(), "{format}: {}", white.len());
                let (right, bottom) = (white.iter().map(|at| at.0).max(), white.iter().map(|at| at.1).max());
                assert!(
                    right < Some(width / 2) && bottom < Some(height / 8),
                    "{format}: {right:?} {bottom:?}"
                );
            }
        }
    }

    #[test]
    fn letters_grow_with_the_picture() {
        let high = |width, height| {
            let format = StreamFormat::new(PixelFormat::Grey, width, height).unwrap();
            let rows: std::collections::BTreeSet<_> =
                drawn(format, "Mg", Corner::TopLeft).0.iter().map(|at| at.1).collect();
            rows.len() as f64 / f64::from(height.min(width))
        };
        for size in [(160, 120), (640, 480), (1280, 720), (1920, 1080), (3840, 2160), (1080, 1920)] {
            let share = high(size.0, size.1);
            assert!((0.02..0.08).contains(&share), "{size:?}: {share}");
        }
    }

    #[test]
    fn text_stands_in_its_corner_and_is_cut_off_at_the_edge() {
        for (corner, (left, top)) in [
            (Corner::TopLeft, (true, true)),
            (Corner::TopRight, (false, true)),
            (Corner::BottomLeft, (true, false)),
            (Corner::BottomRight, (false, false)),
        ] {
            let format = StreamFormat::new(PixelFormat::Nv12, 641, 481).unwrap();
            let (white, black) = drawn(format, "Tor 3", corner);
            for (x, y) in white {
                assert_eq!((x < 320, y < 240), (left, top), "{corner:?}");
            }
            let at = (if left { 0 } else { 640 }, if top { 0 } else { 480 });
            assert!(black.contains(&at), "{corner:?}: its plate ends where the picture does");
            for (width, height) in [(1, 1), (3, 5), (20, 7), (64, 48)] {
                let format = StreamFormat::new(PixelFormat::Yuyv, width, height).unwrap();
                drawn(format, "much wider than this\nand\nhigher, too", corner);
            }
        }
    }

    #[test]
    fn text_is_that_of_each_picture() {
        let format = StreamFormat::new(PixelFormat::Rgb24, 320, 40).unwrap();
        let bench = Bench::new();
        let bytes = vec![9; format.packed_len().unwrap()];
        let text = "{name} {time:%T.%L}".parse::<Overlay>().unwrap();
        let (_, got) = encoded(&bench, (format, bytes, 30), |pipeline| pipeline.overlay(text)).unwrap();
        // 30 frames, 50 ms apart; the wall clock began at 22:13:20.
        let same = |text: &str| {
            let format = StreamFormat::new(PixelFormat::Rgb24, 320, 40).unwrap();
            let bytes = vec![9; format.packed_len().unwrap()];
            let text = text.parse::<Overlay>().unwrap();
            let bench = Bench::new();
            encoded(&bench, (format, bytes, 1), |pipeline| pipeline.overlay(text)).unwrap().1 == got
        };
        assert!(same("attic 22:13:21.500"));
        assert!(!same("attic 22:13:21.450"));
    }
}
