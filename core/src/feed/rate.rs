//! Events per second.

use std::time::Duration;

/// A window this long smooths what a person reads, and still shows a change at once.
const WINDOW: Duration = Duration::from_secs(1);

/// Counts events in windows of a second.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Rate {
    window: Option<Duration>,
    events: u32,
    last: Duration,
    per_second: f64,
}

impl Rate {
    /// An event at `now`, on any clock that does not go back.
    pub(crate) fn tick(&mut self, now: Duration) {
        self.ticks(now, 1);
    }

    /// So many events up to `now`.
    pub(crate) fn ticks(&mut self, now: Duration, events: u32) {
        let elapsed = self.count(now, events);
        // The first figure need not wait for a whole window.
        if self.per_second == 0.0 && self.events >= 5 && !elapsed.is_zero() {
            self.per_second = f64::from(self.events) / elapsed.as_secs_f64();
        }
    }

    /// So much up to `now` of what comes in lumps, such as bytes: a lump of some milliseconds says nothing about a whole second
    /// but that it has no less.
    pub(crate) fn amount(&mut self, now: Duration, amount: u32) {
        self.count(now, amount);
        self.per_second = self.per_second.max(f64::from(self.events) / WINDOW.as_secs_f64());
    }

    /// How long the window has lasted; nothing if it begins here.
    fn count(&mut self, now: Duration, events: u32) -> Duration {
        self.last = now;
        let Some(began) = self.window else {
            self.window = Some(now);
            return Duration::ZERO;
        };
        self.events = self.events.saturating_add(events);
        let elapsed = now.saturating_sub(began);
        if elapsed < WINDOW {
            return elapsed;
        }
        self.per_second = f64::from(self.events) / elapsed.as_secs_f64();
        self.window = Some(now);
        self.events = 0;
        Duration::ZERO
    }

    /// Events per second at `now`; 0 when they have stopped for three windows, or three of their periods.
    pub(crate) fn per_second(&self, now: Duration) -> f64 {
        let silence = now.saturating_sub(self.last);
        let stopped = silence > 3 * WINDOW && silence.as_secs_f64() * self.per_second > 3.0;
        if stopped { 0.0 } else { self.per_second }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thirty_events_a_second_are_a_rate_of_thirty() {
        let mut rate = Rate::default();
        let at = |i: u32| Duration::from_secs_f64(f64::from(i) / 30.0);
        for i in 0..100 {
            rate.tick(at(i));
        }
        assert!((rate.per_second(at(100)) - 30.0).abs() < 0.1);
        assert_eq!(rate.per_second(at(100) + Duration::from_secs(10)), 0.0, "stopped");
        for i in (106..=160).step_by(6) {
            rate.ticks(at(i), 6);
        }
        assert!((rate.per_second(at(160)) - 30.0).abs() < 0.1, "several at once");
    }

    #[test]
    fn lump_after_a_pause_is_no_more_than_its_size_a_second() {
        let at = Duration::from_millis;
        let mut rate = Rate::default();
        for (now, amount, want) in [
            (0, 0, 0.0),
            (3000, 0, 0.0),
            (3003, 41_500, 41_500.0),
            (3500, 20_000, 61_500.0),
            (4000, 0, 61_500.0),
            (5000, 0, 0.0),
        ] {
            rate.amount(at(now), amount);
            assert_eq!(rate.per_second(at(now)), want, "at {now} ms");
        }
    }
}
