//! `GET /metrics`: the counters of each camera, as OpenMetrics.

use super::{about, accept};
use crate::{
    feed::metrics::Metrics,
    http::{
        Context,
        reply::{Reply, text, typed},
    },
};
use hyper::{Request, StatusCode, body::Incoming};

/// The counters of this camera, or of all.
pub(super) fn answer(request: &Request<Incoming>, context: &Context, camera: Option<usize>) -> Reply {
    let cameras = about(context, camera).iter();
    let rendered = Metrics::render_all(cameras.map(|camera| (camera.name.clone(), &*camera.hub.metrics)));
    // A browser would save OpenMetrics to a file.
    match accept(request).contains("text/html") {
        true => text(StatusCode::OK, rendered),
        false => typed(Metrics::CONTENT_TYPE, rendered),
    }
}
