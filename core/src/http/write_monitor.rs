//! The socket under hyper, with a record of its writes: whether everything has gone, and how much.

use super::limits;
use crate::net::socket::Socket;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::rt::TokioIo;
use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::{Context, Poll},
};
use tokio::time::{Sleep, sleep};

/// The record of hyper's writes.
#[derive(Debug, Default)]
pub(super) struct Writes {
    blocked: AtomicBool,
    written: AtomicU64,
}

impl Writes {
    /// Whether the last write was refused: whether hyper still holds bytes.
    pub(super) fn is_blocked(&self) -> bool {
        self.blocked.load(Ordering::Relaxed)
    }

    /// Bytes that have gone.
    pub(super) fn written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }
}

/// A socket that records its writes, and gives up on a peer that takes nothing.
#[derive(Debug)]
pub(super) struct WriteMonitor {
    io: TokioIo<Socket>,
    writes: Arc<Writes>,
    /// Runs while the peer takes nothing.
    stall: Option<Pin<Box<Sleep>>>,
}

impl WriteMonitor {
    pub(super) fn new(socket: Socket) -> (Self, Arc<Writes>) {
        let writes = Arc::<Writes>::default();
        (Self { io: TokioIo::new(socket), writes: Arc::clone(&writes), stall: None }, writes)
    }

    pub(super) fn into_socket(self) -> Socket {
        self.io.into_inner()
    }

    fn note(&mut self, result: Poll<io::Result<usize>>, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        self.writes.blocked.store(result.is_pending(), Ordering::Relaxed);
        match &result {
            Poll::Ready(written) => {
                self.stall = None;
                let written = written.as_ref().map_or(0, |&written| written as u64);
                self.writes.written.fetch_add(written, Ordering::Relaxed);
            }
            Poll::Pending => {
                let stall = self.stall.get_or_insert_with(|| Box::pin(sleep(limits::stall_budget(0))));
                if stall.as_mut().poll(cx).is_ready() {
                    return Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "takes no bytes")));
                }
            }
        }
        result
    }
}

impl Read for WriteMonitor {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

impl Write for WriteMonitor {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.io).poll_write(cx, buf);
        self.note(result, cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.io).poll_write_vectored(cx, bufs);
        self.note(result, cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
