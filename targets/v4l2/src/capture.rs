//! Frames from a ring of buffers: the camera's contract, on any queue.

use crate::{driver::BufferFormat, layout::BufferLayout, queue::CaptureQueue, range::Expander, ring::Ring};
use eyelet_hal::clock::Clock;
use eyelet_hal::{
    CameraSource, Error, ErrorKind, Frame, FrameMeta, Lease, PixelFormat, Result, StreamFormat,
};
use std::{sync::Arc, time::Duration};

/// A camera whose format is settled.
pub(crate) struct Capture<Q: CaptureQueue> {
    ring: Ring<Q>,
    format: StreamFormat,
    layout: BufferLayout,
    /// For a driver whose pictures are of limited range.
    expander: Option<Box<Expander>>,
    buffers: u32,
    clock: Arc<dyn Clock>,
    /// The moment of the last frame.
    last: Option<Duration>,
}

impl<Q: CaptureQueue> Capture<Q> {
    /// A stopped camera of this format, whose buffers are as the driver reports.
    pub(crate) fn new(
        ring: Ring<Q>,
        format: StreamFormat,
        buffer: BufferFormat,
        buffers: u32,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let layout = BufferLayout::new(format, 0, 0);
        let mut capture = Self { ring, format, layout, expander: None, buffers, clock, last: None };
        capture.set_format(format, buffer);
        capture
    }

    /// Takes another format, as the device has it now. For a stopped camera.
    pub(crate) fn set_format(&mut self, format: StreamFormat, buffer: BufferFormat) {
        self.format = format;
        self.layout = BufferLayout::new(format, buffer.bytesperline, buffer.sizeimage);
        let expands = buffer.limited && format.pixel != PixelFormat::Jpeg;
        self.expander = expands.then(|| Box::new(Expander::new()));
    }

    pub(crate) fn is_started(&self) -> bool {
        self.ring.is_started()
    }

    pub(crate) fn damaged(&self) -> u64 {
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
        self.last = None;
        self.ring.start(self.buffers)?;
        let (least, shortest) = (self.layout.least(), self.ring.shortest());
        if shortest < least {
            // The refusal is the cause; an error of stopping adds nothing.
            let _ = self.ring.stop();
            let what = format!(
                "cannot use {}: a {} frame needs {least} bytes, and its driver's buffers have {shortest}",
                self.ring.name(),
                self.format
            );
            return Err(Error::new(ErrorKind::Unsupported, what).with_remedy("choose another format or size"));
        }
        Ok(())
    }

    fn next_frame(&mut self, timeout: Duration) -> Result<Frame<'_>> {
        if !self.ring.is_started() {
            let what = format!("cannot read from {}: not started", self.ring.name());
            return Err(Error::new(ErrorKind::InvalidInput, what).with_remedy("call start()"));
        }
        let filled = self.ring.next(timeout, &*self.clock)?;
        let lease = Lease::new(&self.ring, filled.index);
        let (payload, dma_buf) = self.ring.buffer(&filled);
        // A stamp that lies ahead, stands still or goes back is none: the frame came just now.
        let now = self.clock.monotonic();
        let last = self.last;
        let captured_at =
            filled.captured_at.filter(|at| *at <= now && last.is_none_or(|last| *at > last)).unwrap_or(now);
        self.last = Some(captured_at);
        let (mut planes, count) = self.layout.planes(payload, dma_buf);
        if let Some(expander) = &mut self.expander {
            planes = expander.expand(self.format.pixel, &planes[..count]);
        }
        let meta = FrameMeta::new(filled.sequence, captured_at);
        Frame::leased(self.format, meta, &planes[..count], lease)
            .map_err(|e| e.map_message(|what| format!("damaged frame from {}: {what}", self.ring.name())))
    }

    fn stop(&mut self) -> Result<()> {
        self.ring.stop()
    }
}
