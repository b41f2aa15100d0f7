//! One viewer: its socket, and the pictures that it has yet to get.

use super::{
    framing::Framing,
    outgoing::{Outgoing, Pushed},
    part::{NewPart, Parts, Sharing},
    rate_limit::RateLimit,
    sink::SendMode,
    viewers::Slot,
};
use crate::{
    feed::{Picture, Subscription, metrics::Metrics},
    http::{access_log::Entry, limits},
    net::socket::{self, Socket},
};
use eyelet_hal::clock::Clock;
use hyper::HeaderMap;
use std::{
    convert::Infallible,
    io::{self, IoSlice},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::{sync::Notify, time::timeout};

/// A request for the stream, and its slot among the viewers.
#[derive(Debug)]
pub(in crate::http) struct StreamRequest {
    /// Which of the server's cameras.
    pub(in crate::http) camera: usize,
    pub(in crate::http) slot: Slot,
    pub(in crate::http) framing: Framing,
    pub(in crate::http) content_type: &'static str,
    pub(in crate::http) rate_limit: Option<RateLimit>,
    /// Headers of the answer for this viewer, beside the usual ones.
    pub(in crate::http) headers: HeaderMap,
    /// Its line in the access log, if there is one.
    pub(in crate::http) entry: Option<Box<Entry>>,
}

/// What all viewers of a server share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) parts: Arc<Parts>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) clock: Arc<dyn Clock>,
}

/// One viewer.
///
/// The thread that publishes [offers](Self::offer) it each new picture. A picture that the socket does not take at once is
/// finished by the viewer's own task, which then [continues](Self::follow) with the newest.
#[derive(Debug)]
pub(super) struct Viewer {
    socket: Socket,
    shared: Arc<Shared>,
    /// Wakes the viewer's own task: there was no room, or an error.
    stopped: Notify,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    slot: Slot,
    /// The answer's head has gone.
    opened: bool,
    outgoing: Outgoing,
    /// While it is open and its socket takes memfds.
    sharing: Option<Sharing>,
    pictures: Subscription,
    entry: Option<Box<Entry>>,
    rate_limit: Option<RateLimit>,
    /// Pictures that the rate limit has withheld.
    rate_limited: u64,
    failed: Option<io::Error>,
}

impl Viewer {
    pub(super) fn new(
        socket: Socket,
        request: StreamRequest,
        pictures: Subscription,
        shared: Arc<Shared>,
    ) -> Self {
        let outgoing = Outgoing::new(request.framing, socket.send_mode());
        let StreamRequest { slot, rate_limit, mut entry, .. } = request;
        if let Some(entry) = &mut entry {
            entry.status = 200;
        }
        let inner = Inner {
            slot,
            opened: false,
            outgoing,
            sharing: None,
            pictures,
            entry,
            rate_limit,
            rate_limited: 0,
            failed: None,
        };
        Self { socket, shared, stopped: Notify::new(), inner: Mutex::new(inner) }
    }

    /// Whether sending is one system call and no more: no encryption.
    pub(super) fn is_plain(&self) -> bool {
        self.socket.is_plain()
    }

    /// Sends the answer's head.
    pub(super) async fn open(&self, head: &[u8]) -> io::Result<()> {
        write_all(&self.socket, head).await?;
        let mut inner = self.lock();
        inner.opened = true;
        inner.sharing = (inner.outgoing.send_mode() == SendMode::Memfd).then(|| self.shared.parts.share());
        Ok(())
    }

    /// Sends this picture, unless the viewer is busy with another, has had it, or is not due one.
    pub(super) fn offer(&self, new: &NewPart<'_>) {
        let mut inner = self.lock();
        if inner.outgoing.idle() && inner.pictures.accept(new.published) && inner.is_due(&self.shared) {
            inner.outgoing.begin(new.part());
            let pushed = inner.push(&self.socket, &self.shared);
            self.stop_unless_idle(&mut inner, pushed);
        }
    }

    /// Sends the feed's newest picture, if this viewer has not had it and is not busy with another.
    pub(super) fn catch_up(&self) {
        let mut inner = self.lock();
        if inner.outgoing.idle() {
            let pushed = inner.proceed(&self.socket, &self.shared);
            self.stop_unless_idle(&mut inner, pushed);
        }
    }

    /// Sends the newest picture, or the last one once more, if this viewer is not busy.
    pub(super) fn repeat(&self) {
        let mut inner = self.lock();
        if inner.outgoing.idle() {
            inner.outgoing.repeat();
            let pushed = inner.proceed(&self.socket, &self.shared);
            self.stop_unless_idle(&mut inner, pushed);
        }
    }

    /// Leaves to the viewer's own task what has to wait.
    fn stop_unless_idle(&self, inner: &mut Inner, after: io::Result<After>) {
        match after {
            Ok(After::Idle) => return,
            Ok(After::Blocked(_)) => {}
            Err(error) => inner.failed = Some(error),
        }
        self.stopped.notify_one();
    }

    /// The viewer's own task once it is open: sends what had to wait, until an error.
    pub(super) async fn follow(&self) -> io::Result<Infallible> {
        loop {
            let after = {
                let mut inner = self.lock();
                match inner.failed.take() {
                    Some(error) => return Err(error),
                    None => inner.proceed(&self.socket, &self.shared)?,
                }
            };
            match after {
                After::Idle => self.stopped.notified().await,
                After::Blocked(bytes) => room(&self.socket, bytes).await?,
            }
        }
    }

