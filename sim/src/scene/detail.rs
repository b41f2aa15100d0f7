//! A landscape that goes by: four layers at different speeds, and the grain of a sensor.
//!
//! It stands for what cameras see, so that the sizes of JPEGs and the times to make them are those of real life.

use super::{
    Canvas, Drawing, Moment,
    noise::rng,
    value_noise::{ValueNoise, mix},
};
use embedded_graphics::prelude::*;
use std::ops::Range;

/// Red, green, blue from 0 to 1.
type Light = [f32; 3];

/// One layer of the landscape: repeats to the left and right without a seam.
struct Layer {
    columns: usize,
    /// The first row with a pixel of this layer.
    top: usize,
    /// From `top` down.
    bytes: Vec<u8>,
    /// Which columns of each row are opaque.
    spans: Vec<Vec<Range<usize>>>,
    /// Columns a second.
    speed: f64,
}

/// How a layer looks. Heights are parts of the picture's.
struct Look {
    /// Where its upper edge lies, from..to.
    edge: (f32, f32),
    /// Distance of the edge's summits.
    summits: f32,
    /// Size of the largest and number of the texture's octaves.
    texture: (f32, u32),
    /// Dark and light colour at the top, and at the bottom.
    colors: [[Light; 2]; 2],
    /// Widths of the picture a minute.
    speed: f64,
}

const LOOKS: [Look; 4] = [
    Look {
        edge: (0.0, 0.0),
        summits: 1.0,
        texture: (0.35, 5),
        colors: [[[0.22, 0.44, 0.76], [0.80, 0.86, 0.94]], [[0.70, 0.80, 0.90], [0.98, 0.94, 0.88]]],
        speed: 0.5,
    },
    Look {
        edge: (0.22, 0.52),
        summits: 0.45,
        texture: (0.08, 5),
        colors: [[[0.36, 0.42, 0.54], [0.72, 0.76, 0.84]], [[0.46, 0.55, 0.66], [0.56, 0.66, 0.74]]],
        speed: 1.2,
    },
    Look {
        edge: (0.46, 0.66),
        summits: 0.5,
        texture: (0.05, 5),
        colors: [[[0.13, 0.26, 0.17], [0.38, 0.50, 0.28]], [[0.20, 0.34, 0.16], [0.52, 0.60, 0.30]]],
        speed: 2.6,
    },
    Look {
        edge: (0.70, 0.80),
        summits: 0.6,
        texture: (0.03, 4),
        colors: [[[0.22, 0.34, 0.10], [0.66, 0.68, 0.30]], [[0.10, 0.17, 0.05], [0.48, 0.54, 0.20]]],
        speed: 6.0,
    },
];

impl Layer {
    fn new(look: &Look, width: u32, height: u32, seed: u64) -> Self {
        // Half as much again as the window, so that the repetition is not seen at once.
        let columns = (width as usize * 3).div_ceil(2);
        let (rows, h) = (height as usize, height as f32);
        let mut outline = vec![0.0; columns];
        ValueNoise::new(columns, look.summits * h, 6, seed).row(0.0, &mut outline);
        let (from, to) = look.edge;
        let edge: Vec<_> = outline.iter().map(|&v| (mix(to, from, v) * h) as usize).collect();
        let top = edge.iter().copied().min().unwrap_or(0).min(rows);

        let texture = ValueNoise::new(columns, look.texture.0 * h, look.texture.1, !seed);
        let mut grain = vec![0.0; columns];
        let mut bytes = Vec::with_capacity((rows - top) * columns * 3);
        let mut spans = Vec::with_capacity(rows - top);
        for y in top..rows {
            // What is farther down is nearer: textures stretch with it.
            texture.row(y as f32 * 1.6, &mut grain);
            let depth = (y - top) as f32 / (rows - top) as f32;
            let [[top_dark, top_light], [low_dark, low_light]] = look.colors;
            for &v in &grain {
                // More contrast than the sum of octaves has by itself.
                let v = ((v - 0.5) * 1.9 + 0.5).clamp(0.0, 1.0);
                bytes.extend((0..3).map(|c| {
                    let dark = mix(top_dark[c], low_dark[c], depth);
                    let light = mix(top_light[c], low_light[c], depth);
                    (mix(dark, light, v) * 255.0) as u8
                }));
            }
            spans.push(opaque(&edge, y));
        }
        Self { columns, top, bytes, spans, speed: look.speed * f64::from(width) / 60.0 }
    }

    fn draw(&self, canvas: &mut Canvas, seconds: f64) {
        let offset = (seconds * self.speed) as usize % self.columns;
        let window = offset..offset + canvas.width();
        for (index, (row, spans)) in self.bytes.chunks(self.columns * 3).zip(&self.spans).enumerate() {
            // The window may reach into the repetition.
            for (span, shift) in spans.iter().flat_map(|span| [(span, 0), (span, self.columns)]) {
                let start = (span.start + shift).max(window.start);
                let end = (span.end + shift).min(window.end);
                if start < end {
                    let pixels = &row[(start - shift) * 3..(end - shift) * 3];
                    canvas.row_mut(self.top + index, start - offset..end - offset).copy_from_slice(pixels);
                }
            }
        }
    }
}

/// The columns whose edge is at or above row `y`.
fn opaque(edge: &[usize], y: usize) -> Vec<Range<usize>> {
    let mut spans: Vec<Range<usize>> = Vec::new();
    for column in (0..edge.len()).filter(|&column| edge[column] <= y) {
        match spans.last_mut() {
            Some(span) if span.end == column => span.end += 1,
            _ => spans.push(column..column + 1),
        }
    }
    spans
}

pub(super) struct Landscape {
    seed: u64,
    layers: Vec<Layer>,
    /// Enough random bytes for a row at any offset.
    grain: Vec<u8>,
}

impl Landscape {
    pub(super) fn new(width: u32, height: u32, seed: u64) -> Self {
        let layers = LOOKS.iter().zip(0u64..).map(|(look, index)| {
            let mut seeds = rng(seed, index);
            Layer::new(look, width, height, seeds.u64(..))
        });
        let mut random = rng(seed, u64::MAX);
        let grain = (0..width as usize * 3 + GRAIN_OFFSETS).map(|_| random.u8(..=GRAIN)).collect();
        Self { seed, layers: layers.collect(), grain }
    }
}

/// The most that grain adds to or takes from a byte.
const GRAIN: u8 = 6;
/// Where in the random bytes a row's grain may begin.
const GRAIN_OFFSETS: usize = 4096;

impl Drawing for Landscape {
    fn draw(&mut self, canvas: &mut Canvas, moment: &Moment) {
        let seconds = moment.elapsed.as_secs_f64();
        for layer in &self.layers {
            layer.draw(canvas, seconds);
        }
        let Size { width, height } = canvas.size();
        let mut random = rng(self.seed, moment.sequence);
        for y in 0..height as usize {
            let (more, less) = (random.usize(..GRAIN_OFFSETS), random.usize(..GRAIN_OFFSETS));
            let row = canvas.row_mut(y, 0..width as usize);
            for ((byte, more), less) in row.iter_mut().zip(&self.grain[more..]).zip(&self.grain[less..]) {
                *byte = byte.saturating_add(*more).saturating_sub(*less);
            }
        }
    }
}
