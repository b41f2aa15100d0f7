//! JPEGs of drawn pictures, for cameras that deliver compressed frames.

use eyelet_hal::{Error, ErrorKind, Quality, Result};
use jpeg_encoder::{ColorType, Encoder, SamplingFactor};

/// Appends packed RGB as one JPEG with 4:2:0 chroma, as cameras make it.
pub(crate) fn rgb(rgb: &[u8], width: u32, height: u32, quality: Quality, out: &mut Vec<u8>) -> Result<()> {
    let failed = |e: Box<dyn std::error::Error + Send + Sync>| {
        Error::new(ErrorKind::Other, format!("cannot compress a {width}x{height} picture: {e}"))
            .with_source(e)
    };
    let (width, height) = (
        u16::try_from(width).map_err(|e| failed(e.into()))?,
        u16::try_from(height).map_err(|e| failed(e.into()))?,
    );
    let mut encoder = Encoder::new(out, quality.get());
    encoder.set_sampling_factor(SamplingFactor::R_4_2_0);
    encoder.encode(rgb, width, height, ColorType::Rgb).map_err(|e| failed(e.into()))
}
