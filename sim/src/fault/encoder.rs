//! The encoder that fails.

use super::Chance;
use eyelet_hal::{Error, ErrorKind, Frame, JpegEncoder, Quality, Result, StreamFormat};
use fastrand::Rng;

/// An encoder that fails at some frames.
///
/// Which ones depends on the seed and on each frame's own number: an encoder that is made anew, because this one failed,
/// fails at the same frames.
///
/// ```
/// use eyelet_core::encode;
/// use eyelet_hal::{Frame, FrameMeta, JpegEncoder, PixelFormat, Plane, Quality, StreamFormat};
/// use eyelet_sim::fault::{Chance, FailingEncoder};
///
/// let mut encoder = FailingEncoder::new(encode::by_name("auto")?, Chance::ALWAYS, 7);
/// let format = StreamFormat::new(PixelFormat::Grey, 1, 1).expect("not zero");
/// let frame = Frame::new(format, FrameMeta::default(), &[Plane::host(b"x", 1)])?;
/// assert!(encoder.encode(&frame, Quality::DEFAULT, &mut Vec::new()).is_err());
/// # Ok::<_, eyelet_hal::Error>(())
/// ```
#[derive(Debug)]
pub struct FailingEncoder<E> {
    encoder: E,
    chance: Chance,
    seed: u64,
}

impl<E: JpegEncoder> FailingEncoder<E> {
    /// `encoder`, which fails at each frame with this chance.
    pub fn new(encoder: E, chance: Chance, seed: u64) -> Self {
        Self { encoder, chance, seed }
    }

    fn fails_at(&self, number: u64) -> bool {
        // The generator's first rolls of neighbouring seeds are alike; a number far away is none of them.
        let seed = self.seed ^ number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.chance.roll(&mut Rng::with_seed(seed))
    }
}

impl<E: JpegEncoder> JpegEncoder for FailingEncoder<E> {
    fn name(&self) -> &str {
        self.encoder.name()
    }

    fn supports(&self, format: StreamFormat) -> bool {
        self.encoder.supports(format)
    }

    fn encode(&mut self, frame: &Frame<'_>, quality: Quality, out: &mut Vec<u8>) -> Result<()> {
        if self.fails_at(frame.meta().sequence) {
            return Err(Error::new(ErrorKind::Other, format!("{} fails on purpose", self.name())));
        }
        self.encoder.encode(frame, quality, out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use eyelet_core::encode;

    fn encoder(chance: f64, seed: u64) -> FailingEncoder<Box<dyn JpegEncoder>> {
        FailingEncoder::new(encode::by_name("auto").unwrap(), Chance::new(chance).unwrap(), seed)
    }

    fn fates(chance: f64, seed: u64) -> Vec<bool> {
        let encoder = encoder(chance, seed);
        (0..4000).map(|number| encoder.fails_at(number)).collect()
    }

    #[test]
    fn encoder_fails_as_often_as_configured_and_the_same_for_the_same_seed() {
        let failures = |fates: &[bool]| fates.iter().filter(|&&fails| fails).count();
        for seed in 0..4 {
            // 400, and a standard deviation is 19.
            let count = failures(&fates(0.1, seed));
            assert!((310..490).contains(&count), "{count} of 4000");
        }
        assert_eq!(failures(&fates(0.0, 1)), 0);
        assert_eq!(failures(&fates(1.0, 1)), 4000);
        assert_eq!(fates(0.5, 3), fates(0.5, 3));
        assert_ne!(fates(0.5, 3), fates(0.5, 4));
    }
}
