//! `GET /state`: source, encoder, frames, viewers and upload, as JSON.

use crate::{
    feed::{BudgetStatus, CameraName, Hub, StatusSnapshot, UploadStatus},
    http::{Context, stream::ViewerState},
};
use serde::Serialize;
use std::time::Duration;

#[derive(Serialize)]
struct State {
    /// The server's wall clock, so that a client can relate `X-Timestamp` to its own.
    time: f64,
    version: &'static str,
    /// Whether clients may change something.
    control: bool,
    /// Whether their changes are saved; none where they are not to be.
    control_saved: Option<bool>,
    /// One camera's state.
    #[serde(flatten)]
    camera: Camera,
    viewers: Vec<ViewerState>,
    /// All cameras, where they have names.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    cameras: Vec<Named>,
}

#[derive(Serialize)]
struct Named {
    name: Option<CameraName>,
    #[serde(flatten)]
    camera: Camera,
}

#[derive(Serialize)]
struct Camera {
    source: Source,
    encoder: Encoder,
    frames: Frames,
    budget: Option<BudgetStatus>,
    upload: Option<UploadStatus>,
}

#[derive(Serialize)]
struct Source {
    name: String,
    format: Option<&'static str>,
    width: Option<u32>,
    height: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fps: Option<f64>,
    connected: bool,
    reason: Option<String>,
}

#[derive(Serialize)]
struct Encoder {
    name: String,
    quality: u8,
    /// Why it makes no pictures.
    reason: Option<String>,
}

#[derive(Serialize)]
struct Frames {
    captured: u64,
    encoded: u64,
    skipped: u64,
    dropped: u64,
    failed: u64,
    /// How many had data for `/events`.
    with_data: u64,
}

/// What changes seldom.
#[derive(Serialize)]
struct Words {
    source: Source,
    encoder: Encoder,
}

impl Words {
    fn of(hub: &Hub, status: StatusSnapshot) -> Self {
        Self {
            source: Source {
                name: status.source,
                format: status.format.map(|f| f.pixel.name()),
                width: status.format.map(|f| f.width.get()),
                height: status.format.map(|f| f.height.get()),
                fps: None,
                connected: status.camera.is_ok(),
                reason: status.camera.err(),
            },
            encoder: Encoder {
                name: status.encoder,
                quality: hub.settings.quality().get(),
                reason: status.encoder_health.err(),
            },
        }
    }
}

impl Camera {
    fn of(hub: &Hub, now: Duration) -> Self {
        let mut status = hub.status.snapshot(now);
        let metrics = &hub.metrics;
        let upload = status.upload.take();
        let fps = Some((status.fps * 10.0).round() / 10.0);
        let Words { source, encoder } = Words::of(hub, status);
        Self {
            source: Source { fps, ..source },
            encoder,
            frames: Frames {
                captured: metrics.frames_captured.get(),
                encoded: metrics.frames_encoded.get(),
                skipped: metrics.frames_skipped.get(),
                dropped: metrics.frames_dropped.get(),
                failed: metrics.frames_failed.get(),
                with_data: hub.events.published(),
            },
            budget: hub.budget(now),
            upload,
        }
    }
}

/// The state of a camera without what changes with every frame.
pub(in crate::http) fn words(hub: &Hub, now: Duration) -> String {
    // Strings and numbers always serialise.
    serde_json::to_string(&Words::of(hub, hub.status.snapshot(now))).unwrap_or_default()
}

/// The state of the server, or of the one camera that is named.
pub(super) fn json(context: &Context, named: Option<usize>) -> Vec<u8> {
    let Context { server, viewers, shown, .. } = context;
    let now = server.clock.monotonic();
    let mut viewers = viewers.state(now);
    let mut cameras = Vec::new();
    match named {
        Some(one) => viewers.retain(|viewer| viewer.camera == shown[one].name),
        None if shown.len() > 1 || server.name.is_some() => {
            let all = shown.iter();
            cameras
                .extend(all.map(|one| Named { name: one.name.clone(), camera: Camera::of(&one.hub, now) }));
        }
        None => {}
    }
    let hub = &shown[named.unwrap_or(0)].hub;
    let state = State {
        time: server.clock.unix().as_secs_f64(),
        version: server.version,
        control: hub.settings.are_changes_allowed(),
        control_saved: hub.settings.saved(),
        camera: Camera::of(hub, now),
        viewers,
        cameras,
    };
    // Strings and numbers always serialise.
    serde_json::to_vec_pretty(&state).unwrap_or_default()
}
