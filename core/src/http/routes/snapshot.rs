//! `GET /snapshot`: one picture, captured after the request came.

use crate::{
    feed::{Hub, MAX_AGE, Picture, PictureKind, Timestamp},
    http::{
        Server,
        reply::{self, Reply},
    },
};
use bytes::Bytes;
use http_body_util::Full;
use hyper::{
    Response,
    header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue},
};
use std::{sync::Arc, time::Duration};
use tokio::time::timeout;

/// How long a camera may take for the picture; a slow one may take as long as its time without a frame.
const PATIENCE: Duration = Duration::from_secs(5);

/// The longest that a client waits.
const LONGEST: Duration = Duration::from_secs(150);

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

pub(super) async fn take(server: &Server, hub: &Hub) -> Reply {
    let status = || hub.status.snapshot(server.clock.monotonic());
    let asked_at = server.clock.monotonic();
    let old = hub.feed.newest();
    let mut pictures = hub.feed.subscribe();
    if server.snapshot == SnapshotPolicy::Fresh
        && let Some(picture) = &old
        && picture.kind == PictureKind::NoSignal
        && let Err(reason) = status().health
    {
        return reply::unavailable(format!("{reason}\n"));
    }
    let fresh = async {
        let mut before = false;
        loop {
            let picture = pictures.next().await;
            if old.as_ref().is_some_and(|old| Arc::ptr_eq(old, &picture)) {
                continue;
            }
            match picture.kind {
                PictureKind::Live => {
                    // Pictures with impossible time stamps at least come in order.
                    let cannot_be = picture.label.captured_at + MAX_AGE < server.clock.unix();
                    if picture.label.captured_at >= server.clock.to_unix(asked_at) || (before && cannot_be) {
                        return Ok::<_, String>(picture);
                    }
                    before = true;
                }
                // The camera was lost meanwhile.
                PictureKind::NoSignal if server.snapshot == SnapshotPolicy::Fresh => status().health?,
                PictureKind::NoSignal => {}
            }
        }
    };
    let patience = match server.snapshot {
        SnapshotPolicy::Fresh => PATIENCE.max(status().allowance.min(LONGEST)),
        SnapshotPolicy::FreshOrNewest => STILL,
    };
    match timeout(patience, fresh).await {
        Ok(Ok(picture)) => return jpeg(hub, &picture),
        Ok(Err(reason)) => return reply::unavailable(format!("{reason}\n")),
        Err(_) => {}
    }
    let newest = hub.feed.newest().filter(|picture| picture.kind == PictureKind::Live);
    match newest.filter(|_| server.snapshot == SnapshotPolicy::FreshOrNewest) {
        Some(picture) => jpeg(hub, &picture),
        None => {
            let reason =
                status().health.err().unwrap_or_else(|| format!("no frame came within {patience:?}"));
            reply::unavailable(format!("{reason}\n"))
        }
    }
}

fn jpeg(hub: &Hub, picture: &Arc<Picture>) -> Reply {
    if let Some(budget) = hub.budget.get() {
        budget.sent(picture.jpeg.len());
    }
    let mut reply: Response<Full<Bytes>> = Response::new(Full::new(picture.jpeg.clone()));
    let headers = reply.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("image/jpeg"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let timestamp = Timestamp(picture.label.captured_at).to_string();
    if let Ok(timestamp) = HeaderValue::try_from(timestamp) {
        headers.insert(HeaderName::from_static("x-timestamp"), timestamp);
    }
    headers.insert(HeaderName::from_static("x-sequence"), HeaderValue::from(picture.label.sequence));
    reply
}
