//! When a device that fails is tried again: the one policy for cameras and encoders. Arithmetic, with the time as an
//! argument.

use crate::Backoff;
use std::time::Duration;

/// Pauses between tries double from the first to the last.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LAST_PAUSE: Duration = Duration::from_secs(5);

/// The failures of one device since it worked last.
#[derive(Debug)]
pub(super) struct Retry {
    /// Failures before the first pause.
    chances: u32,
    backoff: Backoff,
    series: Option<Series>,
}

#[derive(Debug)]
struct Series {
    began: Duration,
    /// Since the work last changed.
    failures: u32,
    again_at: Duration,
}

/// What to do with the device now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// It works, or has not been tried.
    Ordinary,
    /// Try whether it works again.
    Try,
    /// Leave it alone for now.
    Rest,
}

impl Retry {
    /// Each failure is followed by a pause, except the first `chances - 1` in a row: what was wrong may have been the work
    /// that the device was given.
    pub(super) fn new(chances: u32) -> Self {
        Self { chances, backoff: Backoff::without_jitter(FIRST_PAUSE, LAST_PAUSE), series: None }
    }

    pub(super) fn chances(&self) -> u32 {
        self.chances
    }

    pub(super) fn next(&self, now: Duration) -> Next {
        match &self.series {
            None => Next::Ordinary,
            Some(series) if now >= series.again_at => Next::Try,
            Some(_) => Next::Rest,
        }
    }

    /// The work is different from now on: a device that failed may work.
    pub(super) fn hurry(&mut self) {
        if let Some(series) = &mut self.series {
            (series.failures, series.again_at) = (0, Duration::ZERO);
            self.backoff.success();
        }
    }

    /// The device failed at `now`; the result is when the pause ends that follows.
    pub(super) fn failed(&mut self, now: Duration) -> Duration {
        let series = self.series.get_or_insert(Series { began: now, failures: 0, again_at: Duration::ZERO });
        series.failures = series.failures.saturating_add(1);
        let pause = if series.failures < self.chances { Duration::ZERO } else { self.backoff.failure() };
        series.again_at = now.saturating_add(pause);
        series.again_at
    }

    pub(super) fn worked(&mut self) {
        if self.series.take().is_some() {
            self.backoff.success();
        }
    }

    /// For how long the device has failed at `now`; `None` if it works.
    pub(super) fn failing_for(&self, now: Duration) -> Option<Duration> {
        self.series.as_ref().map(|series| now.saturating_sub(series.began))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MS: Duration = Duration::from_millis(1);

    /// The pauses after this many failures in a row, in milliseconds.
    fn pauses(retry: &mut Retry, failures: usize, now: &mut Duration) -> Vec<u128> {
        let pause = |_| {
            retry.failed(*now);
            let before = *now;
            while retry.next(*now) == Next::Rest {
                *now += MS;
            }
            assert_eq!(retry.next(*now), Next::Try);
            (*now - before).as_millis()
        };
        (0..failures).map(pause).collect()
    }

    #[test]
    fn first_failures_are_retried_at_once_and_more_with_growing_pauses() {
        let (mut retry, mut now) = (Retry::new(3), Duration::ZERO);
        let growing = [0, 0, 100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000];
        assert_eq!(pauses(&mut retry, 11, &mut now), growing);
        retry.hurry();
        assert_eq!(retry.next(now), Next::Try);
        assert_eq!(pauses(&mut retry, 4, &mut now), growing[..4], "different work begins anew");
        assert_eq!(retry.failing_for(now), Some(now), "but has failed all the same");
        retry.worked();
        assert_eq!(retry.next(now), Next::Ordinary);
        assert_eq!(retry.failing_for(now + 9999 * MS), None);
    }

    #[test]
    fn failure_with_a_single_chance_is_followed_by_a_pause() {
        let (mut retry, mut now) = (Retry::new(1), Duration::ZERO);
        assert_eq!(pauses(&mut retry, 8, &mut now), [100, 200, 400, 800, 1600, 3200, 5000, 5000]);
        retry.worked();
        assert_eq!(pauses(&mut retry, 1, &mut now), [100]);
    }

    proptest! {
        #[test]
        fn failing_time_counts_from_the_first_failure_after_success(events in prop::collection::vec((0u32..1000, prop::bool::weighted(0.1)), 1..100)) {
            let mut retry = Retry::new(3);
            let (mut now, mut failing_since) = (Duration::ZERO, None);
            for (pause, works) in events {
                now += pause * MS;
                if works {
                    retry.worked();
                    failing_since = None;
                } else {
                    retry.failed(now);
                    failing_since.get_or_insert(now);
                }
                prop_assert_eq!(retry.failing_for(now), failing_since.map(|since| now - since));
            }
        }

        #[test]
        fn extreme_times_do_not_overflow(times in prop::collection::vec(any::<u64>(), 1..50)) {
            let mut retry = Retry::new(3);
            for time in times {
                retry.failed(Duration::from_secs(time));
                retry.failing_for(Duration::from_secs(time));
            }
        }
    }
}
