//! The words NO SIGNAL, drawn with a round pen: letters of a font would show its pixels at this size.

use crate::image::{Color, Image};

/// The height of a letter, in units.
const HEIGHT: f32 = 100.0;
/// Half the width of the pen.
const PEN: f32 = 8.0;
/// From the end of one letter to the beginning of the next, and of the next word.
const GAP: f32 = 34.0;
const WORD_GAP: f32 = 84.0;

type Way = &'static [(u8, u8)];

/// The pen's strokes from corner to corner, y downwards.
const N: Way = &[(0, 100), (0, 0), (60, 100), (60, 0)];
const O: Way = &[
    (20, 0),
    (40, 0),
    (53, 7),
    (60, 20),
    (60, 80),
    (53, 93),
    (40, 100),
    (20, 100),
    (7, 93),
    (0, 80),
    (0, 20),
    (7, 7),
    (20, 0),
];
const S: Way = &[
    (58, 19),
    (52, 7),
    (40, 0),
    (20, 0),
    (7, 6),
    (1, 18),
    (1, 31),
    (7, 42),
    (20, 48),
    (40, 52),
    (53, 58),
    (59, 69),
    (59, 82),
    (53, 94),
    (40, 100),
    (20, 100),
    (8, 93),
    (2, 81),
];
const I: Way = &[(0, 0), (0, 100)];
const G: Way = &[
    (59, 19),
    (52, 7),
    (40, 0),
    (20, 0),
    (7, 7),
    (0, 20),
    (0, 80),
    (7, 93),
    (20, 100),
    (40, 100),
    (53, 93),
    (60, 80),
    (60, 53),
    (36, 53),
];
const A: Way = &[(0, 100), (33, 0), (66, 100), (55, 67), (11, 67)];
const L: Way = &[(0, 0), (0, 100), (50, 100)];

/// Each letter and what is left free after it.
const TITLE: [(Way, f32); 8] =
    [(N, GAP), (O, WORD_GAP), (S, GAP), (I, GAP), (G, GAP), (N, GAP), (A, GAP), (L, 0.0)];

/// How wide the title is when it is `height` high.
pub(super) fn width(height: f32) -> f32 {
    TITLE.iter().map(|&(way, gap)| letter_width(way) + gap).sum::<f32>() * height / HEIGHT
}

fn letter_width(way: Way) -> f32 {
    way.iter().map(|&(x, _)| f32::from(x)).fold(0.0, f32::max)
}

/// Draws the title with its left top corner there.
pub(super) fn draw(image: &mut Image, mut left: f32, top: f32, height: f32, color: Color) {
    let unit = height / HEIGHT;
    let pen = (PEN * unit).max(0.6);
    for (way, gap) in TITLE {
        let width = letter_width(way) * unit;
        for y in (top - pen - 1.0) as i64..=(top + height + pen) as i64 {
            for x in (left - pen - 1.0) as i64..=(left + width + pen) as i64 {
                let spot = ((x as f32 + 0.5 - left) / unit, (y as f32 + 0.5 - top) / unit);
                let inside = (pen + 0.5 - distance(way, spot) * unit).clamp(0.0, 1.0);
                if inside > 0.0 {
                    image.blend(x, y, color, (inside * 256.0) as u32);
                }
            }
        }
        left += width + gap * unit;
    }
}

fn distance(way: Way, (x, y): (f32, f32)) -> f32 {
    let to_segment = |ends: &[(u8, u8)]| {
        let &[(ax, ay), (bx, by)] = ends else { return f32::MAX };
        let (ax, ay) = (f32::from(ax), f32::from(ay));
        let (dx, dy) = (f32::from(bx) - ax, f32::from(by) - ay);
        let along = (((x - ax) * dx + (y - ay) * dy) / (dx * dx + dy * dy)).clamp(0.0, 1.0);
        let (dx, dy) = (x - ax - along * dx, y - ay - along * dy);
        dx * dx + dy * dy
    };
    way.windows(2).map(to_segment).fold(f32::MAX, f32::min).sqrt()
}
