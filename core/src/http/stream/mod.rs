//! `GET /stream`: each new picture to every viewer, with one system call each.
//!
//! The last stage of a frame: the fan-out takes a picture from the feed and offers its part, which is made once, to each
//! viewer, and a viewer sends it over its socket, as far as that takes it.

mod fanout;
pub(super) mod framing;
mod memfd;
mod outgoing;
mod part;
mod rate_limit;
mod sink;
mod viewer;
mod viewers;

pub(super) use fanout::Fanout;
pub(super) use framing::Framing;
pub(super) use rate_limit::RateLimit;
pub(super) use viewer::{StreamRequest, left, write_all};
pub(super) use viewers::{ViewerState, Viewers};

use crate::{feed::Feed, net::socket::Socket};
use std::{convert::Infallible, io, sync::Arc};
use viewer::Viewer;

/// Streams until the viewer leaves.
pub(super) async fn run(socket: Socket, request: StreamRequest, feed: &Feed, fanout: &Fanout) {
    if let Err(error) = socket.keep_fresh() {
        tracing::debug!(%error, "a slow viewer may fall behind");
    }
    let head = request.framing.opening(request.content_type, &request.headers);
    let viewer = Arc::new(Viewer::new(socket, request, feed.subscribe(), fanout.shared()));
    let pictures = async {
        viewer.open(&head).await?;
        let _joined = fanout.join(&viewer);
        viewer.follow().await
    };
    tokio::select! {
        () = viewer.left() => {}
        result = pictures => {
            let Err(error): io::Result<Infallible> = result;
            tracing::debug!(%error, "viewer gone");
        }
    }
}
