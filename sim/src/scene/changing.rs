//! A still scene that becomes noisy and still again.

use super::{Canvas, Drawing, Moment, card::Card, noise};

/// For this many seconds it is still, and then noisy for as long.
const EACH: u64 = 10;

pub(super) struct Changing {
    card: Card,
    noise: Vec<u8>,
    seed: u64,
}

impl Changing {
    pub(super) fn new(width: u32, height: u32, seed: u64) -> Self {
        let bytes = width as usize * height as usize * 3;
        Self { card: Card::new(width, height), noise: vec![0; bytes], seed }
    }
}

impl Drawing for Changing {
    fn draw(&mut self, canvas: &mut Canvas, moment: &Moment) {
        self.card.draw(canvas, moment);
        if moment.elapsed.as_secs() / EACH % 2 == 1 {
            noise::rng(self.seed, moment.sequence).fill(&mut self.noise);
            // As in the dark: a quarter as bright, and three quarters noise.
            for (byte, noise) in canvas.bytes_mut().iter_mut().zip(&self.noise) {
                *byte = *byte / 4 + noise / 4 * 3;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene::{Painter, Scene};
    use std::time::Duration;

    #[test]
    fn scene_is_the_card_for_ten_seconds_then_noisy_for_ten() {
        let mut changing = Painter::new(Scene::Changing, 160, 120, 0);
        let mut card = Painter::new(Scene::Card, 160, 120, 0);
        for (second, noisy) in [(0, false), (9, false), (10, true), (19, true), (20, false)] {
            let moment = Moment::new(second, Duration::from_secs(second), Duration::ZERO);
            assert_eq!(changing.paint(&moment) != card.paint(&moment), noisy, "{second}");
        }
    }
}
