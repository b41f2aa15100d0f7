//! One process of MaixPy at a time opens the camera of a board, whichever eyelet has started it.
//!
//! The process's end of the socket has a name in the kernel, which nobody else can give to a socket as long as any process has
//! this one. So it is there before the process is, and gone when the process is, even where eyelet was killed meanwhile and the
//! process is still importing MaixPy; and it needs no file, on a system that may have nowhere to put one.

use super::child::failed;
use eyelet_hal::{Error, ErrorKind, Result};
use rustix::{
    io::Errno,
    net::{SocketAddrUnix, bind},
};
use std::{
    os::{
        fd::AsFd,
        unix::{ffi::OsStrExt as _, net::UnixStream},
    },
    path::Path,
};

/// What the name begins with; the folder that stands in for `/` follows.
const NAME: &[u8] = b"eyelet-csi:";

/// The camera's nodes. Where there are none, there is nothing to share.
const NODES: [&str; 2] = ["dev/cvi-vi", "dev/cvi-vpss"];

/// A pair of sockets, the second of which is for the only process below `root`.
///
/// # Errors
/// `Busy` if there is one.
pub(super) fn pair(root: &Path) -> Result<(UnixStream, UnixStream)> {
    let (ours, its) = UnixStream::pair().map_err(failed)?;
    if NODES.iter().any(|node| root.join(node).exists()) {
        let root = root.as_os_str().as_bytes();
        // A name has room for 107 bytes, of which only tests need more than a few.
        let name = [NAME, &root[root.len().saturating_sub(80)..]].concat();
        match SocketAddrUnix::new_abstract_name(&name).and_then(|name| bind(its.as_fd(), &name)) {
            Ok(()) => {}
            Err(Errno::ADDRINUSE) => {
                let what = "cannot open the built-in camera: another eyelet is opening it, or MaixPy has yet to close it";
                return Err(Error::new(ErrorKind::Busy, what)
                    .with_remedy("end the other eyelet, or try again in a minute"));
            }
            Err(error) => return Err(failed(error.into())),
        }
    }
    Ok((ours, its))
}
