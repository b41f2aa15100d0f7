//! Shapes with smooth edges, drawn by their distance to each pixel.
//!
//! embedded-graphics draws hard edges, which look rough at 320x240 and cost JPEG bytes.

use super::Canvas;
use embedded_graphics::{
    mono_font::{MonoFont, MonoTextStyle, ascii},
    pixelcolor::Rgb888,
    prelude::*,
    text::{Alignment, Baseline, Text, TextStyleBuilder},
};

/// A point in pixels; a pixel's centre is at its index plus a half.
pub(super) type Spot = (f32, f32);

/// A straight piece of a pen's way.
pub(super) type Segment = (Spot, Spot);

/// The length of a line that goes so far across and down.
pub(super) fn length(dx: f32, dy: f32) -> f32 {
    (dx * dx + dy * dy).sqrt()
}

/// The left-most, top-most, right-most and bottom-most pixel edge of a shape.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds(pub(super) f32, pub(super) f32, pub(super) f32, pub(super) f32);

/// Fills the inside of a shape, where `distance` (in pixels) is negative, within `bounds`; `color` is called per pixel.
pub(super) fn fill_with(
    canvas: &mut Canvas,
    bounds: Bounds,
    distance: impl Fn(Spot) -> f32,
    color: impl Fn(Spot) -> Rgb888,
) {
    let Bounds(left, top, right, bottom) = bounds;
    // Casts from float saturate, so what lies outside becomes 0 or is clipped.
    let columns = (left - 1.0) as usize..((right + 2.0) as usize).min(canvas.width());
    for y in (top - 1.0) as usize..((bottom + 2.0) as usize).min(canvas.height()) {
        for x in columns.clone() {
            let spot = (x as f32 + 0.5, y as f32 + 0.5);
            let inside = (0.5 - distance(spot)).clamp(0.0, 1.0);
            if inside > 0.0 {
                canvas.blend(x, y, color(spot), (inside * 255.0) as u8);
            }
        }
    }
}

/// A rectangle with round corners.
pub(super) fn panel(canvas: &mut Canvas, bounds: Bounds, radius: f32, color: Rgb888) {
    fill_with(canvas, bounds, |spot| panel_distance(bounds, radius, spot), |_| color);
}

fn panel_distance(Bounds(left, top, right, bottom): Bounds, radius: f32, (x, y): Spot) -> f32 {
    let dx = (x - (left + right) / 2.0).abs() - (right - left) / 2.0 + radius;
    let dy = (y - (top + bottom) / 2.0).abs() - (bottom - top) / 2.0 + radius;
    length(dx.max(0.0), dy.max(0.0)) + dx.max(dy).min(0.0) - radius
}

/// A filled circle.
pub(super) fn disc(canvas: &mut Canvas, center: Spot, radius: f32, color: Rgb888) {
    ring(canvas, center, 0.0, radius, |_| color);
}

/// What lies between two circles.
pub(super) fn ring(
    canvas: &mut Canvas,
    (cx, cy): Spot,
    inner: f32,
    outer: f32,
    color: impl Fn(Spot) -> Rgb888,
) {
    let bounds = Bounds(cx - outer, cy - outer, cx + outer, cy + outer);
    let distance = |(x, y): Spot| {
        let d = length(x - cx, y - cy);
        if inner > 0.0 { (d - outer).max(inner - d) } else { d - outer }
    };
    fill_with(canvas, bounds, distance, color);
}

/// The way of a round pen.
pub(super) fn stroke(canvas: &mut Canvas, way: &[Segment], radius: f32, color: Rgb888) {
    fill_with(canvas, stroke_bounds(way, radius), |spot| stroke_distance(way, spot) - radius, |_| color);
}

pub(super) fn stroke_bounds(way: &[Segment], radius: f32) -> Bounds {
    let mut bounds = Bounds(f32::MAX, f32::MAX, f32::MIN, f32::MIN);
    for (x, y) in way.iter().flat_map(|&(a, b)| [a, b]) {
        let Bounds(left, top, right, bottom) = bounds;
        bounds =
            Bounds(left.min(x - radius), top.min(y - radius), right.max(x + radius), bottom.max(y + radius));
    }
    bounds
}

pub(super) fn stroke_distance(way: &[Segment], (x, y): Spot) -> f32 {
    let to_segment = |&((ax, ay), (bx, by)): &Segment| {
        let (dx, dy) = (bx - ax, by - ay);
        let square = dx * dx + dy * dy;
        let along =
            if square > 0.0 { (((x - ax) * dx + (y - ay) * dy) / square).clamp(0.0, 1.0) } else { 0.0 };
        length(x - ax - along * dx, y - ay - along * dy)
    };
    way.iter().map(to_segment).fold(f32::MAX, f32::min)
}

/// The largest font whose characters are at most `height` pixels high, or the smallest there is.
pub(super) fn font(height: f32) -> &'static MonoFont<'static> {
    let fonts =
        [&ascii::FONT_10X20, &ascii::FONT_9X15, &ascii::FONT_7X13, &ascii::FONT_6X10, &ascii::FONT_5X8];
    let fits = |font: &&&MonoFont<'_>| font.character_size.height as f32 <= height;
    fonts.iter().find(fits).copied().unwrap_or(&ascii::FONT_4X6)
}

/// A line of text; `at` is in the middle of its height, and of its width by `alignment`.
pub(super) fn label(
    canvas: &mut Canvas,
    text: &str,
    (x, y): Spot,
    alignment: Alignment,
    font: &MonoFont<'_>,
    color: Rgb888,
) {
    let style = TextStyleBuilder::new().alignment(alignment).baseline(Baseline::Middle).build();
    let point = Point::new(x as i32, y as i32);
    let Ok(_) = Text::with_text_style(text, point, MonoTextStyle::new(font, color), style).draw(canvas);
}
