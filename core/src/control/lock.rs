//! One program for each file.

use rustix::{
    fs::{FlockOperation, OFlags, flock},
    io::Errno,
};
use std::{
    fs::{File, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

/// Locks this file, which is made if it is not there, until the result drops or the process ends.
///
/// # Errors
/// `WouldBlock` while another process has it.
pub(super) fn lock(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    // Through a link nothing is made. The flags have the system's own bits.
    options.write(true).create(true).truncate(false).mode(0o600).custom_flags(OFlags::NOFOLLOW.bits() as i32);
    let file = options.open(path)?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(Errno::NOLCK | Errno::NOSYS | Errno::OPNOTSUPP | Errno::BADF | Errno::INVAL) => {
            let file = path.display();
            tracing::warn!(%file, "the file system has no locks; make sure that no other program saves there");
        }
        Err(error) => return Err(error.into()),
    }
    Ok(file)
}
