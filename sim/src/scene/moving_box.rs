//! A box that bounces between the edges.

use super::{Canvas, Drawing, Moment};
use embedded_graphics::{
    pixelcolor::Rgb888,
    prelude::*,
    primitives::{Line, PrimitiveStyle, Rectangle},
};

const FLOOR: Rgb888 = Rgb888::new(28, 33, 46);
const GRID: Rgb888 = Rgb888::new(48, 56, 76);
const BOX: Rgb888 = Rgb888::new(255, 159, 28);
const EDGE: Rgb888 = Rgb888::new(255, 214, 140);

pub(super) struct MovingBox {
    background: Canvas,
}

impl MovingBox {
    pub(super) fn new(width: u32, height: u32) -> Self {
        let mut background = Canvas::new(width, height);
        let Ok(()) = background.clear(FLOOR);
        let (right, bottom) = (width as i32, height as i32);
        let step = (height / 12).max(8) as usize;
        for at in (0..right.max(bottom)).step_by(step) {
            for line in [
                Line::new(Point::new(at, 0), Point::new(at, bottom)),
                Line::new(Point::new(0, at), Point::new(right, at)),
            ] {
                let Ok(()) = line.into_styled(PrimitiveStyle::with_stroke(GRID, 1)).draw(&mut background);
            }
        }
        Self { background }
    }
}

impl Drawing for MovingBox {
    fn draw(&mut self, canvas: &mut Canvas, moment: &Moment) {
        canvas.copy_from(&self.background);
        let Size { width, height } = canvas.size();
        let side = (width.min(height) / 4).max(1);
        let x = (f64::from(width - side) * moment.swing(7.0)) as i32;
        let y = (f64::from(height - side) * moment.swing(4.3)) as i32;
        let shape = Rectangle::new(Point::new(x, y), Size::new_equal(side));
        let Ok(()) = canvas.fill_solid(&shape, EDGE);
        let Ok(()) = canvas.fill_solid(&shape.offset(-((side / 12) as i32)), BOX);
    }
}
