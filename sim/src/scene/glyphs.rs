//! Large figures, drawn with a round pen, and the name of the project.

use super::{
    Canvas,
    ink::{Bounds, Segment, Spot, stroke, stroke_bounds, stroke_distance},
};
use embedded_graphics::pixelcolor::Rgb888;
use std::f32::consts::TAU;

/// The height of a figure is 1, and this is its width.
const WIDTH: f32 = 0.58;
/// From one character to the next.
const GAP: f32 = 0.2;
/// Half the width of the pen.
const PEN: f32 = 0.065;
/// Straight pieces of a whole turn.
const PIECES: usize = 40;

/// Part of an ellipse, from angle `from` by `turn` (in turns, clockwise from the right).
fn arc(way: &mut Vec<Segment>, (cx, cy): Spot, (rx, ry): Spot, from: f32, turn: f32) {
    let pieces = ((turn.abs() * PIECES as f32) as usize).max(1);
    let at = |i: usize| {
        let (sin, cos) = libm::sincosf((from + turn * i as f32 / pieces as f32) * TAU);
        (cx + rx * cos, cy + ry * sin)
    };
    way.extend((0..pieces).map(|i| (at(i), at(i + 1))));
}

fn lines(way: &mut Vec<Segment>, spots: &[Spot]) {
    way.extend(spots.windows(2).map(|pair| (pair[0], pair[1])));
}

/// The pen's way and the width of a character whose height is 1; of none that is not here.
fn outline(character: char) -> (Vec<Segment>, f32) {
    let way = &mut Vec::new();
    let (w, middle) = (WIDTH, WIDTH / 2.0);
    let mut width = w;
    match character {
        '0' => {
            arc(way, (middle, middle), (middle, middle), 0.5, 0.5);
            arc(way, (middle, 1.0 - middle), (middle, middle), 0.0, 0.5);
            lines(way, &[(0.0, middle), (0.0, 1.0 - middle)]);
            lines(way, &[(w, middle), (w, 1.0 - middle)]);
        }
        '1' => lines(way, &[(0.1, 0.22), (0.36, 0.0), (0.36, 1.0)]),
        '2' => {
            arc(way, (middle, 0.29), (middle, 0.29), 0.5, 0.61);
            let (sin, cos) = libm::sincosf(0.11 * TAU);
            lines(way, &[(middle + middle * cos, 0.29 + 0.29 * sin), (0.0, 1.0), (w, 1.0)]);
        }
        '3' => {
            arc(way, (middle, 0.24), (0.25, 0.24), 0.56, 0.69);
            arc(way, (middle, 0.74), (middle, 0.26), 0.75, 0.69);
        }
        '4' => lines(way, &[(0.45, 1.0), (0.45, 0.0), (0.0, 0.7), (w, 0.7)]),
        '5' => {
            lines(way, &[(0.52, 0.0), (0.08, 0.0), (0.05, 0.45)]);
            arc(way, (middle, 0.68), (middle, 0.32), 0.61, 0.8);
        }
        '6' | '9' => {
            arc(way, (middle, 0.7), (middle, 0.3), 0.0, 1.0);
            arc(way, (0.46, 0.7), (0.46, 0.7), 0.5, 0.24);
            if character == '9' {
                let turned = |(x, y): Spot| (w - x, 1.0 - y);
                way.iter_mut().for_each(|(a, b)| (*a, *b) = (turned(*a), turned(*b)));
            }
        }
        '7' => lines(way, &[(0.0, 0.0), (w, 0.0), (0.2, 1.0)]),
        '8' => {
            arc(way, (middle, 0.24), (0.25, 0.24), 0.0, 1.0);
            arc(way, (middle, 0.74), (middle, 0.26), 0.0, 1.0);
        }
        ':' => {
            width = 0.1;
            for y in [0.3, 0.78] {
                lines(way, &[(0.05, y), (0.05, y)]);
            }
        }
        '.' => {
            width = 0.1;
            lines(way, &[(0.05, 1.0), (0.05, 1.0)]);
        }
        'e' => {
            lines(way, &[(0.0, 0.68), (w, 0.68)]);
            arc(way, (middle, 0.68), (middle, 0.32), 0.0, -0.88);
        }
        'y' => {
            lines(way, &[(0.0, 0.36), (0.29, 1.0)]);
            lines(way, &[(w, 0.36), (0.15, 1.3)]);
        }
        'l' => {
            width = 0.1;
            lines(way, &[(0.05, -0.05), (0.05, 1.0)]);
        }
        't' => {
            width = 0.36;
            lines(way, &[(0.14, 0.1), (0.14, 0.86)]);
            arc(way, (0.28, 0.86), (0.14, 0.14), 0.5, -0.25);
            lines(way, &[(0.28, 1.0), (0.36, 1.0)]);
            lines(way, &[(0.0, 0.36), (0.36, 0.36)]);
        }
        _ => {}
    }
    (std::mem::take(way), width)
}

