//! Software encoding and pass-through, judged by an independent decoder.

mod compressed;
mod raw;
mod source;

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
