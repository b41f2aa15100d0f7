//! Letters of any size, clipped to the picture.

use super::{Color, Image};
use embedded_graphics::{
    Pixel,
    draw_target::DrawTarget,
    geometry::{OriginDimensions, Point, Size},
    mono_font::{MonoFont, MonoTextStyle, iso_8859_1},
    pixelcolor::BinaryColor,
    text::{Baseline, renderer::TextRenderer},
};
use std::convert::Infallible;

/// A font and how many times it is magnified.
#[derive(Clone, Copy)]
pub(crate) struct Lettering {
    font: &'static MonoFont<'static>,
    scale: u32,
}

impl Lettering {
    /// 10x20 pixels a character.
    pub(crate) const LARGE: Self = Self { font: &iso_8859_1::FONT_10X20, scale: 1 };
    /// 6x10 pixels a character.
    pub(crate) const SMALL: Self = Self { font: &iso_8859_1::FONT_6X10, scale: 1 };

    /// The same, `scale` times as large.
    pub(crate) const fn times(self, scale: u32) -> Self {
        Self { scale: self.scale * scale, ..self }
    }

    /// Pixels from one character to the next.
    pub(crate) const fn width(self) -> u32 {
        (self.font.character_size.width + self.font.character_spacing) * self.scale
    }

    /// Pixels from one line to the next.
    pub(crate) const fn height(self) -> u32 {
        self.font.character_size.height * self.scale
    }

    /// Writes the lines of `text`. Characters that cannot be seen cost nothing and overflow nothing.
    pub(crate) fn draw(self, image: &mut Image, x: i64, y: i64, text: &str, color: Color) {
        let (width, height) = (i64::from(self.width()), i64::from(self.height()));
        let style = MonoTextStyle::new(self.font, BinaryColor::On);
        for (line, top) in text.lines().zip((y..).step_by(self.height() as usize)) {
            if top >= i64::from(image.height()) {
                return;
            }
            if top + height <= 0 {
                continue;
            }
            let skipped = (-x).max(0) / width;
            let visible = (x + skipped * width..image.width().into()).step_by(self.width() as usize);
            for (character, left) in line.chars().skip(skipped as usize).zip(visible) {
                let mut glyph = Glyph { lettering: self, image, left, top, color };
                let mut utf8 = [0; 4];
                let text = character.encode_utf8(&mut utf8);
                let Ok(_) = style.draw_string(text, Point::zero(), Baseline::Top, &mut glyph);
            }
        }
    }
}

/// Where one character is drawn: its pixels become squares.
struct Glyph<'a> {
    lettering: Lettering,
    image: &'a mut Image,
    left: i64,
    top: i64,
    color: Color,
}

impl OriginDimensions for Glyph<'_> {
    fn size(&self) -> Size {
        self.lettering.font.character_size
    }
}

impl DrawTarget for Glyph<'_> {
    type Color = BinaryColor;
    type Error = Infallible;

    fn draw_iter<I: IntoIterator<Item = Pixel<BinaryColor>>>(&mut self, pixels: I) -> Result<(), Infallible> {
        let scale = i64::from(self.lettering.scale);
        for Pixel(at, color) in pixels {
            if color == BinaryColor::On {
                let (x, y) = (self.left + i64::from(at.x) * scale, self.top + i64::from(at.y) * scale);
                self.image.fill(x..x + scale, y..y + scale, self.color);
            }
        }
        Ok(())
    }
}
