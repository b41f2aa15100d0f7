//! `GET /events`: what changes about a camera, and what its application knows about each frame, as server-sent events.
//!
//! As for the stream, the socket is taken over, and the answer ends with the connection. A listener who does not read misses
//! the oldest frames' data; its state, when it reads again, is the newest.

use super::{
    access_log::Entry,
    routes::state,
    stream::{self, framing},
};
#[cfg(feature = "control")]
use crate::control;
use crate::{feed::Hub, net::socket::Socket};
use eyelet_hal::clock::Clock;
use hyper::HeaderMap;
use std::{convert::Infallible, io, sync::Arc, time::Duration};
use tokio::{
    sync::Notify,
    time::{Instant, interval_at},
};

pub(super) const CONTENT_TYPE: &str = "text/event-stream";

/// After how long a client connects again.
const RETRY: &[u8] = b"retry: 2000\n\n";

/// Proxies end a connection that is silent for a minute or less. A client that is gone is noticed by it too.
const KEEP_ALIVE: &[u8] = b":\n\n";

/// How often the state is compared, and a comment sent if it is the same.
const EVERY: Duration = Duration::from_secs(10);

/// How often the camera is asked for values that have changed by themselves, where clients can change them.
#[cfg(feature = "control")]
const REFRESH: Duration = Duration::from_secs(2);

/// Those who listen now, up to a limit. They need no place that a viewer has: see [`run`].
#[derive(Debug)]
pub(super) struct Listeners {
    max: usize,
    here: Arc<()>,
}

impl Listeners {
    pub(super) fn new(max: usize) -> Self {
        Self { max, here: Arc::default() }
    }

    /// A slot for one more, below the limit. It is free again when it drops.
    pub(super) fn admit(&self) -> Option<Slot> {
        (Arc::strong_count(&self.here) <= self.max).then(|| Slot { _here: Arc::clone(&self.here) })
    }

    pub(super) fn max(&self) -> usize {
        self.max
    }
}

/// A listener's slot.
#[derive(Debug)]
pub(super) struct Slot {
    _here: Arc<()>,
}

/// A request for events, and its slot among the listeners.
#[derive(Debug)]
pub(super) struct EventsRequest {
    /// Which of the server's cameras.
    pub(super) camera: usize,
    pub(super) slot: Slot,
    /// Headers of the answer for this listener, beside the usual ones.
    pub(super) headers: HeaderMap,
    /// Its line in the access log, if there is one.
    pub(super) entry: Option<Box<Entry>>,
}

/// Sends events until the listener leaves. Its connection counts as one without a request: it is the first to give way.
pub(super) async fn run(socket: Socket, request: EventsRequest, hub: &Hub, clock: &dyn Clock) {
    if let Err(error) = socket.keep_fresh() {
        tracing::debug!(%error, "a slow listener may fall behind");
    }
    let EventsRequest { slot: _slot, headers, mut entry, .. } = request;
    if let Some(entry) = &mut entry {
        entry.status = 200;
    }
    let closed = Notify::new();
    let controlled = hub.settings.are_changes_allowed();
    #[cfg(feature = "control")]
    let asking = ask(hub);
    #[cfg(not(feature = "control"))]
    let asking = std::future::pending();
    let head = framing::head(CONTENT_TYPE, &headers);
    let events = send(&socket, &head, hub, clock, controlled, &closed, &mut entry);
    tokio::select! {
        // Whether it still listens shows when it is sent something.
        () = stream::left(&socket, || closed.notify_one()) => {}
        // Beside the writing too: meanwhile it has the clients' turn, which is not to wait for a slow listener.
        () = asking, if controlled => {}
        result = events => {
            let Err(error): io::Result<Infallible> = result;
            tracing::debug!(%error, "listener gone");
        }
    }
}

async fn send(
    socket: &Socket,
    head: &[u8],
    hub: &Hub,
    clock: &dyn Clock,
    controlled: bool,
    closed: &Notify,
    entry: &mut Option<Box<Entry>>,
) -> io::Result<Infallible> {
    stream::write_all(socket, head).await?;
    let (mut data, mut changes) = (hub.events.listen(), hub.status.changes());
    let mut settings = hub.settings.changes();
    changes.mark_changed();
    if controlled {
        settings.mark_changed();
    }
    let mut state = String::new();
    let mut bytes = RETRY.to_vec();
    // Outside the loop: data that keeps coming must not put it off.
    let mut regularly = interval_at(Instant::now() + EVERY, EVERY);
    loop {
        tokio::select! {
            () = data.changed() => {}
            // Its sender lives as long as the hub.
            _ = changes.changed() => bytes.extend(new_state(&mut state, hub, clock).into_iter().flatten()),
            // So does this one. The state names the quality.
            _ = settings.changed() => {
                bytes.extend(new_state(&mut state, hub, clock).into_iter().flatten());
                #[cfg(feature = "control")]
                if controlled {
                    bytes.extend(event("control", &control::document(hub)));
                }
            }
            () = closed.notified() => bytes.extend_from_slice(KEEP_ALIVE),
            // That the camera's thread hangs changes nothing: it shows by the time alone.
            _ = regularly.tick() => match new_state(&mut state, hub, clock) {
                Some(event) => bytes.extend(event),
                None => bytes.extend_from_slice(KEEP_ALIVE),
            },
        }
        while let Some(event) = data.next() {
            bytes.extend_from_slice(&event);
        }
        stream::write_all(socket, &bytes).await?;
        if let Some(entry) = entry {
            entry.bytes += bytes.len() as u64;
        }
        bytes.clear();
    }
}

/// Asks the camera regularly for values that have changed by themselves, for ever. What is different comes as a change of the
/// settings.
#[cfg(feature = "control")]
async fn ask(hub: &Hub) {
    let mut regularly = interval_at(Instant::now() + REFRESH, REFRESH);
    loop {
        regularly.tick().await;
        control::refresh(hub).await;
    }
}

/// The camera's state as an event, if it is not this one.
fn new_state(last: &mut String, hub: &Hub, clock: &dyn Clock) -> Option<Vec<u8>> {
    let state = state::words(hub, clock.monotonic());
    if state == *last {
        return None;
    }
    *last = state;
    Some(event("state", last))
}

/// An event with this data, of one line.
fn event(name: &str, data: &str) -> Vec<u8> {
    ["event: ", name, "\ndata: ", data, "\n\n"].concat().into_bytes()
}
