//! Each new picture to every viewer, in one go.
//!
//! One task waits for pictures and sends each to all who have room for it, with one system call a viewer. A
//! viewer without room goes on by itself once it has some, and nobody waits for it. Waking a task for every
//! viewer and picture instead would cost a quarter of what the sending does.

use super::{
    part::{Part, Parts},
    sink::Ways,
    stream::Stream,
};
use crate::{
    clock::Clock,
    feed::{Feed, Picture},
    metrics::Metrics,
};
use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{sync::Notify, task::yield_now, time::timeout};

/// On a still source the newest picture is sent again this often, so that a client which missed its end sees
/// it all the same, and a dead one is noticed.
const REPEAT: Duration = Duration::from_secs(1);

/// After so many viewers, requests and viewers that have room again get their turn.
const TURN: usize = 64;

/// Everyone who watches, and what goes out to them.
#[derive(Debug)]
pub(super) struct Fanout {
    streams: Mutex<BTreeMap<u64, Arc<Stream>>>,
    joined: Notify,
    parts: Parts,
    /// How many of them can share a part's pages.
    sharing: AtomicUsize,
    metrics: Arc<Metrics>,
    clock: Arc<dyn Clock>,
}

impl Fanout {
    pub(super) fn new(metrics: Arc<Metrics>, clock: Arc<dyn Clock>) -> Self {
        let (streams, joined, sharing) = (Mutex::default(), Notify::new(), AtomicUsize::new(0));
        Self { streams, joined, parts: Parts::default(), sharing, metrics, clock }
    }

    /// Sends what `feed` gets, for ever.
    pub(super) async fn run(&self, feed: &Feed) {
        let mut changes = feed.changes();
        let mut turn = Vec::new();
        loop {
            if self.streams().is_empty() {
                self.joined.notified().await;
            }
            let still = timeout(REPEAT, changes.next()).await.is_err();
            turn.extend(self.streams().values().cloned());
            for (done, stream) in turn.drain(..).enumerate() {
                if done > 0 && done % TURN == 0 {
                    yield_now().await;
                }
                if still {
                    stream.repeat(self);
                } else {
                    stream.offer(self);
                }
            }
        }
    }

    /// Sends to this stream too, until the result drops.
    pub(super) fn join(&self, stream: &Arc<Stream>) -> Joined<'_> {
        self.streams().insert(stream.id(), Arc::clone(stream));
        if stream.ways() == Ways::Pages {
            self.sharing.fetch_add(1, Ordering::Relaxed);
        }
        self.joined.notify_one();
        Joined { fanout: self, id: stream.id() }
    }

    /// A stream that could share pages cannot.
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

    fn streams(&self) -> MutexGuard<'_, BTreeMap<u64, Arc<Stream>>> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A stream's place in the [`Fanout`].
#[derive(Debug)]
pub(super) struct Joined<'a> {
    fanout: &'a Fanout,
    id: u64,
}

impl Drop for Joined<'_> {
    fn drop(&mut self) {
        let stream = self.fanout.streams().remove(&self.id);
        if stream.is_some_and(|stream| stream.ways() == Ways::Pages) {
            self.fanout.refused();
        }
    }
}
