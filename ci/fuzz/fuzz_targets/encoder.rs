//! The baseline encoder: any geometry, stride, content and quality gives a JPEG that a strict decoder takes, the same
//! one by every backend.
//!
//! Eight bytes choose the frame, the rest are its pixels, over and over.
#![no_main]

use eyelet_core::encode::{BaselineEncoder, baseline::Backend};
use eyelet_hal::{Frame, FrameMeta, JpegEncoder, PixelFormat, Plane, Quality, StreamFormat, jpeg::inspect};
use libfuzzer_sys::fuzz_target;
use zune_jpeg::{
    JpegDecoder,
    zune_core::{bytestream::ZCursor, options::DecoderOptions},
};

fuzz_target!(|bytes: &[u8]| {
    let Some((&[pixel, width, height, pad0, pad1, pad2, cut, quality], content)) = bytes.split_first_chunk()
    else {
        return;
    };
    let pixel = PixelFormat::ALL[usize::from(pixel) % PixelFormat::ALL.len()];
    let format =
        StreamFormat::new(pixel, 1 + u32::from(width % 96), 1 + u32::from(height % 96)).expect("not zero");
    let mut planes = Vec::new();
    for (index, pad) in (0..pixel.planes()).zip([pad0, pad1, pad2]) {
        let Some(plane) = format.plane(index) else { return };
        // Rarely too short a stride or too few bytes: such a frame must be refused.
        let stride = plane.row_bytes + usize::from(pad % 70);
        let stride = if pad == 255 { stride - 1 } else { stride };
        let short = usize::from(cut == 255);
        let len = stride * (plane.rows - 1) + plane.row_bytes - short;
        let pixels: Vec<u8> = content.iter().copied().cycle().take(len).collect();
        planes.push((if content.is_empty() { vec![cut; len] } else { pixels }, stride, plane.row_bytes));
    }
    let lent: Vec<_> = planes.iter().map(|(bytes, stride, _)| Plane::host(bytes, *stride)).collect();
    let Ok(frame) = Frame::new(format, FrameMeta::default(), &lent) else {
        assert!(
            cut == 255 || planes.iter().any(|&(_, stride, row)| stride < row),
            "a good frame was refused"
        );
        return;
    };
    let quality = Quality::new(1 + quality % 100).expect("1 to 100");
    let mut first: Option<Vec<u8>> = None;
    for backend in Backend::ALL.into_iter().filter(|backend| backend.is_available()) {
        let mut jpeg = Vec::new();
        let mut encoder = BaselineEncoder::with_backend(backend).expect("available");
        encoder.encode(&frame, quality, &mut jpeg).expect("encoded");
        match &first {
            Some(first) => assert_eq!(&jpeg, first, "{backend:?}"),
            None => first = Some(jpeg),
        }
    }
    let jpeg = first.expect("there is a portable backend");
    let info = inspect(&jpeg).expect("whole");
    assert_eq!(
        (info.len, u32::from(info.width), u32::from(info.height)),
        (jpeg.len(), format.width.get(), format.height.get())
    );
    let options = DecoderOptions::default().set_strict_mode(true);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(&jpeg), options);
    decoder.decode().expect("decoded");
});
