//! The JPEG as it comes from the driver, made a JFIF file and checked.
//!
//! The driver writes no APP0 segment. It could be made to, but for all programs at once; so the segment is put in
//! here.

use eyelet_hal::{Error, ErrorKind, Result, jpeg};

/// APP0: JFIF 1.01, square pixels, no thumbnail.
const APP0: [u8; 18] = *b"\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00";

/// Bytes to leave free before the driver's stream.
pub(super) const ROOM: usize = APP0.len();

/// Makes a JFIF file of the stream that lies in `out` from `start + ROOM` on, and lets it begin at `start`.
///
/// # Errors
/// `CorruptFrame` if it is not one whole JPEG of this size with its Huffman tables.
pub(super) fn finish(out: &mut Vec<u8>, start: usize, (width, height): (u32, u32)) -> Result<()> {
    let stream = &out[start + ROOM..];
    let info = jpeg::inspect(stream)?;
    let found = (u32::from(info.width), u32::from(info.height));
    if found != (width, height) {
        let what = format!("the JPEG unit made {}x{} of {width}x{height}", found.0, found.1);
        return Err(Error::new(ErrorKind::CorruptFrame, what));
    }
    if !info.huffman_tables {
        return Err(Error::new(ErrorKind::CorruptFrame, "the JPEG unit left out the Huffman tables"));
    }
    let has_app0 = stream[2..4] == APP0[..2];
    out.truncate(start + ROOM + info.len);
    if has_app0 {
        out.drain(start..start + ROOM);
    } else {
        out[start..start + 2].copy_from_slice(&[0xff, 0xd8]);
        out[start + 2..start + 2 + ROOM].copy_from_slice(&APP0);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use eyelet_core::encode;
    use eyelet_hal::{Frame, FrameMeta, PixelFormat, Plane, Quality, StreamFormat};

    fn picture() -> Vec<u8> {
        let format = StreamFormat::new(PixelFormat::Grey, 24, 16).unwrap();
        let pixels = vec![90; 24 * 16];
        let frame = Frame::new(format, FrameMeta::default(), &[Plane::host(&pixels, 24)]).unwrap();
        let mut jpeg = Vec::new();
        encode::by_name("software").unwrap().encode(&frame, Quality::DEFAULT, &mut jpeg).unwrap();
        jpeg
    }

    fn finished(stream: &[u8], size: (u32, u32)) -> Result<Vec<u8>> {
        let mut out = b"before".to_vec();
        out.extend([0; ROOM]);
        out.extend(stream);
        finish(&mut out, 6, size)?;
        assert_eq!(&out[..6], b"before");
        Ok(out.split_off(6))
    }

    #[test]
    fn app0_segment_goes_right_after_soi() {
        let with = picture();
        assert_eq!(with[2..4], [0xff, 0xe0], "the software encoder writes one");
        let mut without = with.clone();
        without.drain(2..20);
        let jpeg = finished(&[&without[..], &[0; 40]].concat(), (24, 16)).unwrap();
        assert_eq!(&jpeg[..12], b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01");
        assert_eq!(jpeg[20..], without[2..], "the rest is as it was, without what followed EOI");
        assert_eq!(finished(&with, (24, 16)).unwrap(), with, "no second one");
    }

    #[test]
    fn stream_that_is_not_the_picture_is_corrupt() {
        let whole = picture();
        assert!(finished(&whole[..whole.len() - 2], (24, 16)).is_err());
        assert!(finished(&whole[1..], (24, 16)).is_err());
        assert!(finished(&whole, (24, 32)).is_err());
        assert!(finished(&[], (24, 16)).is_err());
    }
}
