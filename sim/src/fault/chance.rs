//! How likely something is.

use fastrand::Rng;
use std::{fmt, str::FromStr};

/// A probability, 0 (never) to 1 (always).
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd)]
pub struct Chance(f64);

impl Chance {
    /// 0.
    pub const NEVER: Self = Self(0.0);
    /// 1.
    pub const ALWAYS: Self = Self(1.0);

    /// A probability; `None` outside 0..=1.
    pub fn new(probability: f64) -> Option<Self> {
        (0.0..=1.0).contains(&probability).then_some(Self(probability))
    }

    /// The number, 0 to 1.
    pub fn get(self) -> f64 {
        self.0
    }

    pub(super) fn roll(self, rng: &mut Rng) -> bool {
        // Below 1, always.
        rng.f64() < self.0
    }
}

impl fmt::Display for Chance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Chance {
    type Err = &'static str;
    fn from_str(s: &str) -> Result<Self, &'static str> {
        s.parse().ok().and_then(Self::new).ok_or("a chance is a number from 0 (never) to 1 (always)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chances_are_zero_to_one() {
        for (text, shown) in [("0", "0"), ("1", "1"), ("0.25", "0.25"), ("1e-3", "0.001")] {
            assert_eq!(text.parse::<Chance>().unwrap().to_string(), shown);
        }
        for bad in ["-0.1", "1.1", "NaN", "inf", "", "50%", "often"] {
            assert!(bad.parse::<Chance>().is_err(), "{bad}");
        }
    }

    #[test]
    fn chances_never_and_always_are_certain() {
        let mut rng = Rng::with_seed(1);
        for _ in 0..1000 {
            assert!(!Chance::NEVER.roll(&mut rng));
            assert!(Chance::ALWAYS.roll(&mut rng));
        }
    }
}
