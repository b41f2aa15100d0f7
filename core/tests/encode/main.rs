//! Software encoding and pass-through, judged by an independent decoder.

mod baseline;
mod compressed;
mod conformance;
mod raw;
mod source;
mod threads;

use eyelet_core::encode::{BaselineEncoder, ReferenceEncoder, baseline::Backend};
use eyelet_hal::{JpegEncoder, PixelFormat, Quality, StreamFormat};
use proptest::prelude::*;
use source::{Source, Wave};
use std::num::NonZeroU8;
use zune_jpeg::{
    JpegDecoder,
    zune_core::{bytestream::ZCursor, colorspace::ColorSpace, options::DecoderOptions},
};

/// Width, height and pixels (three bytes each) of a JPEG, decoded by a decoder that shares nothing with the
/// encoder.
fn decode(jpeg: &[u8], colors: ColorSpace) -> Result<(usize, usize, Vec<u8>), String> {
    let options = DecoderOptions::default()
        .set_max_width(65535)
        .set_max_height(65535)
        .set_strict_mode(true)
        .jpeg_set_out_colorspace(colors);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(jpeg), options);
    let pixels = decoder.decode().map_err(|e| e.to_string())?;
    let info = decoder.info().ok_or("no size")?;
    Ok((info.width.into(), info.height.into(), pixels))
}

/// The pixels of a JPEG that must be good.
fn rgb(jpeg: &[u8]) -> (usize, usize, Vec<u8>) {
    decode(jpeg, ColorSpace::RGB).unwrap()
}

fn format(pixel: PixelFormat, width: u32, height: u32) -> StreamFormat {
    StreamFormat::new(pixel, width, height).unwrap()
}

/// The backends of the baseline encoder that this processor can run.
fn backends() -> impl Iterator<Item = Backend> {
    Backend::ALL.into_iter().filter(|backend| backend.is_available())
}

/// Every encoder of raw frames.
fn encoders() -> Vec<Box<dyn JpegEncoder>> {
    let ours = backends()
        .map(|backend| Box::new(BaselineEncoder::with_backend(backend).unwrap()) as Box<dyn JpegEncoder>);
    let threads = BaselineEncoder::new().with_threads(NonZeroU8::new(2).unwrap()).unwrap();
    ours.chain([Box::new(threads) as Box<dyn JpegEncoder>, Box::new(ReferenceEncoder::new())]).collect()
}

fn encode(encoder: &mut dyn JpegEncoder, source: &Source, quality: u8) -> Vec<u8> {
    let mut jpeg = Vec::new();
    encoder.encode(&source.frame(), Quality::new(quality).unwrap(), &mut jpeg).unwrap();
    jpeg
}

/// The waves of Y, Cb and Cr of a picture that JPEG can keep.
fn smooth() -> impl Strategy<Value = [Wave; 3]> {
    [Wave::any(60.0..196.0, 60.0), Wave::any(96.0..160.0, 30.0), Wave::any(96.0..160.0, 30.0)]
}
