//! Whether bytes are a whole picture, by what they hold and not by what they are called.

use eyelet_core::jpeg;
use std::io::Cursor;

/// The most memory that a PNG may ask for while it is checked; its rows are not kept.
const MAX_DECODER_BYTES: usize = 64 * 1024 * 1024;

/// The most bytes that a PNG may unpack to: a small file can hold a picture that takes minutes to unpack.
const MAX_UNPACKED_BYTES: usize = 512 * 1024 * 1024;

/// The formats that are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Jpeg,
    Png,
}

impl Kind {
    pub(super) fn extension(self) -> &'static str {
        match self {
            Self::Jpeg => "jpg",
            Self::Png => "png",
        }
    }
}

/// Whether it begins like a picture.
pub(super) fn is_one(bytes: &[u8]) -> bool {
    bytes.starts_with(JPEG_SIGNATURE) || bytes.starts_with(PNG_SIGNATURE)
}

const JPEG_SIGNATURE: &[u8] = &[0xff, 0xd8];
const PNG_SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";

/// Which picture it is, or why it is none.
pub(super) fn check(bytes: &[u8]) -> Result<Kind, String> {
    if bytes.is_empty() {
        return Err("the body is empty; send the bytes of a JPEG or PNG".into());
    }
    if bytes.starts_with(JPEG_SIGNATURE) {
        // Cameras and phones put padding or more pictures after the end of the first.
        return jpeg::check(bytes).map(|_| Kind::Jpeg).map_err(|e| e.to_string());
    }
    if bytes.starts_with(PNG_SIGNATURE) {
        return png(bytes).map(|()| Kind::Png).map_err(|e| format!("the PNG is damaged: {e}"));
    }
    Err("the body is neither a JPEG nor a PNG; send the bytes of one".into())
}

/// Reads every chunk and every row, so that checksums and lengths are known to be right.
fn png(bytes: &[u8]) -> Result<(), png::DecodingError> {
    let limits = png::Limits { bytes: MAX_DECODER_BYTES };
    let mut reader = png::Decoder::new_with_limits(Cursor::new(bytes), limits).read_info()?;
    if reader.output_buffer_size().is_none_or(|len| len > MAX_UNPACKED_BYTES) {
        return Err(png::DecodingError::LimitsExceeded);
    }
    while reader.next_row()?.is_some() {}
    reader.finish()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A 3x2 grey picture as far as the markers go.
    pub(crate) const JPEG: &[u8] = &[
        0xff, 0xd8, 0xff, 0xc0, 0x00, 0x0b, 8, 0, 2, 0, 3, 1, 1, 0x11, 0, 0xff, 0xda, 0x00, 0x08, 1, 1, 0, 0,
        63, 0, 0x12, 0xff, 0xd9,
    ];

    fn a_png() -> Vec<u8> {
        let mut bytes = vec![];
        let mut encoder = png::Encoder::new(&mut bytes, 5, 3);
        encoder.set_color(png::ColorType::Rgb);
        let mut writer = encoder.write_header().unwrap();
        writer.write_image_data(&(0..45).collect::<Vec<u8>>()).unwrap();
        writer.finish().unwrap();
        bytes
    }

    #[test]
    fn whole_jpeg_and_png_are_accepted() {
        assert_eq!(check(JPEG), Ok(Kind::Jpeg));
        assert_eq!(check(&[JPEG, &[0; 7]].concat()), Ok(Kind::Jpeg));
        assert_eq!(check(&a_png()), Ok(Kind::Png));
    }

    #[test]
    fn jpeg_that_browsers_do_not_show_is_refused() {
        let case = |name: &str| {
            let cases = concat!(env!("CARGO_MANIFEST_DIR"), "/../core/tests/cases/");
            check(&std::fs::read(format!("{cases}{name}.jpg")).unwrap())
        };
        for name in ["no-eoi-zero-padded", "zero-byte-between-segments", "noninterleaved-420"] {
            assert_eq!(case(name), Ok(Kind::Jpeg), "{name}");
        }
        assert!(case("sof-30000x30000").unwrap_err().contains("too short for its size"));
        let mut arithmetic = JPEG.to_vec();
        arithmetic[3] = 0xc9;
        assert!(check(&arithmetic).unwrap_err().contains("arithmetic-coded, which browsers do not show"));
    }

    #[test]
    fn truncated_picture_is_refused() {
        for picture in [JPEG, &a_png()] {
            for len in 0..picture.len() {
                assert!(check(&picture[..len]).is_err(), "{len} of {}", picture.len());
            }
        }
    }

    #[test]
    fn png_with_a_flipped_bit_is_refused() {
        let png = a_png();
        for at in 8..png.len() {
            let mut damaged = png.clone();
            damaged[at] ^= 0x10;
            assert!(check(&damaged).is_err(), "byte {at}");
        }
    }

    #[test]
    fn png_that_unpacks_to_too_much_is_refused_at_once() {
        let mut png = vec![];
        let mut encoder = png::Encoder::new(&mut png, 60_000, 60_000);
        encoder.set_color(png::ColorType::Rgba);
        let mut writer = encoder.write_header().unwrap();
        writer.write_chunk(png::chunk::IDAT, &[0x78, 0x9c]).unwrap();
        drop(writer);
        let why = png::DecodingError::LimitsExceeded;
        assert_eq!(check(&png), Err(format!("the PNG is damaged: {why}")));
    }

    #[test]
    fn body_that_is_no_picture_is_refused() {
        for other in [&b"hello"[..], b"", b"GIF89a", b"\xff", b"\x89PNG"] {
            assert!(check(other).unwrap_err().contains("send the bytes of"));
        }
    }
}
