//! V4L2's four-character codes of the pixel formats that eyelet knows.

use eyelet_hal::PixelFormat;

/// Code and meaning. `MJPG` and `JPEG` differ only in whether the Huffman tables must be there.
const CODES: [(&[u8; 4], PixelFormat); 10] = [
    (b"MJPG", PixelFormat::Jpeg),
    (b"JPEG", PixelFormat::Jpeg),
    (b"NV12", PixelFormat::Nv12),
    (b"NV21", PixelFormat::Nv21),
    (b"YU12", PixelFormat::I420),
    (b"422P", PixelFormat::Yuv422p),
    (b"YUYV", PixelFormat::Yuyv),
    (b"RGB3", PixelFormat::Rgb24),
    (b"BGR3", PixelFormat::Bgr24),
    (b"GREY", PixelFormat::Grey),
];

/// The pixel format of a code, if eyelet takes it.
pub(crate) fn pixel_format(code: [u8; 4]) -> Option<PixelFormat> {
    CODES.iter().find(|(known, _)| **known == code).map(|&(_, format)| format)
}

/// A code as people write it: `YUYV`, and `0x..` for bytes that are no text.
pub(crate) fn name(code: [u8; 4]) -> String {
    if code.iter().all(|b| b.is_ascii_graphic() || *b == b' ') {
        code.iter().map(|&b| char::from(b)).collect::<String>().trim_end().to_owned()
    } else {
        format!("{:#010x}", u32::from_le_bytes(code))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pixel_format_has_a_code() {
        for format in PixelFormat::ALL {
            assert!(CODES.iter().any(|&(_, known)| known == format), "{format}");
        }
        assert_eq!(pixel_format(*b"H264"), None);
    }

    #[test]
    fn codes_are_printed_whatever_they_are() {
        assert_eq!(name(*b"Y10 "), "Y10");
        assert_eq!(name([1, 2, 3, 0xff]), "0xff030201");
    }
}
