//! What the source is and whether it delivers: read by `/state`, `/healthz` and the status line.

use super::{Rate, UploadStatus};
use eyelet_hal::StreamFormat;
use std::{
    fmt,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::sync::watch;

/// A camera thread without a heartbeat for this long hangs, and nothing but a restart helps. A single call of a device
/// takes 4 s at most, unless its driver is broken; opening one takes several.
pub const HANG: Duration = Duration::from_secs(15);

/// The state of the source and its encoder, shared between threads.
#[derive(Debug, Default)]
pub struct Status {
    inner: Mutex<Inner>,
    /// The camera thread's last: milliseconds on the monotonic clock, plus one. 0 where there is no such thread.
    heartbeat: AtomicU64,
    /// Sent when a text of a snapshot, or its format, has changed.
    changes: watch::Sender<()>,
}

#[derive(Debug, Default)]
struct Inner {
    source: String,
    format: Option<StreamFormat>,
    lost: Option<String>,
    live: bool,
    captured: Rate,
    allowance: Duration,
    encoder: String,
    encoder_fails: Option<String>,
    encode_time: Duration,
    picture_len: usize,
    upload: Option<Upload>,
}

/// Gives the upload's status.
struct Upload(Box<dyn Fn() -> UploadStatus + Send>);

impl fmt::Debug for Upload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (self.0)().fmt(f)
    }
}

/// A moment's [`Status`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct StatusSnapshot {
    /// The camera's name.
    pub source: String,
    /// What it delivers; `None` before the first frame.
    pub format: Option<StreamFormat>,
    /// Frames captured per second.
    pub fps: f64,
    /// After how long without a frame the camera counts as lost; zero where there is none.
    pub allowance: Duration,
    /// `Ok` while pictures are encoded, or would be if any were wanted; else the reason why not.
    pub health: Result<(), String>,
    /// `Ok` while frames arrive, else the reason why not.
    pub camera: Result<(), String>,
    /// `Ok` unless the encoder keeps failing.
    pub encoder_health: Result<(), String>,
    /// The encoder's name.
    pub encoder: String,
    /// What the last frame took to encode.
    pub encode_time: Duration,
    /// Bytes of the last picture.
    pub picture_len: usize,
    /// The upload that runs beside the stream.
    pub upload: Option<UploadStatus>,
}

impl Status {
    /// The source has a name before it has frames.
    pub(crate) fn opened(&self, source: &str) {
        self.lock().source = source.to_owned();
        self.changes.send_replace(());
    }

    /// The source delivers `format`.
    pub fn connected(&self, source: &str, format: StreamFormat) {
        let mut inner = self.lock();
        inner.source = source.to_owned();
        inner.format = Some(format);
        inner.live = true;
        inner.lost = None;
        self.changes.send_replace(());
    }

    /// The source delivers nothing, for this reason.
    pub fn lost(&self, reason: &str) {
        let mut inner = self.lock();
        inner.lost = Some(reason.to_owned());
        inner.live = false;
        self.changes.send_replace(());
    }

    /// So many frames arrived up to `now` on the monotonic clock.
    pub(crate) fn captured(&self, now: Duration, frames: u64, format: StreamFormat) {
        let mut inner = self.lock();
        inner.captured.ticks(now, u32::try_from(frames).unwrap_or(u32::MAX));
        let before = (inner.format.replace(format), std::mem::replace(&mut inner.live, true));
        if before != (Some(format), true) {
            self.changes.send_replace(());
        }
    }

    /// The camera counts as lost after this long without a frame.
    pub(crate) fn set_allowance(&self, allowance: Duration) {
        self.lock().allowance = allowance;
    }

    /// The encoder, before it has encoded anything.
    pub(crate) fn encoding(&self, encoder: &str) {
        let mut inner = self.lock();
        inner.encoder = encoder.to_owned();
        self.changes.send_replace(());
    }

    /// A frame was encoded; by another encoder, if a fallback took over.
    pub(crate) fn encoded(&self, encoder: &str, time: Duration, len: usize) {
        let mut inner = self.lock();
        if inner.encoder != encoder {
            inner.encoder = encoder.to_owned();
            self.changes.send_replace(());
        }
        inner.encode_time = time;
        inner.picture_len = len;
    }

    /// The encoder produces no pictures, for this reason; `None` when it does again.
    pub(crate) fn encoder_fails(&self, reason: Option<&str>) {
        self.lock().encoder_fails = reason.map(str::to_owned);
        self.changes.send_replace(());
    }

    /// Changes whenever a text of a [snapshot](Self::snapshot), or its format, may have changed, unless by the passing of time alone.
    pub(crate) fn changes(&self) -> watch::Receiver<()> {
        self.changes.subscribe()
    }

    /// The camera thread is alive at `now` on the monotonic clock.
    pub(crate) fn heartbeat(&self, now: Duration) {
        let millis = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
        self.heartbeat.store(millis.saturating_add(1), Ordering::Relaxed);
    }

    /// There is no camera thread any more.
    pub(crate) fn ended(&self) {
        self.heartbeat.store(0, Ordering::Relaxed);
    }

    /// For how long the camera thread has hung at `now` on the monotonic clock; `None` while it does not, and where there is
    /// none. It has a heartbeat with a camera and without.
    pub fn hung_for(&self, now: Duration) -> Option<Duration> {
        let last = Duration::from_millis(self.heartbeat.load(Ordering::Relaxed).checked_sub(1)?);
        Some(now.saturating_sub(last)).filter(|&since| since >= HANG)
    }

    /// An upload runs beside the stream; `status` is called for each snapshot.
    pub fn uploading(&self, status: impl Fn() -> UploadStatus + Send + 'static) {
        self.lock().upload = Some(Upload(Box::new(status)));
    }

    /// The state at `now` on the monotonic clock.
    pub fn snapshot(&self, now: Duration) -> StatusSnapshot {
        let hung_for = self.hung_for(now);
        let inner = self.lock();
        let camera = match (hung_for, &inner.lost) {
            // Without the time, so that it changes once: whoever follows the state hears of each change.
            (Some(_), _) => Err("the camera thread has hung; restart the program".to_owned()),
            (None, Some(reason)) => Err(reason.clone()),
            (None, None) if !inner.live => Err("no frame has come yet".to_owned()),
            (None, None) => Ok(()),
        };
        let encoder_health = inner.encoder_fails.clone().map_or(Ok(()), Err);
        StatusSnapshot {
            source: inner.source.clone(),
            format: inner.format,
            fps: inner.captured.per_second(now),
            allowance: inner.allowance,
            health: camera.clone().and_then(|()| encoder_health.clone()),
            camera,
            encoder_health,
            encoder: inner.encoder.clone(),
            encode_time: inner.encode_time,
            picture_len: inner.picture_len,
            upload: inner.upload.as_ref().map(|upload| (upload.0)()),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
