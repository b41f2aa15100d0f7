//! How many bits a second all pictures of a server may take.
//!
//! A [`Budget`] counts the pictures of its cameras that leave for viewers, snapshots and uploads, and decides about each frame:
//! at which quality it is encoded, and whether at all. Without one nothing is counted beyond what `/metrics` shows.

mod curve;
mod policy;
#[cfg(test)]
mod tests;

use super::{Hub, Settings, interest::Interest, metrics::Counter};
use eyelet_hal::{Error, ErrorKind, Quality, Result};
use policy::{Policy, Range, Reading};
use serde::Serialize;
use std::{
    num::NonZeroU32,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

/// Limits the bit rate of all pictures that leave the server, of all its cameras together.
///
/// Quality is lowered first, down to a minimum and for all cameras alike; where that is not enough, fewer pictures are encoded,
/// evenly spaced. Cameras share the budget by their readers, and what one does not need the others have. Two seconds after
/// a change of the scene or of the viewers, no second (at fewer than ten pictures a second, no time of ten pictures) has more
/// than a tenth over the budget. It counts whole pictures with the headers of their parts; not TCP, TLS or other answers.
///
/// A camera that is watched has at least one picture a second, even if the budget has no room for that. The quality
/// of a camera that delivers JPEGs is fixed: it only has fewer pictures.
///
/// ```
/// use eyelet_core::{Hub, feed::Budget};
/// use eyelet_hal::Quality;
/// use std::{num::NonZeroU32, time::Duration};
///
/// let budget = Budget::new(NonZeroU32::new(2000).unwrap(), Quality::new(30).unwrap());
/// let (front, back) = (Hub::default(), Hub::default());
/// budget.limit(&front)?; // before its pipeline runs
/// budget.limit(&back)?;
/// assert_eq!(front.budget(Duration::ZERO).unwrap().max_kbps, 2000);
/// # Ok::<_, eyelet_hal::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Budget {
    quality_min: Quality,
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug)]
struct Inner {
    max_kbps: u32,
    policy: Policy,
    sources: Vec<Source>,
}

/// Where the readings of a camera come from.
#[derive(Debug)]
struct Source {
    interest: Arc<Interest>,
    streamed: Counter,
    settings: Arc<Settings>,
    /// Bytes of snapshots and uploads.
    others: Arc<AtomicU64>,
}

/// A moment's state of a camera's budget.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct BudgetStatus {
    /// The budget of the whole server: units of 1000 bits a second.
    pub max_kbps: u32,
    /// What the whole server sent during the last whole second that was counted, which ended up to a second ago; at once more if
    /// this second already has more.
    pub kbps: u32,
    /// The quality of this camera's pictures now; `None` where it delivers JPEGs.
    pub quality: Option<u8>,
    /// Pictures of this camera a second.
    pub fps: f64,
    /// Whether this camera's pictures have been worse or fewer within the last second because of the budget.
    pub limited: bool,
}

impl Budget {
    /// So many kbit/s (1000 bits a second), with pictures of this quality at least.
    pub fn new(max_kbps: NonZeroU32, quality_min: Quality) -> Self {
        let policy = Policy::new(f64::from(max_kbps.get()) * 125.0, quality_min.get());
        let inner = Inner { max_kbps: max_kbps.get(), policy, sources: Vec::new() };
        Self { quality_min, inner: Arc::new(Mutex::new(inner)) }
    }

    /// Counts and limits the pictures of this hub from now on. A pipeline that runs already is not limited; and a hub keeps
    /// the first budget that it was given.
    ///
    /// # Errors
    /// `InvalidInput` if the lowest quality is above the [default](super::Settings::default_quality) of the hub's settings.
    pub fn limit(&self, hub: &Hub) -> Result<()> {
        let (min, most) = (self.quality_min, hub.settings.default_quality());
        if min > most {
            let what = format!("the lowest quality for the bit budget, {min}, is above the quality, {most}");
            return Err(Error::new(ErrorKind::InvalidInput, what).with_remedy("lower it"));
        }
        hub.budget.get_or_init(|| {
            let others = Arc::<AtomicU64>::default();
            let mut inner = self.lock();
            inner.sources.push(Source {
                interest: Arc::clone(&hub.feed.interest),
                streamed: hub.metrics.stream_bytes.clone(),
                settings: Arc::clone(&hub.settings),
                others: Arc::clone(&others),
            });
            let index = inner.policy.add();
            drop(inner);
            Member { budget: self.clone(), index, others }
        });
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// With new readings of all cameras.
    fn read(&self, now: Duration) -> MutexGuard<'_, Inner> {
        let mut inner = self.lock();
        let Inner { policy, sources, .. } = &mut *inner;
        policy.read(now, |index| sources[index].reading());
        inner
    }
}

impl Source {
    fn reading(&self) -> Reading {
        let sent = self.streamed.get() + self.others.load(Ordering::Relaxed);
        Reading { readers: self.interest.count(), sent }
    }
}

/// One camera's part in a [`Budget`].
#[derive(Clone, Debug)]
pub(crate) struct Member {
    budget: Budget,
    index: usize,
    others: Arc<AtomicU64>,
}

impl Member {
    /// A frame arrives at `now` on the monotonic clock, as all times here are: whether there is room for its picture, and the
    /// quality that this is to have. That is `most` at most; it cannot be chosen if the picture is `compressed` already.
    pub(crate) fn frame(&self, now: Duration, most: Quality, compressed: bool) -> (bool, Quality) {
        let range = if compressed { Range::Fixed } else { Range::AtMost(most.get()) };
        let decision = self.budget.read(now).policy.frame(now, self.index, range);
        (decision.room, Quality::new(decision.quality).unwrap_or(most))
    }

    /// A frame became a picture of this size; the quality at which it should be encoded once more, if that is far too large.
    pub(crate) fn encoded(&self, now: Duration, len: usize, quality: Quality) -> Option<Quality> {
        let lower = self.budget.lock().policy.encoded(now, self.index, len, quality.get());
        lower.and_then(Quality::new)
    }

    /// A picture of this size is about to be published.
    pub(crate) fn published(&self, now: Duration, len: usize, quality: Quality) {
        self.budget.lock().policy.published(now, self.index, len, quality.get());
    }

    /// A picture of this size leaves as a snapshot or an upload.
    pub(crate) fn sent(&self, len: usize) {
        self.others.fetch_add(len as u64, Ordering::Relaxed);
    }

    pub(super) fn status(&self, now: Duration) -> BudgetStatus {
        let inner = self.budget.read(now);
        let most = inner.sources[self.index].settings.quality().get();
        let report = inner.policy.report(now, self.index, most);
        BudgetStatus {
            max_kbps: inner.max_kbps,
            kbps: (report.bytes / 125.0).round() as u32,
            quality: report.quality,
            fps: (report.fps * 10.0).round() / 10.0,
            limited: report.limited,
        }
    }
}
