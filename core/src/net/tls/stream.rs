//! A TCP connection with TLS on it, for non-blocking use by hyper and by the stream alike.
//!
//! What is written is taken in only when all that was taken before has left for the kernel, and then at most
//! 64 KiB of it (rustls' buffer): so little waits here, and a slow viewer skips whole pictures as it does without
//! TLS.

use rustls::Connection;
use std::{
    io::{self, IoSlice, Read, Write},
    pin::Pin,
    sync::{Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, ready},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    sync::Notify,
};

/// An encrypted connection; either side.
#[derive(Debug)]
pub(crate) struct TlsStream {
    tcp: TcpStream,
    session: Mutex<Connection>,
    /// Something was taken in and has not all left.
    unsent: Notify,
}

/// The socket as rustls wants it.
struct Raw<'a>(&'a TcpStream);

impl Read for Raw<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.try_read(buffer)
    }
}

impl Write for Raw<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.try_write(bytes)
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.0.try_write_vectored(slices)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl TlsStream {
    /// The handshake.
    ///
    /// # Errors
    /// The socket's; `InvalidData` with a [`rustls::Error`] inside when the two do not agree.
    pub(crate) async fn establish(tcp: TcpStream, session: Connection) -> io::Result<Self> {
        let stream = Self { tcp, session: Mutex::new(session), unsent: Notify::new() };
        loop {
            let (sent, busy) = {
                let mut session = stream.session();
                (stream.push(&mut session), session.is_handshaking())
            };
            match sent {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                    stream.tcp.writable().await?;
                    continue;
                }
                sent => sent?,
            }
            if !busy {
                return Ok(stream);
            }
            stream.tcp.readable().await?;
            let pulled = stream.pull(&mut stream.session());
            match pulled {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Err(e) if e.kind() != io::ErrorKind::WouldBlock => return Err(e),
                _ => {}
            }
        }
    }

    pub(crate) fn tcp(&self) -> &TcpStream {
        &self.tcp
    }

    fn session(&self) -> MutexGuard<'_, Connection> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes in what has come; 0 at the end.
    fn pull(&self, session: &mut Connection) -> io::Result<usize> {
        let read = session.read_tls(&mut Raw(&self.tcp))?;
        if let Err(error) = session.process_new_packets() {
            // The alert for the peer, which may already be gone.
            let _ = self.push(session);
            return Err(io::Error::new(io::ErrorKind::InvalidData, error));
        }
        Ok(read)
    }

    /// Sends all that waits, or fails with `WouldBlock`.
    fn push(&self, session: &mut Connection) -> io::Result<()> {
        while session.wants_write() {
            if session.write_tls(&mut Raw(&self.tcp))? == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
        }
        Ok(())
    }

    /// Until something may be read. Sends what waits meanwhile: a viewer that waits for the next picture waits here too.
    pub(crate) async fn readable(&self) -> io::Result<()> {
        loop {
            let waits = match self.push(&mut self.session()) {
                Ok(()) => false,
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => true,
                Err(e) => return Err(e),
            };
            tokio::select! {
                done = self.tcp.readable() => return done,
                done = self.tcp.writable(), if waits => done?,
                () = self.unsent.notified() => {}
            }
        }
    }

    pub(crate) fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut session = self.session();
        loop {
            match session.reader().read(buffer) {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
                done => return done,
            }
            self.pull(&mut session)?;
        }
    }

    /// Until something may be written: then, what waits goes first.
    pub(crate) async fn writable(&self) -> io::Result<()> {
        self.tcp.writable().await
    }

    pub(crate) fn try_write_vectored(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut session = self.session();
        self.push(&mut session)?;
        let taken = session.writer().write_vectored(slices)?;
        match self.push(&mut session) {
            Err(e) if e.kind() != io::ErrorKind::WouldBlock => return Err(e),
            Err(_) => self.unsent.notify_one(),
            Ok(()) => {}
        }
        Ok(taken)
    }

    fn poll_push(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            match self.push(&mut self.session()) {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => ready!(self.tcp.poll_write_ready(cx))?,
                done => return Poll::Ready(done),
            }
        }
    }
}

impl AsyncRead for TlsStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            match self.try_read(buffer.initialize_unfilled()) {
                Ok(read) => {
                    buffer.advance(read);
                    return Poll::Ready(Ok(()));
                }
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => ready!(self.tcp.poll_read_ready(cx))?,
                Err(e) => return Poll::Ready(Err(e)),
            }
        }
    }
}

impl AsyncWrite for TlsStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        loop {
            match self.try_write_vectored(slices) {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => ready!(self.tcp.poll_write_ready(cx))?,
                done => return Poll::Ready(done),
            }
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_push(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // Sent once: rustls ignores the second time.
        self.session().send_close_notify();
        ready!(self.poll_push(cx))?;
        Pin::new(&mut self.tcp).poll_shutdown(cx)
    }
}
