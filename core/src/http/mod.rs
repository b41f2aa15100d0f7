//! The HTTP server: a page, a live stream, snapshots, state and metrics.
//!
//! hyper parses requests and answers all of them but one: for `GET /stream` the socket is taken over by
//! the stream itself, which sends each picture with one system call and waits for no viewer. An application adds [`Routes`]
//! of its own.

mod access_log;
mod auth;
mod base_path;
mod connection;
mod connections;
mod events;
mod limits;
mod origins;
#[cfg(feature = "control")]
mod own_host;
mod proxies;
mod reply;
mod routes;
mod stream;
mod write_monitor;

pub use access_log::AccessLog;
pub use auth::{Access, CredentialSources};
pub use base_path::BasePath;
pub use connections::{Connections, Place};
pub use limits::{CONNECTIONS_PER_ADDRESS, Limits};
pub use origins::{AllowedOrigin, Origins};
pub use proxies::{TrustedProxies, TrustedProxy};
pub use routes::{Page, ROUTES, Reply, Request, Routes, SnapshotPolicy};

#[cfg(feature = "tls")]
pub use crate::net::tls::ServerTls;
pub use crate::net::{
    bind::Bind,
    listener::{Listener, Listeners, listen},
    token::Token,
    unix_file::UnixPermissions,
};

use crate::{
    feed::{CameraName, Hub},
    net::socket::{Peer, Socket},
};
use eyelet_hal::clock::Clock;
use std::{future::poll_fn, io, sync::Arc, task::Poll, time::Duration};
use stream::{Fanout, Viewers};
use tokio::time::Instant;

/// `--max-viewers` by default.
pub const MAX_VIEWERS: usize = 16;

/// That connections cannot be accepted is logged again when it has not happened for this long.
const QUIET: Duration = Duration::from_secs(60);

/// So many new connections may replace others before all the rest have a turn: with one at a time a crowd that asks
/// without end keeps newcomers waiting in the kernel's queue.
const AT_ONCE: usize = 8;

/// The answer to one connection too many, which is not read.
const FULL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nConnection: close\r\n\
    Content-Type: text/plain; charset=utf-8\r\nContent-Length: 40\r\n\r\n\
    connection limit reached; retry shortly\n";

/// The same on a TLS port: a fatal alert (`internal_error`), which a peer understands before the handshake. A handshake with
/// each one too many would cost more than admitting it.
#[cfg(feature = "tls")]
const FULL_TLS: &[u8] = &[21, 3, 3, 0, 2, 2, 80];

/// A server: what it serves, and to whom.
#[derive(Clone, Debug)]
pub struct Server {
    /// The pictures, counters and state to serve: of its camera, or of the first one.
    pub hub: Hub,
    /// The camera's name, which it must have where there are others: its routes are below `/NAME/` too.
    pub name: Option<CameraName>,
    /// Further cameras, each with its routes below `/NAME/`. The limits are for all cameras together.
    pub others: Vec<(CameraName, Hub)>,
    /// What `/` answers.
    pub page: Page,
    /// Routes of the application's own.
    pub routes: Routes,
    /// The path in front of every route.
    pub base_path: BasePath,
    /// The viewer limit: how many may watch `/stream` at once; and as many listen to `/events`.
    pub max_viewers: usize,
    /// The limits on connections.
    pub limits: Limits,
    /// The pages of other sites that may read the answers.
    pub origins: Origins,
    /// What `/snapshot` answers when no new frame comes.
    pub snapshot: SnapshotPolicy,
    /// Which clients are admitted.
    pub access: Access,
    /// The proxies that are trusted to name their clients' addresses.
    pub proxies: TrustedProxies,
    /// Where a line for each request goes.
    pub access_log: Option<AccessLog>,
    /// Encrypts every TCP connection.
    #[cfg(feature = "tls")]
    pub tls: Option<ServerTls>,
    /// The program's version, in `/state`; that of eyelet by default.
    pub version: &'static str,
    /// Where the time comes from.
    pub clock: Arc<dyn Clock>,
}

impl Server {
    /// A server of `hub` with the defaults of the command line.
    pub fn new(hub: Hub, clock: Arc<dyn Clock>) -> Self {
        let (page, limits) = (Page::default(), Limits::default());
        let (origins, snapshot) = (Origins::default(), SnapshotPolicy::default());
        Self {
            hub,
            name: None,
            others: Vec::new(),
            page,
            routes: Routes::default(),
            base_path: BasePath::default(),
            max_viewers: MAX_VIEWERS,
            limits,
            origins,
            snapshot,
            access: Access::open(),
            proxies: TrustedProxies::default(),
            access_log: None,
            #[cfg(feature = "tls")]
            tls: None,
            version: env!("CARGO_PKG_VERSION"),
            clock,
        }
    }

    /// All cameras, the first one first.
    pub fn cameras(&self) -> impl Iterator<Item = (Option<&CameraName>, &Hub)> {
        let others = self.others.iter().map(|(name, hub)| (Some(name), hub));
        std::iter::once((self.name.as_ref(), &self.hub)).chain(others)
    }

