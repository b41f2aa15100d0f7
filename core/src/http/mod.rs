//! The HTTP server: a page, a live stream, snapshots, state and metrics.
//!
//! hyper parses requests and answers all of them but one: for `GET /stream` the socket is taken over by
//! the stream itself, which writes each picture with one system call and waits for nobody.

mod connection;
mod framing;
mod page;
mod routes;
mod snapshot;
mod socket;
mod state;
mod stream;
mod tap;
mod thinner;
mod viewers;

pub use page::Page;
pub use routes::ROUTES;
pub use snapshot::SnapshotPolicy;

use crate::{clock::Clock, hub::Hub};
use eyelet_hal::{Error, ErrorKind, Result};
use socket::{Peer, Socket};
use std::{net::SocketAddr, sync::Arc, time::Duration};
use tokio::net::TcpListener;
use viewers::Viewers;

/// `--max-viewers` when nobody says.
pub const MAX_VIEWERS: usize = 16;

/// Connections beyond the viewers: pages, snapshots, scrapers, and those that are told to come back later.
const OTHER_CONNECTIONS: usize = 240;

/// A burst of viewers must not wait for SYN retransmissions (1, 3, 7 s), as it does with a short queue.
const BACKLOG: i32 = 1024;

/// What a server needs to know.
#[derive(Clone, Debug)]
pub struct Server {
    /// The pictures, counters and state to serve.
    pub hub: Hub,
    /// What `/` answers.
    pub page: Page,
    /// How many may watch `/stream` at once.
    pub max_viewers: usize,
    /// What `/snapshot` answers when no new frame comes.
    pub snapshot: SnapshotPolicy,
    /// Where the time comes from.
    pub clock: Arc<dyn Clock>,
}

impl Server {
    /// A server of `hub` with the defaults of the command line.
    pub fn new(hub: Hub, clock: Arc<dyn Clock>) -> Self {
        let (page, snapshot) = (Page::default(), SnapshotPolicy::default());
        Self { hub, page, max_viewers: MAX_VIEWERS, snapshot, clock }
    }

    /// Serves until the future is dropped.
    pub async fn run(self, listener: TcpListener) {
        let connections = Arc::new(tokio::sync::Semaphore::new(self.max_viewers + OTHER_CONNECTIONS));
        let viewers = Viewers::new(self.max_viewers, self.hub.metrics.viewers.clone());
        let context = Arc::new(Context { server: self, viewers });
        // Ends every connection when this future drops.
        let mut tasks = tokio::task::JoinSet::new();
        let mut refused = false;
        loop {
            // More than these wait in the listener's queue until one is done.
            let Ok(permit) = Arc::clone(&connections).acquire_owned().await else { return };
            match listener.accept().await {
                Ok((socket, peer)) => {
                    refused = false;
                    let context = Arc::clone(&context);
                    tasks.spawn(async move {
                        connection::serve(Socket::Tcp(socket), Peer::Tcp(peer), context).await;
                        drop(permit);
                    });
                }
                Err(error) => {
                    // Out of file descriptors: those at work will free some.
                    if !std::mem::replace(&mut refused, true) {
                        tracing::warn!(%error, "cannot accept connections; trying again");
                    }
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
            while tasks.try_join_next().is_some() {}
        }
    }
}

/// What every connection shares.
#[derive(Debug)]
struct Context {
    server: Server,
    viewers: Viewers,
}

/// Listens on `address` with a queue that a burst of viewers fits in. Port 0 picks a free port.
///
/// # Errors
/// One sentence with the remedy; most often another server has the port.
pub fn listen(address: SocketAddr) -> Result<std::net::TcpListener> {
    let explain = |error: std::io::Error| {
        let remedy = match error.kind() {
            std::io::ErrorKind::AddrInUse => "stop the other server, or choose another port with --bind",
            std::io::ErrorKind::PermissionDenied => "choose a port of 1024 or more with --bind",
            std::io::ErrorKind::AddrNotAvailable => "choose an address of this machine with --bind",
            _ => "choose another address with --bind",
        };
        let kind = match error.kind() {
            std::io::ErrorKind::AddrInUse => ErrorKind::Busy,
            std::io::ErrorKind::PermissionDenied => ErrorKind::PermissionDenied,
            _ => ErrorKind::Other,
        };
        Error::new(kind, format!("cannot listen on {address}: {error}; {remedy}")).with_source(error)
    };
    let listener = std::net::TcpListener::bind(address).map_err(explain)?;
    // The standard library's queue is 128; listening again only makes it longer.
    rustix::net::listen(&listener, BACKLOG).map_err(|e| explain(e.into()))?;
    listener.set_nonblocking(true).map_err(explain)?;
    Ok(listener)
}
