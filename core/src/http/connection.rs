//! One connection: requests answered by hyper until one asks for the stream.

use super::{
    Context, Shown,
    access_log::Entry,
    connections::Place,
    events::{self, EventsRequest},
    limits,
    reply::{self, Reply},
    routes,
    stream::{self, StreamRequest, framing},
    write_monitor::WriteMonitor,
};
use crate::net::socket::{Peer, Socket};
use hyper::{
    HeaderMap, Method, Request,
    body::{Body, Incoming},
    header::{CONNECTION, CONTENT_TYPE, HeaderValue, X_CONTENT_TYPE_OPTIONS},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioTimer;
use std::{
    future::poll_fn,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::Poll,
};
use tokio::time::timeout;

pub(super) async fn serve(socket: Socket, peer: Peer, place: &Place, context: Arc<Context>) {
    if let Err(error) = socket.send_at_once() {
        tracing::debug!(%peer, %error, "disconnected before its first byte");
        return;
    }
    // Before that it costs no buffer: a connection without a request takes no memory, and of a burst each is read, answered
    // and its buffers freed before the next.
    match timeout(limits::HEADER_TIME, socket.first_byte()).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => return tracing::debug!(%peer, %error, "disconnected before its first byte"),
        Err(_) => return tracing::debug!(%peer, "no request"),
    }
    // In a box, which is gone before the stream begins: most of a connection's memory is TLS's and hyper's.
    match Box::pin(converse(socket, &peer, place, &context)).await {
        Some((socket, Endless::Stream(request))) => {
            place.watches();
            let Shown { hub, fanout, .. } = &context.shown[request.camera];
            stream::run(socket, request, &hub.feed, fanout).await;
        }
        Some((socket, Endless::Events(request))) => {
            place.idle();
            let Shown { hub, .. } = &context.shown[request.camera];
            events::run(socket, request, hub, &*context.server.clock).await;
        }
        None => {}
    }
}

/// A request whose answer ends with the connection, which it takes over.
#[derive(Debug)]
pub(super) enum Endless {
    Stream(StreamRequest),
    Events(EventsRequest),
}

impl Endless {
    /// Headers of the answer beside the usual ones.
    pub(super) fn headers(&mut self) -> &mut HeaderMap {
        match self {
            Self::Stream(request) => &mut request.headers,
            Self::Events(request) => &mut request.headers,
        }
    }

    fn entry(&mut self) -> &mut Option<Box<Entry>> {
        match self {
            Self::Stream(request) => &mut request.entry,
            Self::Events(request) => &mut request.entry,
        }
    }
}

/// Up to the request for the stream or for events, if one comes.
async fn converse(
    socket: Socket,
    peer: &Peer,
    place: &Place,
    context: &Arc<Context>,
) -> Option<(Socket, Endless)> {
    match encrypted(socket, context).await {
        Ok(socket) => requests(socket, peer, place, context).await,
        Err(error) => {
            tracing::debug!(%peer, %error, "TLS handshake failed");
            None
        }
    }
}

#[cfg(feature = "tls")]
async fn encrypted(socket: Socket, context: &Context) -> std::io::Result<Socket> {
    match (socket, &context.server.tls) {
        (Socket::Tcp(socket), Some(tls)) => Ok(Socket::Tls(Box::new(tls.accept(socket).await?))),
        (socket, _) => Ok(socket),
    }
}

#[cfg(not(feature = "tls"))]
async fn encrypted(socket: Socket, _: &Context) -> std::io::Result<Socket> {
    Ok(socket)
}

/// The state of the request that hyper has handed over last.
#[derive(Debug, Default)]
pub(super) struct Exchange {
    /// The whole request is there, and no answer yet.
    answering: AtomicBool,
    /// It has answered a request in this turn: the next one waits until the other connections have had theirs.
    had_turn: AtomicBool,
    /// It requests what has no end.
    endless: Mutex<Option<Endless>>,
}

impl Exchange {
    /// The rest of the request has yet to come.
    pub(super) fn incomplete(&self) {
        self.answering.store(false, Ordering::Relaxed);
    }

