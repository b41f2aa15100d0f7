//! When frames are due: by absolute deadlines, so that no delay adds up.

use eyelet_hal::clock::Clock;
use std::time::Duration;

pub use eyelet_core::Fps;

/// How fast frames come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Rate {
    /// Each frame at its own time, counted from the start. Frames that were not fetched in time are skipped.
    Fps(Fps),
    /// A frame for each call, at once.
    FreeRunning,
}

impl Default for Rate {
    fn default() -> Self {
        Self::Fps(Fps::DEFAULT)
    }
}

/// Which frame, and when it was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tick {
    /// Counted from 0 since the start.
    pub(crate) sequence: u64,
    /// On the monotonic clock.
    pub(crate) at: Duration,
    /// Since the start.
    pub(crate) elapsed: Duration,
}

/// Tells a started camera which frame is next.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pacer {
    rate: Rate,
    start: Duration,
    next: u64,
}

impl Pacer {
    /// Frame 0 is due at `start` on the monotonic clock.
    pub(crate) fn new(rate: Rate, start: Duration) -> Self {
        Self { rate, start, next: 0 }
    }

    /// Waits up to `timeout` for the next frame, and gives the newest that is due. `None` if none is.
    pub(crate) fn wait(&mut self, clock: &dyn Clock, timeout: Duration) -> Option<Tick> {
        let now = clock.monotonic();
        let (sequence, at) = match self.rate {
            Rate::FreeRunning => (self.next, now),
            Rate::Fps(fps) => {
                let newest = fps.newest(now.saturating_sub(self.start)).max(self.next);
                let due = self.start.saturating_add(fps.due(newest));
                let give_up = now.saturating_add(timeout);
                clock.sleep_until(due.min(give_up));
                if due > give_up {
                    return None;
                }
                (newest, due)
            }
        };
        self.next = sequence.saturating_add(1);
        Some(Tick { sequence, at, elapsed: at.saturating_sub(self.start) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use eyelet_hal::clock::ManualClock;

    fn fps(fps: f64) -> Rate {
        Rate::Fps(Fps::new(fps).unwrap())
    }

    #[test]
    fn deadlines_do_not_drift() {
        let clock = ManualClock::new(Duration::ZERO);
        let mut pacer = Pacer::new(fps(30.0), clock.monotonic());
        for sequence in 0..3000 {
            clock.advance(Duration::from_micros(7)); // what drawing takes
            let tick = pacer.wait(&clock, Duration::from_secs(1)).unwrap();
            assert_eq!(tick.sequence, sequence);
            assert_eq!(tick.at.as_nanos(), u128::from(sequence) * 1_000_000_000 / 30);
        }
        assert_eq!(clock.monotonic().as_millis(), 99_966);
    }

    #[test]
    fn late_frames_are_skipped_and_the_number_shows_it() {
        let clock = ManualClock::new(Duration::ZERO);
        let mut pacer = Pacer::new(fps(10.0), clock.monotonic());
        assert_eq!(pacer.wait(&clock, Duration::ZERO).unwrap().sequence, 0);
        clock.advance(Duration::from_millis(550));
        let tick = pacer.wait(&clock, Duration::ZERO).unwrap();
        assert_eq!((tick.sequence, tick.at.as_millis()), (5, 500));
        let tick = pacer.wait(&clock, Duration::from_secs(1)).unwrap();
        assert_eq!((tick.sequence, clock.monotonic().as_millis()), (6, 600));
    }

    #[test]
    fn timeout_runs_out_in_time_and_loses_nothing() {
        let clock = ManualClock::new(Duration::ZERO);
        let mut pacer = Pacer::new(fps(10.0), clock.monotonic());
        pacer.wait(&clock, Duration::ZERO).unwrap();
        assert_eq!(pacer.wait(&clock, Duration::ZERO), None);
        assert_eq!(clock.monotonic(), Duration::ZERO);
        assert_eq!(pacer.wait(&clock, Duration::from_millis(60)), None);
        assert_eq!(clock.monotonic().as_millis(), 60);
        assert_eq!(pacer.wait(&clock, Duration::MAX).unwrap().sequence, 1);
        assert_eq!(clock.monotonic().as_millis(), 100);
    }

    #[test]
    fn free_running_camera_never_waits() {
        let clock = ManualClock::new(Duration::ZERO);
        let mut pacer = Pacer::new(Rate::FreeRunning, clock.monotonic());
        for sequence in 0..5 {
            clock.advance(Duration::from_secs(1));
            let tick = pacer.wait(&clock, Duration::ZERO).unwrap();
            assert_eq!((tick.sequence, tick.at.as_secs()), (sequence, sequence + 1));
        }
    }
}
