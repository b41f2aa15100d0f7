//! The picture that scenes are drawn on.

use embedded_graphics::{pixelcolor::Rgb888, prelude::*, primitives::Rectangle};
use std::{convert::Infallible, ops::Range};

/// Packed R, G, B bytes that embedded-graphics draws on. What lies outside is clipped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Canvas {
    width: usize,
    height: usize,
    bytes: Vec<u8>,
}

impl Canvas {
    /// A black picture.
    pub fn new(width: u32, height: u32) -> Self {
        let (width, height) = (width as usize, height as usize);
        Self { width, height, bytes: vec![0; width * height * 3] }
    }

    /// Row after row, three bytes for each pixel.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The same, to be changed.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.bytes
    }

    /// Pixels in a row.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Rows.
    pub fn height(&self) -> usize {
        self.height
    }

    /// Takes the pixels of a picture of the same size.
    pub(super) fn copy_from(&mut self, other: &Self) {
        self.bytes.copy_from_slice(&other.bytes);
    }

    /// The pixels of row `y` in columns `x`.
    pub(super) fn row_mut(&mut self, y: usize, x: Range<usize>) -> &mut [u8] {
        let start = (y * self.width + x.start) * 3;
        &mut self.bytes[start..start + x.len() * 3]
    }

    /// Mixes `color` over a pixel; `coverage` 0 leaves it, 255 replaces it.
    pub(super) fn blend(&mut self, x: usize, y: usize, color: Rgb888, coverage: u8) {
        if coverage == 0 {
            return;
        }
        let pixel = self.row_mut(y, x..x + 1);
        for (byte, ink) in pixel.iter_mut().zip([color.r(), color.g(), color.b()]) {
            let (under, over, alpha) = (u32::from(*byte), u32::from(ink), u32::from(coverage));
            *byte = ((under * (255 - alpha) + over * alpha + 127) / 255) as u8;
        }
    }

    /// Columns and rows of `area` that are inside.
    fn clip(&self, area: &Rectangle) -> (Range<usize>, Range<usize>) {
        let span = |start: i32, len: u32, limit: usize| {
            let inside = |v: i64| v.clamp(0, limit as i64) as usize;
            inside(i64::from(start))..inside(i64::from(start) + i64::from(len))
        };
        (
            span(area.top_left.x, area.size.width, self.width),
            span(area.top_left.y, area.size.height, self.height),
        )
    }
}

impl OriginDimensions for Canvas {
    fn size(&self) -> Size {
        Size::new(self.width as u32, self.height as u32)
    }
}

impl DrawTarget for Canvas {
    type Color = Rgb888;
    type Error = Infallible;

    fn draw_iter<I: IntoIterator<Item = Pixel<Rgb888>>>(&mut self, pixels: I) -> Result<(), Infallible> {
        for Pixel(point, color) in pixels {
            if let (Ok(x), Ok(y)) = (usize::try_from(point.x), usize::try_from(point.y))
                && x < self.width
                && y < self.height
            {
                self.row_mut(y, x..x + 1).copy_from_slice(&[color.r(), color.g(), color.b()]);
            }
        }
        Ok(())
    }

    fn fill_contiguous<I>(&mut self, area: &Rectangle, colors: I) -> Result<(), Infallible>
    where
        I: IntoIterator<Item = Rgb888>,
    {
        let (columns, rows) = self.clip(area);
        if columns.len() != area.size.width as usize || rows.len() != area.size.height as usize {
            return self.draw_iter(area.points().zip(colors).map(|(point, color)| Pixel(point, color)));
        }
        let mut colors = colors.into_iter();
        for y in rows {
            for pixel in self.row_mut(y, columns.clone()).chunks_exact_mut(3) {
                let Some(color) = colors.next() else { return Ok(()) };
                pixel.copy_from_slice(&[color.r(), color.g(), color.b()]);
            }
        }
        Ok(())
    }

    fn fill_solid(&mut self, area: &Rectangle, color: Rgb888) -> Result<(), Infallible> {
        let (columns, rows) = self.clip(area);
        for y in rows {
            for pixel in self.row_mut(y, columns.clone()).chunks_exact_mut(3) {
                pixel.copy_from_slice(&[color.r(), color.g(), color.b()]);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Draws pixel by pixel and nothing else.
    struct Plain(Canvas);
    impl OriginDimensions for Plain {
        fn size(&self) -> Size {
            self.0.size()
        }
    }
    impl DrawTarget for Plain {
        type Color = Rgb888;
        type Error = Infallible;
        fn draw_iter<I: IntoIterator<Item = Pixel<Rgb888>>>(&mut self, pixels: I) -> Result<(), Infallible> {
            self.0.draw_iter(pixels)
        }
    }

    proptest! {
        #[test]
        fn fills_are_those_of_single_pixels(
            (width, height) in (1u32..20, 1u32..20), (x, y) in (-9i32..29, -9i32..29), (w, h) in (0u32..30, 0u32..30),
        ) {
            let area = Rectangle::new(Point::new(x, y), Size::new(w, h));
            let colors = || (0..w * h).map(|i| Rgb888::new(i as u8, (i >> 8) as u8, 9));
            let (mut fast, mut plain) = (Canvas::new(width, height), Plain(Canvas::new(width, height)));
            fast.fill_solid(&area, Rgb888::new(1, 2, 3)).unwrap();
            plain.fill_solid(&area, Rgb888::new(1, 2, 3)).unwrap();
            prop_assert_eq!(&fast, &plain.0);
            fast.fill_contiguous(&area, colors()).unwrap();
            plain.fill_contiguous(&area, colors()).unwrap();
            prop_assert_eq!(&fast, &plain.0);
        }
    }

    #[test]
    fn ink_over_another_colour_mixes() {
        let mut canvas = Canvas::new(2, 1);
        canvas.blend(1, 0, Rgb888::new(255, 100, 0), 0);
        assert_eq!(canvas.bytes(), [0; 6]);
        canvas.blend(1, 0, Rgb888::new(255, 100, 0), 128);
        assert_eq!(canvas.bytes(), [0, 0, 0, 128, 50, 0]);
        canvas.blend(1, 0, Rgb888::new(255, 100, 0), 255);
        assert_eq!(canvas.bytes(), [0, 0, 0, 255, 100, 0]);
    }
}
