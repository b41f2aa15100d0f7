//! How long a camera may deliver no frame before it counts as lost.

use std::time::Duration;

/// A camera may miss four frames.
const PERIODS: u32 = 5;

/// The limit for any camera: five times one frame in 30 s.
const MOST: Duration = Duration::from_secs(150);

/// The limit for a camera whose pace has not been measured yet: enough for one frame in 30 s.
const MOST_SILENT: Duration = Duration::from_secs(40);

/// With this much time between frames a camera is slow: a new viewer would wait long for the next one.
const SLOW: Duration = Duration::from_secs(2);

/// The configured time, or more if the camera proves slower than that: for time lapse, in the dark.
#[derive(Debug)]
pub(crate) struct Allowance {
    least: Duration,
    /// The minimum until it has delivered frames for as long: more after each silence.
    floor: Duration,
    current: Duration,
    /// When the first frame since the start of the camera arrived, and the last.
    first: Option<Duration>,
    last: Option<Duration>,
    /// The time between the last two frames, and between the two before.
    intervals: [Option<Duration>; 2],
}

impl Allowance {
    pub(crate) fn new(least: Duration) -> Self {
        Self { least, floor: least, current: least, first: None, last: None, intervals: [None; 2] }
    }

    /// The time that a frame may take now.
    pub(crate) fn get(&self) -> Duration {
        self.current
    }

    /// Whether frames arrive seconds apart.
    pub(crate) fn is_slow(&self) -> bool {
        self.interval().is_some_and(|interval| interval >= SLOW)
    }

    /// The camera is started.
    pub(crate) fn restart(&mut self) {
        (self.first, self.last, self.intervals) = (None, None, [None; 2]);
    }

    /// A frame arrived at `now`; whether that changes the allowance.
    pub(crate) fn frame(&mut self, now: Duration) -> bool {
        let before = self.current;
        let first = *self.first.get_or_insert(now);
        if now.saturating_sub(first) >= self.floor {
            self.floor = self.least;
        }
        if let Some(last) = self.last.replace(now) {
            self.intervals = [Some(now.saturating_sub(last)), self.intervals[0]];
            let own = self.interval().unwrap_or_default().saturating_mul(PERIODS);
            self.current = self.floor.max(own.min(MOST));
        }
        self.current != before
    }

    /// The camera delivered no frame for that long. If it had only just begun, the next attempt has twice the time: the first
    /// frames often arrive at once, however slow the others are.
    pub(crate) fn ran_out(&mut self) {
        let lent =
            self.last.zip(self.first).map_or(Duration::ZERO, |(last, first)| last.saturating_sub(first));
        if lent < self.least {
            self.floor = self.least.max(MOST_SILENT.min(2 * self.current));
            self.current = self.floor;
        }
    }

    /// The shorter of the last two: one pause is not a pace.
    fn interval(&self) -> Option<Duration> {
        self.intervals.into_iter().flatten().min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEAST: Duration = Duration::from_secs(3);

    fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// After frames at these seconds.
    fn after(frames: &[u64]) -> Allowance {
        let mut allowance = Allowance::new(LEAST);
        for &at in frames {
            allowance.frame(s(at));
        }
        allowance
    }

    #[test]
    fn slow_camera_is_given_its_time_and_a_pause_is_not_a_pace() {
        for (frames, want, slow) in [
            (&[][..], 3, false),
            (&[100], 3, false),
            (&[100, 110], 50, true),
            (&[100, 110, 120], 50, true),
            (&[100, 110, 111], 5, false),
            (&[0, 30, 60], 150, true),
            (&[0, 100, 200], 150, true),
        ] {
            let allowance = after(frames);
            assert_eq!((allowance.get(), allowance.is_slow()), (s(want), slow), "{frames:?}");
        }
        let mut fast = after(&[]);
        for i in 0..20 {
            fast.frame(Duration::from_millis(33 * i));
        }
        fast.frame(s(20));
        assert_eq!(fast.get(), LEAST, "one pause");
    }

    /// It was opened again after each first frame, for ever.
    #[test]
    fn slow_camera_whose_first_frame_is_immediate_gets_more_time() {
        let mut allowance = Allowance::new(LEAST);
        for opened in [100, 200] {
            allowance.frame(s(opened));
            allowance.ran_out();
            allowance.restart();
        }
        assert_eq!(allowance.get(), s(12));
        allowance.frame(s(300));
        allowance.frame(s(310));
        assert_eq!((allowance.get(), allowance.is_slow()), (s(50), true));
    }

    /// As with an exposure that grows in the dark. It was opened again after each burst, for ever.
    #[test]
    fn slow_camera_whose_first_frames_are_immediate_gets_more_time() {
        let ms = Duration::from_millis;
        let mut allowance = Allowance::new(LEAST);
        let burst = |allowance: &mut Allowance, opened: u64| {
            for frame in 0..5 {
                allowance.frame(s(opened) + ms(33 * frame));
            }
        };
        for opened in [100, 200] {
            burst(&mut allowance, opened);
            allowance.ran_out();
            allowance.restart();
        }
        burst(&mut allowance, 300);
        assert_eq!(allowance.get(), s(12));
        for at in [310, 320, 330] {
            allowance.frame(s(at));
            assert!(allowance.get() >= s(12), "at {at}");
        }
        assert_eq!((allowance.get(), allowance.is_slow()), (s(50), true));

        let mut fast = Allowance::new(LEAST);
        burst(&mut fast, 100);
        fast.ran_out();
        fast.restart();
        for at in 200..=240 {
            fast.frame(s(at));
        }
        burst(&mut fast, 241);
        assert_eq!(fast.get(), LEAST, "one bad start is not held against it for ever");
    }

    #[test]
    fn silent_camera_gets_more_time_at_each_attempt_within_bounds() {
        let mut allowance = Allowance::new(LEAST);
        let mut given = Vec::new();
        for _ in 0..6 {
            given.push(allowance.get().as_secs());
            allowance.ran_out();
            allowance.restart();
        }
        assert_eq!(given, [3, 6, 12, 24, 40, 40]);
        allowance.frame(s(100));
        assert_eq!(allowance.get(), s(40), "one frame is no pace");
        for at in 101..140 {
            allowance.frame(s(at));
        }
        assert_eq!(allowance.get(), s(40), "nor do the first ones");
        allowance.frame(s(140));
        assert_eq!(allowance.get(), s(5));

        let mut configured = Allowance::new(s(5000));
        configured.ran_out();
        configured.frame(s(0));
        configured.frame(s(1000));
        assert_eq!(configured.get(), s(5000), "the configured time");
    }
}
