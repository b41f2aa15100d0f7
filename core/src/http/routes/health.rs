//! `GET /healthz`: 200 while every camera delivers, else 503 with the reasons.

use super::about;
use crate::http::{
    Context, Shown,
    reply::{Reply, text},
};
use hyper::StatusCode;

/// The reason of each camera that delivers nothing.
pub(super) fn answer(context: &Context, camera: Option<usize>) -> Reply {
    let now = context.server.clock.monotonic();
    let reason = |camera: &Shown| {
        let reason = camera.hub.status.snapshot(now).health.err()?;
        Some(camera.name.as_ref().map_or_else(|| format!("{reason}\n"), |name| format!("{name}: {reason}\n")))
    };
    let reasons: String = about(context, camera).iter().filter_map(reason).collect();
    match reasons.is_empty() {
        true => text(StatusCode::OK, "ok\n"),
        false => text(StatusCode::SERVICE_UNAVAILABLE, reasons),
    }
}
