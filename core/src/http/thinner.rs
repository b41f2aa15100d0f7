//! `?fps=N`: fewer pictures for one viewer.

use std::time::Duration;

/// A picture that comes this much early still counts as due: cameras jitter.
const EARLY: f64 = 0.25;

/// Lets through N pictures a second of a faster stream, evenly.
#[derive(Clone, Copy, Debug)]
pub(super) struct Thinner {
    period: Duration,
    due: Option<Duration>,
}

impl Thinner {
    /// The value of `fps=`: a positive number of pictures a second.
    pub(super) fn parse(fps: &str) -> Result<Self, &'static str> {
        match fps.parse::<f64>() {
            Ok(fps) if (0.001..=1000.0).contains(&fps) => {
                Ok(Self { period: Duration::from_secs_f64(1.0 / fps), due: None })
            }
            _ => Err("fps is a number of pictures a second, from 0.001 to 1000"),
        }
    }

    /// Whether a picture taken at `now` goes to the viewer.
    pub(super) fn admits(&mut self, now: Duration) -> bool {
        let Some(due) = self.due else {
            self.due = Some(now + self.period);
            return true;
        };
        let clock_jumped_back = now + 2 * self.period < due;
        if !clock_jumped_back && now + self.period.mul_f64(EARLY) < due {
            return false;
        }
        // Late by more than a period: the rhythm starts anew instead of catching up.
        let on_time = !clock_jumped_back && now < due + self.period;
        self.due = Some(if on_time { due } else { now } + self.period);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn n_of_a_faster_stream(fps in 1u32..30, jitter in prop::collection::vec(0u64..8, 301)) {
            let mut thinner = Thinner::parse(&fps.to_string()).unwrap();
            let sent = (0..301)
                .filter(|&i| {
                    let at = Duration::from_secs(100) + Duration::from_secs(1) * i / 30;
                    thinner.admits(at + Duration::from_millis(jitter[i as usize]))
                })
                .count();
            let want = 10 * fps as usize;
            prop_assert!(sent.abs_diff(want) <= 2 + want / 20, "{} instead of {}", sent, want);
        }
    }

    #[test]
    fn a_slower_stream_passes_whole() {
        let mut thinner = Thinner::parse("30").unwrap();
        assert!((0..20).all(|i| thinner.admits(Duration::from_millis(500 * i))));
    }

    #[test]
    fn a_clock_that_jumps_back_holds_up_nobody() {
        let mut thinner = Thinner::parse("1").unwrap();
        assert!(thinner.admits(Duration::from_secs(1000)));
        assert!(thinner.admits(Duration::from_secs(10)));
        assert!(!thinner.admits(Duration::from_millis(10_100)));
    }

    #[test]
    fn nonsense_is_refused() {
        for bad in ["0", "-1", "nan", "inf", "", "1e9"] {
            assert!(Thinner::parse(bad).is_err(), "{bad}");
        }
    }
}
