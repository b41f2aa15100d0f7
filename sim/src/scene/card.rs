//! The test card: the first thing that a user sees.
//!
//! Everything on it has a use: bars and ramps for colours, gratings for sharpness, the circle for the shape of
//! pixels, the clock for latency, the number for lost frames, the box for motion.

use super::{
    Canvas, Drawing, Moment,
    bars::{COLORS, columns, greys},
    glyphs::{Figures, width, write},
    ink::{Bounds, Spot, fill_with, font, label, length, panel, ring},
};
use embedded_graphics::{
    mono_font::MonoFont, pixelcolor::Rgb888, prelude::*, primitives::Rectangle, text::Alignment,
};

const WALL: Rgb888 = Rgb888::new(40, 47, 62);
const GRID: Rgb888 = Rgb888::new(68, 78, 101);
const NIGHT: Rgb888 = Rgb888::new(16, 19, 28);
const TRACK: Rgb888 = Rgb888::new(46, 53, 70);
const PALE: Rgb888 = Rgb888::new(168, 178, 200);
const AMBER: Rgb888 = Rgb888::new(255, 176, 46);
const PAPER: Rgb888 = Rgb888::new(244, 243, 238);

/// What the clock looks like.
const SAMPLE: &str = "00:00:00.000";
/// Seconds in which the box goes there and back.
const PERIOD: f64 = 4.0;

pub(super) struct Card {
    background: Canvas,
    center: Spot,
    radius: f32,
    figures: Figures,
    font: &'static MonoFont<'static>,
}

impl Card {
    pub(super) fn new(columns: u32, rows: u32) -> Self {
        let (w, h) = (columns as f32, rows as f32);
        let unit = (w / 640.0).min(h / 480.0);
        let (center, radius) = ((w / 2.0, h / 2.0), 212.0 * unit);
        let mut background = Canvas::new(columns, rows);
        wall(&mut background, center, unit);
        ramps(
            &mut background,
            Bounds(26.0 * unit, center.1 - 96.0 * unit, 74.0 * unit, center.1 + 96.0 * unit),
        );
        gratings(&mut background, w - 74.0 * unit, center.1 - 96.0 * unit, unit);
        let small = font(14.0 * unit);
        let foot = h - 16.0 * unit;
        label(&mut background, "simulated camera", (14.0 * unit, foot), Alignment::Left, small, PALE);
        let size = format!("{columns}x{rows}");
        label(&mut background, &size, (w - 14.0 * unit, foot), Alignment::Right, small, PALE);
        let inside = inside(background.size(), center, radius);
        disc_of(&mut background, &inside, center, radius);
        eyelet(&mut background, center, radius);
        let figures = Figures::new(radius * 0.2);
        Self { background, center, radius, figures, font: font(radius * 0.1) }
    }
}

impl Drawing for Card {
    fn draw(&mut self, canvas: &mut Canvas, moment: &Moment) {
        canvas.copy_from(&self.background);
        let ((x, y), r) = (self.center, self.radius);
        let left = x - width(SAMPLE) * r * 0.1;
        self.figures.stamp(canvas, &moment.clock(), (left, y + r * 0.26), PAPER);
        let number = format!("UTC   frame {:06}", moment.sequence);
        label(canvas, &number, (x, y + r * 0.58), Alignment::Center, self.font, PALE);
        let half = r * 0.075;
        let middle = x + r * 0.42 * (2.0 * moment.swing(PERIOD) - 1.0) as f32;
        let shape = Bounds(middle - half, y + r * 0.775 - half, middle + half, y + r * 0.775 + half);
        panel(canvas, shape, half * 0.3, AMBER);
    }
}

/// A grid whose squares are square if pixels are.
fn wall(canvas: &mut Canvas, (cx, cy): Spot, unit: f32) {
    let Ok(()) = canvas.clear(WALL);
    let step = (40.0 * unit).max(4.0);
    let line = (unit.round() as u32).max(1);
    let Size { width, height } = canvas.size();
    for (start, end, down) in [(cx, width, true), (cy, height, false)] {
        let mut at = start % step;
        while at < end as f32 {
            let (corner, size) = if down {
                (Point::new(at as i32, 0), Size::new(line, height))
            } else {
                (Point::new(0, at as i32), Size::new(width, line))
            };
            let Ok(()) = canvas.fill_solid(&Rectangle::new(corner, size), GRID);
            at += step;
        }
    }
}

