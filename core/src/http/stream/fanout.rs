//! Each new picture to every viewer, in one go.
//!
//! Each goes to all who have room for it, with one system call a viewer: on the thread that published it if that is
//! quickly done, so that no other has to wake up first, else in one task. A viewer without room goes on by itself once
//! it has some, and nobody waits for it. Waking a task for every viewer and picture instead would cost a quarter of
//! what the sending does.

use super::{
    part::{Part, Parts},
    sink::SendMode,
    viewer::Viewer,
};
use crate::{
    clock::Clock,
    feed::{Outlet, Picture, metrics::Metrics},
};
use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{
    sync::Notify,
    task::yield_now,
    time::{Instant, timeout_at},
};

/// On a still source the newest picture is sent again this often, so that a client which missed its end sees
/// it all the same, and a dead one is noticed.
const REPEAT: Duration = Duration::from_secs(1);

/// So much of one picture, for all viewers together, is sent by the thread that publishes. At 30 fps this fills a
/// network of 1 Gbit/s: who has more to send has more than one processor, and there the camera's thread goes on with
/// the next frame while the server's sends.
const AT_ONCE: usize = 4 << 20;

/// After so many viewers, requests and viewers that have room again get their turn.
const TURN: usize = 64;

/// Everyone who watches, and what goes out to them.
#[derive(Debug)]
pub(in crate::http) struct Fanout {
    viewers: Mutex<BTreeMap<u64, Arc<Viewer>>>,
    joined: Notify,
    /// There is a picture that the task is to send.
    work: Notify,
    /// When the newest picture came.
    newest: Mutex<Instant>,
    parts: Parts,
    /// How many of them can share a part's pages.
    sharing: AtomicUsize,
    metrics: Arc<Metrics>,
    clock: Arc<dyn Clock>,
}

impl Fanout {
    pub(in crate::http) fn new(metrics: Arc<Metrics>, clock: Arc<dyn Clock>) -> Self {
        Self {
            viewers: Mutex::default(),
            joined: Notify::new(),
            work: Notify::new(),
            newest: Mutex::new(Instant::now()),
            parts: Parts::default(),
            sharing: AtomicUsize::new(0),
            metrics,
            clock,
        }
    }

    /// Sends what is too much for the thread that publishes, and repeats what stays the newest; for ever.
    pub(in crate::http) async fn run(&self) {
        let mut repeated = *self.newest();
        let mut turn = Vec::new();
        loop {
            if self.viewers().is_empty() {
                self.joined.notified().await;
            }
            let due = repeated.max(*self.newest()) + REPEAT;
            let still = timeout_at(due, self.work.notified()).await.is_err();
            if still {
                if *self.newest() + REPEAT > due {
                    continue;
                }
                repeated = Instant::now();
            }
            turn.extend(self.viewers().values().cloned());
            for (done, viewer) in turn.drain(..).enumerate() {
                if done > 0 && done % TURN == 0 {
                    yield_now().await;
                }
                if still {
                    viewer.repeat(self);
                } else {
                    viewer.offer(self);
                }
            }
        }
    }

    /// Sends to this viewer too, until the result drops.
    pub(super) fn join(&self, viewer: &Arc<Viewer>) -> Joined<'_> {
        self.viewers().insert(viewer.id(), Arc::clone(viewer));
        if viewer.send_mode() == SendMode::Memfd {
            self.sharing.fetch_add(1, Ordering::Relaxed);
        }
        self.joined.notify_one();
        Joined { fanout: self, id: viewer.id() }
    }

    /// A viewer that could share pages cannot.
    pub(super) fn refused(&self) {
        self.sharing.fetch_sub(1, Ordering::Relaxed);
    }

    pub(super) fn part(&self, picture: Arc<Picture>) -> Arc<Part> {
        self.parts.of(picture, self.sharing.load(Ordering::Relaxed))
    }

    pub(super) fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    pub(super) fn now(&self) -> Duration {
        self.clock.monotonic()
    }

    fn newest(&self) -> MutexGuard<'_, Instant> {
        self.newest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn viewers(&self) -> MutexGuard<'_, BTreeMap<u64, Arc<Viewer>>> {
        self.viewers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Outlet for Fanout {
    fn published(&self, bytes: usize) {
        *self.newest() = Instant::now();
        let viewers = self.viewers();
        let at_once = viewers.len().saturating_mul(bytes) <= AT_ONCE;
        let mut rest = false;
        for viewer in viewers.values() {
            if at_once && viewer.is_plain() {
                viewer.offer(self);
            } else {
                rest = true;
            }
        }
        if rest {
            self.work.notify_one();
        }
    }
}

/// A viewer's place in the [`Fanout`].
#[derive(Debug)]
pub(super) struct Joined<'a> {
    fanout: &'a Fanout,
    id: u64,
}

impl Drop for Joined<'_> {
    fn drop(&mut self) {
        let mut viewers = self.fanout.viewers();
        let viewer = viewers.remove(&self.id);
        if viewers.is_empty() {
            self.fanout.parts.forget();
        }
        drop(viewers);
        if viewer.is_some_and(|viewer| viewer.send_mode() == SendMode::Memfd) {
            self.fanout.refused();
        }
    }
}
