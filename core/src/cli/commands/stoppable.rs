//! A device that fails once a signal has come that ends the command: so it is stopped and closed before the program ends, as
//! cameras want it whose driver may be in the middle of a call.

use crate::cli::{Failure, setup::pipeline::Check};
use eyelet_hal::{CameraSource, Error, ErrorKind, Frame, JpegEncoder, Quality, Result, StreamFormat};
use std::time::Duration;

/// How long one wait for a frame may last, so that a signal is noticed soon.
pub(super) const POLL: Duration = Duration::from_millis(200);

/// The device, and whether it may go on.
pub(super) struct Stoppable<'a, D: ?Sized> {
    device: &'a mut D,
    check: Check<'a>,
    stopped: Option<Failure>,
}

impl<'a, D: ?Sized> Stoppable<'a, D> {
    /// The device, with the signals looked at before each frame.
    pub(super) fn new(device: &'a mut D, check: Check<'a>) -> Self {
        Self { device, check, stopped: None }
    }

    /// What came of it, unless it was stopped.
    ///
    /// # Errors
    /// That of the signal.
    pub(super) fn done<T>(self, outcome: T) -> std::result::Result<T, Failure> {
        self.stopped.map_or(Ok(outcome), Err)
    }

    fn go_on(&mut self) -> Result<()> {
        if self.stopped.is_none() {
            self.stopped = (self.check)().err();
        }
        match &self.stopped {
            None => Ok(()),
            Some(failure) => Err(Error::new(ErrorKind::Disconnected, failure.to_string())),
        }
    }
}

impl CameraSource for Stoppable<'_, dyn CameraSource> {
    fn name(&self) -> &str {
        self.device.name()
    }

    fn format(&self) -> StreamFormat {
        self.device.format()
    }

    fn start(&mut self) -> Result<()> {
        self.go_on()?;
        self.device.start()
    }

    fn next_frame(&mut self, timeout: Duration) -> Result<Frame<'_>> {
        self.go_on()?;
        self.device.next_frame(timeout)
    }

    fn stop(&mut self) -> Result<()> {
        self.device.stop()
    }
}

impl JpegEncoder for Stoppable<'_, dyn JpegEncoder> {
    fn name(&self) -> &str {
        self.device.name()
    }

    fn supports(&self, format: StreamFormat) -> bool {
        self.device.supports(format)
    }

    fn encode(&mut self, frame: &Frame<'_>, quality: Quality, out: &mut Vec<u8>) -> Result<()> {
        self.go_on()?;
        self.device.encode(frame, quality, out)
    }
}
