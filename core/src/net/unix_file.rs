//! A Unix socket in the file system: made with care, removed at the end.

use super::explain::Explain;
use eyelet_hal::{Error, ErrorKind, Result};
use socket2::{Domain, SockAddr, Type};
use std::{
    fs::{self, Permissions},
    io,
    os::unix::{
        fs::{FileTypeExt, MetadataExt, PermissionsExt, chown},
        net::UnixListener,
    },
    path::{Path, PathBuf},
};

/// Who may connect to a Unix socket: those who may write to its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnixPermissions {
    /// The file's mode.
    pub mode: u32,
    /// The file's group, by its number; `None` is that of the process or the folder.
    pub group: Option<u32>,
}

impl Default for UnixPermissions {
    /// The owner and the group: a web server in front of eyelet runs as another user of the same group.
    fn default() -> Self {
        Self { mode: 0o660, group: None }
    }
}

/// The file of a socket that listens. It is removed when this drops, if it is still the same file.
#[derive(Debug)]
pub(super) struct UnixFile {
    path: PathBuf,
    /// Device and inode: a server that started since may have put its own file there.
    identity: Option<(u64, u64)>,
}

impl UnixFile {
    /// Makes the file and listens on it. A file left behind by a server that is gone is replaced. An error of the path is
    /// explained by the first of the two, one of the group by the second.
    pub(super) fn listen(
        path: &Path,
        permissions: UnixPermissions,
        backlog: i32,
        [Explain(of_path), Explain(of_group)]: [Explain; 2],
    ) -> Result<(UnixListener, Self)> {
        let wrong = |error: io::Error, kind, remedy: &'static str| {
            let what = format!("cannot listen on unix:{}: {error}", path.display());
            Error::new(kind, what).with_remedy(remedy).with_source(error)
        };
        let (socket, file) = Self::open(path).map_err(|error| {
            let (kind, remedy) = match error.kind() {
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
            of_path(wrong(error, kind, remedy))
        })?;
        // Until it listens no client can connect, so there is no moment with other permissions.
        if permissions.group.is_some() {
            chown(path, None, permissions.group).map_err(|error| {
                let remedy = "run as root or as a member of that group";
                of_group(wrong(error, ErrorKind::PermissionDenied, remedy))
            })?;
        }
        fs::set_permissions(path, Permissions::from_mode(permissions.mode))
            .and_then(|()| socket.listen(backlog))
            .and_then(|()| socket.set_nonblocking(true))
            .map_err(|error| of_path(wrong(error, ErrorKind::Other, "choose another folder")))?;
        Ok((socket.into(), file))
    }

    fn open(path: &Path) -> io::Result<(socket2::Socket, Self)> {
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
        Ok((socket, Self { path: path.to_owned(), identity }))
    }
}

impl Drop for UnixFile {
    fn drop(&mut self) {
        let there = fs::symlink_metadata(&self.path).ok().map(|file| (file.dev(), file.ino()));
        if there.is_some() && there == self.identity {
            // Another process may have been faster.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Removes the socket's file if no server listens on it.
fn remove_stale(path: &Path) -> io::Result<()> {
    if !fs::symlink_metadata(path)?.file_type().is_socket() {
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, "the file exists and is not a socket"));
    }
    let probe = socket2::Socket::new(Domain::UNIX, Type::STREAM, None)?;
    // A server whose queue is full must not block us.
    probe.set_nonblocking(true)?;
    match probe.connect(&SockAddr::unix(path)?) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(path),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Err(error),
        // Any other error: a server has it.
        _ => Err(io::Error::new(io::ErrorKind::AddrInUse, "another server listens there")),
    }
}
