//! Colour bars over a grey staircase.

use super::{Canvas, Drawing, Moment};
use embedded_graphics::{pixelcolor::Rgb888, prelude::*, primitives::Rectangle};

/// White, yellow, cyan, green, magenta, red, blue, black, all at full amplitude.
pub(super) const COLORS: [Rgb888; 8] = [
    Rgb888::WHITE,
    Rgb888::YELLOW,
    Rgb888::CYAN,
    Rgb888::GREEN,
    Rgb888::MAGENTA,
    Rgb888::RED,
    Rgb888::BLUE,
    Rgb888::BLACK,
];

/// Divides `area` into columns of these colours.
pub(super) fn columns(canvas: &mut Canvas, area: Rectangle, colors: impl ExactSizeIterator<Item = Rgb888>) {
    let (count, width) = (colors.len() as u32, area.size.width);
    for (index, color) in (0u32..).zip(colors) {
        // In 64 bits: no width times a count of columns overflows.
        let edge = |index: u32| (u64::from(width) * u64::from(index) / u64::from(count)) as i32;
        let left = area.top_left + Point::new(edge(index), 0);
        let size = Size::new((edge(index + 1) - edge(index)) as u32, area.size.height);
        let Ok(()) = canvas.fill_solid(&Rectangle::new(left, size), color);
    }
}

/// `count` greys from black to white.
pub(super) fn greys(count: u8) -> impl ExactSizeIterator<Item = Rgb888> {
    (0..count).map(move |i| {
        let luma = (u32::from(i) * 255 / u32::from(count - 1)) as u8;
        Rgb888::new(luma, luma, luma)
    })
}

pub(super) struct Bars {
    background: Canvas,
}

impl Bars {
    pub(super) fn new(width: u32, height: u32) -> Self {
        let mut background = Canvas::new(width, height);
        let bars = height.saturating_sub(height / 5);
        columns(&mut background, Rectangle::new(Point::zero(), Size::new(width, bars)), COLORS.into_iter());
        let below = Rectangle::new(Point::new(0, bars as i32), Size::new(width, height - bars));
        columns(&mut background, below, greys(16));
        Self { background }
    }
}

impl Drawing for Bars {
    fn draw(&mut self, canvas: &mut Canvas, _: &Moment) {
        canvas.copy_from(&self.background);
    }
}
