//! Bytes that the kernel can send to many sockets without copying them for each.

use std::io::{self, IoSlice};

/// A part in pages of the kernel's: what `sendfile` sends, the sockets' queues share and never copy.
///
/// Each part gets pages of its own and they are written once: a queue may hold them long after the call that
/// put them there, so new bytes in old pages would change what viewers are still to get.
#[derive(Debug)]
pub(super) struct Pages(#[cfg(target_os = "linux")] std::os::fd::OwnedFd);

#[cfg(target_os = "linux")]
impl Pages {
    /// Pages that hold these bytes, one after the other.
    pub(super) fn holding(bytes: &[IoSlice<'_>]) -> io::Result<Self> {
        let file = rustix::fs::memfd_create("eyelet-part", rustix::fs::MemfdFlags::CLOEXEC)?;
        let length: usize = bytes.iter().map(|slice| slice.len()).sum();
        if rustix::io::writev(&file, bytes)? != length {
            return Err(io::Error::new(io::ErrorKind::OutOfMemory, "no pages for the whole part"));
        }
        Ok(Self(file))
    }
}

#[cfg(target_os = "linux")]
impl std::os::fd::AsFd for Pages {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.0.as_fd()
    }
}

#[cfg(not(target_os = "linux"))]
impl Pages {
    pub(super) fn holding(_bytes: &[IoSlice<'_>]) -> io::Result<Self> {
        Err(io::ErrorKind::Unsupported.into())
    }
}
