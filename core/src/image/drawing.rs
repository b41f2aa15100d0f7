//! Pictures as an embedded-graphics target, and text on them.

use super::{Canvas, Color, Image, Lettering};
use embedded_graphics::{
    Pixel,
    draw_target::DrawTarget,
    geometry::{OriginDimensions, Size},
    pixelcolor::{Rgb888, RgbColor},
    primitives::Rectangle,
};
use std::convert::Infallible;

impl Image {
    /// Writes `text`, one or more lines, with its top left corner at (`x`, `y`). Each character is 10 pixels wide and
    /// 20 high. Characters outside Latin-1 become `?`.
    pub fn draw_string(&mut self, x: i32, y: i32, text: &str, color: Color) {
        self.canvas().draw_string(x, y, text, color);
    }
}

impl Canvas<'_> {
    /// Writes `text`, one or more lines, with its top left corner at (`x`, `y`). Each character is 10 pixels wide and
    /// 20 high. Characters outside Latin-1 become `?`.
    pub fn draw_string(&mut self, x: i32, y: i32, text: &str, color: Color) {
        Lettering::LARGE.draw(self, x.into(), y.into(), text, color);
    }
}

impl OriginDimensions for Canvas<'_> {
    fn size(&self) -> Size {
        Size::new(self.width(), self.height())
    }
}

impl DrawTarget for Canvas<'_> {
    type Color = Rgb888;
    type Error = Infallible;

    fn draw_iter<I: IntoIterator<Item = Pixel<Rgb888>>>(
        &mut self,
        pixels: I,
    ) -> std::result::Result<(), Infallible> {
        for Pixel(at, color) in pixels {
            self.set_pixel(at.x, at.y, color.into());
        }
        Ok(())
    }

    fn fill_solid(&mut self, area: &Rectangle, color: Rgb888) -> std::result::Result<(), Infallible> {
        let (x, y) = (i64::from(area.top_left.x), i64::from(area.top_left.y));
        let (w, h) = (i64::from(area.size.width), i64::from(area.size.height));
        self.fill(x..x + w, y..y + h, color.into());
        Ok(())
    }
}

impl OriginDimensions for Image {
    fn size(&self) -> Size {
        Size::new(self.width(), self.height())
    }
}

impl DrawTarget for Image {
    type Color = Rgb888;
    type Error = Infallible;

    fn draw_iter<I: IntoIterator<Item = Pixel<Rgb888>>>(
        &mut self,
        pixels: I,
    ) -> std::result::Result<(), Infallible> {
        self.canvas().draw_iter(pixels)
    }

    fn fill_solid(&mut self, area: &Rectangle, color: Rgb888) -> std::result::Result<(), Infallible> {
        self.canvas().fill_solid(area, color)
    }
}

impl From<Color> for Rgb888 {
    fn from(color: Color) -> Self {
        let [r, g, b] = color.to_bytes();
        Self::new(r, g, b)
    }
}

impl From<Rgb888> for Color {
    fn from(color: Rgb888) -> Self {
        Self::from_rgb(color.r(), color.g(), color.b())
    }
}
