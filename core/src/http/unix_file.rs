//! A Unix socket in the file system: made with care, removed at the end.

use eyelet_hal::{Error, ErrorKind, Result};
use socket2::{Domain, SockAddr, Type};
use std::{
    fs::{self, Permissions},
    io,
    os::unix::{
        fs::{FileTypeExt, MetadataExt, PermissionsExt},
        net::UnixListener,
    },
    path::{Path, PathBuf},
};

/// The owner and the group may connect: a web server in front of eyelet runs as another user of the same group.
const MODE: u32 = 0o660;

/// The file of a socket that listens. It is removed when this drops, if it is still the same file.
#[derive(Debug)]
pub(super) struct UnixFile {
    path: PathBuf,
    /// Device and inode: a server that started since may have put its own file there.
    identity: Option<(u64, u64)>,
}

impl UnixFile {
    /// Makes the file with mode 0660 and listens on it. A file left behind by a server that is gone is replaced.
    pub(super) fn listen(path: &Path, backlog: i32) -> Result<(UnixListener, Self)> {
        Self::open(path, backlog).map_err(|error| {
            let kind = error.kind();
            let (kind, remedy) = match kind {
                io::ErrorKind::AddrInUse => {
                    (ErrorKind::Busy, "stop the other server, or choose another path")
                }
                io::ErrorKind::AlreadyExists => (ErrorKind::InvalidInput, "choose another path"),
                io::ErrorKind::InvalidInput => {
                    (ErrorKind::InvalidInput, "choose a path of at most 100 bytes")
                }
                io::ErrorKind::PermissionDenied => {
                    (ErrorKind::PermissionDenied, "choose a folder that you may write to")
                }
                _ => (ErrorKind::Other, "choose a path in a folder that exists"),
            };
            let path = path.display();
            Error::new(kind, format!("cannot listen on unix:{path}: {error}; {remedy}")).with_source(error)
        })
    }

    fn open(path: &Path, backlog: i32) -> io::Result<(UnixListener, Self)> {
        let address = SockAddr::unix(path)?;
        let socket = socket2::Socket::new(Domain::UNIX, Type::STREAM, None)?;
        match socket.bind(&address) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                remove_stale(path)?;
                socket.bind(&address)?;
            }
            other => other?,
        }
        let identity = fs::symlink_metadata(path).ok().map(|file| (file.dev(), file.ino()));
        let file = Self { path: path.to_owned(), identity };
        // Until it listens nobody can connect, so there is no moment with another mode.
        fs::set_permissions(path, Permissions::from_mode(MODE))?;
        socket.listen(backlog)?;
        socket.set_nonblocking(true)?;
        Ok((socket.into(), file))
    }
}

impl Drop for UnixFile {
    fn drop(&mut self) {
        let there = fs::symlink_metadata(&self.path).ok().map(|file| (file.dev(), file.ino()));
        if there.is_some() && there == self.identity {
            // Somebody else may have been faster.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Removes the socket's file if nobody listens on it.
fn remove_stale(path: &Path) -> io::Result<()> {
    if !fs::symlink_metadata(path)?.file_type().is_socket() {
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, "there is a file that is no socket"));
    }
    let probe = socket2::Socket::new(Domain::UNIX, Type::STREAM, None)?;
    // A server whose queue is full must not hold us up.
    probe.set_nonblocking(true)?;
    match probe.connect(&SockAddr::unix(path)?) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(path),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Err(error),
        // Whatever else it says, somebody has it.
        _ => Err(io::Error::new(io::ErrorKind::AddrInUse, "another server listens there")),
    }
}
