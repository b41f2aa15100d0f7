//! Text of any size, clipped to the picture.

use super::{Canvas, Color};
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
    /// 10x20 pixels per character.
    pub(crate) const LARGE: Self = Self { font: &iso_8859_1::FONT_10X20, scale: 1 };
    /// 6x10 pixels per character.
    pub(crate) const SMALL: Self = Self { font: &iso_8859_1::FONT_6X10, scale: 1 };

    /// The same font, `scale` times as large.
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

    /// Writes the lines of `text`. Characters outside the picture cost nothing and do not overflow.
    pub(crate) fn draw(self, canvas: &mut Canvas<'_>, x: i64, y: i64, text: &str, color: Color) {
        let (width, height) = (i64::from(self.width()), i64::from(self.height()));
        let style = MonoTextStyle::new(self.font, BinaryColor::On);
        for (line, top) in text.lines().zip((y..).step_by(self.height() as usize)) {
            if top >= i64::from(canvas.height()) {
                return;
            }
            if top + height <= 0 {
                continue;
            }
            let skipped = (-x).max(0) / width;
            let visible = (x + skipped * width..canvas.width().into()).step_by(self.width() as usize);
            for (character, left) in line.chars().skip(skipped as usize).zip(visible) {
                let mut glyph = Glyph { size: self.font.character_size, rows: [0; ROWS] };
                let mut utf8 = [0; 4];
                let text = character.encode_utf8(&mut utf8);
                let Ok(_) = style.draw_string(text, Point::zero(), Baseline::Top, &mut glyph);
                for (x, y, ink) in glyph.magnified(self.scale as usize) {
                    canvas.blend(left + x as i64, top + y as i64, color, ink);
                }
            }
        }
    }
}

/// Rows of the largest font.
const ROWS: usize = 20;

/// The pixels of one character.
struct Glyph {
    size: Size,
    /// The leftmost pixel is the second-lowest bit: one bit on each side is empty.
    rows: [u16; ROWS],
}

impl Glyph {
    /// How much ink, of 256, each pixel gets of the character `scale` times as large. Its edges are those of the
    /// interpolated pixels: round, where the pixels themselves would become squares.
    fn magnified(&self, scale: usize) -> impl Iterator<Item = (usize, usize, u32)> + '_ {
        let (columns, rows) = (self.size.width as usize * scale, self.size.height as usize * scale);
        let all = (0..rows).flat_map(move |y| (0..columns).map(move |x| (x, y)));
        all.map(move |(x, y)| (x, y, self.ink(x, y, scale))).filter(|&(_, _, ink)| ink > 0)
    }

    fn ink(&self, x: usize, y: usize, scale: usize) -> u32 {
        // In halves of a large pixel from the middle of the pixel before the first one.
        let ((column, right), (row, below)) = (around(x, scale), around(y, scale));
        let pixel = |column, row: usize| {
            let bits = row.checked_sub(1).and_then(|row| self.rows.get(row)).copied().unwrap_or(0);
            usize::from(bits >> column & 1)
        };
        let across = |row| pixel(column, row) * (2 * scale - right) + pixel(column + 1, row) * right;
        // 0 to 1 is 0 to 4 * scale^2; the edge is where half of it is.
        let level = across(row) * (2 * scale - below) + across(row + 1) * below;
        (level * 64 / scale + 128).saturating_sub(128 * scale).min(256) as u32
    }
}

/// The original pixel before the middle of this one, counted from 1, and how far behind it that is, of `2 * scale`.
fn around(at: usize, scale: usize) -> (usize, usize) {
    let halves = 2 * at + 1 + scale;
    (halves / (2 * scale), halves % (2 * scale))
}

impl OriginDimensions for Glyph {
    fn size(&self) -> Size {
        self.size
    }
}

impl DrawTarget for Glyph {
    type Color = BinaryColor;
    type Error = Infallible;

    fn draw_iter<I: IntoIterator<Item = Pixel<BinaryColor>>>(&mut self, pixels: I) -> Result<(), Infallible> {
        for Pixel(at, color) in pixels {
            if let (Ok(x @ 0..14), Ok(y)) = (u8::try_from(at.x), usize::try_from(at.y))
                && let Some(row) = self.rows.get_mut(y)
            {
                *row |= u16::from(color.is_on()) << (x + 1);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn magnified_letters_have_as_much_ink_and_no_stairs() {
        let mut glyph = Glyph { size: iso_8859_1::FONT_10X20.character_size, rows: [0; ROWS] };
        let style = MonoTextStyle::new(&iso_8859_1::FONT_10X20, BinaryColor::On);
        let Ok(_) = style.draw_string("S", Point::zero(), Baseline::Top, &mut glyph);
        let pixels: u32 = glyph.rows.iter().map(|row| row.count_ones()).sum();
        assert_eq!(glyph.magnified(1).map(|(_, _, ink)| ink).collect::<Vec<_>>(), vec![256; pixels as usize]);
        for scale in 2..6 {
            let whole: u32 = glyph.magnified(scale).map(|(_, _, ink)| ink).sum();
            let exact = pixels * 256 * (scale * scale) as u32;
            assert!(whole.abs_diff(exact) * 5 < exact, "{scale}: {whole} of {exact}");
            let edges = glyph.magnified(scale).filter(|&(_, _, ink)| ink < 256).count();
            assert!(edges as u32 > pixels / 2, "{scale}: {edges}");
        }
    }
}
