//! The open camera.

use super::{RawCamera, bringup::Bringup, jpeg::Pictures};
use eyelet_hal::{CameraSource, Frame, Result, StreamFormat};
use std::time::Duration;

/// The built-in camera, open. Dropping it closes it: first what takes its frames, then, with the JPEG unit put down, the
/// process that holds it.
#[derive(Debug)]
pub struct CsiCamera {
    // Dropped in this order.
    frames: Frames,
    bringup: Bringup,
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

    pub(super) fn new(frames: Frames, bringup: Bringup) -> Self {
        Self { frames, bringup }
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
        match &mut self.frames {
            // The process need not be looked at while frames come.
            Frames::Raw(raw) => raw.next_frame(timeout).map_err(|error| self.bringup.explain(error)),
            Frames::Jpeg(pictures) => match pictures.advance(&mut self.bringup.child, timeout) {
                Ok(()) => pictures.frame(),
                Err(error) => Err(self.bringup.explain(error)),
            },
        }
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
