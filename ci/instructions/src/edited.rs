//! Frames that are edited, and encoded by nothing.

use crate::natural::Delivered;
use eyelet_core::{
    Hub,
    pipeline::{Flip, Mask, Pipeline, Rotation},
};
use eyelet_hal::{CameraSource, Frame, JpegEncoder, Quality, Result, StreamFormat};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

pub(crate) const NAMES: [&str; 5] = ["unedited", "rotate-90", "flip-h", "flip-v", "mask"];

/// Does to a picture what `name` says so many times.
///
/// # Errors
/// None for a picture of 320x240.
pub(crate) fn edited(name: &str, delivered: Delivered, times: u64) -> Result<()> {
    let stop = Arc::new(AtomicBool::new(false));
    let mut camera = Some(Camera { delivered, left: times, stop: Arc::clone(&stop) });
    let hub = Hub::default();
    let _viewer = hub.feed.subscribe();
    let pipeline = Pipeline::new(
        Box::new(move || Ok(Box::new(camera.take().expect("it is opened once")))),
        Box::new(|| Ok(Box::new(Nothing))),
        hub,
    );
    let pipeline = match name {
        "rotate-90" => pipeline.rotate(Rotation::Deg90),
        "flip-h" => pipeline.flip(Flip::Horizontal),
        "flip-v" => pipeline.flip(Flip::Vertical),
        // A quarter of the picture.
        "mask" => pipeline.mask(Mask::new([80, 60, 160, 120], (320, 240))?),
        _ => pipeline,
    };
    pipeline.run(&stop);
    Ok(())
}

/// Lends one picture some times.
struct Camera {
    delivered: Delivered,
    left: u64,
    stop: Arc<AtomicBool>,
}

impl CameraSource for Camera {
    fn name(&self) -> &str {
        "still"
    }
    fn format(&self) -> StreamFormat {
        self.delivered.frame().format()
    }
    fn start(&mut self) -> Result<()> {
        Ok(())
    }
    fn stop(&mut self) -> Result<()> {
        Ok(())
    }
    fn next_frame(&mut self, _: Duration) -> Result<Frame<'_>> {
        self.left -= 1;
        self.stop.store(self.left == 0, Relaxed);
        Ok(self.delivered.frame())
    }
}

/// Encodes nothing.
struct Nothing;

impl JpegEncoder for Nothing {
    fn name(&self) -> &str {
        "nothing"
    }
    fn supports(&self, _: StreamFormat) -> bool {
        true
    }
    fn encode(&mut self, _: &Frame<'_>, _: Quality, out: &mut Vec<u8>) -> Result<()> {
        out.push(0);
        Ok(())
    }
}
