//! The sequence number that each frame carries in its pixels, so that a test can tell which frame it sees.
//!
//! The pattern lies in the top-left corner and survives JPEG compression at quality 50 with 4:2:0 chroma, since it
//! is made of luma only and of whole JPEG blocks. It is simple enough to be read in any language:
//!
//! - 48 square blocks of 8x8 pixels, in 3 rows of 16: 128x24 pixels at (0, 0). Pictures smaller than that, in
//!   either direction, carry no number.
//! - A dark block (luma [`DARK`]) is a 0 and a light block (luma [`LIGHT`]) a 1. A reader takes the mean luma of
//!   the 4x4 pixels in a block's centre; 128 and above is a 1.
//! - Bit `i` is the block in row `i / 16`, column `i % 16`, from the top left like text. Bits 0 to 31 are the
//!   sequence number modulo 2^32, most significant bit first; bits 32 to 47 are its checksum, most significant
//!   bit first.
//! - The checksum is CRC-16/CCITT-FALSE (polynomial 0x1021, initial value 0xffff, nothing reflected, no final
//!   exclusive or) of the four bytes of the number, most significant byte first. Its check value, that of the
//!   ASCII bytes `123456789`, is 0x29b1. A picture all dark or all light therefore carries no number.
//!
//! From RGB, luma is `0.299 R + 0.587 G + 0.114 B`.

use embedded_graphics::{pixelcolor::Rgb888, prelude::*, primitives::Rectangle};

/// Pixels in a row of the pattern.
pub const WIDTH: u32 = BLOCK * COLUMNS;
/// Rows of pixels of the pattern.
pub const HEIGHT: u32 = BLOCK * 3;
/// Pixels on a side of a block.
pub const BLOCK: u32 = 8;
/// Blocks in a row.
pub const COLUMNS: u32 = 16;
/// The luma of a 0.
pub const DARK: u8 = 24;
/// The luma of a 1.
pub const LIGHT: u8 = 228;

const BITS: u32 = 48;

/// Draws `sequence` into the top-left corner of `target`, or nothing if it is too small.
///
/// # Errors
/// Those of `target`.
pub fn draw<D: DrawTarget<Color = Rgb888>>(target: &mut D, sequence: u32) -> Result<(), D::Error> {
    let origin = target.bounding_box().top_left;
    let size = target.bounding_box().size;
    if size.width < WIDTH || size.height < HEIGHT {
        return Ok(());
    }
    let word = u64::from(sequence) << 16 | u64::from(checksum(sequence));
    for bit in 0..BITS {
        let luma = if word >> (BITS - 1 - bit) & 1 == 1 { LIGHT } else { DARK };
        let corner = origin + Point::new((bit % COLUMNS * BLOCK) as i32, (bit / COLUMNS * BLOCK) as i32);
        let block = Rectangle::new(corner, Size::new_equal(BLOCK));
        target.fill_solid(&block, Rgb888::new(luma, luma, luma))?;
    }
    Ok(())
}

/// The number in a picture's luma, whose rows begin every `stride` bytes.
///
/// `None` if the picture is too small or too short, or if the checksum is not right.
pub fn read_sequence(luma: &[u8], width: usize, height: usize, stride: usize) -> Option<u32> {
    read(width, height, |x, y| luma.get(y.checked_mul(stride)?..)?.get(x).copied().map(u32::from))
}

/// The number in a picture of packed R, G, B bytes.
///
/// `None` as for [`read_sequence`].
pub fn read_sequence_rgb(rgb: &[u8], width: usize, height: usize) -> Option<u32> {
    read(width, height, |x, y| {
        let at = y.checked_mul(width)?.checked_add(x)?.checked_mul(3)?;
        let &[r, g, b] = rgb.get(at..at.checked_add(3)?)? else { return None };
        Some((u32::from(r) * 299 + u32::from(g) * 587 + u32::from(b) * 114) / 1000)
    })
}

fn read(width: usize, height: usize, luma: impl Fn(usize, usize) -> Option<u32>) -> Option<u32> {
    if width < WIDTH as usize || height < HEIGHT as usize {
        return None;
    }
    let mut word = 0u64;
    for bit in 0..BITS {
        let left = (bit % COLUMNS * BLOCK + 2) as usize;
        let top = (bit / COLUMNS * BLOCK + 2) as usize;
        let mut sum = 0;
        for y in top..top + 4 {
            for x in left..left + 4 {
                sum += luma(x, y)?;
            }
        }
        word = word << 1 | u64::from(sum >= 128 * 16);
    }
    let sequence = (word >> 16) as u32;
    (word as u16 == checksum(sequence)).then_some(sequence)
}

fn checksum(sequence: u32) -> u16 {
    crc16(&sequence.to_be_bytes())
}

fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0xffff, |crc, &byte| {
        (0..8).fold(
            crc ^ u16::from(byte) << 8,
            |crc, _| {
                if crc & 0x8000 == 0 { crc << 1 } else { crc << 1 ^ 0x1021 }
            },
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene::Canvas;
    use jpeg_encoder::{ColorType, Encoder, SamplingFactor};
    use proptest::prelude::*;
    use zune_jpeg::{
        JpegDecoder,
        zune_core::{bytestream::ZCursor, colorspace::ColorSpace, options::DecoderOptions},
    };

    fn drawn(width: u32, height: u32, sequence: u32) -> Canvas {
        let mut canvas = Canvas::new(width, height);
        canvas.clear(Rgb888::new(200, 40, 90)).unwrap();
        draw(&mut canvas, sequence).unwrap();
        canvas
    }

    fn luma(canvas: &Canvas) -> Vec<u8> {
        let grey = |p: &[u8]| (p.iter().map(|&b| u32::from(b)).sum::<u32>() / 3) as u8;
        canvas.bytes().chunks(3).map(grey).collect()
    }

    fn decoded(jpeg: &[u8], space: ColorSpace) -> Vec<u8> {
        let options = DecoderOptions::default().jpeg_set_out_colorspace(space);
        JpegDecoder::new_with_options(ZCursor::new(jpeg), options).decode().unwrap()
    }

    #[test]
    fn checksum_is_the_standard_one() {
        assert_eq!(crc16(b"123456789"), 0x29b1);
    }

    #[test]
    fn pattern_layout_is_as_documented() {
        // Written out for the readers in other languages: the checksum of 0x80000001 is 0x49d9.
        let rows = ["1000000000000000", "0000000000000001", "0100100111011001"];
        let luma = luma(&drawn(128, 24, 0x8000_0001));
        for (row, bits) in rows.iter().enumerate() {
            for (column, bit) in bits.chars().enumerate() {
                let want = if bit == '1' { LIGHT } else { DARK };
                for (x, y) in [(0, 0), (7, 0), (0, 7), (7, 7), (3, 4)] {
                    assert_eq!(luma[(row * 8 + y) * 128 + column * 8 + x], want, "row {row} column {column}");
                }
            }
        }
    }

    #[test]
    fn small_and_plain_pictures_carry_no_number() {
        for (width, height) in [(127, 24), (128, 23), (1, 1)] {
            let canvas = drawn(width, height, 7);
            assert_eq!(canvas.bytes(), [200, 40, 90].repeat((width * height) as usize));
            assert_eq!(read_sequence_rgb(canvas.bytes(), width as usize, height as usize), None);
        }
        for plain in [0, 128, 255] {
            assert_eq!(read_sequence(&[plain; 128 * 24], 128, 24, 128), None, "{plain}");
        }
        assert_eq!(read_sequence(&[0; 99], 128, 24, 128), None, "too short");
        assert_eq!(read_sequence_rgb(&[0; 99], usize::MAX, usize::MAX), None, "absurd");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn number_survives_jpeg(
            sequence: u32, width in 128u32..300, height in 24u32..80, quality in 50u8..=100,
        ) {
            let canvas = drawn(width, height, sequence);
            let mut jpeg = Vec::new();
            let mut encoder = Encoder::new(&mut jpeg, quality);
            encoder.set_sampling_factor(SamplingFactor::R_4_2_0);
            encoder.encode(canvas.bytes(), width as u16, height as u16, ColorType::Rgb).unwrap();
            let (w, h) = (width as usize, height as usize);
            prop_assert_eq!(read_sequence_rgb(&decoded(&jpeg, ColorSpace::RGB), w, h), Some(sequence));
            prop_assert_eq!(read_sequence(&decoded(&jpeg, ColorSpace::Luma), w, h, w), Some(sequence));
        }

        #[test]
        fn strides_are_honoured(sequence: u32, pad in 0usize..70) {
            let packed = luma(&drawn(128, 24, sequence));
            let mut padded = Vec::new();
            for row in packed.chunks(128) {
                padded.extend_from_slice(row);
                padded.extend(std::iter::repeat_n(255, pad));
            }
            prop_assert_eq!(read_sequence(&padded, 128, 24, 128 + pad), Some(sequence));
        }

        /// A CRC-16 finds every one, two and three damaged bits among 48.
        #[test]
        fn damage_is_noticed(sequence: u32, bits in prop::collection::btree_set(0usize..48, 1..=3)) {
            let mut luma = luma(&drawn(128, 24, sequence));
            for bit in bits {
                for y in 0..8 {
                    for x in 0..8 {
                        let pixel = &mut luma[(bit / 16 * 8 + y) * 128 + bit % 16 * 8 + x];
                        *pixel = 255 - *pixel;
                    }
                }
            }
            prop_assert_eq!(read_sequence(&luma, 128, 24, 128), None);
        }
    }
}