    /// The scheme of its TCP addresses: `https` with TLS, else `http`.
    pub fn scheme(&self) -> &'static str {
        #[cfg(feature = "tls")]
        if self.tls.is_some() {
            return "https";
        }
        "http"
    }

    /// The answer to a connection too many.
    fn full(&self, socket: &Socket) -> &'static [u8] {
        #[cfg(feature = "tls")]
        if self.tls.is_some() && matches!(socket, Socket::Tcp(_)) {
            return FULL_TLS;
        }
        let _ = socket;
        FULL
    }

    /// Serves on all of `listeners` (one will do) until the future is dropped.
    pub async fn run(self, listeners: impl Into<Listeners>) {
        let Listeners(mut listeners) = listeners.into();
        let open_files = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
        let max = self.limits.connections(self.max_viewers, open_files, limits::held_files());
        let counters = self.hub.metrics.connections.clone();
        let connections = Connections::new(max, self.limits.connections_per_address, counters);
        let viewers = Viewers::new(self.max_viewers);
        let listeners_to_events = events::Listeners::new(self.max_viewers);
        let shown = self.cameras().map(|(name, hub)| Shown::new(name, hub, &self.clock)).collect();
        let context = Arc::new(Context { server: self, viewers, listeners: listeners_to_events, shown });
        // Ends every connection when this future drops.
        let mut tasks = tokio::task::JoinSet::new();
        for shown in &context.shown {
            let fanout = Arc::clone(&shown.fanout);
            tasks.spawn(async move { fanout.run().await });
        }
        #[cfg(feature = "tls")]
        if let Some(tls) = &context.server.tls {
            let expiry = context.server.hub.metrics.certificate_expiry.clone();
            tasks.spawn(tls.clone().watch(move |end| {
                expiry.set(end.as_secs().try_into().unwrap_or(i64::MAX));
            }));
        }
        let mut logged: Option<Instant> = None;
        let mut unread = 0;
        loop {
            match accept(&mut listeners).await {
                // A proxy's connection is counted as its client's, with its first request.
                Ok((socket, peer)) => match connections
                    .admit(peer.counted_network().filter(|_| !context.server.proxies.are(&peer)))
                {
                    Some(place) => {
                        let context = Arc::clone(&context);
                        tasks.spawn(async move {
                            tokio::select! {
                                () = place.evicted() => tracing::debug!(%peer, "evicted"),
                                () = connection::serve(socket, peer.clone(), &place, context) => {}
                            }
                        });
                        // In a burst each reads what it was sent before others push it out; those that were idle for
                        // longer go first, so a few may come at once: all others have a turn for each pause here.
                        unread += 1;
                        if connections.is_full() && unread >= AT_ONCE.min(connections.max()) {
                            unread = 0;
                            tokio::task::yield_now().await;
                        }
                    }
                    None => {
                        let answer = context.server.full(&socket);
                        socket.refuse(answer);
                    }
                },
                Err(error) => {
                    // Out of file descriptors: busy connections will free some, and an idle one does so at once.
                    // At the limit one is admitted now and then, which does not end it.
                    if logged.is_none_or(|at| at.elapsed() > QUIET) {
                        tracing::warn!(%error, "cannot accept connections; trying again");
                    }
                    logged = Some(Instant::now());
                    // The newest were not read yet; a connection with a request is not idle.
                    tokio::task::yield_now().await;
                    if connections.make_room() {
                        tokio::task::yield_now().await;
                    } else {
                        tokio::time::sleep(Duration::from_millis(100)).await;
                    }
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
    /// Those of `/events`.
    listeners: events::Listeners,
    /// The cameras, the first one first.
    shown: Vec<Shown>,
}

impl Context {
    /// Whether some route takes `POST`.
    fn takes_posts(&self) -> bool {
        let controlled = || self.shown.iter().any(|shown| shown.hub.settings.are_changes_allowed());
        self.server.routes.take_posts() || controlled()
    }
}

/// A camera, and what goes out to its viewers.
#[derive(Debug)]
struct Shown {
    name: Option<CameraName>,
    hub: Hub,
    fanout: Arc<Fanout>,
}

impl Shown {
    fn new(name: Option<&CameraName>, hub: &Hub, clock: &Arc<dyn Clock>) -> Self {
        let fanout = Arc::new(Fanout::new(Arc::clone(&hub.metrics), Arc::clone(clock)));
        hub.feed.deliver_to(&fanout);
        Self { name: name.cloned(), hub: hub.clone(), fanout }
    }
}

/// The next connection on any of `listeners`, each in turn.
async fn accept(listeners: &mut [Listener]) -> io::Result<(Socket, Peer)> {
    let (index, accepted) = poll_fn(|cx| {
        let first =
            listeners.iter().enumerate().find_map(|(index, listener)| match listener.poll_accept(cx) {
                Poll::Ready(accepted) => Some((index, accepted)),
                Poll::Pending => None,
            });
        first.map_or(Poll::Pending, Poll::Ready)
    })
    .await;
    // It comes last the next time, so that a busy one cannot keep the others waiting.
    listeners[index..].rotate_left(1);
    accepted
}
