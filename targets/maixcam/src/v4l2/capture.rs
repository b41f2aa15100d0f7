//! Frames from a ring of buffers: the camera's contract, on any queue.

use super::{layout::Layout, queue::CaptureQueue, ring::Ring};
use eyelet_core::clock::Clock;
use eyelet_hal::{CameraSource, Error, ErrorKind, Frame, FrameMeta, Lease, Result, StreamFormat};
use std::{sync::Arc, time::Duration};

/// A camera whose format is settled.
pub(super) struct Capture<Q: CaptureQueue> {
    ring: Ring<Q>,
    format: StreamFormat,
    layout: Layout,
    buffers: u32,
    clock: Arc<dyn Clock>,
}

impl<Q: CaptureQueue> Capture<Q> {
    /// A stopped camera of this format, whose rows begin every `bytesperline` bytes.
    pub(super) fn new(
        ring: Ring<Q>,
        format: StreamFormat,
        bytesperline: u32,
        buffers: u32,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { ring, format, layout: Layout::new(format, bytesperline), buffers, clock }
    }

    /// Takes another format, as the device has it now. For a stopped camera.
    pub(super) fn set_format(&mut self, format: StreamFormat, bytesperline: u32) {
        self.format = format;
        self.layout = Layout::new(format, bytesperline);
    }

    pub(super) fn is_started(&self) -> bool {
        self.ring.is_started()
    }

    pub(super) fn damaged(&self) -> u64 {
        self.ring.damaged()
    }
}

impl<Q: CaptureQueue> CameraSource for Capture<Q> {
    fn name(&self) -> &str {
        self.ring.name()
    }

    fn format(&self) -> StreamFormat {
        self.format
    }

    fn start(&mut self) -> Result<()> {
        self.ring.start(self.buffers)
    }

    fn next_frame(&mut self, timeout: Duration) -> Result<Frame<'_>> {
        if !self.ring.is_started() {
            let what = format!("cannot read from {}: not started; call start()", self.ring.name());
            return Err(Error::new(ErrorKind::InvalidInput, what));
        }
        let filled = self.ring.next(timeout, &*self.clock)?;
        let lease = Lease::new(&self.ring, filled.index);
        let (payload, dma_buf) = self.ring.buffer(&filled);
        let captured_at = filled.captured_at.unwrap_or_else(|| self.clock.monotonic());
        let (planes, count) = self.layout.planes(payload, dma_buf);
        let meta = FrameMeta::new(filled.sequence, captured_at);
        Frame::leased(self.format, meta, &planes[..count], lease)
            .map_err(|e| Error::new(e.kind(), format!("damaged frame from {}: {e}", self.ring.name())))
    }

    fn stop(&mut self) -> Result<()> {
        self.ring.stop()
    }
}
