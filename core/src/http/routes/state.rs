//! `GET /state`: source, encoder, frames, viewers and upload, as JSON.

use crate::{
    feed::UploadStatus,
    http::{
        Server,
        stream::{ViewerState, Viewers},
    },
};
use serde::Serialize;

#[derive(Serialize)]
struct State<'a> {
    /// The server's wall clock, so that a client can relate `X-Timestamp` to its own.
    time: f64,
    source: Source<'a>,
    encoder: Encoder<'a>,
    frames: Frames,
    viewers: Vec<ViewerState>,
    upload: Option<UploadStatus>,
}

#[derive(Serialize)]
struct Source<'a> {
    name: &'a str,
    format: Option<&'static str>,
    width: Option<u32>,
    height: Option<u32>,
    fps: f64,
    connected: bool,
    reason: Option<&'a str>,
}

#[derive(Serialize)]
struct Encoder<'a> {
    name: &'a str,
    quality: u8,
    /// Why it makes no pictures.
    reason: Option<&'a str>,
}

#[derive(Serialize)]
struct Frames {
    captured: u64,
    encoded: u64,
    skipped: u64,
    dropped: u64,
    failed: u64,
}

pub(super) fn json(server: &Server, viewers: &Viewers) -> Vec<u8> {
    let now = server.clock.monotonic();
    let status = server.hub.status.snapshot(now);
    let metrics = &server.hub.metrics;
    let state = State {
        time: server.clock.unix().as_secs_f64(),
        source: Source {
            name: &status.source,
            format: status.format.map(|f| f.pixel.name()),
            width: status.format.map(|f| f.width.get()),
            height: status.format.map(|f| f.height.get()),
            fps: (status.fps * 10.0).round() / 10.0,
            connected: status.camera.is_ok(),
            reason: status.camera.as_ref().err().map(String::as_str),
        },
        encoder: Encoder {
            name: &status.encoder,
            quality: status.quality.get(),
            reason: status.encoder_health.as_ref().err().map(String::as_str),
        },
        frames: Frames {
            captured: metrics.frames_captured.get(),
            encoded: metrics.frames_encoded.get(),
            skipped: metrics.frames_skipped.get(),
            dropped: metrics.frames_dropped.get(),
            failed: metrics.frames_failed.get(),
        },
        viewers: viewers.state(now),
        upload: status.upload,
    };
    // Strings and numbers always serialise.
    serde_json::to_vec_pretty(&state).unwrap_or_default()
}
