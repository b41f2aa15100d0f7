//! Files with secrets: read, reloaded when they change, and checked for who else may read them.

use eyelet_hal::{Error, ErrorKind, Result};
use std::{
    fs::{self, Metadata},
    io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    time::Duration,
};

/// A longer file cannot be a file of secrets.
const LONGEST: u64 = 1024 * 1024;

/// What changes when a file does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Version {
    file: (u64, u64),
    len: u64,
    changed: (i64, i64),
}

impl Version {
    /// Of the file as it is now; `None` where there is none.
    fn of(path: &Path) -> Option<Self> {
        let about = fs::metadata(path).ok()?;
        let file = (about.dev(), about.ino());
        if !about.is_file() {
            // A pipe, as of a shell's `<(...)`, can be read once: what is written to it is no change.
            return Some(Self { file, len: 0, changed: (0, 0) });
        }
        // The time of the change of its state: unlike that of its contents it cannot be set.
        let changed = (about.ctime(), about.ctime_nsec());
        Some(Self { file, len: about.len(), changed })
    }
}

/// Files are read once more this long after a change or a failure.
const AGAIN: Duration = Duration::from_secs(1);

/// Files whose contents are held in memory, and when to read them again.
#[derive(Debug)]
pub(crate) struct Reload {
    /// What the files hold, as in `credentials reloaded`.
    what: &'static str,
    files: Vec<PathBuf>,
    versions: Vec<Option<Version>>,
    /// When to read them although they look the same. After a failure: it may have been the disk's, not the files'.
    /// After a change: the next one may have come within the same tick of the file system's clock.
    again: Option<Duration>,
    /// The failure that was logged last, so that it is logged once.
    failure: String,
}

impl Reload {
    /// To be made before the files are read for the first time: a change in between is then seen as one.
    pub(crate) fn new(what: &'static str, files: Vec<PathBuf>) -> Self {
        let versions = versions(&files);
        Self { what, files, versions, again: None, failure: String::new() }
    }

    /// What `load` makes of the files at `now`, a monotonic time, if they may have changed since they were last read.
    /// `None` also when it fails; it is then retried until it works.
    pub(crate) fn load<T>(&mut self, now: Duration, load: impl FnOnce() -> Result<T>) -> Option<T> {
        let versions = versions(&self.files);
        let changed = versions != self.versions;
        if !changed && self.again.is_none_or(|again| now < again) {
            return None;
        }
        self.versions = versions;
        let file = self.files.first().map(|file| file.display());
        match self.files.iter().try_for_each(|file| quick_to_read(file)).and_then(|()| load()) {
            Ok(new) => {
                if changed || !self.failure.is_empty() {
                    tracing::info!(file = file.map(tracing::field::display), "{} reloaded", self.what);
                }
                self.again = changed.then_some(now + AGAIN);
                self.failure.clear();
                Some(new)
            }
            Err(error) => {
                self.again = Some(now + AGAIN);
                let failure = error.to_string();
                if failure != self.failure {
                    tracing::error!("{failure}; keeping the previous {}", self.what);
                    self.failure = failure;
                }
                None
            }
        }
    }
}

fn versions(files: &[PathBuf]) -> Vec<Option<Version>> {
    files.iter().map(|file| Version::of(file)).collect()
}

/// To be called before a file is read while others wait: a named pipe without a writer has no end.
///
/// # Errors
/// If it is a pipe, a device or a socket.
pub(crate) fn quick_to_read(path: &Path) -> Result<()> {
    match fs::metadata(path) {
        Ok(about) if !about.is_file() && !about.is_dir() => {
            let what = format!("cannot read {} again: it is not a regular file", path.display());
            Err(Error::new(ErrorKind::InvalidInput, what))
        }
        // Reading it finds any other fault.
        _ => Ok(()),
    }
}

/// The whole text of a file.
///
/// # Errors
/// If it is too long, or cannot be read as UTF-8.
pub(crate) fn read(path: &Path) -> Result<String> {
    let explain = |error: io::Error| {
        let kind = match error.kind() {
            io::ErrorKind::NotFound => ErrorKind::NotFound,
            io::ErrorKind::PermissionDenied => ErrorKind::PermissionDenied,
            _ => ErrorKind::Other,
        };
        let what = format!("cannot read {}: {error}", path.display());
        Error::new(kind, what).with_remedy("name a readable file").with_source(error)
    };
    let about = fs::metadata(path).map_err(explain)?;
    if about.len() > LONGEST {
        return Err(explain(io::Error::new(io::ErrorKind::FileTooLarge, "the file is too long")));
    }
    fs::read_to_string(path).map_err(explain)
}

/// Logs a warning when others than the owner and group of a file may read or write it.
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::{cell::Cell, fs::File, io::Write as _};

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn failed_load_is_retried_until_it_works_and_then_once_more() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "1").unwrap();
        let mut reload = Reload::new("credentials", vec![file.clone()]);
        let (tries, broken) = (Cell::new(0), Cell::new(true));
        let mut at = |now| {
            reload.load(now, || {
                tries.set(tries.get() + 1);
                // As a disk that fails, or a process without a free file descriptor.
                if broken.get() { Err(Error::new(ErrorKind::Other, "no")) } else { Ok(()) }
            })
        };
        assert_eq!((at(SECOND), tries.get()), (None, 0), "nothing has changed");
        fs::write(&file, "22").unwrap();
        for (now, expected) in [(SECOND, 1), (SECOND * 3 / 2, 1), (SECOND * 2, 2), (SECOND * 3, 3)] {
            assert_eq!((at(now), tries.get()), (None, expected), "{now:?}");
        }
        broken.set(false);
        assert_eq!(at(SECOND * 4), Some(()));
        assert_eq!((at(SECOND * 9), tries.get()), (None, 4));
        // A change is read twice.
        fs::remove_file(&file).unwrap();
        let seen: Vec<_> = [9, 10, 11].map(|now| at(SECOND * now)).into_iter().collect();
        assert_eq!(seen, [Some(()), Some(()), None]);
    }

    /// Opening it waits for a writer, and with it all viewers did.
    #[test]
    fn file_that_became_a_named_pipe_is_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "1").unwrap();
        let mut reload = Reload::new("credentials", vec![file.clone()]);
        fs::remove_file(&file).unwrap();
        rustix::fs::mkfifoat(rustix::fs::CWD, &file, 0o600.into()).unwrap();
        let mut opened = false;
        let read = || {
            opened = true;
            Ok(())
        };
        assert_eq!(reload.load(SECOND, read), None);
        assert!(!opened);
        assert!(reload.failure.contains("not a regular file"), "{}", reload.failure);
        fs::remove_file(&file).unwrap();
        fs::write(&file, "2").unwrap();
        assert_eq!(reload.load(SECOND * 2, || Ok(fs::read_to_string(&file).unwrap())).as_deref(), Some("2"));
    }

    #[test]
    fn pipe_that_was_there_from_the_start_is_read_once() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, 0o600.into()).unwrap();
        let mut reload = Reload::new("credentials", vec![pipe.clone()]);
        let mut both = File::options().read(true).write(true).open(&pipe).unwrap();
        both.write_all(b"1").unwrap();
        assert_eq!(reload.load(SECOND, || Ok(())), None);
        assert_eq!(reload.failure, "", "it has not changed");
    }
}
