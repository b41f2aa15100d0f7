//! The picture that viewers see while the camera is gone.

mod title;
#[cfg_attr(not(feature = "drawing"), path = "no_signal/no_words.rs")]
mod words;

use crate::image::{Color, Image, Thickness};
use bytes::Bytes;
use eyelet_hal::{Quality, Result};

const BACKGROUND: Color = Color::from_rgb(0x20, 0x24, 0x28);
const RULE: Color = Color::from_rgb(0xe8, 0xb8, 0x4a);

/// A JPEG of `width` x `height` pixels, or of the nearest size between 64x48 and 1920x1080, that shows why there is
/// no picture. `reason` may be any text; what does not fit ends in `...`.
pub(crate) fn no_signal(width: u32, height: u32, reason: &str) -> Bytes {
    let (width, height) = (width.clamp(64, 1920), height.clamp(48, 1080));
    draw(width, height, reason)
        .and_then(|image| image.to_jpeg(Quality::DEFAULT))
        // Only want of memory leads here, and viewers are to see that the stream lives.
        .unwrap_or(Bytes::from_static(&BLANK))
}

fn draw(width: u32, height: u32, reason: &str) -> Result<Image> {
    let mut image = Image::new(width, height)?;
    image.draw_rect(0, 0, width, height, BACKGROUND, Thickness::Filled);

    // The title takes about 56 % of the width.
    let title_height = (width as f32 * 0.56 / title::width(1.0)).min(height as f32 / 6.0);
    let margin = height / 20;
    let mut top = (height * 2 / 5).saturating_sub(title_height as u32).max(margin);
    if width < 128 || height < 96 {
        top = words::title(&mut image) + margin;
    } else {
        let left = (width as f32 - title::width(title_height)) / 2.0;
        title::draw(&mut image, left, top as f32, title_height, Color::WHITE);
        top += title_height as u32 + margin;
    }

    // A line under it, where there is room for more than the words.
    let rule = (height / 160).max(1);
    if height >= 120 {
        let length = width / 8;
        image.draw_rect(((width - length) / 2) as i32, top as i32, length, rule, RULE, Thickness::Filled);
        top += rule + margin;
    }
    words::reason(&mut image, top, reason);
    Ok(image)
}

/// A grey JPEG of 64x48 pixels: 48 blocks of one bit "DC as before" and one bit "end of block".
#[rustfmt::skip]
static BLANK: [u8; 152] = [
    0xff, 0xd8, // SOI
    0xff, 0xdb, 0x00, 0x43, 0x00, // DQT: table 0, all 16
    16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16,
    16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16,
    0xff, 0xc0, 0x00, 0x0b, 8, 0, 48, 0, 64, 1, 1, 0x11, 0, // SOF0: 8 bits, 48 rows of 64, one component
    0xff, 0xc4, 0x00, 0x14, 0x00, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, // DHT: DC, one code
    0xff, 0xc4, 0x00, 0x14, 0x10, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, // DHT: AC, one code
    0xff, 0xda, 0x00, 0x08, 1, 1, 0x00, 0, 63, 0, // SOS
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, // 48 blocks
    0xff, 0xd9, // EOI
];

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use zune_jpeg::{JpegDecoder, zune_core::bytestream::ZCursor};

    /// Width, height and pixels of a decoded JPEG.
    fn decode(jpeg: &[u8]) -> (u32, u32, Vec<u8>) {
        let mut decoder = JpegDecoder::new(ZCursor::new(jpeg));
        let pixels = decoder.decode().unwrap();
        let info = decoder.info().unwrap();
        (info.width.into(), info.height.into(), pixels)
    }

    #[test]
    fn no_signal_picture_has_the_size_of_the_camera_within_limits() {
        for (requested, got) in [
            ((160, 120), (160, 120)),
            ((641, 479), (641, 479)),
            ((1920, 1080), (1920, 1080)),
            ((0, 0), (64, 48)),
            ((1, 5000), (64, 1080)),
            ((u32::MAX, u32::MAX), (1920, 1080)),
        ] {
            let (width, height, _) = decode(&no_signal(requested.0, requested.1, "gone"));
            assert_eq!((width, height), got, "{requested:?}");
        }
    }

    #[cfg(feature = "drawing")]
    #[test]
    fn no_signal_picture_is_dark_with_a_bright_title_and_the_reason_below() {
        for (width, height) in [(64, 48), (160, 120), (320, 240), (640, 480), (1920, 1080)] {
            let reason = "/dev/video0: unplugged";
            let (_, _, pixels) = decode(&no_signal(width, height, reason));
            let lit: Vec<usize> =
                pixels.chunks(3).enumerate().filter(|(_, p)| p[1] > 0x70).map(|(i, _)| i).collect();
            let share = lit.len() as f64 / f64::from(width * height);
            assert!((0.01..0.25).contains(&share), "{width}x{height}: {share}");
            let columns = || lit.iter().map(|i| i % width as usize);
            let span = columns().max().unwrap() - columns().min().unwrap();
            assert!(span * 2 >= width as usize, "{width}x{height}: {span}");
            let without = decode(&no_signal(width, height, "")).2;
            let changed =
                pixels.chunks(3).zip(without.chunks(3)).position(|(a, b)| a[1].abs_diff(b[1]) > 64).unwrap();
            assert!(
                changed / width as usize > height as usize / 3,
                "{width}x{height}: reason over the title"
            );
        }
    }

    #[test]
    fn blank_picture_is_a_jpeg() {
        let (width, height, pixels) = decode(&BLANK);
        assert_eq!((width, height), (64, 48));
        assert!(pixels.iter().all(|&p| p == 128));
        assert_eq!(eyelet_hal::jpeg::inspect(&BLANK).unwrap().len, BLANK.len());
    }

    proptest! {
        #[test]
        fn any_reason_and_size_is_drawn(width in 0u32..200, height in 0u32..200, reason in any::<String>()) {
            let (w, h, _) = decode(&no_signal(width, height, &reason));
            prop_assert_eq!((w, h), (width.max(64), height.max(48)));
        }
    }

    #[test]
    fn endless_reason_is_cut() {
        decode(&no_signal(320, 240, &"x".repeat(1 << 20)));
        decode(&no_signal(320, 240, &"\u{0} \u{202e}é漢 ".repeat(10_000)));
    }
}
