//! The frames of the built-in camera where they are: in the scaler's memory.

use super::Held;
use crate::sys::System;
use eyelet_hal::{CameraSource, Error, ErrorKind, Frame, Result, StreamFormat};
use std::{sync::Arc, time::Duration};

/// The frames of a camera that another process holds open, taken from the kernel's scaler: NV21 in physical memory.
#[derive(Debug)]
pub struct RawCamera {
    format: StreamFormat,
}

impl RawCamera {
    /// Opens the scaler, makes sure that it is as the process reported it, and takes a first frame.
    ///
    /// # Errors
    /// Why frames cannot be taken this way.
    pub fn open(_system: Arc<dyn System>, _held: &Held) -> Result<Self> {
        Err(Error::new(ErrorKind::Unsupported, "the scaler's frames cannot be taken yet"))
    }
}

impl CameraSource for RawCamera {
    fn name(&self) -> &str {
        "csi"
    }

    fn format(&self) -> StreamFormat {
        self.format
    }

    fn start(&mut self) -> Result<()> {
        Ok(())
    }

    fn next_frame(&mut self, _timeout: Duration) -> Result<Frame<'_>> {
        Err(Error::new(ErrorKind::InvalidInput, "csi: not started"))
    }

    fn stop(&mut self) -> Result<()> {
        Ok(())
    }
}
