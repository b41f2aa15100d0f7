//! Each new picture to every viewer, in one go.
//!
//! Each goes to all who have room for it, with one system call a viewer: on the thread that published it if that is
//! quickly done, so that no other has to wake up first, else in one task. A viewer without room goes on by itself once
//! it has some, and nobody waits for it. Waking a task for every viewer and picture instead would cost a quarter of
//! what the sending does.

use super::{
    part::{Part, Parts},
    sink::Ways,
    viewer::Stream,
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
    streams: Mutex<BTreeMap<u64, Arc<Stream>>>,
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
            streams: Mutex::default(),
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
            if self.streams().is_empty() {
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

    fn newest(&self) -> MutexGuard<'_, Instant> {
        self.newest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn streams(&self) -> MutexGuard<'_, BTreeMap<u64, Arc<Stream>>> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Outlet for Fanout {
    fn published(&self, bytes: usize) {
        *self.newest() = Instant::now();
        let streams = self.streams();
        let at_once = streams.len().saturating_mul(bytes) <= AT_ONCE;
        let mut rest = false;
        for stream in streams.values() {
            if at_once && stream.is_plain() {
                stream.offer(self);
            } else {
                rest = true;
            }
        }
        if rest {
            self.work.notify_one();
        }
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
        let mut streams = self.fanout.streams();
        let stream = streams.remove(&self.id);
        if streams.is_empty() {
            self.fanout.parts.forget();
        }
        drop(streams);
        if stream.is_some_and(|stream| stream.ways() == Ways::Pages) {
            self.fanout.refused();
        }
    }
}
