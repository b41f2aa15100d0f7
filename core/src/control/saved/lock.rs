//! One program for each file.

use rustix::{
    fs::{FlockOperation, OFlags, flock},
    io::Errno,
};
use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

/// The lock on a file, until it drops or the process ends.
#[derive(Debug)]
pub(super) struct Lock {
    file: File,
    path: PathBuf,
}

impl Lock {
    /// Locks this file, which is made if it is not there.
    ///
    /// # Errors
    /// `WouldBlock` while another process has it.
    pub(super) fn take(path: PathBuf) -> io::Result<Self> {
        let file = locked(&path)?;
        Ok(Self { file, path })
    }

    /// Locks the file that is there now, if it is another one: its folder may have been removed and made anew.
    ///
    /// # Errors
    /// As `take`'s.
    pub(super) fn renew(&mut self) -> io::Result<()> {
        let which = |about: fs::Metadata| (about.dev(), about.ino());
        let held = which(self.file.metadata()?);
        if !fs::symlink_metadata(&self.path).is_ok_and(|there| which(there) == held) {
            self.file = locked(&self.path)?;
        }
        Ok(())
    }
}

fn locked(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    // Through a link nothing is made, and no reader of a pipe is waited for. The flags have the system's own bits.
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    options.write(true).create(true).truncate(false).mode(0o600).custom_flags(flags.bits() as i32);
    let file = options.open(path)?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(Errno::WOULDBLOCK) => {
            return Err(io::Error::new(io::ErrorKind::WouldBlock, "another program saves there"));
        }
        Err(Errno::NOLCK | Errno::NOSYS | Errno::OPNOTSUPP | Errno::BADF | Errno::INVAL) => {
            let file = path.display();
            tracing::warn!(%file, "the file system has no locks; make sure that no other program saves there");
        }
        Err(error) => return Err(error.into()),
    }
    Ok(file)
}
