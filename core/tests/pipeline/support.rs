//! A pipeline whose clock is moved by hand and whose devices are scripts.

use eyelet_core::{
    Hub,
    feed::Picture,
    pipeline::{Open, Pipeline},
};
use eyelet_hal::{
    CameraSource, JpegEncoder, PixelFormat, Result, StreamFormat,
    clock::{Clock, ManualClock},
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

/// Where the wall clock begins.
pub(crate) const START: Duration = Duration::from_secs(1_700_000_000);
pub(crate) const STALL: Duration = Duration::from_secs(3);

pub(crate) fn grey(width: u32, height: u32) -> StreamFormat {
    StreamFormat::new(PixelFormat::Grey, width, height).unwrap()
}

/// What a test observes and controls: the pictures, the time, and the end.
#[derive(Clone)]
pub(crate) struct Bench {
    pub(crate) hub: Hub,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) stop: Arc<AtomicBool>,
    pub(crate) stall: Duration,
    /// How often the camera was opened.
    opened: Arc<AtomicUsize>,
}

impl Bench {
    pub(crate) fn new() -> Self {
        let clock = Arc::new(ManualClock::new(START));
        Self { hub: Hub::default(), clock, stop: Arc::default(), stall: STALL, opened: Arc::default() }
    }

    /// Runs a pipeline until `stop` is set.
    pub(crate) fn run(
        &self,
        mut camera: impl FnMut() -> Result<Box<dyn CameraSource>> + Send + 'static,
        encoder: Open<dyn JpegEncoder>,
    ) {
        let opened = Arc::clone(&self.opened);
        let open = Box::new(move || {
            opened.fetch_add(1, Ordering::Relaxed);
            camera()
        });
        Pipeline::new(open, encoder, self.hub.clone())
            .stall_after(self.stall)
            .clock(Arc::clone(&self.clock) as Arc<dyn Clock>)
            .run(&self.stop);
    }

    pub(crate) fn opened(&self) -> usize {
        self.opened.load(Ordering::Relaxed)
    }

    pub(crate) fn newest(&self) -> Arc<Picture> {
        self.hub.feed.newest().expect("a picture")
    }

    pub(crate) fn health(&self) -> std::result::Result<(), String> {
        self.hub.status.snapshot(self.clock.monotonic()).health
    }
}

/// The device once: it is not to be opened again.
pub(crate) fn once<D: ?Sized + Send + 'static>(device: Box<D>) -> Open<D> {
    let mut device = Some(device);
    Box::new(move || Ok(device.take().expect("it was not to be opened again")))
}
