//! Memory that the kernel can send to many sockets without copying it for each.

use std::io::{self, IoSlice};

/// A part in a memfd: `sendfile` puts its pages into the sockets' queues, which share and never copy them.
///
/// Each part gets a memfd of its own that is written once: a queue may hold its pages long after the call that put them
/// there, so new bytes in old pages would change what viewers have yet to get.
#[derive(Debug)]
pub(super) struct Memfd(#[cfg(target_os = "linux")] std::os::fd::OwnedFd);

#[cfg(target_os = "linux")]
impl Memfd {
    /// A memfd with these bytes, one after the other.
    pub(super) fn holding(bytes: &[IoSlice<'_>]) -> io::Result<Self> {
        let file = rustix::fs::memfd_create("eyelet-part", rustix::fs::MemfdFlags::CLOEXEC)?;
        let length: usize = bytes.iter().map(|slice| slice.len()).sum();
        if rustix::io::writev(&file, bytes)? != length {
            return Err(io::Error::new(io::ErrorKind::OutOfMemory, "no memory for the whole part"));
        }
        Ok(Self(file))
    }
}

#[cfg(target_os = "linux")]
impl std::os::fd::AsFd for Memfd {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.0.as_fd()
    }
}

#[cfg(not(target_os = "linux"))]
impl Memfd {
    pub(super) fn holding(_bytes: &[IoSlice<'_>]) -> io::Result<Self> {
        Err(io::ErrorKind::Unsupported.into())
    }
}
