//! What is counted, and how Prometheus reads it.

use prometheus_client::{
    encoding::text::encode,
    metrics::{counter::Counter, gauge::Gauge, histogram::Histogram},
    registry::{Registry, Unit},
};
use std::{fmt, sync::atomic::AtomicU64};

/// Every counter of one streamer. `/metrics` and `/state` show the same numbers.
pub struct Metrics {
    /// Frames the camera lent.
    pub frames_captured: Counter,
    /// Frames that became pictures in the feed.
    pub frames_encoded: Counter,
    /// Frames not encoded because nobody wanted one.
    pub frames_skipped: Counter,
    /// Frames lost before or at capture: gaps in the camera's sequence, and damaged ones.
    pub frames_dropped: Counter,
    /// Frames that came to nothing because the encoder failed, or rested after it had.
    pub frames_failed: Counter,
    /// Viewers of `/stream` now.
    pub viewers: Gauge,
    /// Time to encode a frame.
    pub encode_seconds: Histogram,
    /// Time from capture to the picture being in the feed.
    pub capture_to_publish_seconds: Histogram,
    /// Who is connected, and who was turned away.
    pub connections: ConnectionCounters,
    /// When the server's certificate ends, Unix seconds; 0 without TLS.
    pub certificate_expiry: Gauge,
    /// Bytes of pictures and framing handed to the sockets of `/stream`.
    pub stream_bytes: Counter,
    /// What became of uploads.
    pub upload: UploadCounters,
    /// What waits for its upload on the disk, and what became of it.
    pub spool: SpoolCounters,
    registry: Registry,
}

/// Connections to the HTTP server, of every kind.
#[derive(Clone, Debug, Default)]
pub struct ConnectionCounters {
    /// Connected now.
    pub now: Gauge,
    /// Idle ones that were closed because a new one needed the place.
    pub evicted: Counter,
    /// New ones that were refused because so many were at work.
    pub refused: Counter,
}

/// What became of the pictures offered to an upload server.
#[derive(Clone, Debug, Default)]
pub struct UploadCounters {
    /// Taken by the server (2xx).
    pub accepted: Counter,
    /// Tried and refused, or broken on the way.
    pub failed: Counter,
    /// Never to be sent: a newer picture came first, or the spool had no room.
    pub dropped: Counter,
}

/// What a spool holds, and what became of the pictures offered to it.
///
/// Each was taken or missed; each that was taken waits, was sent, dropped, refused or damaged.
#[derive(Clone, Debug, Default)]
pub struct SpoolCounters {
    /// Safely on the disk.
    pub taken: Counter,
    /// Removed unsent, to make room.
    pub dropped: Counter,
    /// Never taken: no room, or the disk failed or was too slow.
    pub missed: Counter,
    /// Set aside, since the server would never take them.
    pub refused: Counter,
    /// Set aside, since their bytes were not what was written.
    pub damaged: Counter,
    /// Pictures that wait now.
    pub pictures: Gauge,
    /// Bytes of all files now.
    pub bytes: Gauge,
    /// When the picture that goes next was taken, Unix seconds; 0 when there is none.
    pub oldest: Gauge<f64, AtomicU64>,
    /// [`UploadCounters::dropped`], which counts those that were dropped and those that were missed.
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
        let mut metrics = Self {
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
            registry: Registry::with_prefix("eyelet"),
        };
        let r = &mut metrics.registry;
        for (name, help, counter) in [
            (
                "frames_captured",
                "Frames the camera lent, or kept while nobody wanted one",
                &metrics.frames_captured,
            ),
            ("frames_encoded", "Frames that became pictures", &metrics.frames_encoded),
            ("frames_skipped", "Frames not encoded because nobody wanted one", &metrics.frames_skipped),
            ("frames_dropped", "Frames lost before or at capture", &metrics.frames_dropped),
            ("frames_failed", "Frames not encoded because the encoder failed", &metrics.frames_failed),
            (
                "connections_evicted",
                "Idle connections that gave way to new ones",
                &metrics.connections.evicted,
            ),
            (
                "connections_refused",
                "Connections refused, too many were at work",
                &metrics.connections.refused,
            ),
            ("upload_accepted", "Pictures the upload server took", &metrics.upload.accepted),
            ("upload_failed", "Uploads refused or broken on the way", &metrics.upload.failed),
            ("upload_dropped", "Pictures never to be uploaded", &metrics.upload.dropped),
            ("spool_taken", "Pictures safely in the spool", &metrics.spool.taken),
            ("spool_dropped", "Pictures removed unsent from the spool", &metrics.spool.dropped),
            ("spool_missed", "Pictures that the spool did not take", &metrics.spool.missed),
            ("spool_refused", "Pictures that the server will never take", &metrics.spool.refused),
            ("spool_damaged", "Pictures damaged in the spool", &metrics.spool.damaged),
        ] {
            r.register(name, help, counter.clone());
        }
        r.register("connections", "Connections now", metrics.connections.now.clone());
        let expiry = metrics.certificate_expiry.clone();
        r.register_with_unit("tls_certificate_expiry", "When the certificate ends", Unit::Seconds, expiry);
        r.register("viewers", "Viewers of /stream now", metrics.viewers.clone());
        let spool = &metrics.spool;
        r.register("spool_pictures", "Pictures that wait in the spool", spool.pictures.clone());
        r.register_with_unit("spool", "Files of the spool", Unit::Bytes, spool.bytes.clone());
        let oldest = "When the picture that goes next was taken";
        r.register_with_unit("spool_oldest_timestamp", oldest, Unit::Seconds, spool.oldest.clone());
        r.register_with_unit("stream", "Sent on /stream", Unit::Bytes, metrics.stream_bytes.clone());
        for (name, help, histogram) in [
            ("encode", "Time to encode a frame", &metrics.encode_seconds),
            ("capture_to_publish", "Time from capture to publication", &metrics.capture_to_publish_seconds),
        ] {
            r.register_with_unit(name, help, Unit::Seconds, histogram.clone());
        }
        metrics
    }

    /// The `Content-Type` of [`render`](Self::render).
    pub const CONTENT_TYPE: &'static str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

    /// The text that Prometheus scrapes.
    pub fn render(&self) -> String {
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_promised_names_are_there() {
        let metrics = Metrics::new();
        metrics.frames_captured.inc_by(3);
        metrics.encode_seconds.observe(0.003);
        let text = metrics.render();
        for line in [
            "eyelet_frames_captured_total 3",
            "eyelet_frames_encoded_total 0",
            "eyelet_frames_skipped_total 0",
            "eyelet_frames_failed_total 0",
            "eyelet_connections 0",
            "eyelet_connections_evicted_total 0",
            "eyelet_connections_refused_total 0",
            "eyelet_viewers 0",
            "eyelet_encode_seconds_count 1",
            "eyelet_encode_seconds_bucket{le=\"0.0032\"} 1",
            "eyelet_capture_to_publish_seconds_count 0",
            "eyelet_stream_bytes_total 0",
            "eyelet_upload_accepted_total 0",
            "eyelet_upload_failed_total 0",
            "eyelet_upload_dropped_total 0",
        ] {
            assert!(text.lines().any(|l| l == line), "{line} is missing in\n{text}");
        }
    }
}
