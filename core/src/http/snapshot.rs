//! `GET /snapshot`: one picture, captured after the request came.

use super::{
    Server,
    routes::{self, Reply},
};
use crate::feed::{Picture, PictureKind};
use bytes::Bytes;
use http_body_util::Full;
use hyper::{
    Response,
    header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue},
};
use std::{sync::Arc, time::Duration};
use tokio::time::timeout;

/// How long a camera may take for the picture.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long a still source may take before its newest picture is as good as a new one.
const STILL: Duration = Duration::from_millis(500);

/// What `/snapshot` answers when no new frame comes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum SnapshotPolicy {
    /// 503: a camera that runs must deliver.
    #[default]
    Fresh,
    /// The newest picture: an application that wrote one picture may mean it to stay.
    FreshOrNewest,
}

pub(super) async fn take(server: &Server) -> Reply {
    let status = || server.hub.status.snapshot(server.clock.monotonic());
    let asked_at = server.clock.monotonic();
    let mut pictures = server.hub.feed.subscribe();
    if server.snapshot == SnapshotPolicy::Fresh
        && let Some(picture) = server.hub.feed.newest()
        && picture.kind == PictureKind::NoSignal
        && let Err(reason) = status().health
    {
        return routes::unavailable(format!("{reason}\n"));
    }
    let fresh = async {
        loop {
            let picture = pictures.next().await;
            if picture.kind == PictureKind::Live && picture.captured_at >= server.clock.to_unix(asked_at) {
                return picture;
            }
        }
    };
    let patience = match server.snapshot {
        SnapshotPolicy::Fresh => PATIENCE,
        SnapshotPolicy::FreshOrNewest => STILL,
    };
    if let Ok(picture) = timeout(patience, fresh).await {
        return reply(&picture);
    }
    let newest = server.hub.feed.newest().filter(|picture| picture.kind == PictureKind::Live);
    match newest.filter(|_| server.snapshot == SnapshotPolicy::FreshOrNewest) {
        Some(picture) => reply(&picture),
        None => {
            let reason =
                status().health.err().unwrap_or_else(|| format!("no frame came within {patience:?}"));
            routes::unavailable(format!("{reason}\n"))
        }
    }
}

fn reply(picture: &Arc<Picture>) -> Reply {
    let mut reply: Response<Full<Bytes>> = Response::new(Full::new(picture.jpeg.clone()));
    let headers = reply.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("image/jpeg"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let at = picture.captured_at;
    let timestamp = format!("{}.{:06}", at.as_secs(), at.subsec_micros());
    if let Ok(timestamp) = HeaderValue::try_from(timestamp) {
        headers.insert(HeaderName::from_static("x-timestamp"), timestamp);
    }
    headers.insert(HeaderName::from_static("x-sequence"), HeaderValue::from(picture.sequence));
    reply
}
