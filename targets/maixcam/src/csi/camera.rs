//! The open camera.

use super::{RawCamera, bringup::Bringup, jpeg::Pictures, opener::RESTART};
use eyelet_hal::{CameraSource, Error, ErrorKind, Frame, Result, StreamFormat};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

/// After this many openings in a row without a picture only a restart of the board helps: not even its reloaded drivers did.
const HOPELESS: u32 = 3;

/// How often in a row the camera was opened, or was to be, without a picture.
#[derive(Clone, Debug, Default)]
pub(super) struct Luck(Arc<AtomicU32>);

impl Luck {
    /// Once more there is no picture, or none yet.
    pub(super) fn none(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// The error, with what to do if it is one of many.
    pub(super) fn advise(&self, error: Error) -> Error {
        if self.0.load(Ordering::Relaxed) < HOPELESS { error } else { error.with_remedy(RESTART) }
    }
}

/// The built-in camera, open. Dropping it closes it: first what takes its frames, then, with the JPEG unit put down, the
/// process that holds it.
#[derive(Debug)]
pub struct CsiCamera {
    // Dropped in this order.
    frames: Frames,
    bringup: Bringup,
    luck: Luck,
}

/// Where the frames come from.
#[derive(Debug)]
pub(super) enum Frames {
    Raw(Box<RawCamera>),
    Jpeg(Pictures),
}

impl CsiCamera {
    /// What people call it.
    pub const NAME: &'static str = "csi";

    pub(super) fn new(frames: Frames, bringup: Bringup, luck: Luck) -> Self {
        Self { frames, bringup, luck }
    }
}

impl CameraSource for CsiCamera {
    fn name(&self) -> &str {
        Self::NAME
    }

    fn format(&self) -> StreamFormat {
        match &self.frames {
            Frames::Raw(raw) => raw.format(),
            Frames::Jpeg(pictures) => pictures.format(),
        }
    }

    fn start(&mut self) -> Result<()> {
        match &mut self.frames {
            Frames::Raw(raw) => raw.start(),
            Frames::Jpeg(pictures) => {
                pictures.start();
                Ok(())
            }
        }
    }

    fn next_frame(&mut self, timeout: Duration) -> Result<Frame<'_>> {
        let taken = match &mut self.frames {
            // The process need not be looked at while frames come.
            Frames::Raw(raw) => raw.next_frame(timeout).map_err(|error| self.bringup.explain(error)),
            Frames::Jpeg(pictures) => match pictures.advance(&mut self.bringup.child, timeout) {
                Ok(()) => pictures.frame(),
                Err(error) if error.kind() == ErrorKind::TimedOut => Err(self.bringup.explain(error)),
                // It has the reason: what the process reported last, or how it has ended.
                Err(error) if error.kind() == ErrorKind::Disconnected => Err(self.bringup.name_holder(error)),
                Err(error) => Err(error),
            },
        };
        if taken.is_ok() {
            self.luck.0.store(0, Ordering::Relaxed);
        }
        taken.map_err(|error| self.luck.advise(error))
    }

    fn stop(&mut self) -> Result<()> {
        match &mut self.frames {
            Frames::Raw(raw) => raw.stop(),
            Frames::Jpeg(pictures) => {
                pictures.stop();
                Ok(())
            }
        }
    }
}
