//! A clock with hands and figures: shows UTC, to a thousandth of a second.

use super::{
    Canvas, Drawing, Moment,
    glyphs::{Figures, width},
    ink::{Spot, disc, font, label, ring, stroke},
};
use embedded_graphics::{pixelcolor::Rgb888, prelude::*, text::Alignment};
use std::f32::consts::TAU;

const WALL: Rgb888 = Rgb888::new(24, 28, 38);
const FACE: Rgb888 = Rgb888::new(240, 238, 230);
const INK: Rgb888 = Rgb888::new(32, 36, 48);
const SECONDS: Rgb888 = Rgb888::new(214, 60, 48);
const FIGURES: Rgb888 = Rgb888::new(255, 196, 88);

/// What the figures look like.
const SAMPLE: &str = "00:00:00.000";

pub(super) struct WallClock {
    background: Canvas,
    center: Spot,
    radius: f32,
    figures: Figures,
    at: Spot,
}

/// A spot on a circle; `turn` counts from the top, clockwise.
fn spot((x, y): Spot, radius: f32, turn: f32) -> Spot {
    let (sin, cos) = libm::sincosf(turn * TAU);
    (x + radius * sin, y - radius * cos)
}

impl WallClock {
    pub(super) fn new(columns: u32, rows: u32) -> Self {
        let (w, h) = (columns as f32, rows as f32);
        let unit = w.min(h);
        let (center, radius) = ((w / 2.0, h / 2.0 - unit * 0.08), unit * 0.37);
        let mut background = Canvas::new(columns, rows);
        let Ok(()) = background.clear(WALL);
        ring(&mut background, center, radius, radius * 1.06, |_| FIGURES);
        disc(&mut background, center, radius, FACE);
        for minute in 0..60u8 {
            let turn = f32::from(minute) / 60.0;
            let (inner, pen) = if minute % 5 == 0 { (0.82, 0.022) } else { (0.9, 0.008) };
            let way = [(spot(center, radius * inner, turn), spot(center, radius * 0.94, turn))];
            stroke(&mut background, &way, radius * pen, INK);
        }
        let size = unit * 0.1;
        let at = ((w - width(SAMPLE) * size) / 2.0, center.1 + radius * 1.06 + unit * 0.05);
        // Beside the figures, as high as they stand.
        let beside = (at.0 + width(SAMPLE) * size + size * 0.3, at.1 + size);
        label(&mut background, "UTC", beside, Alignment::Left, font(size * 0.6), FIGURES);
        Self { background, center, radius, figures: Figures::new(size), at }
    }

    fn hand(&self, canvas: &mut Canvas, turn: f32, length: f32, pen: f32, color: Rgb888) {
        let reach = |part| spot(self.center, self.radius * part, turn);
        stroke(canvas, &[(reach(-0.12), reach(length))], self.radius * pen, color);
    }
}

impl Drawing for WallClock {
    fn draw(&mut self, canvas: &mut Canvas, moment: &Moment) {
        canvas.copy_from(&self.background);
        let [hour, minute, second, milli] = moment.time_of_day().map(|n| n as f32);
        let second = second + milli / 1000.0;
        let minute = minute + second / 60.0;
        self.hand(canvas, (hour + minute / 60.0) / 12.0, 0.52, 0.04, INK);
        self.hand(canvas, minute / 60.0, 0.8, 0.028, INK);
        self.hand(canvas, second / 60.0, 0.88, 0.012, SECONDS);
        disc(canvas, self.center, self.radius * 0.05, SECONDS);
        self.figures.stamp(canvas, &moment.clock(), self.at, FIGURES);
    }
}
