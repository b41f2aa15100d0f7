//! The counters as Prometheus reads them.

use super::{Counter, Gauge, Histogram, Metrics};
use crate::feed::CameraName;
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric, text::encode},
    registry::{Registry, Unit},
};
use std::fmt;

type Picked<T> = fn(&Metrics) -> &T;

/// Each camera's own: name, help and counter.
const COUNTERS: &[(&str, &str, Picked<Counter>)] = &[
    ("frames_captured", "Frames captured, or left at the camera while no pictures were wanted", |m| {
        &m.frames_captured
    }),
    ("frames_encoded", "Frames that became pictures", |m| &m.frames_encoded),
    (
        "frames_skipped",
        "Frames not encoded because no pictures were wanted, or the bit budget had no room",
        |m| &m.frames_skipped,
    ),
    ("frames_dropped", "Frames lost before or at capture", |m| &m.frames_dropped),
    ("frames_failed", "Frames not encoded because the encoder failed", |m| &m.frames_failed),
    ("upload_accepted", "Pictures the upload server accepted", |m| &m.upload.accepted),
    ("upload_failed", "Uploads refused or failed", |m| &m.upload.failed),
    ("upload_dropped", "Pictures never to be uploaded", |m| &m.upload.dropped),
    ("spool_taken", "Pictures safely in the spool", |m| &m.spool.taken),
    ("spool_dropped", "Pictures removed unsent from the spool", |m| &m.spool.dropped),
    ("spool_missed", "Pictures that the spool did not take", |m| &m.spool.missed),
    ("spool_refused", "Pictures that the server will never accept", |m| &m.spool.refused),
    ("spool_damaged", "Pictures damaged in the spool", |m| &m.spool.damaged),
];

const GAUGES: &[(&str, &str, Option<Unit>, Picked<Gauge>)] = &[
    ("viewers", "Viewers of /stream now", None, |m| &m.viewers),
    ("spool_pictures", "Pictures that wait in the spool", None, |m| &m.spool.pictures),
    ("spool", "Files of the spool", Some(Unit::Bytes), |m| &m.spool.bytes),
];

const HISTOGRAMS: &[(&str, &str, Picked<Histogram>)] = &[
    ("encode", "Time to encode a frame", |m| &m.encode_seconds),
    ("capture_to_publish", "Time from capture to publication", |m| &m.capture_to_publish_seconds),
];

/// The server's, which the metrics of its first camera hold.
const SERVER_COUNTERS: &[(&str, &str, Picked<Counter>)] = &[
    ("connections_evicted", "Idle connections closed to make room for new ones", |m| &m.connections.evicted),
    ("connections_refused", "Connections refused because too many were busy", |m| &m.connections.refused),
];

const SERVER_GAUGES: &[(&str, &str, Option<Unit>, Picked<Gauge>)] = &[
    ("connections", "Connections now", None, |m| &m.connections.now),
    ("tls_certificate_expiry", "When the certificate ends", Some(Unit::Seconds), |m| &m.certificate_expiry),
];

/// The metrics of some cameras, in the order in which they are written.
#[derive(Debug)]
struct Cameras(Vec<(Option<CameraName>, Metrics)>);

impl Cameras {
    /// One metric of each camera, with the camera's name if it has one.
    fn each<M: EncodeMetric + 'static>(
        &self,
        encoder: &mut DescriptorEncoder<'_>,
        (name, help, unit): (&str, &str, Option<&Unit>),
        metric: impl Fn(&Metrics) -> &M,
    ) -> fmt::Result {
        let first = match &*self.0 {
            [] => return Ok(()),
            [(None, _)] => return self.once(encoder, (name, help, unit), metric),
            [(_, first), ..] => first,
        };
        let mut family = encoder.encode_descriptor(name, help, unit, metric(first).metric_type())?;
        for (camera, metrics) in &self.0 {
            // To Prometheus an empty label is none.
            let label = ("camera", camera.as_ref().map_or("", CameraName::as_str));
            metric(metrics).encode(family.encode_family(&[label])?)?;
        }
        Ok(())
    }

    /// One metric of the server.
    fn once<M: EncodeMetric + 'static>(
        &self,
        encoder: &mut DescriptorEncoder<'_>,
        (name, help, unit): (&str, &str, Option<&Unit>),
        metric: impl Fn(&Metrics) -> &M,
    ) -> fmt::Result {
        let Some((_, first)) = self.0.first() else { return Ok(()) };
        metric(first).encode(encoder.encode_descriptor(name, help, unit, metric(first).metric_type())?)
    }
}

impl Collector for Cameras {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let encoder = &mut encoder;
        for (name, help, counter) in COUNTERS {
            self.each(encoder, (name, help, None), counter)?;
        }
        self.each(encoder, ("stream", "Sent on /stream", Some(&Unit::Bytes)), |m| &m.stream_bytes)?;
        for (name, help, unit, gauge) in GAUGES {
            self.each(encoder, (name, help, unit.as_ref()), gauge)?;
        }
        let oldest = "When the picture that is sent next was captured";
        self.each(encoder, ("spool_oldest_timestamp", oldest, Some(&Unit::Seconds)), |m| &m.spool.oldest)?;
        for (name, help, histogram) in HISTOGRAMS {
            self.each(encoder, (name, help, Some(&Unit::Seconds)), histogram)?;
        }
        for (name, help, counter) in SERVER_COUNTERS {
            self.once(encoder, (name, help, None), counter)?;
        }
        for (name, help, unit, gauge) in SERVER_GAUGES {
            self.once(encoder, (name, help, unit.as_ref()), gauge)?;
        }
        Ok(())
    }
}

impl Metrics {
    /// The `Content-Type` of [`render`](Self::render).
    pub const CONTENT_TYPE: &'static str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

    /// The text that Prometheus scrapes.
    pub fn render(&self) -> String {
        Self::render_all([(None, self)])
    }

    /// The same for several cameras of one server, whose own metrics are the first one's. Those with a name have the label
    /// `camera`.
    pub fn render_all<'a>(cameras: impl IntoIterator<Item = (Option<CameraName>, &'a Self)>) -> String {
        let cameras = cameras.into_iter().map(|(name, metrics)| (name, metrics.clone())).collect();
        let mut registry = Registry::with_prefix("eyelet");
        registry.register_collector(Box::new(Cameras(cameras)));
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = encode(&mut text, &registry);
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

    /// Prometheus refuses a text that describes a metric twice.
    #[test]
    fn metrics_of_several_cameras_have_one_description_and_a_label_each() {
        let (front, back) = (Metrics::new(), Metrics::new());
        front.frames_captured.inc();
        back.frames_captured.inc_by(2);
        back.encode_seconds.observe(0.003);
        let name = |text: &str| Some(text.parse().unwrap());
        let text = Metrics::render_all([(name("front"), &front), (name("back"), &back)]);
        for line in [
            "eyelet_frames_captured_total{camera=\"front\"} 1",
            "eyelet_frames_captured_total{camera=\"back\"} 2",
            "eyelet_viewers{camera=\"back\"} 0",
            "eyelet_encode_seconds_count{camera=\"back\"} 1",
            "eyelet_encode_seconds_bucket{le=\"0.0032\",camera=\"back\"} 1",
            "eyelet_connections 0",
        ] {
            assert_eq!(text.lines().filter(|l| *l == line).count(), 1, "{line} in\n{text}");
        }
        assert_eq!(text.matches("# TYPE eyelet_frames_captured counter").count(), 1);
        assert_eq!(text.matches("# TYPE eyelet_connections gauge").count(), 1);
    }
}
