//! Time as an argument: policy asks a [`Clock`], never the system.

use std::{
    fmt,
    sync::{Mutex, PoisonError},
    time::{Duration, SystemTime},
};

/// `CLOCK_MONOTONIC` now: [`FrameMeta::captured_at`](crate::FrameMeta::captured_at) is a time on this clock.
pub fn monotonic() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    Duration::try_from(now).unwrap_or_default()
}

/// Where the time comes from.
pub trait Clock: Send + Sync + fmt::Debug {
    /// `CLOCK_MONOTONIC`: the clock that stamps frames. Never goes back.
    fn monotonic(&self) -> Duration;

    /// Wall clock, since 1970-01-01 UTC. May jump.
    fn unix(&self) -> Duration;

    /// Blocks this thread until [`monotonic`](Self::monotonic) has reached `deadline`.
    fn sleep_until(&self, deadline: Duration);

    /// The wall-clock time of a moment on the monotonic clock, such as a frame's `captured_at`.
    fn to_unix(&self, monotonic: Duration) -> Duration {
        let age = self.monotonic().saturating_sub(monotonic);
        self.unix().saturating_sub(age)
    }
}

/// The machine's clocks.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn monotonic(&self) -> Duration {
        monotonic()
    }

    fn unix(&self) -> Duration {
        SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
    }

    fn sleep_until(&self, deadline: Duration) {
        std::thread::sleep(deadline.saturating_sub(self.monotonic()));
    }
}

/// A clock that stands still until it is moved; sleeping on it moves it. For tests that must not wait.
#[derive(Debug)]
pub struct ManualClock {
    monotonic: Mutex<Duration>,
    /// What the wall clock showed when, on the monotonic clock, it was set last.
    set: Mutex<(Duration, Duration)>,
}

impl ManualClock {
    /// Starts at `unix`, with the monotonic clock at zero.
    pub fn new(unix: Duration) -> Self {
        Self { monotonic: Mutex::new(Duration::ZERO), set: Mutex::new((unix, Duration::ZERO)) }
    }

    /// Sets the wall clock, as NTP or a person does; the monotonic clock goes on as before.
    pub fn set_unix(&self, unix: Duration) {
        *self.set.lock().unwrap_or_else(PoisonError::into_inner) = (unix, self.monotonic());
    }

    /// Moves both clocks on.
    pub fn advance(&self, by: Duration) {
        *self.monotonic.lock().unwrap_or_else(PoisonError::into_inner) += by;
    }
}

impl Clock for ManualClock {
    fn monotonic(&self) -> Duration {
        *self.monotonic.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn unix(&self) -> Duration {
        let (unix, at) = *self.set.lock().unwrap_or_else(PoisonError::into_inner);
        unix + self.monotonic().saturating_sub(at)
    }

    fn sleep_until(&self, deadline: Duration) {
        let mut now = self.monotonic.lock().unwrap_or_else(PoisonError::into_inner);
        *now = deadline.max(*now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn to_unix_of_a_capture_time_is_its_wall_clock_time() {
        let clock = ManualClock::new(Duration::from_secs(1_000));
        clock.sleep_until(Duration::from_secs(5));
        assert_eq!(clock.to_unix(Duration::from_secs(3)), Duration::from_secs(1_003));
        clock.sleep_until(Duration::from_secs(2));
        assert_eq!(clock.monotonic(), Duration::from_secs(5), "time never goes back");
        clock.set_unix(Duration::from_secs(7));
        clock.advance(Duration::from_secs(1));
        assert_eq!((clock.unix(), clock.monotonic()), (Duration::from_secs(8), Duration::from_secs(6)));
    }

    #[test]
    fn system_clock_reaches_its_deadline() {
        let clock = SystemClock;
        let deadline = clock.monotonic() + Duration::from_millis(2);
        clock.sleep_until(deadline);
        assert!(clock.monotonic() >= deadline);
    }
}
