//! Who watches `/stream`.

use super::socket::Peer;
use crate::rate::Rate;
use prometheus_client::metrics::gauge::Gauge;
use serde::Serialize;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// The viewers now, at most a given number.
#[derive(Clone, Debug)]
pub(super) struct Viewers {
    max: usize,
    gauge: Gauge,
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug, Default)]
struct Inner {
    next_id: u64,
    viewers: BTreeMap<u64, Entry>,
}

#[derive(Debug)]
struct Entry {
    address: Peer,
    sent: u64,
    skipped: u64,
    rate: Rate,
}

/// One viewer's line in `/state`.
#[derive(Debug, Serialize)]
pub(super) struct ViewerState {
    id: u64,
    address: String,
    fps: f64,
    sent: u64,
    skipped: u64,
}

impl Viewers {
    pub(super) fn new(max: usize, gauge: Gauge) -> Self {
        Self { max, gauge, inner: Arc::default() }
    }

    /// A place for one more viewer, if there is one. It is free again when the [`Viewer`] drops.
    pub(super) fn admit(&self, peer: &Peer) -> Option<Viewer> {
        let mut inner = self.lock();
        if inner.viewers.len() >= self.max {
            return None;
        }
        let id = inner.next_id;
        inner.next_id += 1;
        inner.viewers.insert(id, Entry { address: peer.clone(), sent: 0, skipped: 0, rate: Rate::default() });
        self.gauge.inc();
        Some(Viewer { id, viewers: self.clone() })
    }

    pub(super) fn max(&self) -> usize {
        self.max
    }

    pub(super) fn state(&self, now: Duration) -> Vec<ViewerState> {
        let inner = self.lock();
        let state = |(&id, entry): (&u64, &Entry)| ViewerState {
            id,
            address: entry.address.to_string(),
            fps: (entry.rate.per_second(now) * 10.0).round() / 10.0,
            sent: entry.sent,
            skipped: entry.skipped,
        };
        inner.viewers.iter().map(state).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A viewer's place.
#[derive(Debug)]
pub(super) struct Viewer {
    id: u64,
    viewers: Viewers,
}

impl Viewer {
    /// A picture went out at `now`; `skipped` were passed over so far.
    pub(super) fn sent(&self, now: Duration, skipped: u64) {
        if let Some(entry) = self.viewers.lock().viewers.get_mut(&self.id) {
            entry.sent += 1;
            entry.skipped = skipped;
            entry.rate.tick(now);
        }
    }
}

impl Drop for Viewer {
    fn drop(&mut self) {
        self.viewers.lock().viewers.remove(&self.id);
        self.viewers.gauge.dec();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_that_frees_up_is_usable_at_once() {
        let gauge = Gauge::default();
        let viewers = Viewers::new(2, gauge.clone());
        let peer = &Peer::Tcp("10.0.0.1:5".parse().unwrap());
        let first = viewers.admit(peer).unwrap();
        let _second = viewers.admit(peer).unwrap();
        assert!(viewers.admit(peer).is_none());
        drop(first);
        let third = viewers.admit(peer).unwrap();
        third.sent(Duration::ZERO, 3);
        assert_eq!(gauge.get(), 2);
        let state = viewers.state(Duration::ZERO);
        assert_eq!((state[1].id, state[1].sent, state[1].skipped), (2, 1, 3));
    }
}
