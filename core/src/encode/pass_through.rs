//! Cameras that compress by themselves.

use crate::jpeg;
use eyelet_hal::{Error, ErrorKind, Frame, JpegEncoder, PixelFormat, Quality, Result, StreamFormat};

/// Hands on frames that are JPEGs already, and leaves the raw ones to `E`.
///
/// A compressed frame goes through [`jpeg::repair`] and keeps the camera's own quality. Its size must be that of
/// the frame's format: right after a change of resolution, cameras deliver pictures of the old size.
///
/// [`name`](JpegEncoder::name) is `pass-through` while frames come compressed, otherwise `E`'s.
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
    let format = frame.format();
    // An empty plane is one that is not in host memory.
    let Some(bytes) = frame.planes().first().map(|plane| plane.bytes).filter(|bytes| !bytes.is_empty())
    else {
        let what = format!("cannot pass a {format} frame through: it is not in host memory; map it");
        return Err(Error::new(ErrorKind::Unsupported, what));
    };
    let before = out.len();
    let info = jpeg::repair(bytes, out)?;
    if (u32::from(info.width), u32::from(info.height)) != (format.width.get(), format.height.get()) {
        out.truncate(before);
        let (width, height) = (info.width, info.height);
        let what = format!("the camera delivered a {width}x{height} JPEG as a {format} frame");
        return Err(Error::new(ErrorKind::CorruptFrame, what));
    }
    Ok(())
}