/// The width of `text` at a height of 1.
pub(super) fn width(text: &str) -> f32 {
    text.chars().map(|c| outline(c).1 + GAP).sum::<f32>() - GAP
}

/// Draws `text` with its left top corner at `at`.
pub(super) fn write(canvas: &mut Canvas, text: &str, at: Spot, height: f32, color: Rgb888) {
    let mut x = at.0;
    for character in text.chars() {
        let (way, width) = outline(character);
        let place = |(dx, dy): Spot| (x + dx * height, at.1 + dy * height);
        let way: Vec<_> = way.into_iter().map(|(a, b)| (place(a), place(b))).collect();
        if !way.is_empty() {
            stroke(canvas, &way, PEN * height, color);
        }
        x += (width + GAP) * height;
    }
}

/// One figure as it covers pixels.
struct Mask {
    left: i32,
    top: i32,
    columns: usize,
    coverage: Vec<u8>,
    advance: f32,
}

/// The figures of a clock at one size, ready to be stamped: drawing them anew costs too much for each frame.
pub(super) struct Figures {
    masks: Vec<(char, Mask)>,
}

impl Figures {
    pub(super) fn new(height: f32) -> Self {
        let mask = |character| {
            let (way, width) = outline(character);
            let place = |(x, y): Spot| (x * height, y * height);
            let way: Vec<_> = way.into_iter().map(|(a, b)| (place(a), place(b))).collect();
            let radius = PEN * height;
            let Bounds(left, top, right, bottom) = stroke_bounds(&way, radius);
            let (left, top) = (left.floor() as i32 - 1, top.floor() as i32 - 1);
            let (columns, rows) = ((right.ceil() as i32 + 1 - left), (bottom.ceil() as i32 + 1 - top));
            let mut coverage = Vec::new();
            for y in top..top + rows {
                for x in left..left + columns {
                    let distance = stroke_distance(&way, (x as f32 + 0.5, y as f32 + 0.5)) - radius;
                    coverage.push(((0.5 - distance).clamp(0.0, 1.0) * 255.0) as u8);
                }
            }
            let advance = (width + GAP) * height;
            (character, Mask { left, top, columns: columns as usize, coverage, advance })
        };
        Self { masks: "0123456789:.".chars().map(mask).collect() }
    }

    /// Draws `text` with its left top corner near `at`; characters that are no figures are left out.
    pub(super) fn stamp(&self, canvas: &mut Canvas, text: &str, at: Spot, color: Rgb888) {
        let mut pen = at.0;
        for character in text.chars() {
            let Some((_, mask)) = self.masks.iter().find(|(c, _)| *c == character) else { continue };
            for (row, coverage) in mask.coverage.chunks(mask.columns).enumerate() {
                let Ok(y) = usize::try_from(at.1 as i32 + mask.top + row as i32) else { continue };
                for (column, &coverage) in coverage.iter().enumerate() {
                    let Ok(x) = usize::try_from(pen as i32 + mask.left + column as i32) else { continue };
                    if x < canvas.width() && y < canvas.height() {
                        canvas.blend(x, y, color, coverage);
                    }
                }
            }
            pen += mask.advance;
        }
    }
}
