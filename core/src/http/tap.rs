//! The socket under hyper, with one thing to know about it: whether everything written has gone.

use super::socket::Socket;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::rt::TokioIo;
use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
};

/// A socket that remembers whether its last write was refused: whether hyper still holds bytes for it.
#[derive(Debug)]
pub(super) struct Tap {
    io: TokioIo<Socket>,
    blocked: Arc<AtomicBool>,
}

impl Tap {
    pub(super) fn new(socket: Socket) -> (Self, Arc<AtomicBool>) {
        let blocked = Arc::new(AtomicBool::new(false));
        (Self { io: TokioIo::new(socket), blocked: Arc::clone(&blocked) }, blocked)
    }

    pub(super) fn into_socket(self) -> Socket {
        self.io.into_inner()
    }

    fn note<T>(&self, result: Poll<T>) -> Poll<T> {
        self.blocked.store(result.is_pending(), Ordering::Relaxed);
        result
    }
}

impl Read for Tap {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

impl Write for Tap {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.io).poll_write(cx, buf);
        self.note(result)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.io).poll_write_vectored(cx, bufs);
        self.note(result)
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
