//! A picture's way through the camera thread, to an encoder that does nothing.

use crate::natural::Delivered;
use eyelet_core::{Hub, pipeline::Pipeline};
use eyelet_hal::{CameraSource, Frame, JpegEncoder, Quality, Result, StreamFormat};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

/// Lends one picture some times.
struct Still {
    delivered: Arc<Delivered>,
    left: u64,
    stop: Arc<AtomicBool>,
}

impl CameraSource for Still {
    fn name(&self) -> &str {
        "still"
    }
    fn format(&self) -> StreamFormat {
        self.delivered.format
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

/// How long so many frames take in a pipeline that is edited like this.
///
/// # Panics
/// If the camera is opened again.
pub fn time_of(delivered: &Arc<Delivered>, frames: u64, edit: impl FnOnce(Pipeline) -> Pipeline) -> Duration {
    let stop = Arc::new(AtomicBool::new(false));
    let camera = Still { delivered: Arc::clone(delivered), left: frames, stop: Arc::clone(&stop) };
    let mut camera = Some(camera);
    let hub = Hub::default();
    let _viewer = hub.feed.subscribe();
    let pipeline = Pipeline::new(
        Box::new(move || Ok(Box::new(camera.take().expect("it is opened once")))),
        Box::new(|| Ok(Box::new(Nothing))),
        hub,
    );
    let pipeline = edit(pipeline);
    let began = Instant::now();
    pipeline.run(&stop);
    began.elapsed()
}
