//! How long to wait before the next attempt: the one back-off of cameras, encoders and uploads.

use std::time::Duration;

/// Exponential back-off with a cap.
///
/// With jitter, half of each delay is fixed and half random, so that many cameras that lost the same server do not come
/// back in step.
///
/// ```
/// use eyelet_core::Backoff;
/// use std::time::Duration;
/// let mut backoff = Backoff::new(fastrand::Rng::with_seed(1));
/// assert!(backoff.failure() <= Duration::from_millis(250));
/// assert!(backoff.failure() <= Duration::from_millis(500)); // twice as long, and so on up to 30 s
/// backoff.success();
/// assert!(backoff.failure() <= Duration::from_millis(250)); // from the start again
/// ```
#[derive(Clone, Debug)]
pub struct Backoff {
    first: Duration,
    cap: Duration,
    /// The upper bound of the next delay.
    next: Duration,
    jitter: Option<fastrand::Rng>,
}

impl Backoff {
    /// From 250 ms to 30 s, with jitter.
    pub fn new(rng: fastrand::Rng) -> Self {
        Self::with_limits(Duration::from_millis(250), Duration::from_secs(30), rng)
    }

    /// Delays are at most `first`, 2 `first`, 4 `first` ... and never over `cap`; each is at least half of that.
    pub fn with_limits(first: Duration, cap: Duration, rng: fastrand::Rng) -> Self {
        Self { jitter: Some(rng), ..Self::without_jitter(first, cap) }
    }

    /// Delays are `first`, 2 `first`, 4 `first` ... and never over `cap`: for a device that no one else waits for.
    pub fn without_jitter(first: Duration, cap: Duration) -> Self {
        let first = first.min(cap);
        Self { first, cap, next: first, jitter: None }
    }

    /// An attempt failed: the delay before the next one.
    pub fn failure(&mut self) -> Duration {
        let delay = match &mut self.jitter {
            Some(rng) => {
                let half = self.next / 2;
                // Floating point rounds: without the `min` an extreme half could exceed itself.
                half.saturating_add(half.mul_f64(rng.f64()).min(half))
            }
            None => self.next,
        };
        self.next = self.next.saturating_mul(2).min(self.cap);
        delay
    }

    /// An attempt succeeded: the next failure begins at the first delay again.
    pub fn success(&mut self) {
        self.next = self.first;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn delays_double_within_their_bounds(seed: u64, first in 1u64..10_000, cap in 1u64..100_000, fails in 0..80u32) {
            let (first, cap) = (Duration::from_micros(first), Duration::from_micros(cap));
            let mut backoff = Backoff::with_limits(first, cap, fastrand::Rng::with_seed(seed));
            let mut bound = first.min(cap);
            for _ in 0..fails {
                let delay = backoff.failure();
                prop_assert!(bound / 2 <= delay && delay <= bound, "{delay:?} is not in {:?}..={bound:?}", bound / 2);
                bound = (bound * 2).min(cap);
            }
            backoff.success();
            prop_assert!(backoff.failure() <= first.min(cap));
        }

        #[test]
        fn seed_determines_the_delays(seed: u64) {
            let delays = |seed| {
                let mut backoff = Backoff::new(fastrand::Rng::with_seed(seed));
                (0..20).map(|_| backoff.failure()).collect::<Vec<_>>()
            };
            prop_assert_eq!(delays(seed), delays(seed));
            prop_assert_ne!(delays(seed), delays(seed ^ 1), "there is jitter");
        }
    }

    #[test]
    fn without_jitter_each_delay_is_twice_the_last_up_to_the_cap() {
        let ms = Duration::from_millis;
        let mut backoff = Backoff::without_jitter(ms(100), ms(500));
        assert_eq!([(); 5].map(|()| backoff.failure()), [100, 200, 400, 500, 500].map(ms));
        backoff.success();
        assert_eq!(backoff.failure(), ms(100));
    }

    #[test]
    fn extreme_limits_do_not_overflow() {
        let mut backoff = Backoff::with_limits(Duration::MAX, Duration::MAX, fastrand::Rng::with_seed(0));
        for _ in 0..3 {
            assert!(backoff.failure() >= Duration::MAX / 2 - Duration::from_secs(1));
        }
    }
}
