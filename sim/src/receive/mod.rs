//! A small upload server: takes pictures by `POST` or `PUT` on `/upload` and keeps them in a folder.

mod answer;
mod check;
mod folder;
mod form;
mod repeats;

pub use folder::Folder;

use answer::Shelf;
use repeats::Repeats;

use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::{future::Future, pin::pin, sync::Arc, time::Duration};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
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
    /// Connections at a time: 32. More wait until one is closed.
    pub max_connections: usize,
    /// For a request's header, and for the time between two requests: 30 s.
    pub header_timeout: Duration,
    /// For a request's body: 60 s.
    pub body_timeout: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            max_bytes: 16 * 1024 * 1024,
            max_connections: 32,
            header_timeout: Duration::from_secs(30),
            body_timeout: Duration::from_secs(60),
        }
    }
}

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
    let shelf = Arc::new(Shelf { folder, repeats: Repeats::default() });
    let places = Arc::new(Semaphore::new(options.max_connections));
    let (stop, stopped) = watch::channel(());
    let mut connections = JoinSet::new();
    let mut shutdown = pin!(shutdown);
    loop {
        let accept = async {
            // A place first: who has none waits in the listener's queue instead of being thrown out.
            let place = Arc::clone(&places).acquire_owned().await;
            (place, listener.accept().await)
        };
        let (place, accepted) = tokio::select! {
            () = &mut shutdown => break,
            accepted = accept => accepted,
            // Ended ones are collected, or the set would grow for ever.
            Some(_) = connections.join_next() => continue,
        };
        match accepted {
            Ok((stream, peer)) => {
                let served = serve(stream, Arc::clone(&shelf), options, stopped.clone());
                connections.spawn(async move {
                    let _place = place;
                    if let Err(e) = served.await {
                        debug!(%peer, "connection broke: {e}");
                    }
                });
            }
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

async fn serve(
    stream: TcpStream,
    shelf: Arc<Shelf>,
    options: Options,
    mut stopped: watch::Receiver<()>,
) -> hyper::Result<()> {
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| answer::answer(request, Arc::clone(&shelf), options));
    let mut connection = pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(options.header_timeout)
            .serve_connection(TokioIo::new(stream), service)
    );
    tokio::select! {
        done = &mut connection => return done,
        _ = stopped.changed() => connection.as_mut().graceful_shutdown(),
    }
    connection.await
}