/// Red, green and blue from nothing to full.
fn ramps(canvas: &mut Canvas, bounds: Bounds) {
    let Bounds(left, top, right, bottom) = bounds;
    let third = (right - left) / 3.0;
    let color = |(x, y): Spot| {
        let level = ((bottom - y) / (bottom - top) * 255.0) as u8;
        match ((x - left) / third) as u32 {
            0 => Rgb888::new(level, 0, 0),
            1 => Rgb888::new(0, level, 0),
            _ => Rgb888::new(0, 0, level),
        }
    };
    fill_with(canvas, bounds, box_distance(bounds), color);
}

/// Lines of 1 to 4 pixels, whatever the size of the picture.
fn gratings(canvas: &mut Canvas, left: f32, top: f32, unit: f32) {
    for thick in 1..=4u8 {
        let y = top + f32::from(thick - 1) * 48.0 * unit;
        let bounds = Bounds(left.round(), y.round(), (left + 48.0 * unit).round(), (y + 48.0 * unit).round());
        let color = |(x, _): Spot| {
            let line = (x - bounds.0) as u32 / u32::from(thick);
            if line.is_multiple_of(2) { PAPER } else { NIGHT }
        };
        fill_with(canvas, bounds, box_distance(bounds), color);
    }
}

fn box_distance(Bounds(left, top, right, bottom): Bounds) -> impl Fn(Spot) -> f32 {
    move |(x, y)| (left - x).max(x - right).max(top - y).max(y - bottom)
}

/// What is seen through the ring, as a whole picture.
fn inside(size: Size, (cx, cy): Spot, r: f32) -> Canvas {
    let mut canvas = Canvas::new(size.width, size.height);
    let Ok(()) = canvas.clear(NIGHT);
    let band = |from: f32, to: f32| {
        let corner = Point::new((cx - r) as i32, (cy + from * r) as i32);
        let other = Point::new((cx + r) as i32, (cy + to * r) as i32);
        Rectangle::new(corner, Size::new((other.x - corner.x) as u32, (other.y - corner.y) as u32))
    };
    // Three quarters of full amplitude, as broadcasters have it, without the black.
    let calm = |c: Rgb888| Rgb888::new(c.r() / 4 * 3, c.g() / 4 * 3, c.b() / 4 * 3);
    let bars: Vec<_> = COLORS[..7].iter().map(|&color| calm(color)).collect();
    columns(&mut canvas, band(-0.36, 0.04), bars.into_iter());
    columns(&mut canvas, band(0.04, 0.16), greys(11));
    let name = "eyelet";
    let size = r * 0.25;
    write(&mut canvas, name, (cx - width(name) * size / 2.0, cy - r * 0.8), size, PAPER);
    let track = Bounds(cx - r * 0.52, cy + r * 0.765, cx + r * 0.52, cy + r * 0.785);
    panel(&mut canvas, track, r * 0.01, TRACK);
    canvas
}

fn disc_of(canvas: &mut Canvas, picture: &Canvas, center: Spot, radius: f32) {
    ring(canvas, center, 0.0, radius, |(x, y)| {
        let at = (y as usize * picture.width() + x as usize) * 3;
        match picture.bytes().get(at..at + 3) {
            Some(&[r, g, b]) => Rgb888::new(r, g, b),
            _ => NIGHT,
        }
    });
}

/// The metal ring that the project has its name from: light from the upper left.
fn eyelet(canvas: &mut Canvas, center: Spot, radius: f32) {
    let (inner, outer) = (radius * 0.985, radius * 1.055);
    let metal = |(x, y): Spot| {
        let (dx, dy) = (x - center.0, y - center.1);
        let away = length(dx, dy);
        let across = (away - inner) / (outer - inner);
        let facing = (dx + dy * 1.6) / (away * 1.89);
        // The ring is round in section: its inner half faces the other way.
        let shine = 0.62 + 0.38 * facing * (1.0 - 2.0 * across);
        let level = |full: f32| (full * shine).clamp(0.0, 255.0) as u8;
        Rgb888::new(level(232.0), level(228.0), level(216.0))
    };
    ring(canvas, center, outer, outer * 1.008, |_| NIGHT);
    ring(canvas, center, inner, outer, metal);
}
