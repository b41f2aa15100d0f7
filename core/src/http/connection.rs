//! One connection: requests answered by hyper until one asks for the stream.

use super::{
    Context, routes,
    socket::{Peer, Socket},
    stream::{self, StreamRequest},
    tap::Tap,
};
use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::TokioTimer;
use std::{
    future::poll_fn,
    sync::{Arc, Mutex, PoisonError, atomic::Ordering},
    task::Poll,
    time::Duration,
};

/// A peer has this long for a request's head, and an idle connection this long until its next.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);

/// The longest request head; cookies and proxies make them long.
const MAX_HEADER_BYTES: usize = 16 * 1024;

pub(super) async fn serve(socket: Socket, peer: Peer, context: Arc<Context>) {
    if let Err(error) = socket.send_at_once() {
        tracing::debug!(%peer, %error, "gone before its first byte");
        return;
    }
    if let Some((socket, request)) = requests(socket, &peer, &context).await {
        stream::run(socket, request, &context.server).await;
    }
}

/// Answers requests; gives the socket back when one of them asked for the stream.
async fn requests(socket: Socket, peer: &Peer, context: &Arc<Context>) -> Option<(Socket, StreamRequest)> {
    let taken = Arc::new(Mutex::new(None));
    let service = service_fn(|request| {
        let (context, taken, peer) = (Arc::clone(context), Arc::clone(&taken), peer.clone());
        Box::pin(async move {
            match routes::answer(&request, &peer, &context).await {
                routes::Answer::Response(response) => Ok::<_, std::convert::Infallible>(response),
                routes::Answer::Stream(request) => {
                    *taken.lock().unwrap_or_else(PoisonError::into_inner) = Some(request);
                    // Never answered here: hyper must write nothing more on this socket.
                    std::future::pending().await
                }
            }
        })
    });
    let (tap, blocked) = Tap::new(socket);
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_buf_size(MAX_HEADER_BYTES)
        .serve_connection(tap, service);
    let request = poll_fn(|cx| match connection.poll_without_shutdown(cx) {
        Poll::Ready(result) => {
            if let Err(error) = result {
                tracing::debug!(%peer, %error, "connection ended");
            }
            Poll::Ready(None)
        }
        // Earlier answers must have left hyper's buffer before it is dropped with the connection.
        Poll::Pending if blocked.load(Ordering::Relaxed) => Poll::Pending,
        Poll::Pending => match taken.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(request) => Poll::Ready(Some(request)),
            None => Poll::Pending,
        },
    })
    .await?;
    Some((connection.into_parts().io.into_socket(), request))
}
