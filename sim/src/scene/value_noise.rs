//! Value noise: random values on a lattice with smooth passages, summed over octaves.

use fastrand::Rng;

/// From `a` to `b` as `t` goes from 0 to 1.
pub(super) fn mix(a: f32, b: f32, t: f32) -> f32 {
    a + (b - a) * t
}

/// One octave: its lattice repeats after as many columns as the picture has.
struct Octave {
    seed: u64,
    /// Lattice points in a row.
    points: usize,
    /// Pixels between lattice points.
    cell: f32,
    weight: f32,
}

/// Noise between 0 and 1 that repeats without a seam to the left and right.
pub(super) struct ValueNoise {
    octaves: Vec<Octave>,
}

impl ValueNoise {
    /// `cell` is the size of the coarsest octave's cells in pixels; each further octave halves cell and weight.
    pub(super) fn new(columns: usize, cell: f32, octaves: u32, seed: u64) -> Self {
        let mut random = Rng::with_seed(seed);
        let weights = 2.0 - 0.5f32.powi(octaves as i32 - 1);
        let octaves = (0..octaves).map(|octave| {
            let points = ((columns as f32 / cell.max(1.0)).round().max(1.0) as usize) << octave;
            // More points than columns would only cost time.
            let points = points.min(columns.max(1));
            let cell = columns as f32 / points as f32;
            Octave { seed: random.u64(..), points, cell, weight: 0.5f32.powi(octave as i32) / weights }
        });
        Self { octaves: octaves.collect() }
    }

    /// The noise of a whole row of pixels, `y` pixels down.
    pub(super) fn row(&self, y: f32, out: &mut [f32]) {
        out.fill(0.0);
        for octave in &self.octaves {
            octave.add(y, out);
        }
    }
}

impl Octave {
    fn add(&self, y: f32, out: &mut [f32]) {
        let row = (y / self.cell).floor();
        let (above, below) = (self.lattice(row as u64), self.lattice(row as u64 + 1));
        let down = smooth(y / self.cell - row);
        let mut values: Vec<_> =
            above.iter().zip(&below).map(|(a, b)| mix(*a, *b, down) * self.weight).collect();
        values.push(values[0]); // the repetition
        for (x, out) in out.iter_mut().enumerate() {
            let at = x as f32 / self.cell;
            let index = (at as usize).min(self.points - 1);
            *out += mix(values[index], values[index + 1], smooth(at - index as f32));
        }
    }

    fn lattice(&self, row: u64) -> Vec<f32> {
        let mut random = Rng::with_seed(self.seed.wrapping_add(row.wrapping_mul(0x9e37_79b9_7f4a_7c15)));
        (0..self.points).map(|_| random.f32()).collect()
    }
}

/// From 0 to 1 without a bend at either end.
fn smooth(t: f32) -> f32 {
    let t = t.clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_stays_in_range_and_joins_without_a_seam() {
        let noise = ValueNoise::new(600, 40.0, 5, 9);
        let mut last = vec![0.0; 600];
        let mut row = vec![0.0; 600];
        noise.row(0.0, &mut last);
        for y in 1..100u8 {
            noise.row(f32::from(y), &mut row);
            assert!(row.iter().all(|v| (0.0..=1.0).contains(v)));
            let step = |a: f32, b: f32| (a - b).abs();
            assert!(step(row[0], row[599]) < 0.3, "a seam in row {y}");
            assert!(row.iter().zip(&last).all(|(a, b)| step(*a, *b) < 0.3), "a step above row {y}");
            std::mem::swap(&mut row, &mut last);
        }
    }
}
