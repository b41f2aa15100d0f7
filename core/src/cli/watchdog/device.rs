//! A watchdog device, `/dev/watchdog`: it restarts the machine when it has not been written to for its timeout.

use super::Failure;
use std::{
    fs::{File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
};

/// The device. Dropping it lets it go, so that an ordinary end restarts nothing; after a crash it restarts the machine
/// unless another program has opened it in time.
#[derive(Debug)]
pub(super) struct WatchdogDevice {
    file: File,
    path: PathBuf,
    failed: bool,
}

impl WatchdogDevice {
    /// Opens it, which starts it.
    pub(super) fn open(path: &Path) -> Result<Self, Failure> {
        let file = OpenOptions::new().write(true).open(path).map_err(|e| {
            let remedy = match e.kind() {
                io::ErrorKind::ResourceBusy => "stop the program that has it, such as BusyBox' watchdog",
                io::ErrorKind::PermissionDenied => "run as root",
                _ => "name the machine's watchdog with --watchdog, such as /dev/watchdog",
            };
            Failure::runtime(format!("cannot open {}: {e}; {remedy}", path.display()))
        })?;
        Ok(Self { file, path: path.to_owned(), failed: false })
    }

    /// Writes to it: not now.
    pub(super) fn feed(&mut self) {
        let failed = self.file.write_all(b"\0").err();
        if let (Some(error), false) = (&failed, self.failed) {
            tracing::warn!("cannot write to {}: {error}; it will restart the machine", self.path.display());
        }
        self.failed = failed.is_some();
    }
}

impl Drop for WatchdogDevice {
    fn drop(&mut self) {
        // The "magic close" of the kernel's watchdog API: without this letter closing does not stop it.
        if let Err(error) = self.file.write_all(b"V") {
            tracing::warn!("cannot stop {}: {error}; it will restart the machine", self.path.display());
        }
    }
}
