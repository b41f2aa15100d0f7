//! The `jpeg-encoder` crate: what our own encoder is measured against, and another one to try on any board.

use super::pixels::Pixels;
use eyelet_hal::{Error, ErrorKind, Frame, JpegEncoder, PixelFormat, Quality, Result, StreamFormat};
use jpeg_encoder::{ChromaSubsamplingMethod, Encoder, SamplingFactor};

/// Baseline JPEG by the `jpeg-encoder` crate, for every raw [`PixelFormat`] and every size a JPEG can have (1x1 to
/// 65535x65535). Slower than [`BaselineEncoder`](super::BaselineEncoder).
///
/// Samples in YCbCr go in as they are, at the chroma resolution that they have: 4:2:0 stays 4:2:0, 4:2:2 stays
/// 4:2:2, grey has one component. RGB becomes 4:2:0, each chroma sample the mean of its four pixels.
#[derive(Debug, Default)]
pub struct ReferenceEncoder(());

impl ReferenceEncoder {
    pub(super) const NAME: &'static str = "jpeg-encoder";

    /// An encoder; it keeps nothing from one frame to the next.
    pub fn new() -> Self {
        Self(())
    }
}

/// How the source's chroma becomes the JPEG's. Where it has the JPEG's resolution, [`Pixels`] repeats each sample
/// and any one of the repeated will do.
fn chroma(pixel: PixelFormat) -> (SamplingFactor, ChromaSubsamplingMethod) {
    match pixel {
        PixelFormat::Yuv422p | PixelFormat::Yuyv => {
            (SamplingFactor::R_4_2_2, ChromaSubsamplingMethod::Nearest)
        }
        PixelFormat::Rgb24 | PixelFormat::Bgr24 => {
            (SamplingFactor::R_4_2_0, ChromaSubsamplingMethod::Average)
        }
        _ => (SamplingFactor::R_4_2_0, ChromaSubsamplingMethod::Nearest),
    }
}

impl JpegEncoder for ReferenceEncoder {
    fn name(&self) -> &str {
        Self::NAME
    }

    fn supports(&self, format: StreamFormat) -> bool {
        Pixels::supports(format)
    }

    fn encode(&mut self, frame: &Frame<'_>, quality: Quality, out: &mut Vec<u8>) -> Result<()> {
        let pixels = Pixels::of(frame)?;
        let before = out.len();
        // The crate consumes its encoder: the tables are built anew for each frame.
        let mut encoder = Encoder::new(&mut *out, quality.get());
        let (sampling, method) = chroma(frame.format().pixel);
        encoder.set_sampling_factor(sampling);
        encoder.set_chroma_subsampling_method(method);
        encoder.encode_image(pixels).map_err(|cause| {
            out.truncate(before);
            let what = format!("cannot encode a {} frame: {cause}", frame.format());
            Error::new(ErrorKind::Other, what).with_source(cause)
        })
    }
}
