//! The viewers of `/stream`, up to a limit.

use crate::{
    feed::{CameraName, Rate, metrics::Gauge},
    net::socket::Peer,
};
use serde::Serialize;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// The viewers now, at most a given number.
#[derive(Clone, Debug)]
pub(in crate::http) struct Viewers {
    max: usize,
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug, Default)]
struct Inner {
    next_id: u64,
    viewers: BTreeMap<u64, Entry>,
    log: Allowance,
}

#[derive(Debug)]
struct Entry {
    address: Peer,
    camera: Option<CameraName>,
    sent: u64,
    skipped: u64,
    rate: Rate,
    came: Duration,
    last: Duration,
    logged: bool,
}

/// How many viewers are logged at level info when they connect and disconnect: the first sixteen, then one in 30 seconds, so
/// that a client that reconnects all the time does not fill a board's log.
#[derive(Debug, Default)]
struct Allowance {
    /// When all that was used of it is available again.
    whole: Duration,
    passed_over: u64,
}

const LOGGED_AT_ONCE: u32 = 16;
const LOGGED_EVERY: Duration = Duration::from_secs(30);

impl Allowance {
    /// Whether one more is logged at `now`; if so, how many before were not.
    fn take(&mut self, now: Duration) -> Option<u64> {
        let whole = self.whole.max(now) + LOGGED_EVERY;
        if whole > now + LOGGED_EVERY * LOGGED_AT_ONCE {
            self.passed_over += 1;
            return None;
        }
        self.whole = whole;
        Some(std::mem::take(&mut self.passed_over))
    }
}

/// One viewer's line in `/state`.
#[derive(Debug, Serialize)]
pub(in crate::http) struct ViewerState {
    id: u64,
    address: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::http) camera: Option<CameraName>,
    fps: f64,
    sent: u64,
    skipped: u64,
}

#[cfg(test)]
impl ViewerState {
    pub(super) fn sent(&self) -> u64 {
        self.sent
    }
}

impl Viewers {
    pub(in crate::http) fn new(max: usize) -> Self {
        Self { max, inner: Arc::default() }
    }

    /// A slot for one more viewer of this camera, below the limit; `gauge` counts the camera's. It is free again when the
    /// [`Slot`] drops.
    pub(in crate::http) fn admit(
        &self,
        peer: &Peer,
        now: Duration,
        camera: Option<&CameraName>,
        gauge: &Gauge,
    ) -> Option<Slot> {
        let mut inner = self.lock();
        if inner.viewers.len() >= self.max {
            return None;
        }
        let id = inner.next_id;
        inner.next_id += 1;
        let passed_over = inner.log.take(now);
        let entry = Entry {
            address: peer.clone(),
            camera: camera.cloned(),
            sent: 0,
            skipped: 0,
            rate: Rate::default(),
            came: now,
            last: now,
            logged: passed_over.is_some(),
        };
        inner.viewers.insert(id, entry);
        gauge.inc();
        let viewers = inner.viewers.len();
        drop(inner);
        let camera = camera.map(tracing::field::display);
        match passed_over {
            Some(0) => tracing::info!(address = %peer, camera, viewers, "viewer connected"),
            Some(not_logged) => {
                tracing::info!(address = %peer, camera, viewers, not_logged, "viewer connected");
            }
            None => tracing::debug!(address = %peer, camera, viewers, "viewer connected"),
        }
        Some(Slot { id, viewers: self.clone(), gauge: gauge.clone() })
    }

    pub(in crate::http) fn max(&self) -> usize {
        self.max
    }

    pub(in crate::http) fn state(&self, now: Duration) -> Vec<ViewerState> {
        let inner = self.lock();
        let state = |(&id, entry): (&u64, &Entry)| ViewerState {
            id,
            address: entry.address.to_string(),
            camera: entry.camera.clone(),
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

/// A viewer's slot.
#[derive(Debug)]
pub(in crate::http) struct Slot {
    id: u64,
    viewers: Viewers,
    gauge: Gauge,
}

impl Slot {
    /// A picture went out at `now`; `skipped` were passed over so far.
    pub(super) fn sent(&self, now: Duration, skipped: u64) {
        if let Some(entry) = self.viewers.lock().viewers.get_mut(&self.id) {
            entry.sent += 1;
            entry.skipped = skipped;
            entry.rate.tick(now);
            entry.last = now;
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut inner = self.viewers.lock();
        let entry = inner.viewers.remove(&self.id);
        let viewers = inner.viewers.len();
        drop(inner);
        self.gauge.dec();
        let Some(Entry { address, camera, sent, skipped, came, last, logged, .. }) = entry else { return };
        let camera = camera.as_ref().map(tracing::field::display);
        let seconds = last.saturating_sub(came).as_secs();
        if logged {
            tracing::info!(%address, camera, viewers, seconds, sent, skipped, "viewer disconnected");
        } else {
            tracing::debug!(%address, camera, viewers, seconds, sent, skipped, "viewer disconnected");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flood_of_viewers_is_logged_in_part_and_the_rest_is_counted() {
        let mut log = Allowance::default();
        let at = Duration::from_secs;
        let logged = (0..1000).filter(|_| log.take(at(5)).is_some()).count();
        assert_eq!(logged, LOGGED_AT_ONCE as usize);
        assert_eq!(log.take(at(34)), None);
        assert_eq!(log.take(at(35)), Some(985));
        assert_eq!(log.take(at(35)), None);
        // After a quiet while all may be logged again.
        assert!((0..LOGGED_AT_ONCE).all(|_| log.take(at(3600)).is_some()));
    }

    #[test]
    fn slot_that_was_freed_is_available_at_once() {
        let gauge = Gauge::default();
        let viewers = Viewers::new(2);
        let peer = &Peer::Tcp("10.0.0.1:5".parse().unwrap());
        let first = viewers.admit(peer, Duration::ZERO, None, &gauge).unwrap();
        let _second = viewers.admit(peer, Duration::ZERO, None, &gauge).unwrap();
        assert!(viewers.admit(peer, Duration::ZERO, None, &gauge).is_none());
        drop(first);
        let third = viewers.admit(peer, Duration::ZERO, None, &gauge).unwrap();
        third.sent(Duration::ZERO, 3);
        assert_eq!(gauge.get(), 2);
        let state = viewers.state(Duration::ZERO);
        assert_eq!((state[1].id, state[1].sent, state[1].skipped), (2, 1, 3));
    }
}
