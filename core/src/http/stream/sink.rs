//! Where parts go: a socket that does not block, one system call at a time.

use super::memfd::Memfd;
use crate::net::socket::Socket;
use std::{
    io::{self, IoSlice},
    ops::Range,
};

/// How parts can be sent to a viewer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SendMode {
    /// From a memfd with `sendfile`, and copied bytes.
    Memfd,
    /// Copied bytes only.
    Copy,
}

/// What takes a part, or some of it. Both calls give how many bytes went, or `WouldBlock` if none could.
pub(super) trait Sink {
    /// Sends these bytes, which end a part. If they all go, the next part does not begin before the kernel
    /// wants more: left to itself, it puts the beginning of that one into the last packet of this one, which
    /// may wait for seconds at a slow viewer, and what has begun must be sent to the end.
    fn send_bytes(&self, bytes: &[IoSlice<'_>]) -> io::Result<usize>;

    /// Sends a range of this memfd without copying it. `Unsupported` where that is not possible.
    fn send_memfd(&self, memfd: &Memfd, range: Range<usize>) -> io::Result<usize>;
}

impl Socket {
    /// How parts can be sent over this socket.
    pub(super) fn send_mode(&self) -> SendMode {
        match self {
            #[cfg(target_os = "linux")]
            Self::Tcp(_) => SendMode::Memfd,
            _ => SendMode::Copy,
        }
    }
}

impl Sink for Socket {
    fn send_bytes(&self, bytes: &[IoSlice<'_>]) -> io::Result<usize> {
        match self {
            #[cfg(target_os = "linux")]
            Self::Tcp(socket) => {
                use rustix::net::{SendAncillaryBuffer, SendFlags, sendmsg};
                let length = bytes.iter().map(|slice| slice.len()).sum();
                once(socket, length, || {
                    let flags = SendFlags::EOR | SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
                    sendmsg(socket, bytes, &mut SendAncillaryBuffer::default(), flags)
                })
            }
            _ => self.try_write_vectored(bytes),
        }
    }

    #[cfg(target_os = "linux")]
    fn send_memfd(&self, memfd: &Memfd, range: Range<usize>) -> io::Result<usize> {
        use rustix::io::Errno;
        let Self::Tcp(socket) = self else { return Err(io::ErrorKind::Unsupported.into()) };
        let sent = once(socket, range.len(), || {
            let mut offset = range.start as u64;
            rustix::fs::sendfile(socket, memfd, Some(&mut offset), range.len())
        });
        // The errors of a kernel without it, or of a filter of system calls.
        let refused = [Errno::INVAL, Errno::NOSYS, Errno::PERM, Errno::ACCESS, Errno::OPNOTSUPP];
        sent.map_err(|e| match Errno::from_io_error(&e) {
            Some(errno) if refused.contains(&errno) => io::ErrorKind::Unsupported.into(),
            _ => e,
        })
    }

    #[cfg(not(target_os = "linux"))]
    fn send_memfd(&self, _memfd: &Memfd, _range: Range<usize>) -> io::Result<usize> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

/// Sends if there is room. When less than `length` went there is none: then the next attempt waits for room
/// instead of asking the kernel once more.
#[cfg(target_os = "linux")]
fn once(
    socket: &tokio::net::TcpStream,
    length: usize,
    send: impl FnOnce() -> rustix::io::Result<usize>,
) -> io::Result<usize> {
    let mut sent = 0;
    let done = socket.try_io(tokio::io::Interest::WRITABLE, || {
        sent = send()?;
        if sent == length { Ok(()) } else { Err(io::ErrorKind::WouldBlock.into()) }
    });
    match done {
        Err(e) if sent == 0 || e.kind() != io::ErrorKind::WouldBlock => Err(e),
        _ => Ok(sent),
    }
}
