//! The counters as Prometheus reads them.

use super::Metrics;
use prometheus_client::{encoding::text::encode, registry::Unit};

/// Gives each counter its name.
pub(super) fn register(metrics: &mut Metrics) {
    let r = &mut metrics.registry;
    for (name, help, counter) in [
        (
            "frames_captured",
            "Frames captured, or left at the camera while no pictures were wanted",
            &metrics.frames_captured,
        ),
        ("frames_encoded", "Frames that became pictures", &metrics.frames_encoded),
        ("frames_skipped", "Frames not encoded because no pictures were wanted", &metrics.frames_skipped),
        ("frames_dropped", "Frames lost before or at capture", &metrics.frames_dropped),
        ("frames_failed", "Frames not encoded because the encoder failed", &metrics.frames_failed),
        (
            "connections_evicted",
            "Idle connections closed to make room for new ones",
            &metrics.connections.evicted,
        ),
        (
            "connections_refused",
            "Connections refused because too many were busy",
            &metrics.connections.refused,
        ),
        ("upload_accepted", "Pictures the upload server accepted", &metrics.upload.accepted),
        ("upload_failed", "Uploads refused or failed", &metrics.upload.failed),
        ("upload_dropped", "Pictures never to be uploaded", &metrics.upload.dropped),
        ("spool_taken", "Pictures safely in the spool", &metrics.spool.taken),
        ("spool_dropped", "Pictures removed unsent from the spool", &metrics.spool.dropped),
        ("spool_missed", "Pictures that the spool did not take", &metrics.spool.missed),
        ("spool_refused", "Pictures that the server will never accept", &metrics.spool.refused),
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
    let oldest = "When the picture that is sent next was captured";
    r.register_with_unit("spool_oldest_timestamp", oldest, Unit::Seconds, spool.oldest.clone());
    r.register_with_unit("stream", "Sent on /stream", Unit::Bytes, metrics.stream_bytes.clone());
    for (name, help, histogram) in [
        ("encode", "Time to encode a frame", &metrics.encode_seconds),
        ("capture_to_publish", "Time from capture to publication", &metrics.capture_to_publish_seconds),
    ] {
        r.register_with_unit(name, help, Unit::Seconds, histogram.clone());
    }
}

impl Metrics {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rendered_metrics_have_the_documented_names() {
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
