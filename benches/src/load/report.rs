//! What the viewers saw, for people and for programs.

use super::{
    process::Used,
    viewer::{Pace, Viewer},
};
use serde::Serialize;
use std::{collections::BTreeMap, fmt, time::Duration};

/// What the viewers saw.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Viewers that read all they get.
    pub viewers: usize,
    /// How long was measured, after the warm-up.
    pub seconds: f64,
    /// Fast viewers that got a picture.
    pub served: usize,
    /// Viewers that were refused or lost, by the reason.
    pub lost: BTreeMap<String, usize>,
    /// Pictures a second, of the fast viewers.
    pub fps: Spread,
    /// Received by all, in 10^6 bytes a second.
    pub mb_per_second: f64,
    /// Pictures that were not whole JPEGs, or not those that were sent; of all viewers, from the first byte on.
    pub bad: u64,
    /// Pictures whose number was not above the one before it; of all viewers, from the first byte on.
    pub disorder: u64,
    /// Pictures left out, of the fast viewers.
    pub missed: u64,
    /// Capture to last byte, of the fast viewers; none where the time of capture is unknown.
    pub latency_ms: Option<Tail>,
    /// Connecting to the first whole picture, of the fast viewers.
    pub first_picture_ms: Option<Tail>,
    /// The slow viewers.
    pub slow: Option<Slow>,
    /// The server.
    pub server: Option<Used>,
}

/// The slow viewers.
#[derive(Clone, Debug, Serialize)]
pub struct Slow {
    /// How many.
    pub viewers: usize,
    /// Pictures a second.
    pub fps: Spread,
    /// How old their pictures were when they had come as a whole.
    pub age_ms: Option<Tail>,
}

/// Over viewers.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Spread {
    /// The least.
    pub min: f64,
    /// The one in the middle.
    pub median: f64,
    /// The most.
    pub max: f64,
}

/// Over pictures.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Tail {
    /// Half are below.
    pub p50: f64,
    /// 99 of 100 are below.
    pub p99: f64,
    /// The worst.
    pub max: f64,
}

impl Report {
    pub(super) fn of(viewers: &[Viewer], elapsed: Duration, server: Option<Used>) -> Self {
        let is_fast = |viewer: &&Viewer| viewer.pace == Pace::Fast;
        let (fast, slow): (Vec<&Viewer>, Vec<&Viewer>) = viewers.iter().partition(is_fast);
        let mut lost = BTreeMap::new();
        for why in viewers.iter().filter_map(|viewer| viewer.ended.clone()) {
            *lost.entry(why).or_default() += 1;
        }
        let firsts = fast.iter().filter_map(|viewer| viewer.first);
        let firsts = firsts.map(|first| u32::try_from(first.as_micros()).unwrap_or(u32::MAX)).collect();
        let bytes: u64 = viewers.iter().map(|viewer| viewer.tally.bytes).sum();
        Self {
            viewers: fast.len(),
            seconds: elapsed.as_secs_f64(),
            served: fast.iter().filter(|viewer| viewer.first.is_some()).count(),
            lost,
            fps: rates(&fast, elapsed),
            mb_per_second: bytes as f64 / 1e6 / elapsed.as_secs_f64(),
            bad: viewers.iter().map(|viewer| viewer.faults.bad).sum(),
            disorder: viewers.iter().map(|viewer| viewer.faults.disorder).sum(),
            missed: fast.iter().map(|viewer| viewer.tally.missed).sum(),
            latency_ms: Tail::of(ages(&fast)),
            first_picture_ms: Tail::of(firsts),
            slow: (!slow.is_empty()).then(|| Slow {
                viewers: slow.len(),
                fps: rates(&slow, elapsed),
                age_ms: Tail::of(ages(&slow)),
            }),
            server,
        }
    }

    /// Why the stream was not as a stream must be, whatever its speed.
    pub fn wrong(&self) -> Option<String> {
        if self.bad > 0 || self.disorder > 0 {
            return Some(format!("{} bad pictures, {} out of order", self.bad, self.disorder));
        }
        if let Some((why, count)) = self.lost.first_key_value() {
            return Some(format!("{count} viewers lost: {why}"));
        }
        let without = self.viewers - self.served;
        (without > 0).then(|| format!("{without} viewers without a picture"))
    }
}

