//! What a camera's settings do to a picture.

use super::{Canvas, Moment};

/// What is done to each picture before it has its number; nothing by default, which costs nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Effects {
    /// What is added to each colour of each pixel, -255 to 255.
    pub brightness: i16,
    /// The most that is added or taken away at random, 0 to 255.
    pub noise: u8,
    /// Left and right change places.
    pub mirror: bool,
}

impl Effects {
    pub(super) fn apply(&self, canvas: &mut Canvas, moment: &Moment) {
        if self.mirror {
            let width = canvas.width();
            for row in canvas.bytes_mut().chunks_exact_mut(width * 3) {
                let (pixels, _) = row.as_chunks_mut::<3>();
                pixels.reverse();
            }
        }
        if self.noise > 0 {
            let (mut random, most) = (fastrand::Rng::with_seed(moment.sequence), i16::from(self.noise));
            for byte in canvas.bytes_mut() {
                *byte = shifted(*byte, self.brightness + random.i16(-most..=most));
            }
        } else if self.brightness != 0 {
            for byte in canvas.bytes_mut() {
                *byte = shifted(*byte, self.brightness);
            }
        }
    }
}

fn shifted(byte: u8, by: i16) -> u8 {
    (i16::from(byte) + by).clamp(0, 255) as u8
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn applied(effects: Effects) -> Vec<u8> {
        let mut canvas = Canvas::new(3, 1);
        canvas.bytes_mut().copy_from_slice(&[1, 2, 3, 100, 100, 100, 7, 8, 250]);
        effects.apply(&mut canvas, &Moment::new(5, Duration::ZERO, Duration::ZERO));
        canvas.bytes().to_vec()
    }

    #[test]
    fn effects_change_what_they_say() {
        assert_eq!(applied(Effects::default()), [1, 2, 3, 100, 100, 100, 7, 8, 250]);
        assert_eq!(applied(Effects { brightness: 10, ..Effects::default() })[..3], [11, 12, 13]);
        assert_eq!(applied(Effects { brightness: -255, ..Effects::default() }), [0; 9]);
        let mirrored = applied(Effects { mirror: true, ..Effects::default() });
        assert_eq!(mirrored, [7, 8, 250, 100, 100, 100, 1, 2, 3]);
        let noisy = applied(Effects { noise: 20, ..Effects::default() });
        assert!(noisy[3..6].iter().all(|byte| (80..=120).contains(byte)) && noisy[3..6] != [100; 3]);
        assert_eq!(noisy, applied(Effects { noise: 20, ..Effects::default() }), "the same each time");
    }
}
