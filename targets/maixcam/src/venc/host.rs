//! Frames that lie in physical memory only, for encoders that read host memory.

use crate::{physical::PhysicalReader, sys::System};
use eyelet_hal::{Frame, JpegEncoder, Quality, Result, StreamFormat};
use std::sync::Arc;

/// An encoder that takes frames in physical memory too. Frames in host memory cost nothing more than without this.
#[derive(Debug)]
pub(super) struct HostReading {
    encoder: Inner,
    reader: PhysicalReader,
}

struct Inner(Box<dyn JpegEncoder>);

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0.name())
    }
}

impl HostReading {
    pub(super) fn new(system: Arc<dyn System>, encoder: Box<dyn JpegEncoder>) -> Self {
        Self { encoder: Inner(encoder), reader: PhysicalReader::new(system) }
    }
}

impl JpegEncoder for HostReading {
    fn name(&self) -> &str {
        self.encoder.0.name()
    }

    fn supports(&self, format: StreamFormat) -> bool {
        self.encoder.0.supports(format)
    }

    fn encode(&mut self, frame: &Frame<'_>, quality: Quality, out: &mut Vec<u8>) -> Result<()> {
        let encoder = &mut self.encoder.0;
        match self.reader.read(frame, &mut |frame| encoder.encode(frame, quality, out))? {
            true => Ok(()),
            false => encoder.encode(frame, quality, out),
        }
    }
}
