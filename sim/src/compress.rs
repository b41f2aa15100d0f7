//! JPEGs of drawn pictures, for cameras that deliver compressed frames.

use crate::convert::FrameLayout;
use eyelet_core::encode::ReferenceEncoder;
use eyelet_hal::{Frame, FrameMeta, JpegEncoder, PixelFormat, Quality, Result, StreamFormat};

/// Encodes packed RGB with 4:2:0 chroma, as the cameras' own chips do.
#[derive(Debug)]
pub(crate) struct Compressor {
    layout: FrameLayout,
    yuv: Vec<u8>,
    encoder: ReferenceEncoder,
}

impl Compressor {
    /// For pictures of `format`'s size; `None` if there can be none so large.
    pub(crate) fn new(format: StreamFormat) -> Option<Self> {
        let layout = FrameLayout::new(StreamFormat { pixel: PixelFormat::I420, ..format }, 0)?;
        let yuv = vec![0; layout.len()];
        Some(Self { layout, yuv, encoder: ReferenceEncoder::new() })
    }

    /// Appends `rgb` as one JPEG.
    pub(crate) fn encode(&mut self, rgb: &[u8], quality: Quality, out: &mut Vec<u8>) -> Result<()> {
        self.layout.convert(rgb, &mut self.yuv);
        let planes = self.layout.planes(&self.yuv);
        let frame = Frame::new(self.layout.format(), FrameMeta::default(), &planes)?;
        self.encoder.encode(&frame, quality, out)
    }
}
