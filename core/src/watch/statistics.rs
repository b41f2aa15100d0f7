//! A viewer's measurements as pure arithmetic: pictures and their times in, numbers out.

use super::{Ended, Latency, Report};
use crate::{jpeg, multipart::Part};
use std::{collections::VecDeque, time::Duration};

/// Percentiles cover this many of the latest pictures, so that memory stays constant over days.
const LATENCIES: usize = 1 << 16;

/// Counts and times of the pictures of one stream.
///
/// ```
/// use eyelet_core::watch::{Ended, Statistics};
/// use std::time::Duration;
/// let mut statistics = Statistics::default();
/// for n in 0..=10 {
///     statistics.picture(&Default::default(), Duration::from_millis(n * 100), Duration::ZERO);
/// }
/// let report = statistics.report(Duration::from_millis(1020), Ended::Time);
/// assert_eq!((report.frames, report.fps, report.damaged), (11, 10.0, 11)); // there were no JPEGs in it
/// let report = statistics.report(Duration::from_secs(4), Ended::Time);
/// assert_eq!((report.fps, report.stalled_seconds), (2.5, 3.0)); // it froze
/// ```
#[derive(Clone, Debug, Default)]
pub struct Statistics {
    frames: u64,
    bytes: u64,
    first_bytes: u64,
    first: Duration,
    last: Duration,
    longest_pause: Duration,
    /// Microseconds.
    latencies: VecDeque<i64>,
    max_latency: Option<i64>,
    sequence: Option<u64>,
    thinned: bool,
    gaps: u64,
    repeats: u64,
    restarts: u64,
    damaged: u64,
}

impl Statistics {
    /// Of a stream that leaves out pictures as its viewer asked, whose gaps therefore count for nothing.
    pub fn thinned() -> Self {
        Self { thinned: true, ..Self::default() }
    }

    /// Adds one picture: a part of the stream, when its last byte arrived (on any monotonic clock), and
    /// the wall-clock time then, since 1970-01-01 UTC.
    pub fn picture(&mut self, part: &Part, arrival: Duration, unix: Duration) {
        let bytes = part.body.len() as u64;
        if self.frames == 0 {
            (self.first, self.first_bytes) = (arrival, bytes);
        } else {
            self.longest_pause = self.longest_pause.max(arrival.saturating_sub(self.last));
        }
        self.last = arrival;
        self.frames += 1;
        self.bytes += bytes;
        self.damaged += u64::from(!is_whole(&part.body));
        let repeated = part.sequence.is_some() && part.sequence == self.sequence;
        // A repeat's age is how long the source has been still, which is not latency.
        if let (Some(captured_at), false) = (part.timestamp, repeated) {
            self.latency(micros(unix).saturating_sub(micros(captured_at)));
        }
        if let Some(sequence) = part.sequence {
            self.sequence(sequence);
        }
    }

    /// Negative when the clocks of the two machines differ by more than the latency.
    fn latency(&mut self, latency: i64) {
        if self.latencies.len() == LATENCIES {
            self.latencies.pop_front();
        }
        self.latencies.push_back(latency);
        self.max_latency = self.max_latency.max(Some(latency));
    }

    fn sequence(&mut self, sequence: u64) {
        match self.sequence.replace(sequence) {
            Some(last) if sequence == last => self.repeats += 1,
            Some(last) if sequence < last => self.restarts += 1,
            Some(last) => self.gaps = self.gaps.saturating_add(sequence - last - 1),
            None => {}
        }
    }

    /// Pictures so far.
    pub fn frames(&self) -> u64 {
        self.frames
    }

