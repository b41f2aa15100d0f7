//! When frames were captured, by the camera's own time stamps where these are plausible.

use crate::feed::MAX_AGE;
use std::time::Duration;

/// How far a stamp may be ahead of our clock: devices convert from clocks of their own.
const AHEAD: Duration = Duration::from_millis(50);

/// After this many wrong stamps in a row all are ignored, and after this many right ones all are used again. The second is
/// larger, so that a camera with occasional right stamps does not switch to and fro.
const DOUBTED: u32 = 3;
const BELIEVED: u32 = 100;

/// Uses stamps that can be right, and the time of arrival in place of the others.
///
/// A frame is captured between the arrival of the one before it, less [`MAX_AGE`], and now; and after the one before it
/// was. So a stamp that stands still, goes back, belongs to another clock or lies in the future is wrong, however long
/// the camera has paused.
#[derive(Debug, Default)]
pub(crate) struct Stamps {
    /// Stamp and time of arrival of the previous frame.
    before: Option<(Duration, Duration)>,
    /// When the camera was started, or the previous frame arrived.
    since: Option<Duration>,
    /// The last result.
    given: Duration,
    doubted: bool,
    /// Stamps in a row that contradict `doubted`.
    against: u32,
}

impl Stamps {
    /// The camera is started at `now`.
    pub(crate) fn restart(&mut self, now: Duration) {
        self.before = None;
        self.since = Some(now);
    }

    /// When a frame with this stamp, arrived at `now`, was captured; both on the monotonic clock. Never goes back.
    pub(crate) fn captured_at(&mut self, stamp: Duration, now: Duration) -> Duration {
        let later = self.before.is_none_or(|(before, _)| stamp > before);
        let since = self.before.map(|(_, came)| came).or(self.since).unwrap_or(now);
        let right = later && stamp.saturating_add(MAX_AGE) >= since && stamp <= now + AHEAD;
        self.before = Some((stamp, now));
        self.against = if right == self.doubted { self.against + 1 } else { 0 };
        if self.against >= if self.doubted { BELIEVED } else { DOUBTED } {
            self.against = 0;
            self.doubted = !self.doubted;
            if self.doubted {
                tracing::warn!(?stamp, ?now, "implausible frame timestamps; using the time of arrival");
            } else {
                tracing::info!("frame timestamps are plausible again");
            }
        }
        let captured = if right && !self.doubted { stamp.min(now) } else { now };
        self.given = captured.max(self.given);
        self.given
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PERIOD: Duration = Duration::from_millis(33);
    const START: Duration = Duration::from_secs(5000);

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    /// The reported ages of `count` frames on arrival, one a period, for a function from time to stamp.
    fn ages(stamps: &mut Stamps, count: u32, mut stamp: impl FnMut(Duration) -> Duration) -> Vec<Duration> {
        let start = stamps.before.map_or(START, |(_, came)| came);
        let mut age = |i| {
            let now = start + PERIOD * i;
            now - stamps.captured_at(stamp(now), now)
        };
        (1..=count).map(&mut age).collect()
    }

    #[test]
    fn plausible_stamps_are_used() {
        for age in [0, 1, 300, 900, 1500] {
            let mut stamps = Stamps::default();
            stamps.restart(START);
            assert!(ages(&mut stamps, 50, |now| now - ms(age)).iter().all(|&seen| seen == ms(age)), "{age}");
        }
        // Of a device's clock that is a little ahead of ours.
        assert_eq!(ages(&mut Stamps::default(), 9, |now| now + ms(20)), [ms(0); 9]);
    }

    #[test]
    fn implausible_stamps_are_replaced_by_the_time_of_arrival() {
        let mut frame = 0;
        let mut pts = move || {
            frame += 1;
            PERIOD * frame
        };
        let wrong: [(&str, &mut dyn FnMut(Duration) -> Duration); 7] = [
            ("zero", &mut |_| ms(0)),
            ("of the stream", &mut |_| pts()),
            ("190 s ago", &mut |now| now - ms(190_000)),
            ("3 s ago", &mut |now| now - ms(3_000)),
            ("in a second", &mut |now| now + ms(1_000)),
            ("of the wall clock", &mut |now| now + ms(1_700_000_000_000)),
            ("as late as can be", &mut |_| Duration::MAX),
        ];
        for (name, stamp) in wrong {
            let mut stamps = Stamps::default();
            stamps.restart(START);
            assert_eq!(ages(&mut stamps, 200, stamp), [ms(0); 200], "{name}");
            assert!(stamps.doubted, "{name}");
        }
    }

    #[test]
    fn stamps_that_stand_still_or_go_back_are_replaced() {
        let mut stamps = Stamps::default();
        let seen = ages(&mut stamps, 50, |_| START);
        assert_eq!(seen[1..], [ms(0); 49], "the first may be right");
        let mut back = START + ms(10_000);
        let seen = ages(&mut Stamps::default(), 50, |_| {
            back -= ms(1);
            back
        });
        assert_eq!(seen, [ms(0); 50]);
    }

    #[test]
    fn frame_that_waited_while_the_process_was_stopped_keeps_its_age() {
        let mut stamps = Stamps::default();
        ages(&mut stamps, 10, |now| now - ms(5));
        let (_, came) = stamps.before.unwrap();
        let now = came + ms(30_000);
        assert_eq!(stamps.captured_at(came + ms(33), now), came + ms(33));
    }

    #[test]
    fn single_wrong_or_right_stamp_changes_nothing() {
        let mut stamps = Stamps::default();
        let mut frame = 0;
        let seen = ages(&mut stamps, 99, |now| {
            frame += 1;
            if frame % 10 == 5 { now + ms(5_000) } else { now - ms(9) }
        });
        assert!(!stamps.doubted);
        // The wrong one itself, and the next, which seems to go back.
        assert!(seen.iter().filter(|&&age| age == ms(0)).count() <= 20, "{seen:?}");

        ages(&mut stamps, 20, |_| ms(0));
        assert!(stamps.doubted);
        ages(&mut stamps, 50, |now| now - ms(9));
        assert!(stamps.doubted, "not yet");
        assert_eq!(ages(&mut stamps, 60, |now| now - ms(9)).last(), Some(&ms(9)), "right for long");
    }
}
