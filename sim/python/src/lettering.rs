//! Text, in one font of fixed width that scales.

use crate::canvas::Canvas;
use embedded_graphics::{
    Pixel,
    draw_target::DrawTarget,
    geometry::{OriginDimensions, Point, Size},
    mono_font::{MonoTextStyle, iso_8859_1::FONT_9X15},
    pixelcolor::BinaryColor,
    text::{Baseline, renderer::TextRenderer},
};
use pyo3::pyfunction;
use std::convert::Infallible;

const COLUMNS: usize = 9;
const ROWS: usize = 15;
/// The largest magnification.
const MOST: f64 = 64.0;

/// Pixels of a character and a line at this scale.
fn cell(scale: f64) -> (i64, i64) {
    let scale = if scale.is_finite() { scale.clamp(0.1, MOST) } else { 1.0 };
    (((COLUMNS as f64 * scale).round() as i64).max(1), ((ROWS as f64 * scale).round() as i64).max(1))
}

/// Width and height of `text`, whose lines are `space` pixels apart.
#[pyfunction]
pub(crate) fn string_size(text: &str, scale: f64, space: i64) -> (i64, i64) {
    let (width, height) = cell(scale);
    let longest = text.lines().map(|line| line.chars().count()).max().unwrap_or(0) as i64;
    let lines = (text.lines().count() as i64).max(1);
    (longest * width, lines * height + (lines - 1) * space.max(0))
}

impl Canvas<'_> {
    /// Writes text with its top left corner at (`x`, `y`). With `wrap`, lines are broken at the picture's right edge, and what
    /// follows is `space` pixels below. Characters outside Latin-1 become `?`.
    pub(crate) fn text(&mut self, (x, y): (i64, i64), text: &str, scale: f64, wrap: bool, space: i64) {
        let (width, height) = cell(scale);
        let room = if wrap { ((self.width - x) / width).max(1) as usize } else { usize::MAX };
        let mut top = y;
        for line in text.lines() {
            let characters: Vec<char> = line.chars().collect();
            for part in characters.chunks(room.min(characters.len().max(1))) {
                if top >= self.height {
                    return;
                }
                for (character, left) in part.iter().zip((x..self.width).step_by(width as usize)) {
                    if top + height > 0 && left + width > 0 {
                        self.character(*character, (left, top), (width, height));
                    }
                }
                top = top.saturating_add(height).saturating_add(space.max(0));
            }
        }
    }

    fn character(&mut self, character: char, (left, top): (i64, i64), (width, height): (i64, i64)) {
        let glyph = Glyph::of(character);
        if (width, height) == (COLUMNS as i64, ROWS as i64) {
            for (y, row) in glyph.0.iter().enumerate() {
                for x in (0..COLUMNS).filter(|&x| row[x + 1]) {
                    self.blend(left + x as i64, top + y as i64, 256);
                }
            }
            return;
        }
        let (across, down) = (COLUMNS as f64 / width as f64, ROWS as f64 / height as f64);
        // Edges are one pixel wide, whatever the scale.
        let sharpness = (1.0 / across.max(down)).max(1.0);
        for y in 0..height {
            for x in 0..width {
                let level = glyph.level((x as f64 + 0.5) * across - 0.5, (y as f64 + 0.5) * down - 0.5);
                let ink = ((level - 0.5) * sharpness + 0.5).clamp(0.0, 1.0);
                if ink > 0.0 {
                    self.blend(left + x, top + y, (ink * 256.0) as u32);
                }
            }
        }
    }
}

/// The pixels of a character, with an empty column on each side.
struct Glyph([[bool; COLUMNS + 2]; ROWS]);

impl Glyph {
    fn of(character: char) -> Self {
        let mut glyph = Self([[false; COLUMNS + 2]; ROWS]);
        let style = MonoTextStyle::new(&FONT_9X15, BinaryColor::On);
        let mut utf8 = [0; 4];
        let Ok(_) =
            style.draw_string(character.encode_utf8(&mut utf8), Point::zero(), Baseline::Top, &mut glyph);
        glyph
    }

    /// How much of a pixel is ink, 0 to 1, between the pixels.
    fn level(&self, x: f64, y: f64) -> f64 {
        let (left, top) = (x.floor(), y.floor());
        let (right, below) = (x - left, y - top);
        let pixel = |dx: i64, dy: i64| {
            let (x, y) = (left as i64 + dx + 1, top as i64 + dy);
            let row = usize::try_from(y).ok().and_then(|y| self.0.get(y));
            let pixel = row.and_then(|row| row.get(usize::try_from(x).ok()?));
            f64::from(u8::from(pixel.copied().unwrap_or(false)))
        };
        let across = |dy| pixel(0, dy) * (1.0 - right) + pixel(1, dy) * right;
        across(0) * (1.0 - below) + across(1) * below
    }
}

impl OriginDimensions for Glyph {
    fn size(&self) -> Size {
        Size::new(COLUMNS as u32, ROWS as u32)
    }
}

impl DrawTarget for Glyph {
    type Color = BinaryColor;
    type Error = Infallible;

    fn draw_iter<I: IntoIterator<Item = Pixel<BinaryColor>>>(&mut self, pixels: I) -> Result<(), Infallible> {
        for Pixel(at, color) in pixels {
            if let (Ok(x @ 0..COLUMNS), Ok(y @ 0..ROWS)) = (usize::try_from(at.x), usize::try_from(at.y)) {
                self.0[y][x + 1] = color.is_on();
            }
        }
        Ok(())
    }
}