fn ages(viewers: &[&Viewer]) -> Vec<u32> {
    viewers.iter().flat_map(|viewer| viewer.tally.ages.iter().copied()).collect()
}

fn rates(viewers: &[&Viewer], elapsed: Duration) -> Spread {
    let rate = |viewer: &&Viewer| viewer.tally.parts as f64 / elapsed.as_secs_f64();
    let mut rates: Vec<f64> = viewers.iter().map(rate).collect();
    rates.sort_unstable_by(f64::total_cmp);
    let at = |index: usize| rates.get(index).copied().unwrap_or(0.0);
    Spread { min: at(0), median: at(rates.len() / 2), max: at(rates.len().saturating_sub(1)) }
}

impl Tail {
    /// Of times in microseconds; none of none.
    pub fn of(mut micros: Vec<u32>) -> Option<Self> {
        micros.sort_unstable();
        let last = micros.len().checked_sub(1)?;
        let at = |share: f64| f64::from(micros[(last as f64 * share).round() as usize]) / 1e3;
        Some(Self { p50: at(0.5), p99: at(0.99), max: at(1.0) })
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.1} / {:.1} / {:.1}", self.min, self.median, self.max)
    }
}

impl fmt::Display for Tail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3} / {:.3} / {:.3}", self.p50, self.p99, self.max)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { viewers, served, seconds, .. } = self;
        writeln!(f, "viewers        {viewers}, {served} served, measured for {seconds:.1} s")?;
        for (why, count) in &self.lost {
            writeln!(f, "lost           {count}: {why}")?;
        }
        writeln!(f, "fps            {} (min / median / max)", self.fps)?;
        writeln!(f, "received       {:.1} MB/s", self.mb_per_second)?;
        let Self { bad, disorder, missed, .. } = self;
        writeln!(f, "pictures       {bad} bad, {disorder} out of order, {missed} missed")?;
        if let Some(tail) = self.latency_ms {
            writeln!(f, "latency        {tail} ms (p50 / p99 / max)")?;
        }
        if let Some(tail) = self.first_picture_ms {
            writeln!(f, "first picture  {tail} ms")?;
        }
        if let Some(slow) = &self.slow {
            writeln!(f, "slow viewers   {}, fps {}", slow.viewers, slow.fps)?;
            if let Some(tail) = slow.age_ms {
                writeln!(f, "slow age       {tail} ms")?;
            }
        }
        if let Some(server) = self.server {
            writeln!(
                f,
                "server         {:.3} CPU s/GB, {:.1} % of a core, {:.0} switches/s, {} threads",
                server.cpu_seconds_per_gb, server.cpu_percent, server.switches_per_second, server.threads
            )?;
            writeln!(
                f,
                "memory         {:.1} MB, peak {:.1} MB",
                server.resident_mb, server.resident_mb_peak
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tail_holds_median_99th_percentile_and_maximum() {
        let tail = Tail::of((0..=1000).rev().collect()).unwrap();
        assert_eq!((tail.p50, tail.p99, tail.max), (0.5, 0.99, 1.0));
        assert!(Tail::of(vec![]).is_none());
    }

    #[test]
    fn wrong_names_what_is_faulty() {
        let right = Report::of(&[], Duration::from_secs(1), None);
        assert_eq!(right.wrong(), None);
        let bad = Report { bad: 1, ..right.clone() };
        assert_eq!(bad.wrong().unwrap(), "1 bad pictures, 0 out of order");
        let disorder = Report { disorder: 2, ..right.clone() };
        assert_eq!(disorder.wrong().unwrap(), "0 bad pictures, 2 out of order");
        let lost = Report { lost: [("HTTP/1.1 503".to_owned(), 3)].into(), ..right.clone() };
        assert_eq!(lost.wrong().unwrap(), "3 viewers lost: HTTP/1.1 503");
        let unserved = Report { viewers: 2, served: 1, ..right };
        assert_eq!(unserved.wrong().unwrap(), "1 viewers without a picture");
    }
}
