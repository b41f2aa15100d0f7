//! What the source is and whether it lives: read by `/state`, `/healthz` and the status line.

use crate::{rate::Rate, upload::Progress};
use eyelet_hal::{Quality, StreamFormat};
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// The state of the source and its encoder, shared between threads.
#[derive(Debug, Default)]
pub struct Status(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    source: String,
    format: Option<StreamFormat>,
    lost: Option<String>,
    live: bool,
    captured: Rate,
    encoder: String,
    quality: Quality,
    encode_time: Duration,
    picture_len: usize,
    upload: Option<Arc<Progress>>,
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
    /// `Ok` while frames arrive, else the reason why not.
    pub health: Result<(), String>,
    /// The encoder's name.
    pub encoder: String,
    /// The encoder's quality.
    pub quality: Quality,
    /// What the last frame took to encode.
    pub encode_time: Duration,
    /// Bytes of the last picture.
    pub picture_len: usize,
    /// The upload that runs beside the stream.
    pub upload: Option<Arc<Progress>>,
}

impl Status {
    /// The source has a name before it has frames.
    pub(crate) fn opened(&self, source: &str) {
        self.lock().source = source.to_owned();
    }

    /// The source delivers `format`.
    pub fn connected(&self, source: &str, format: StreamFormat) {
        let mut inner = self.lock();
        inner.source = source.to_owned();
        inner.format = Some(format);
        inner.live = true;
        inner.lost = None;
    }

    /// The source delivers nothing, for this reason.
    pub fn lost(&self, reason: &str) {
        let mut inner = self.lock();
        inner.lost = Some(reason.to_owned());
        inner.live = false;
    }

    /// A frame came, at `now` on the monotonic clock.
    pub(crate) fn captured(&self, now: Duration, format: StreamFormat) {
        let mut inner = self.lock();
        inner.captured.tick(now);
        inner.format = Some(format);
        inner.live = true;
    }

    /// This encoder will do the work.
    pub(crate) fn encoding(&self, encoder: &str, quality: Quality) {
        let mut inner = self.lock();
        inner.encoder = encoder.to_owned();
        inner.quality = quality;
    }

    /// A frame was encoded; by another encoder, if a fallback took over.
    pub(crate) fn encoded(&self, encoder: &str, time: Duration, len: usize) {
        let mut inner = self.lock();
        if inner.encoder != encoder {
            inner.encoder = encoder.to_owned();
        }
        inner.encode_time = time;
        inner.picture_len = len;
    }

    /// An upload runs beside the stream.
    pub fn uploading(&self, upload: Arc<Progress>) {
        self.lock().upload = Some(upload);
    }

    /// The state at `now` on the monotonic clock.
    pub fn snapshot(&self, now: Duration) -> StatusSnapshot {
        let inner = self.lock();
        let health = match &inner.lost {
            Some(reason) => Err(reason.clone()),
            None if !inner.live => Err("no frame has come yet".to_owned()),
            None => Ok(()),
        };
        StatusSnapshot {
            source: inner.source.clone(),
            format: inner.format,
            fps: inner.captured.per_second(now),
            health,
            encoder: inner.encoder.clone(),
            quality: inner.quality,
            encode_time: inner.encode_time,
            picture_len: inner.picture_len,
            upload: inner.upload.clone(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
