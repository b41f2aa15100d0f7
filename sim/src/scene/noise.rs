//! Each pixel at random.

use super::{Canvas, Drawing, Moment};
use fastrand::Rng;

pub(super) struct Noise {
    seed: u64,
}

impl Noise {
    pub(super) fn new(seed: u64) -> Self {
        Self { seed }
    }
}

impl Drawing for Noise {
    fn draw(&mut self, canvas: &mut Canvas, moment: &Moment) {
        rng(self.seed, moment.sequence).fill(canvas.bytes_mut());
    }
}

/// Random numbers that belong to one frame.
pub(super) fn rng(seed: u64, sequence: u64) -> Rng {
    // Neighbouring seeds and numbers must not give neighbouring states.
    Rng::with_seed(Rng::with_seed(seed).u64(..) ^ sequence.wrapping_mul(0x9e37_79b9_7f4a_7c15))
}
