//! `GET /stream`: the newest picture, to one viewer, over and over.

use super::{Server, framing::Framing, socket::Socket, thinner::Thinner, viewers::Viewer};
use crate::feed::{Picture, Subscription};
use bytes::Bytes;
use std::{
    io::{self, IoSlice},
    sync::Arc,
    time::Duration,
};
use tokio::time::{Instant, timeout, timeout_at};

/// On a still source the newest picture is sent again this often, so that a client which missed its end sees
/// it all the same, and a dead one is noticed.
const REPEAT: Duration = Duration::from_secs(1);

/// A viewer that takes not one byte for this long is gone.
const STALL: Duration = Duration::from_secs(30);

/// A request for the stream, and its place among the viewers.
#[derive(Debug)]
pub(super) struct StreamRequest {
    pub(super) viewer: Viewer,
    pub(super) framing: Framing,
    pub(super) thinner: Option<Thinner>,
}

/// Streams until the viewer leaves.
pub(super) async fn run(socket: Socket, request: StreamRequest, server: &Server) {
    if let Err(error) = socket.keep_fresh() {
        tracing::debug!(%error, "a slow viewer may fall behind");
    }
    let pictures = server.hub.feed.subscribe();
    tokio::select! {
        () = left(&socket) => {}
        result = send(&socket, request, pictures, server) => {
            if let Err(error) = result {
                tracing::debug!(%error, "viewer gone");
            }
        }
    }
}

/// Until the peer closes its side. What it may still send is of no interest.
async fn left(socket: &Socket) {
    let mut ignored = [0; 512];
    while socket.readable().await.is_ok() {
        match socket.try_read(&mut ignored) {
            Ok(0) => return,
            Ok(_) => {}
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
            Err(_) => return,
        }
    }
}

async fn send(
    socket: &Socket,
    mut request: StreamRequest,
    mut pictures: Subscription,
    server: &Server,
) -> io::Result<()> {
    write_all(socket, &mut [IoSlice::new(&request.framing.opening())]).await?;
    let mut last: Option<Arc<Picture>> = None;
    let mut thinned = 0;
    let mut still = Instant::now() + REPEAT;
    loop {
        let next = timeout_at(still, pictures.next()).await;
        still = Instant::now() + REPEAT;
        let mut picture = match (next, &last) {
            (Ok(picture), _) => {
                if request.thinner.as_mut().is_some_and(|thinner| !thinner.admits(picture.captured_at)) {
                    thinned += 1;
                    continue;
                }
                picture
            }
            (Err(_), Some(last)) => Arc::clone(last),
            (Err(_), None) => continue,
        };
        let part = loop {
            let part = request.framing.part(&picture);
            match socket.try_write_vectored(&slices(&part)) {
                Ok(written) => break finish(socket, &part, written).await,
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                    // Nothing of this picture has gone: by the time there is room, a newer one may be there.
                    room(socket).await?;
                    if let Some(newer) = pictures.newest() {
                        picture = newer;
                    }
                }
                Err(e) => return Err(e),
            }
        };
        server.hub.metrics.stream_bytes.inc_by(part?);
        request.viewer.sent(server.clock.monotonic(), pictures.missed() + thinned);
        last = Some(picture);
    }
}

fn slices(part: &[Bytes; 3]) -> [IoSlice<'_>; 3] {
    part.each_ref().map(|bytes| IoSlice::new(bytes))
}

/// Writes what is left of a part that has begun: parts are never torn. Gives the part's length.
async fn finish(socket: &Socket, part: &[Bytes; 3], written: usize) -> io::Result<u64> {
    let mut slices = slices(part);
    let mut rest = &mut slices[..];
    IoSlice::advance_slices(&mut rest, written);
    write_all(socket, rest).await?;
    Ok(part.iter().map(|bytes| bytes.len() as u64).sum())
}

async fn write_all(socket: &Socket, mut slices: &mut [IoSlice<'_>]) -> io::Result<()> {
    IoSlice::advance_slices(&mut slices, 0);
    while !slices.is_empty() {
        match socket.try_write_vectored(slices) {
            Ok(written) => IoSlice::advance_slices(&mut slices, written),
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => room(socket).await?,
            Err(e) => return Err(e),
        }
    }
    Ok(())
}

async fn room(socket: &Socket) -> io::Result<()> {
    match timeout(STALL, socket.writable()).await {
        Ok(result) => result,
        Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, "takes no bytes")),
    }
}
