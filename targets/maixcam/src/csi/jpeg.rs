//! JPEGs that MaixPy encodes, from the process that holds the camera.

use super::{
    child::{Child, out_of_step},
    refusal,
    words::Report,
};
use eyelet_hal::{Error, ErrorKind, Frame, FrameMeta, Plane, Result, StreamFormat, clock::monotonic};
use std::time::Duration;

/// The largest picture that is believed; those of 2560x1440 at quality 99 have 3 MB.
const LARGEST: usize = 8 << 20;

/// The pictures of a camera. One at a time is asked for: in advance, while the last one is lent.
#[derive(Debug)]
pub(super) struct Pictures {
    format: StreamFormat,
    is_started: bool,
    /// One was asked for and is not here yet.
    is_asked: bool,
    /// The one asked for is from before the last stop.
    is_stale: bool,
    /// When the one on its way was taken, and its length.
    arriving: Option<(Duration, usize)>,
    jpeg: Vec<u8>,
    sequence: u64,
    last: Duration,
}

impl Pictures {
    pub(super) fn new(format: StreamFormat) -> Self {
        Self {
            format,
            is_started: false,
            is_asked: false,
            is_stale: false,
            arriving: None,
            jpeg: Vec::new(),
            sequence: 0,
            last: Duration::ZERO,
        }
    }

    pub(super) fn format(&self) -> StreamFormat {
        self.format
    }

    pub(super) fn start(&mut self) {
        if !self.is_started {
            (self.is_started, self.is_stale, self.sequence) = (true, self.is_asked, 0);
        }
    }

    pub(super) fn stop(&mut self) {
        self.is_started = false;
    }

    /// Waits for the next picture, as [`CameraSource::next_frame`](eyelet_hal::CameraSource::next_frame).
    pub(super) fn advance(&mut self, child: &mut Child, timeout: Duration) -> Result<()> {
        if !self.is_started {
            return Err(super::not_started());
        }
        let deadline = monotonic().saturating_add(timeout);
        let taken = loop {
            if !self.is_asked {
                child.send("next\n");
                self.is_asked = true;
            }
            if let Some((taken, len)) = self.arriving {
                if !child.body(&mut self.jpeg, len, deadline)? {
                    return Err(late());
                }
                (self.arriving, self.is_asked) = (None, false);
                if !std::mem::take(&mut self.is_stale) {
                    break taken;
                }
                continue;
            }
            match child.report(deadline)? {
                None => return Err(late()),
                Some(Report::Picture { taken, len }) if len <= LARGEST => {
                    self.jpeg.clear();
                    self.jpeg.reserve(len);
                    self.arriving = Some((taken, len));
                }
                Some(Report::Error { stage, text }) => return Err(refusal(&stage, &text)),
                Some(Report::Picture { .. }) => return Err(out_of_step("sent a picture beyond all measure")),
                Some(Report::Ready(_) | Report::MaixPy(_)) => return Err(out_of_step("is ready once more")),
            }
        };
        child.send("next\n");
        self.is_asked = true;
        let now = monotonic();
        self.last = if self.last < taken && taken <= now { taken } else { now };
        self.sequence += 1;
        Ok(())
    }

    /// The picture.
    pub(super) fn frame(&self) -> Result<Frame<'_>> {
        // Counted from 0.
        let meta = FrameMeta::new(self.sequence.saturating_sub(1), self.last);
        Frame::new(self.format, meta, &[Plane::host(&self.jpeg, 0)])
    }
}

fn late() -> Error {
    Error::new(ErrorKind::TimedOut, "no picture from the built-in camera in time")
}
