//! Frame rates, exact.

use std::{fmt, str::FromStr, time::Duration};

/// Frames per second: 0.001 to 1000, in steps of 0.001.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fps {
    millihertz: u32,
}

impl Fps {
    /// 30, the default of `--fps`.
    pub const DEFAULT: Self = Self { millihertz: 30_000 };

    /// A rate, rounded to a thousandth; `None` outside 0.001..=1000.
    pub fn new(fps: f64) -> Option<Self> {
        let millihertz = (fps * 1000.0).round();
        // NaN is not in the range either.
        (1.0..=1_000_000.0).contains(&millihertz).then_some(Self { millihertz: millihertz as u32 })
    }

    /// Frames per second.
    pub fn get(self) -> f64 {
        f64::from(self.millihertz) / 1000.0
    }

    /// From one frame to the next.
    pub fn period(self) -> Duration {
        self.due(1)
    }

    /// When frame `index` is due, counted from the moment frame 0 is.
    pub fn due(self, index: u64) -> Duration {
        let nanos = u128::from(index) * 1_000_000_000_000 / u128::from(self.millihertz);
        Duration::new(
            u64::try_from(nanos / 1_000_000_000).unwrap_or(u64::MAX),
            (nanos % 1_000_000_000) as u32,
        )
    }

    /// The newest frame that is due `elapsed` after frame 0 was.
    pub fn newest(self, elapsed: Duration) -> u64 {
        // One nanosecond more, since `due` rounds down.
        let picos = (elapsed.as_nanos() + 1).saturating_mul(u128::from(self.millihertz));
        u64::try_from((picos - 1) / 1_000_000_000_000).unwrap_or(u64::MAX)
    }
}

impl Default for Fps {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl fmt::Display for Fps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.get().fmt(f)
    }
}

impl FromStr for Fps {
    type Err = &'static str;
    fn from_str(s: &str) -> Result<Self, &'static str> {
        s.parse().ok().and_then(Self::new).ok_or("a frame rate is a number from 0.001 to 1000, such as 30")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn rates_are_a_thousandth_to_a_thousand() {
        for (text, shown) in [("30", "30"), ("29.97", "29.97"), ("0.001", "0.001"), ("1000", "1000")] {
            assert_eq!(text.parse::<Fps>().unwrap().to_string(), shown);
        }
        for bad in ["0", "-1", "1001", "NaN", "inf", "", "fast"] {
            assert!(bad.parse::<Fps>().is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn frame_is_the_newest_from_the_moment_it_is_due(millihertz in 1u32..=1_000_000, index in 0u64..1 << 40) {
            let fps = Fps { millihertz };
            prop_assert_eq!(fps.newest(fps.due(index)), index);
            if index > 0 {
                prop_assert_eq!(fps.newest(fps.due(index) - Duration::from_nanos(1)), index - 1);
            }
        }

        #[test]
        fn extreme_times_do_not_overflow(millihertz in 1u32..=1_000_000, index: u64, secs: u64) {
            let fps = Fps { millihertz };
            let _ = (fps.due(index), fps.newest(Duration::new(secs, 999_999_999)));
        }
    }
}
