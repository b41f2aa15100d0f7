//! Files with secrets: read, watched for changes, and looked at for who else may read them.

use eyelet_hal::{Error, ErrorKind, Result};
use std::{
    fs::{self, Metadata},
    io,
    os::unix::fs::MetadataExt,
    path::Path,
};

/// A longer file is not one of these.
const LONGEST: u64 = 1024 * 1024;

/// What changes when a file does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Version {
    file: (u64, u64),
    len: u64,
    changed: (i64, i64),
}

impl Version {
    /// Of the file as it is now; `None` where there is none.
    pub(crate) fn of(path: &Path) -> Option<Self> {
        let about = fs::metadata(path).ok()?;
        // The time of the change of its state: unlike that of its contents nobody can set it.
        let changed = (about.ctime(), about.ctime_nsec());
        Some(Self { file: (about.dev(), about.ino()), len: about.len(), changed })
    }
}

/// The whole text of a file.
///
/// # Errors
/// In one line, with the flag that named the file.
pub(crate) fn read(path: &Path, flag: &str) -> Result<String> {
    let explain = |error: io::Error| {
        let kind = match error.kind() {
            io::ErrorKind::NotFound => ErrorKind::NotFound,
            io::ErrorKind::PermissionDenied => ErrorKind::PermissionDenied,
            _ => ErrorKind::Other,
        };
        let what = format!("cannot read {}: {error}; name a readable file with {flag}", path.display());
        Error::new(kind, what).with_source(error)
    };
    let about = fs::metadata(path).map_err(explain)?;
    if about.len() > LONGEST {
        return Err(explain(io::Error::new(io::ErrorKind::FileTooLarge, "the file is too long")));
    }
    fs::read_to_string(path).map_err(explain)
}

/// Says so when the file is open to others than its owner and group.
pub(crate) fn warn_of_others(path: &Path) {
    let others = |about: &Metadata| about.mode() & 0o006;
    let may = match fs::metadata(path).as_ref().map(others) {
        Ok(0) | Err(_) => return,
        Ok(0o004) => "read",
        Ok(_) => "write",
    };
    let file = path.display();
    tracing::warn!("every user of this machine may {may} {file}; close it with: chmod o= {file}");
}
