//! The clock that stamps frames.

use std::time::Duration;

/// `CLOCK_MONOTONIC` now: [`FrameMeta::captured_at`](crate::FrameMeta::captured_at) is a time on this clock.
pub fn monotonic() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    Duration::try_from(now).unwrap_or_default()
}