    /// The numbers so far. A picture was waited for until `now`, on the clock of the arrivals.
    pub fn report(&self, now: Duration, ended: Ended) -> Report {
        let waited = if self.frames == 0 { Duration::ZERO } else { now.saturating_sub(self.last) };
        // Of the first picture only the end was seen: it starts the interval, and is not in it.
        let between = self.last.saturating_sub(self.first).as_secs_f64();
        let usual = between / self.frames.saturating_sub(1).max(1) as f64;
        // A shorter wait is a part of the usual one: to add it would make each rate a little too low.
        let stalled_seconds =
            Some(waited.as_secs_f64()).filter(|waited| *waited > 2.0 * usual).unwrap_or(0.0);
        let seconds = between + stalled_seconds;
        let per_second = |n: u64| if seconds > 0.0 { n as f64 / seconds } else { 0.0 };
        Report {
            frames: self.frames,
            seconds,
            fps: per_second(self.frames.saturating_sub(1)),
            bytes: self.bytes,
            bytes_per_second: per_second(self.bytes - self.first_bytes),
            latency: self.percentiles(),
            gaps: (!self.thinned).then_some(self.gaps),
            repeats: self.repeats,
            restarts: self.restarts,
            damaged: self.damaged,
            longest_pause_ms: self.longest_pause.max(waited).as_secs_f64() * 1e3,
            stalled_seconds,
            ended,
        }
    }

    fn percentiles(&self) -> Option<Latency> {
        let mut sorted: Vec<i64> = self.latencies.iter().copied().collect();
        sorted.sort_unstable();
        let ms = |micros: i64| micros as f64 / 1e3;
        // Nearest rank: the smallest value that is not below the share of all.
        let rank = |share: usize| sorted.get((sorted.len() * share).div_ceil(100).saturating_sub(1));
        Some(Latency { p50_ms: ms(*rank(50)?), p99_ms: ms(*rank(99)?), max_ms: ms(self.max_latency?) })
    }
}

