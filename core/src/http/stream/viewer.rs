//! `GET /stream`: the newest picture, to one viewer, over and over.

use super::{
    fanout::Fanout,
    framing::Framing,
    outgoing::{Outgoing, Pushed},
    rate_limit::RateLimit,
    sink::SendMode,
    viewers::Slot,
};
use crate::{
    feed::{Feed, Picture, Subscription},
    http::{access_log::Entry, limits},
    net::socket::{self, Socket},
};
use hyper::HeaderMap;
use std::{
    io::{self, IoSlice},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{sync::Notify, time::timeout};

/// A request for the stream, and its place among the viewers.
#[derive(Debug)]
pub(in crate::http) struct StreamRequest {
    pub(in crate::http) slot: Slot,
    pub(in crate::http) framing: Framing,
    pub(in crate::http) content_type: &'static str,
    pub(in crate::http) rate_limit: Option<RateLimit>,
    /// What the answer's head says to this viewer beyond the usual.
    pub(in crate::http) headers: HeaderMap,
    /// Its line in the access log, if there is one.
    pub(in crate::http) entry: Option<Box<Entry>>,
}

/// Streams until the viewer leaves.
pub(in crate::http) async fn run(socket: Socket, request: StreamRequest, feed: &Feed, fanout: &Fanout) {
    if let Err(error) = socket.keep_fresh() {
        tracing::debug!(%error, "a slow viewer may fall behind");
    }
    let opening = request.framing.opening(request.content_type, &request.headers);
    let stream = Arc::new(Viewer::new(socket, request, feed.subscribe()));
    tokio::select! {
        () = left(&stream, fanout) => {}
        result = stream.run(&opening, fanout) => {
            if let Err(error) = result {
                tracing::debug!(%error, "viewer gone");
            }
        }
    }
}

/// Until the peer has gone. What it may still send is of no interest; one that does not stop is sent away, before
/// reading from it leaves no time for the others.
async fn left(stream: &Viewer, fanout: &Fanout) {
    let socket = &stream.socket;
    let mut ignored = [0; 512];
    let mut patience = limits::CHATTER;
    while socket.readable().await.is_ok() {
        match socket.try_read(&mut ignored) {
            // It has closed its side, and may still listen, as `nc -N` does: TCP does not tell. A picture does; who has
            // gone refuses it.
            Ok(0) => {
                if stream.lock().opened {
                    stream.repeat(fanout);
                }
                return socket.broken().await;
            }
            Ok(read) if read > patience => return,
            Ok(read) => patience -= read,
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
            Err(_) => return,
        }
    }
}

/// One viewer, its socket and the pictures it is to get.
#[derive(Debug)]
pub(super) struct Viewer {
    socket: Socket,
    /// Tells the viewer's own task that there was no room, or an error.
    stopped: Notify,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    slot: Slot,
    /// The answer's head has gone.
    opened: bool,
    outgoing: Outgoing,
    pictures: Subscription,
    entry: Option<Box<Entry>>,
    rate_limit: Option<RateLimit>,
    rate_limited: u64,
    failed: Option<io::Error>,
}

impl Viewer {
    fn new(socket: Socket, request: StreamRequest, pictures: Subscription) -> Self {
        let outgoing = Outgoing::new(request.framing, socket.send_mode());
        let StreamRequest { slot, rate_limit, mut entry, .. } = request;
        if let Some(entry) = &mut entry {
            entry.status = 200;
        }
        let inner = Inner {
            slot,
            opened: false,
            outgoing,
            pictures,
            entry,
            rate_limit,
            rate_limited: 0,
            failed: None,
        };
        Self { socket, stopped: Notify::new(), inner: Mutex::new(inner) }
    }

    pub(super) fn id(&self) -> u64 {
        self.lock().slot.id()
    }

    pub(super) fn send_mode(&self) -> SendMode {
        self.lock().outgoing.send_mode()
    }

    /// Whether sending is one system call and no more: no encryption.
    pub(super) fn is_plain(&self) -> bool {
        self.socket.is_plain()
    }

    /// Sends the newest picture, if this viewer has not had it and is not busy with another.
    pub(super) fn offer(&self, fanout: &Fanout) {
        let mut inner = self.lock();
        if inner.outgoing.idle() {
            self.attempt(&mut inner, fanout);
        }
    }

    /// Sends the newest picture, or the last one once more, if this viewer is not busy.
    pub(super) fn repeat(&self, fanout: &Fanout) {
        let mut inner = self.lock();
        if inner.outgoing.idle() {
            inner.outgoing.repeat();
            self.attempt(&mut inner, fanout);
        }
    }

    fn attempt(&self, inner: &mut Inner, fanout: &Fanout) {
        match inner.proceed(&self.socket, fanout) {
            Ok(After::Idle) => return,
            Ok(After::Blocked(_)) => {}
            Err(error) => inner.failed = Some(error),
        }
        self.stopped.notify_one();
    }

    /// The viewer's own task: the beginning, and what has to wait for room.
    async fn run(self: &Arc<Self>, opening: &[u8], fanout: &Fanout) -> io::Result<()> {
        write_all(&self.socket, opening).await?;
        self.lock().opened = true;
        let _joined = fanout.join(self);
        loop {
            let after = {
                let mut inner = self.lock();
                match inner.failed.take() {
                    Some(error) => return Err(error),
                    None => inner.proceed(&self.socket, fanout)?,
                }
            };
            match after {
                After::Idle => self.stopped.notified().await,
                After::Blocked(bytes) => room(&self.socket, bytes).await?,
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why nothing more can be sent now.
enum After {
    /// The viewer has all there is.
    Idle,
    /// There is no room for what has so many bytes.
    Blocked(usize),
}

impl Inner {
    /// Sends until there is nothing more to send, or no room.
    fn proceed(&mut self, socket: &Socket, fanout: &Fanout) -> io::Result<After> {
        loop {
            if let Some(picture) = self.next(fanout.now()) {
                self.outgoing.begin(fanout.part(picture));
            }
            if self.outgoing.idle() {
                return Ok(After::Idle);
            }
            let send_mode = self.outgoing.send_mode();
            let progress = self.outgoing.push(socket);
            if self.outgoing.send_mode() != send_mode {
                fanout.refused();
            }
            let Pushed::Whole(bytes) = progress? else { return Ok(After::Blocked(self.outgoing.length())) };
            fanout.metrics().stream_bytes.inc_by(bytes as u64);
            if let Some(entry) = &mut self.entry {
                entry.bytes += bytes as u64;
            }
            self.slot.sent(fanout.now(), self.pictures.missed() + self.rate_limited);
        }
    }

    /// A picture to begin with now.
    fn next(&mut self, now: Duration) -> Option<Arc<Picture>> {
        if self.outgoing.replaceable() {
            // Nothing of the one that waits has gone, and its turn goes to the newest.
            return self.pictures.unseen();
        }
        if !self.outgoing.idle() {
            return None;
        }
        let picture = self.pictures.unseen()?;
        if self.rate_limit.as_mut().is_none_or(|rate_limit| rate_limit.admits(now)) {
            return Some(picture);
        }
        self.rate_limited += 1;
        None
    }
}

async fn write_all(socket: &Socket, bytes: &[u8]) -> io::Result<()> {
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

    /// Time passes at once, and the kernel's own is none of it.
    #[tokio::test(start_paused = true)]
    async fn the_kernel_gives_a_stalled_viewer_the_time_that_its_picture_has() {
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
            assert!(kernel > waited, "{bytes} bytes: the kernel's {kernel:?} end before {waited:?}");
        }
    }
}
