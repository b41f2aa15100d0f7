//! `?fps=N`: fewer pictures for one viewer.

use crate::feed::Fps;
use std::time::Duration;

/// A picture that comes this much early still counts as due: cameras jitter.
const EARLY: f64 = 0.25;

/// Lets through N pictures a second of a faster stream, evenly.
#[derive(Clone, Copy, Debug)]
pub(in crate::http) struct RateLimit {
    period: Duration,
    due: Option<Duration>,
}

impl RateLimit {
    pub(in crate::http) fn new(fps: Fps) -> Self {
        Self { period: fps.period(), due: None }
    }

    /// Whether the picture that comes at `now`, on a clock that never goes back, goes to the viewer.
    pub(super) fn admits(&mut self, now: Duration) -> bool {
        let Some(due) = self.due else {
            self.due = Some(now + self.period);
            return true;
        };
        if now + self.period.mul_f64(EARLY) < due {
            return false;
        }
        // Late by more than a period: the rhythm starts anew instead of catching up.
        let on_time = now < due + self.period;
        self.due = Some(if on_time { due } else { now } + self.period);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rate_limit(fps: f64) -> RateLimit {
        RateLimit::new(Fps::new(fps).unwrap())
    }

    proptest! {
        #[test]
        fn faster_stream_is_limited_evenly(fps in 1u32..30, jitter in prop::collection::vec(0u64..8, 301)) {
            let mut rate_limit = rate_limit(f64::from(fps));
            let sent = (0..301)
                .filter(|&i| {
                    let at = Duration::from_secs(100) + Duration::from_secs(1) * i / 30;
                    rate_limit.admits(at + Duration::from_millis(jitter[i as usize]))
                })
                .count();
            let want = 10 * fps as usize;
            prop_assert!(sent.abs_diff(want) <= 2 + want / 20, "{} instead of {}", sent, want);
        }
    }

    #[test]
    fn slower_stream_passes_whole() {
        let mut rate_limit = rate_limit(30.0);
        assert!((0..20).all(|i| rate_limit.admits(Duration::from_millis(500 * i))));
    }
}
