//! A server's state and the one before it.

use super::cells::list;
use serde_json::Value;
use std::time::{Duration, Instant};

/// A server and what it said.
pub(super) struct View {
    pub(super) url: String,
    pub(super) state: Value,
    at: Instant,
    /// Of the last state but one: how long before, and each viewer's number and pictures, sorted.
    pub(super) before: Option<(Duration, Vec<Counts>)>,
    /// Why there is no newer state.
    pub(super) lost: Option<String>,
}

/// A viewer's number, and its pictures sent and skipped.
pub(super) type Counts = (u64, u64, u64);

impl View {
    pub(super) fn of(url: &str, state: Value) -> Self {
        Self { url: url.to_owned(), state, at: Instant::now(), before: None, lost: None }
    }

    /// There is a newer state.
    pub(super) fn renew(&mut self, state: Value) {
        let now = Instant::now();
        let mut counts: Vec<_> = list(&self.state, "viewers").iter().map(counts).collect();
        counts.sort_unstable();
        self.before = Some((now - self.at, counts));
        (self.state, self.at, self.lost) = (state, now, None);
    }

    /// Pictures sent and skipped each second, of a viewer that was there before.
    pub(super) fn rates(&self, (id, sent, skipped): Counts) -> Option<(f64, f64)> {
        let (period, before) = self.before.as_ref()?;
        let (_, sent_before, skipped_before) =
            before[before.binary_search_by_key(&id, |viewer| viewer.0).ok()?];
        let rate =
            |now: u64, before: u64| now.saturating_sub(before) as f64 / period.as_secs_f64().max(0.001);
        Some((rate(sent, sent_before), rate(skipped, skipped_before)))
    }
}

/// How many pictures a viewer has got.
pub(super) fn counts(viewer: &Value) -> Counts {
    let count = |key: &str| viewer[key].as_u64().unwrap_or_default();
    (count("id"), count("sent"), count("skipped"))
}
