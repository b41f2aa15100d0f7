//! A frame that is edited and in the hand costs no allocation: counted from when the camera lends it to when the encoder gets it.
//!
//! A binary of its own: the allocator that counts is the process's.

// A counting allocator is unsafe code by nature.
#![allow(unsafe_code)]

use eyelet_core::{
    Hub,
    image::{Color, Thickness},
    pipeline::{Flip, Mask, Pipeline, Rotation},
};
use eyelet_hal::{
    CameraSource, Frame, FrameMeta, JpegEncoder, PixelFormat, Plane, Quality, Result, StreamFormat,
};
use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

struct Counting;

#[global_allocator]
static COUNTING: Counting = Counting;

// SAFETY: every call goes to the system's allocator as it is. What grows in place comes here too, by way of `alloc`.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(pointer, layout) };
    }
}

const FRAMES: u64 = 10;

/// A camera of one picture, which ends the run after some frames.
struct Camera {
    format: StreamFormat,
    planes: Vec<Vec<u8>>,
    sequence: u64,
    stop: Arc<AtomicBool>,
}

impl CameraSource for Camera {
    fn name(&self) -> &str {
        "counted"
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
        self.sequence += 1;
        self.stop.store(self.sequence == FRAMES, Relaxed);
        let mut planes = [Plane::host(&[], 0); 3];
        for (index, (plane, bytes)) in planes.iter_mut().zip(&self.planes).enumerate() {
            *plane = Plane::host(bytes, self.format.plane(index).unwrap().row_bytes);
        }
        ALLOCATIONS.set(0);
        Frame::new(self.format, FrameMeta::now(self.sequence), &planes[..self.planes.len()])
    }
}

/// Collects what was allocated for each frame.
struct Encoder(Arc<Mutex<Vec<usize>>>);

impl JpegEncoder for Encoder {
    fn name(&self) -> &str {
        "counting"
    }
    fn supports(&self, _: StreamFormat) -> bool {
        true
    }
    fn encode(&mut self, _: &Frame<'_>, _: Quality, out: &mut Vec<u8>) -> Result<()> {
        let allocations = ALLOCATIONS.get();
        self.0.lock().unwrap().push(allocations);
        out.push(0);
        Ok(())
    }
}

#[test]
fn edited_frame_in_the_hand_after_the_first_allocates_nothing() {
    for pixel in PixelFormat::RAW {
        let format = StreamFormat::new(pixel, 333, 245).unwrap();
        let planes = (0..pixel.planes()).map(|index| format.plane(index).unwrap());
        let planes = planes.map(|plane| vec![90; plane.rows * plane.row_bytes]).collect();
        let stop = Arc::new(AtomicBool::new(false));
        let mut camera = Some(Camera { format, planes, sequence: 0, stop: Arc::clone(&stop) });
        let allocations = Arc::default();
        let mut encoder = Some(Encoder(Arc::clone(&allocations)));
        let hub = Hub::default();
        let _viewer = hub.feed.subscribe();
        let pipeline = Pipeline::new(
            Box::new(move || Ok(Box::new(camera.take().unwrap()))),
            Box::new(move || Ok(Box::new(encoder.take().unwrap()))),
            hub,
        );
        let each = move |frame: &mut eyelet_core::pipeline::FrameInHand<'_>| {
            let view = frame.view()?;
            let mean = (0..240).map(|y| u32::from(view.luma(y, y).unwrap())).sum::<u32>() / 240;
            frame.data().detection([3.0, 4.0, 20.0, 30.0], "cat", 0.9);
            frame.data().value("mean", mean.into());
            let mut canvas = frame.canvas()?;
            canvas.draw_rect(31, 41, 99, 77, Color::RED, Thickness::Pixels(3));
            #[cfg(feature = "drawing")]
            canvas.draw_string(33, 43, "what is drawn", Color::WHITE);
            Ok(())
        };
        let mask = Mask::new([20, 30, 99, 33], (245, 333)).unwrap();
        let pipeline = pipeline.rotate(Rotation::Deg90).flip(Flip::Horizontal).mask(mask);
        #[cfg(feature = "drawing")]
        let pipeline = pipeline.overlay("{name} {time:%F %T.%L}".parse().unwrap());
        pipeline.each_frame(each).run(&stop);
        let allocations = allocations.lock().unwrap();
        assert!(allocations[0] > 0, "counting works");
        assert_eq!(allocations[1..], [0; FRAMES as usize - 1], "{pixel}");
    }
}
