//! Cameras that compress by themselves.

use crate::jpeg;
use eyelet_hal::{Frame, JpegEncoder, PixelFormat, Quality, Result, StreamFormat};

/// Passes through frames that are JPEGs already, and leaves the raw ones to `E`.
///
/// A compressed frame goes through [`jpeg::repair`] and keeps the camera's own quality. Its size must be that of
/// the frame's format: right after a change of resolution, cameras deliver pictures of the old size.
///
/// [`name`](JpegEncoder::name) is `pass-through` while frames are compressed, otherwise `E`'s.
#[derive(Clone, Debug, Default)]
pub struct PassThrough<E> {
    encoder: E,
    compressed: bool,
}

impl<E> PassThrough<E> {
    /// Leaves raw frames to `encoder`.
    pub fn new(encoder: E) -> Self {
        Self { encoder, compressed: false }
    }
}

impl<E: JpegEncoder> JpegEncoder for PassThrough<E> {
    fn name(&self) -> &str {
        if self.compressed { "pass-through" } else { self.encoder.name() }
    }

    fn supports(&self, format: StreamFormat) -> bool {
        format.pixel == PixelFormat::Jpeg || self.encoder.supports(format)
    }

    fn encode(&mut self, frame: &Frame<'_>, quality: Quality, out: &mut Vec<u8>) -> Result<()> {
        self.compressed = frame.format().pixel == PixelFormat::Jpeg;
        if self.compressed { pass(frame, out) } else { self.encoder.encode(frame, quality, out) }
    }
}

fn pass(frame: &Frame<'_>, out: &mut Vec<u8>) -> Result<()> {
    let before = out.len();
    let info = jpeg::repair(jpeg::host_bytes(frame)?, out)?;
    jpeg::check_size(&info, frame.format()).inspect_err(|_| out.truncate(before))
}