    /// Until the peer has gone.
    pub(super) async fn left(&self) {
        let closed = || {
            if self.lock().opened {
                self.repeat();
            }
        };
        left(&self.socket, closed).await;
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why nothing more can be sent now.
enum After {
    /// The viewer has all there is.
    Idle,
    /// There is no room for what has this many bytes.
    Blocked(usize),
}

impl Inner {
    /// Sends until there is nothing more to send, or no room.
    fn proceed(&mut self, socket: &Socket, shared: &Shared) -> io::Result<After> {
        loop {
            if let Some(picture) = self.next(shared) {
                self.outgoing.begin(shared.parts.of(&picture));
            }
            if self.outgoing.idle() {
                return Ok(After::Idle);
            }
            if let blocked @ After::Blocked(_) = self.push(socket, shared)? {
                return Ok(blocked);
            }
        }
    }

    /// Sends what the socket takes now of what is outgoing.
    fn push(&mut self, socket: &Socket, shared: &Shared) -> io::Result<After> {
        let pushed = self.outgoing.push(socket);
        if self.outgoing.send_mode() == SendMode::Copy {
            self.sharing = None;
        }
        let Pushed::Whole(bytes) = pushed? else { return Ok(After::Blocked(self.outgoing.length())) };
        shared.metrics.stream_bytes.inc_by(bytes as u64);
        if let Some(entry) = &mut self.entry {
            entry.bytes += bytes as u64;
        }
        self.slot.sent(shared.clock.monotonic(), self.pictures.missed() + self.rate_limited);
        Ok(After::Idle)
    }

    /// A picture of the feed to begin with now.
    fn next(&mut self, shared: &Shared) -> Option<Arc<Picture>> {
        if self.outgoing.replaceable() {
            // Nothing of the one that waits has gone, so the newest takes its turn.
            return self.pictures.unseen();
        }
        if !self.outgoing.idle() {
            return None;
        }
        let picture = self.pictures.unseen()?;
        self.is_due(shared).then_some(picture)
    }

    /// Whether the rate limit admits one more picture now.
    fn is_due(&mut self, shared: &Shared) -> bool {
        let Some(rate_limit) = &mut self.rate_limit else { return true };
        let due = rate_limit.admits(shared.clock.monotonic());
        self.rate_limited += u64::from(!due);
        due
    }
}

/// Until the peer has gone. What it may still send is ignored; one that does not stop sending is disconnected, before
/// reading from it leaves no time for the others. One that has closed its side may still read, as `nc -N` does, or be gone,
/// which TCP does not tell apart. `closed` should send something then: a peer that is gone answers it with a reset.
pub(in crate::http) async fn left(socket: &Socket, closed: impl FnOnce()) {
    let mut ignored = [0; 512];
    let mut patience = limits::CHATTER;
    while socket.readable().await.is_ok() {
        match socket.try_read(&mut ignored) {
            Ok(0) => {
                closed();
                return socket.broken().await;
            }
            Ok(read) if read > patience => return,
            Ok(read) => patience -= read,
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
            Err(_) => return,
        }
    }
}

pub(in crate::http) async fn write_all(socket: &Socket, bytes: &[u8]) -> io::Result<()> {
    let mut left = bytes;
    while !left.is_empty() {
        match socket.try_write_vectored(&[IoSlice::new(left)]) {
            Ok(written) => left = &left[written..],
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => room(socket, bytes.len()).await?,
            Err(e) => return Err(e),
        }
    }
    Ok(())
}

/// Waits until the peer has taken something of the `bytes` that it is to get.
async fn room(socket: &Socket, bytes: usize) -> io::Result<()> {
    let budget = limits::stall_budget(bytes);
    let early = budget.min(socket::DEAD / 2);
    if let Ok(result) = timeout(early, socket.writable()).await {
        return result;
    }
    // The kernel would give up sooner on what a large picture is allowed. Most viewers never come to this.
    if budget + early > socket::DEAD {
        socket.allow_stall(budget + early)?;
    }
    match timeout(budget - early, socket.writable()).await {
        Ok(result) => result,
        Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, "takes no bytes")),
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use std::time::Duration;

    /// Time passes at once, and the kernel's own is none of it.
    #[tokio::test(start_paused = true)]
    async fn kernel_timeout_of_a_stalled_viewer_exceeds_the_budget_of_its_picture() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let _silent = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let socket = listener.accept().await.unwrap().0;
        socket::notice_dead_peers(&socket2::SockRef::from(&socket)).unwrap();
        while socket.try_write(&[0; 65536]).is_ok() {}
        let socket = Socket::Tcp(socket);
        for bytes in [1000, 200_000, 1_000_000] {
            let began = tokio::time::Instant::now();
            let error = room(&socket, bytes).await.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::TimedOut);
            let waited = began.elapsed();
            assert!(waited.abs_diff(limits::stall_budget(bytes)) < Duration::from_millis(10), "{waited:?}");
            let Socket::Tcp(tcp) = &socket else { unreachable!() };
            let kernel = socket2::SockRef::from(tcp).tcp_user_timeout().unwrap().unwrap();
            assert!(
                kernel > waited,
                "{bytes} bytes: the kernel gives up after {kernel:?}, before {waited:?}"
            );
        }
    }
}