/// Whether the bytes are one JPEG, whole and alone; zeros may follow it, as cameras pad their buffers.
pub(super) fn is_whole(bytes: &[u8]) -> bool {
    let padded = |from: usize| bytes.get(from..).is_none_or(|rest| rest.iter().all(|&b| b == 0));
    jpeg::check(bytes).is_ok_and(|info| padded(info.len))
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    const JPEG: &[u8] = &[
        0xff, 0xd8, 0xff, 0xc0, 0x00, 0x0b, 8, 0, 2, 0, 3, 1, 1, 0x11, 0, 0xff, 0xda, 0x00, 0x08, 1, 1, 0, 0,
        63, 0, 0x12, 0xff, 0xd9,
    ];

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn part(body: &[u8], timestamp: Option<Duration>, sequence: Option<u64>) -> Part {
        let mut part = Part::default();
        (part.body, part.timestamp, part.sequence) = (Bytes::copy_from_slice(body), timestamp, sequence);
        part
    }

    #[test]
    fn report_of_no_picture_or_one_has_no_rates() {
        let mut statistics = Statistics::default();
        let report = statistics.report(ms(70), Ended::Stream);
        assert_eq!((report.frames, report.fps, report.bytes_per_second), (0, 0.0, 0.0));
        assert_eq!((report.latency, report.longest_pause_ms), (None, 0.0));
        statistics.picture(&part(JPEG, None, Some(u64::MAX)), ms(70), ms(0));
        let report = statistics.report(ms(70), Ended::Stream);
        assert_eq!(
            (report.frames, report.fps, report.seconds, report.bytes),
            (1, 0.0, 0.0, JPEG.len() as u64)
        );
        assert_eq!((report.gaps, report.damaged, report.longest_pause_ms), (Some(0), 0, 0.0));
    }

    #[test]
    fn rates_are_over_the_time_between_the_first_and_the_last() {
        let mut statistics = Statistics::default();
        for (at, len) in [(5_000, 9_000), (5_100, 1_000), (5_400, 1_000), (5_500, 2_000)] {
            statistics.picture(&part(&vec![0; len], None, None), ms(at), ms(0));
        }
        let report = statistics.report(statistics.last, Ended::Frames);
        assert_eq!((report.frames, report.seconds, report.fps), (4, 0.5, 6.0));
        assert_eq!((report.bytes, report.bytes_per_second), (13_000, 8_000.0));
        assert_eq!((report.longest_pause_ms, report.damaged), (300.0, 4));
    }

    /// A frozen stream was reported as it was until its last picture: 30 fps, no pause.
    #[test]
    fn wait_at_the_end_is_a_pause_and_lowers_the_rates() {
        let mut statistics = Statistics::default();
        assert_eq!(statistics.report(ms(5_000), Ended::Time).seconds, 0.0, "nothing has begun");
        for at in [5_000, 5_100, 5_200] {
            statistics.picture(&part(JPEG, None, None), ms(at), ms(0));
        }
        let seen = |now| {
            let report = statistics.report(ms(now), Ended::Time);
            (report.fps, report.seconds, report.longest_pause_ms, report.stalled_seconds)
        };
        assert_eq!(seen(5_200), (10.0, 0.2, 100.0, 0.0));
        assert_eq!(seen(5_350), (10.0, 0.2, 150.0, 0.0), "the next one may come yet");
        assert_eq!(seen(9_200), (2.0 / 4.2, 4.2, 4_000.0, 4.0));
    }

    #[test]
    fn gaps_repeats_and_restarts_are_counted() {
        let mut statistics = Statistics::default();
        for sequence in [Some(7), Some(8), Some(8), None, Some(12), Some(12), Some(12), Some(0), Some(1)] {
            statistics.picture(&part(JPEG, None, sequence), ms(0), ms(0));
        }
        let report = statistics.report(statistics.last, Ended::Frames);
        assert_eq!((report.gaps, report.repeats, report.restarts), (Some(3), 3, 1));
        statistics.thinned = true;
        assert_eq!(statistics.report(ms(0), Ended::Frames).gaps, None);
    }

    #[test]
    fn latency_percentiles_are_nearest_ranks() {
        let mut statistics = Statistics::default();
        for i in 1..=200 {
            let captured_at = ms(1_000_000);
            statistics.picture(&part(JPEG, Some(captured_at), None), ms(i), captured_at + ms(201 - i));
        }
        statistics.picture(&part(JPEG, None, None), ms(0), ms(0));
        let latency = statistics.report(statistics.last, Ended::Frames).latency.unwrap();
        assert_eq!((latency.p50_ms, latency.p99_ms, latency.max_ms), (100.0, 198.0, 200.0));

        let mut ahead = Statistics::default();
        ahead.picture(&part(JPEG, Some(Duration::MAX), None), ms(0), ms(0));
        ahead.picture(&part(JPEG, Some(ms(3)), None), ms(0), ms(1));
        assert_eq!(ahead.report(ms(0), Ended::Frames).latency.unwrap().max_ms, -2.0, "their clock is ahead");
    }

    #[test]
    fn repeated_picture_adds_no_latency() {
        let mut statistics = Statistics::default();
        for (sequence, late) in [(1, 5), (1, 1005), (1, 2005), (2, 6)] {
            statistics.picture(&part(JPEG, Some(ms(0)), Some(sequence)), ms(late), ms(late));
        }
        let report = statistics.report(statistics.last, Ended::Frames);
        assert_eq!((report.repeats, report.latency.unwrap().max_ms), (2, 6.0));
    }

    #[test]
    fn long_watch_keeps_the_latest_latencies_and_the_highest() {
        let mut statistics = Statistics::default();
        let count = 2 * LATENCIES as u64;
        for i in 0..count {
            statistics.picture(&part(JPEG, Some(ms(0)), None), ms(i), ms(count - i));
        }
        assert_eq!(statistics.latencies.len(), LATENCIES);
        let latency = statistics.report(statistics.last, Ended::Frames).latency.unwrap();
        assert_eq!((latency.p50_ms, latency.max_ms), (LATENCIES as f64 / 2.0, count as f64));
    }

    #[test]
    fn padding_is_not_damage_and_missing_bytes_are() {
        let padded = [JPEG, &[0; 3]].concat();
        let garbage = [JPEG, b"\r\n--frame"].concat();
        let open = include_bytes!("../../tests/cases/no-eoi-zero-padded.jpg");
        let mut broken = JPEG.to_vec();
        broken[0] = 0;
        for (body, damaged) in [
            (JPEG, 0),
            (&padded[..], 0),
            (open, 0),
            (&open[..1000], 1),
            (&garbage, 1),
            (&JPEG[..20], 1),
            (&broken, 1),
            (b"", 1),
        ] {
            let mut statistics = Statistics::default();
            statistics.picture(&part(body, None, None), ms(0), ms(0));
            assert_eq!(statistics.report(statistics.last, Ended::Frames).damaged, damaged, "{body:x?}");
        }
    }
}
