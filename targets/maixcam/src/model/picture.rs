//! What the unit does to a picture, in software.

use super::driver::{Damage, Memory};
use crate::sys::abi::{self, FrameInfo};
use eyelet_core::encode;
use eyelet_hal::{Frame, FrameMeta, PixelFormat, Plane, Quality, StreamFormat};

/// No caller gets more memory out of a model than a picture has.
const MAX_STRIDE: u32 = 1 << 16;

/// Encodes the picture that `frame` describes, as the unit writes it: without APP0, with an APP9 in its place.
/// `None` if it cannot be read.
pub(super) fn encode(
    frame: &FrameInfo,
    (width, height): (u32, u32),
    quality: u32,
    memory: &dyn Memory,
) -> Option<Vec<u8>> {
    // The unit takes what it does not know for planar 4:2:0.
    let pixel = match frame.pixel_format {
        abi::NV12 => PixelFormat::Nv12,
        abi::NV21 => PixelFormat::Nv21,
        abi::YUV_PLANAR_422 => PixelFormat::Yuv422p,
        _ => PixelFormat::I420,
    };
    let format = StreamFormat::new(pixel, width, height)?;
    let mut planes = Vec::new();
    for index in 0..pixel.planes() {
        // Only the first stride reaches the unit.
        let stride =
            frame.stride[0].min(MAX_STRIDE) as usize / if index > 0 && pixel.planes() == 3 { 2 } else { 1 };
        let mut bytes = vec![0; format.plane(index)?.min_len(stride)?];
        if !memory.read(frame.physical[index], &mut bytes) {
            return None;
        }
        planes.push((bytes, stride));
    }
    let planes: Vec<_> = planes.iter().map(|(bytes, stride)| Plane::host(bytes, *stride)).collect();
    let frame = Frame::new(format, FrameMeta::default(), &planes).ok()?;
    let mut jpeg = Vec::new();
    let quality = Quality::new(u8::try_from(quality).ok()?)?;
    encode::by_name("software").ok()?.encode(&frame, quality, &mut jpeg).ok()?;
    // SOI, then APP0 with its length.
    let app0 = 2 + 2 + usize::from(u16::from_be_bytes([jpeg[4], jpeg[5]]));
    jpeg.splice(2..app0, *b"\xff\xe9\x00\x04\x00\x01");
    Some(jpeg)
}

pub(super) fn damage(jpeg: &mut Vec<u8>, damage: Damage) {
    match damage {
        Damage::NoStart => jpeg[0] = 0,
        Damage::NoEnd => jpeg.truncate(jpeg.len() - 2),
        Damage::Empty => jpeg.clear(),
        Damage::OtherSize => {
            if let Some(at) = jpeg.windows(2).position(|pair| pair == [0xff, 0xc0]) {
                jpeg[at + 8] ^= 0x10;
            }
        }
    }
}
