//! What is counted, and how Prometheus reads it.

use prometheus_client::{
    encoding::text::encode,
    metrics::{counter::Counter, gauge::Gauge, histogram::Histogram},
    registry::{Registry, Unit},
};
use std::fmt;

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
    /// Viewers of `/stream` now.
    pub viewers: Gauge,
    /// Time to encode a frame.
    pub encode_seconds: Histogram,
    /// Time from capture to the picture being in the feed.
    pub capture_to_publish_seconds: Histogram,
    /// Who is connected, and who was turned away.
    pub connections: ConnectionCounters,
    /// Bytes of pictures and framing handed to the sockets of `/stream`.
    pub stream_bytes: Counter,
    /// What became of uploads.
    pub upload: UploadCounters,
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
    /// Never tried, since a newer picture came first.
    pub dropped: Counter,
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
        let mut metrics = Self {
            frames_captured: Counter::default(),
            frames_encoded: Counter::default(),
            frames_skipped: Counter::default(),
            frames_dropped: Counter::default(),
            viewers: Gauge::default(),
            encode_seconds: seconds(),
            capture_to_publish_seconds: seconds(),
            connections: ConnectionCounters::default(),
            stream_bytes: Counter::default(),
            upload: UploadCounters::default(),
            registry: Registry::with_prefix("eyelet"),
        };
        let r = &mut metrics.registry;
        for (name, help, counter) in [
            ("frames_captured", "Frames the camera lent", &metrics.frames_captured),
            ("frames_encoded", "Frames that became pictures", &metrics.frames_encoded),
            ("frames_skipped", "Frames not encoded because nobody wanted one", &metrics.frames_skipped),
            ("frames_dropped", "Frames lost before or at capture", &metrics.frames_dropped),
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
            ("upload_dropped", "Pictures not uploaded, a newer one came first", &metrics.upload.dropped),
        ] {
            r.register(name, help, counter.clone());
        }
        r.register("connections", "Connections now", metrics.connections.now.clone());
        r.register("viewers", "Viewers of /stream now", metrics.viewers.clone());
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