    /// All of the request is there.
    pub(super) fn complete(&self) {
        self.answering.store(true, Ordering::Relaxed);
    }
}

/// Answers requests; gives the socket back when one of them requests the stream or events.
async fn requests(
    socket: Socket,
    peer: &Peer,
    place: &Place,
    context: &Arc<Context>,
) -> Option<(Socket, Endless)> {
    let exchange = Arc::<Exchange>::default();
    let trusted = context.server.proxies.are(peer);
    let service = service_fn(|mut request| {
        let (context, exchange) = (Arc::clone(context), Arc::clone(&exchange));
        let client =
            if trusted { context.server.proxies.client(peer, request.headers()) } else { peer.clone() };
        let welcome = !trusted || place.belongs_to(client.counted_network());
        exchange.complete();
        Box::pin(async move {
            if exchange.had_turn.swap(true, Ordering::Relaxed) {
                tokio::task::yield_now().await;
            }
            let log = context.server.access_log.as_ref();
            let mut entry = log.map(|log| log.entry(&request, &client, &context.server.clock));
            let answer = match welcome {
                true => routes::answer(&mut request, &client, &exchange, &context).await,
                false => routes::Answer::Response(reply::unavailable(
                    "connection limit of your address reached; retry shortly\n",
                )),
            };
            match answer {
                routes::Answer::Response(mut reply) => {
                    finish(&request, &mut reply, &context);
                    if let Some(entry) = &mut entry {
                        entry.status = reply.status().as_u16();
                        let body =
                            reply.body().size_hint().exact().filter(|_| request.method() != Method::HEAD);
                        entry.bytes = body.unwrap_or(0);
                    }
                    exchange.answering.store(false, Ordering::Relaxed);
                    Ok::<_, std::convert::Infallible>(reply)
                }
                routes::Answer::Endless(mut request) => {
                    *request.entry() = entry;
                    *exchange.endless.lock().unwrap_or_else(PoisonError::into_inner) = Some(request);
                    // Never answered here: hyper must write nothing more on this socket.
                    std::future::pending().await
                }
            }
        })
    });
    let (monitor, writes) = WriteMonitor::new(socket);
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        // There are clients that know `Content-Length` in this spelling alone.
        .title_case_headers(true)
        .header_read_timeout(limits::HEADER_TIME)
        // A client that has closed its side, as `nc -N`, still wants the answer.
        .half_close(true)
        .max_buf_size(limits::HEADER_BYTES)
        .serve_connection(monitor, service);
    let mut known = (false, 0);
    let request = poll_fn(|cx| {
        exchange.had_turn.store(false, Ordering::Relaxed);
        if let Poll::Ready(result) = connection.poll_without_shutdown(cx) {
            if let Err(error) = result {
                tracing::debug!(%peer, %error, "connection ended");
            }
            return Poll::Ready(None);
        }
        // A peer that takes its answer counts as idle from its last byte on: no client can hold a place by not reading.
        let now = (exchange.answering.load(Ordering::Relaxed), writes.written());
        if now != std::mem::replace(&mut known, now) {
            if now.0 { place.busy() } else { place.idle() }
        }
        // Earlier answers must have left hyper's buffer before it is dropped with the connection.
        if writes.is_blocked() {
            return Poll::Pending;
        }
        match exchange.endless.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(request) => Poll::Ready(Some(request)),
            None => Poll::Pending,
        }
    })
    .await?;
    Some((connection.into_parts().io.into_socket(), request))
}

/// Adds the headers that every answer has.
fn finish(request: &Request<Incoming>, reply: &mut Reply, context: &Context) {
    let headers = reply.headers_mut();
    for (name, value) in &context.server.origins.grant(request.headers()) {
        // Beside what else an answer varies by.
        headers.append(name, value.clone());
    }
    // Not for the stream: a page of another site may show it, and the standard (opaque response blocking) lets a browser
    // refuse an answer with this header that is not a picture.
    if headers.get(CONTENT_TYPE).is_none_or(|kind| kind != framing::CONTENT_TYPE) {
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    }
    if !request.body().is_end_stream() {
        // What is left of a body is not read: hyper closes the connection, and the client should know.
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
}
