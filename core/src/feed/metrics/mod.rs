//! The counters of a camera and its server. With the feature `metrics` Prometheus can read them.

#[cfg(not(feature = "metrics"))]
mod counters;
#[cfg(feature = "metrics")]
mod prometheus;

use std::{fmt, sync::atomic::AtomicU64};

#[cfg(not(feature = "metrics"))]
pub use counters::{Counter, Gauge, Histogram};
#[cfg(feature = "metrics")]
pub use prometheus_client::metrics::{counter::Counter, gauge::Gauge, histogram::Histogram};

/// Every counter of one camera, and of the server that shows it. `/metrics` and `/state` show the same numbers. Cloning gives
/// another handle to the same counters.
#[derive(Clone)]
pub struct Metrics {
    /// Frames captured, or left at the camera while no pictures were wanted.
    pub frames_captured: Counter,
    /// Frames that became pictures in the feed.
    pub frames_encoded: Counter,
    /// Frames not encoded because no pictures were wanted, or because the bit budget had no room for one.
    pub frames_skipped: Counter,
    /// Frames lost before or at capture: gaps in the camera's sequence, and damaged ones.
    pub frames_dropped: Counter,
    /// Frames not encoded because the encoder failed, or was in the pause after a failure.
    pub frames_failed: Counter,
    /// Viewers of `/stream` now.
    pub viewers: Gauge,
    /// Time to encode a frame.
    pub encode_seconds: Histogram,
    /// Time from capture to the picture being in the feed.
    pub capture_to_publish_seconds: Histogram,
    /// Connections to the server, and those that it closed or refused.
    pub connections: ConnectionCounters,
    /// When the server's certificate ends, Unix seconds; 0 without TLS.
    pub certificate_expiry: Gauge,
    /// Bytes of pictures and framing written to the sockets of `/stream`.
    pub stream_bytes: Counter,
    /// Uploads, by outcome.
    pub upload: UploadCounters,
    /// The pictures on the disk that wait for their upload.
    pub spool: SpoolCounters,
}

/// Connections to the HTTP server, of every kind.
#[derive(Clone, Debug, Default)]
pub struct ConnectionCounters {
    /// Connected now.
    pub now: Gauge,
    /// Idle ones that were closed to make room for new ones.
    pub evicted: Counter,
    /// New ones that were refused because too many were busy.
    pub refused: Counter,
}

/// Pictures for an upload server, by outcome.
#[derive(Clone, Debug, Default)]
pub struct UploadCounters {
    /// Accepted by the server (2xx).
    pub accepted: Counter,
    /// Attempts that were refused or failed.
    pub failed: Counter,
    /// Never to be sent: a newer picture came first, or the spool had no room.
    pub dropped: Counter,
}

/// What a spool holds, and its pictures by outcome.
///
/// Each picture was taken or missed; each taken one waits, or was sent, dropped, refused or damaged.
#[derive(Clone, Debug, Default)]
pub struct SpoolCounters {
    /// Safely on the disk.
    pub taken: Counter,
    /// Removed unsent, to make room.
    pub dropped: Counter,
    /// Never taken: no room, or the disk failed or was too slow.
    pub missed: Counter,
    /// Set aside, since the server would never accept them.
    pub refused: Counter,
    /// Set aside, since their bytes were not what was written.
    pub damaged: Counter,
    /// Pictures that wait now.
    pub pictures: Gauge,
    /// Bytes of all files now.
    pub bytes: Gauge,
    /// When the picture that is sent next was captured, Unix seconds; 0 when there is none.
    pub oldest: Gauge<f64, AtomicU64>,
    /// [`UploadCounters::dropped`], which counts both the dropped and the missed ones.
    pub upload_dropped: Counter,
}

impl SpoolCounters {
    pub(crate) fn missed(&self, pictures: u64) {
        self.missed.inc_by(pictures);
        self.upload_dropped.inc_by(pictures);
    }

    pub(crate) fn dropped(&self) {
        self.dropped.inc();
        self.upload_dropped.inc();
    }

    pub(crate) fn holds(&self, pictures: usize, bytes: u64) {
        self.pictures.set(i64::try_from(pictures).unwrap_or(i64::MAX));
        self.bytes.set(i64::try_from(bytes).unwrap_or(i64::MAX));
    }
}

/// 100 us to about 1.6 s, each bucket twice the last: an encode takes 0.2 ms on a laptop and 50 ms on a board.
fn seconds() -> Histogram {
    Histogram::new((0..15).map(|i| 1e-4 * f64::from(1 << i)))
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// All at zero.
    pub fn new() -> Self {
        let upload = UploadCounters::default();
        let spool = SpoolCounters { upload_dropped: upload.dropped.clone(), ..SpoolCounters::default() };
        Self {
            frames_captured: Counter::default(),
            frames_encoded: Counter::default(),
            frames_skipped: Counter::default(),
            frames_dropped: Counter::default(),
            frames_failed: Counter::default(),
            viewers: Gauge::default(),
            encode_seconds: seconds(),
            capture_to_publish_seconds: seconds(),
            connections: ConnectionCounters::default(),
            certificate_expiry: Gauge::default(),
            stream_bytes: Counter::default(),
            upload,
            spool,
        }
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}
