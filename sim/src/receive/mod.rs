//! A small upload server: takes pictures by `POST` or `PUT` on `/upload` and keeps them in a folder.

mod answer;
mod body;
mod check;
mod folder;
mod form;
mod repeats;

pub use folder::Folder;

use answer::Shelf;
use eyelet_core::{
    http::{Connections, Place},
    metrics::ConnectionCounters,
};
use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::{future::Future, io::Read as _, net::Shutdown, pin::pin, sync::Arc, time::Duration};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
    time::{sleep, timeout},
};
use tracing::{debug, warn};

/// What the server allows.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Options {
    /// The longest picture, in bytes: 16 MiB.
    pub max_bytes: usize,
    /// Connections at a time: 32. One that sends nothing gives way to a new one.
    pub max_connections: usize,
    /// Connections of one IPv4 address or one IPv6 /64 network: 16. This machine's own are not counted.
    pub max_connections_per_network: usize,
    /// For a request's header, and for the time between two requests: 30 s.
    pub header_timeout: Duration,
    /// For the next bytes of a request's body: 30 s. The whole may take any time.
    pub body_timeout: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            max_bytes: 16 * 1024 * 1024,
            max_connections: 32,
            max_connections_per_network: 16,
            header_timeout: Duration::from_secs(30),
            body_timeout: Duration::from_secs(30),
        }
    }
}

/// The longest request head, and what is read of a body in one go, in bytes.
const BUFFER: usize = 64 * 1024;

/// The answer to one connection too many, without reading from it.
const FULL: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";

/// After `shutdown`, requests under way have this long to end.
const GRACE: Duration = Duration::from_secs(5);

/// Serves until `shutdown` resolves; dropping the future closes every connection at once.
///
/// `POST` or `PUT` of a whole JPEG or PNG on `/upload`, as the body or in a form, answers 200 and `ok NAME`; anything
/// else 4xx with the reason, 507 when the disk is full, 500 when the folder cannot be written to. Each stored picture
/// is a log line. One that comes again, with the same `X-Run` and `X-Sequence`, is answered as before and not stored
/// again; the last 4096 are remembered.
pub async fn run(
    listener: TcpListener,
    folder: Folder,
    options: Options,
    shutdown: impl Future<Output = ()>,
) {
    let shelf = Arc::new(Shelf::new(folder));
    let places = Connections::new(
        options.max_connections,
        options.max_connections_per_network,
        ConnectionCounters::default(),
    );
    let (stop, stopped) = watch::channel(());
    let mut connections = JoinSet::new();
    let mut shutdown = pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            () = &mut shutdown => break,
            accepted = listener.accept() => accepted,
            // Ended ones are collected, or the set would grow for ever.
            Some(_) = connections.join_next() => continue,
        };
        match accepted {
            Ok((stream, peer)) => match places.admit_peer(peer).map(Arc::new) {
                Some(place) => {
                    let served =
                        serve(stream, Arc::clone(&shelf), options, stopped.clone(), Arc::clone(&place));
                    connections.spawn(async move {
                        tokio::select! {
                            () = place.evicted() => debug!(%peer, "evicted while idle"),
                            served = served => if let Err(e) = served {
                                debug!(%peer, "connection broke: {e}");
                            }
                        }
                    });
                }
                None => refuse(stream),
            },
            Err(e) => {
                warn!("cannot accept a connection: {e}");
                // Out of file descriptors, most likely: trying again at once would spin.
                sleep(Duration::from_millis(100)).await;
            }
        }
    }
    drop((listener, stop));
    let _ = timeout(GRACE, async { while connections.join_next().await.is_some() {} }).await;
}

/// Does not wait: the peer reads the answer, or is disconnected.
fn refuse(stream: TcpStream) {
    if stream.try_write(FULL).is_ok()
        && let Ok(mut stream) = stream.into_std()
    {
        let _ = stream.shutdown(Shutdown::Write);
        // A request left unread would make the kernel reset the connection, and the answer with it.
        let _ = stream.read(&mut [0; 4096]);
    }
}

async fn serve(
    stream: TcpStream,
    shelf: Arc<Shelf>,
    options: Options,
    mut stopped: watch::Receiver<()>,
    place: Arc<Place>,
) -> hyper::Result<()> {
    let _ = stream.set_nodelay(true);
    let service =
        service_fn(move |request| answer::answer(request, Arc::clone(&shelf), options, Arc::clone(&place)));
    let mut connection = pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(options.header_timeout)
            .max_buf_size(BUFFER)
            .title_case_headers(true)
            // A client that has closed one direction may still read; one that is gone is noticed by the answer.
            .half_close(true)
            .serve_connection(TokioIo::new(stream), service)
    );
    tokio::select! {
        done = &mut connection => return done,
        _ = stopped.changed() => connection.as_mut().graceful_shutdown(),
    }
    connection.await
}
