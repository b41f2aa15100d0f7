//! When an encoder that fails is tried again, and when it counts as broken: arithmetic, with the time as an argument.

use std::time::Duration;

/// So many failures in a row are each followed by another try with the very next frame: what was wrong may have been
/// that frame.
const AT_ONCE: u32 = 3;

/// Pauses between tries: doubled from the first to the last, then for ever the last.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pauses {
    pub(crate) first: Duration,
    pub(crate) last: Duration,
}

/// The failures of one encoder since it worked last.
#[derive(Debug)]
pub(crate) struct Attempts {
    pauses: Pauses,
    patience: Duration,
    series: Option<Series>,
}

#[derive(Debug)]
struct Series {
    began: Duration,
    /// Since the frames look as they do.
    failures: u32,
    again_at: Duration,
}

/// What to do with the next frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// All is well: encode it if anybody wants it.
    Ordinary,
    /// Encode it, wanted or not, to learn whether the encoder works again.
    Try,
    /// Leave the encoder alone for now.
    Rest,
}

impl Attempts {
    /// None so far. An encoder that fails for `patience` is broken.
    pub(crate) fn new(pauses: Pauses, patience: Duration) -> Self {
        Self { pauses, patience, series: None }
    }

    pub(crate) fn next(&self, now: Duration) -> Next {
        match &self.series {
            None => Next::Ordinary,
            Some(series) if now >= series.again_at => Next::Try,
            Some(_) => Next::Rest,
        }
    }

    /// The frames look different from now on: what failed may work.
    pub(crate) fn hurry(&mut self) {
        if let Some(series) = &mut self.series {
            (series.failures, series.again_at) = (0, Duration::ZERO);
        }
    }

    pub(crate) fn failed(&mut self, now: Duration) {
        let series = self.series.get_or_insert(Series { began: now, failures: 0, again_at: Duration::ZERO });
        series.failures = series.failures.saturating_add(1);
        let pause = match series.failures.checked_sub(AT_ONCE) {
            None => Duration::ZERO,
            Some(doublings) => self.pauses.first.saturating_mul(1 << doublings.min(31)).min(self.pauses.last),
        };
        series.again_at = now.saturating_add(pause);
    }

    pub(crate) fn worked(&mut self) {
        self.series = None;
    }

    /// Whether it has failed for too long to wait for it in silence.
    pub(crate) fn broken(&self, now: Duration) -> bool {
        self.series.as_ref().is_some_and(|series| now.saturating_sub(series.began) >= self.patience)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MS: Duration = Duration::from_millis(1);

    fn attempts() -> Attempts {
        Attempts::new(Pauses { first: 100 * MS, last: 5000 * MS }, 3000 * MS)
    }

    #[test]
    fn a_few_failures_are_met_at_once_and_more_with_growing_pauses() {
        let mut attempts = attempts();
        let mut now = Duration::ZERO;
        let mut pauses = Vec::new();
        for _ in 0..11 {
            attempts.failed(now);
            let before = now;
            while attempts.next(now) == Next::Rest {
                now += MS;
            }
            assert_eq!(attempts.next(now), Next::Try);
            pauses.push((now - before).as_millis());
        }
        assert_eq!(pauses, [0, 0, 100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000]);
        attempts.hurry();
        assert_eq!(attempts.next(now), Next::Try);
        attempts.failed(now);
        assert_eq!(attempts.next(now), Next::Try, "another format begins anew");
        assert!(attempts.broken(now), "but it is no less broken");
        attempts.worked();
        assert_eq!(attempts.next(now), Next::Ordinary);
        assert!(!attempts.broken(now + 9999 * MS));
    }

    proptest! {
        #[test]
        fn it_is_broken_when_it_has_not_worked_for_so_long(events in prop::collection::vec((0u32..1000, prop::bool::weighted(0.1)), 1..100)) {
            let mut attempts = attempts();
            let (mut now, mut failing_since) = (Duration::ZERO, None);
            for (pause, works) in events {
                now += pause * MS;
                if works {
                    attempts.worked();
                    failing_since = None;
                } else {
                    attempts.failed(now);
                    failing_since.get_or_insert(now);
                }
                let broken = failing_since.is_some_and(|since| now - since >= 3000 * MS);
                prop_assert_eq!(attempts.broken(now), broken);
            }
        }

        #[test]
        fn no_number_overflows(times in prop::collection::vec(any::<u64>(), 1..50)) {
            let mut attempts = attempts();
            for time in times {
                attempts.failed(Duration::from_secs(time));
                attempts.broken(Duration::from_secs(time));
            }
        }
    }
}
