//! `GET /stream`: the newest picture, to one viewer, over and over.

use super::{Server, framing::Framing, limits, socket::Socket, thinner::Thinner, viewers::Viewer};
use crate::feed::{Picture, Subscription};
use bytes::Bytes;
use hyper::HeaderMap;
use std::{
    io::{self, IoSlice},
    sync::Arc,
    time::Duration,
};
use tokio::time::{Instant, timeout, timeout_at};

/// On a still source the newest picture is sent again this often, so that a client which missed its end sees
/// it all the same, and a dead one is noticed.
const REPEAT: Duration = Duration::from_secs(1);

/// A request for the stream, and its place among the viewers.
#[derive(Debug)]
pub(super) struct StreamRequest {
    pub(super) viewer: Viewer,
    pub(super) framing: Framing,
    pub(super) thinner: Option<Thinner>,
    /// What the answer's head says to this viewer beyond the usual.
    pub(super) headers: HeaderMap,
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

/// Until the peer closes its side. What it may still send is of no interest; one that does not stop is sent away,
/// before reading from it leaves no time for the others.
async fn left(socket: &Socket) {
    let mut ignored = [0; 512];
    let mut patience = limits::CHATTER;
    while socket.readable().await.is_ok() {
        match socket.try_read(&mut ignored) {
            Ok(0) => return,
            Ok(read) if read > patience => return,
            Ok(read) => patience -= read,
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
    let opening = request.framing.opening(&request.headers);
    write_all(socket, &mut [IoSlice::new(&opening)], opening.len()).await?;
    let mut last: Option<Arc<Picture>> = None;
    let mut thinned = 0;
    let mut still = Instant::now() + REPEAT;
    loop {
        let next = timeout_at(still, pictures.next()).await;
        still = Instant::now() + REPEAT;
        let mut picture = match (next, &last) {
            (Ok(picture), _) => {
                if request.thinner.as_mut().is_some_and(|thinner| !thinner.admits(server.clock.monotonic())) {
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
                    room(socket, picture.jpeg.len()).await?;
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
    let len = part.iter().map(Bytes::len).sum();
    write_all(socket, rest, len).await?;
    Ok(len as u64)
}

/// Writes the rest of what has `len` bytes in all.
async fn write_all(socket: &Socket, mut slices: &mut [IoSlice<'_>], len: usize) -> io::Result<()> {
    IoSlice::advance_slices(&mut slices, 0);
    while !slices.is_empty() {
        match socket.try_write_vectored(slices) {
            Ok(written) => IoSlice::advance_slices(&mut slices, written),
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => room(socket, len).await?,
            Err(e) => return Err(e),
        }
    }
    Ok(())
}

/// Waits until the peer has taken something of the `bytes` that it is to get.
async fn room(socket: &Socket, bytes: usize) -> io::Result<()> {
    match timeout(limits::stall_budget(bytes), socket.writable()).await {
        Ok(result) => result,
        Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, "takes no bytes")),
    }
}
