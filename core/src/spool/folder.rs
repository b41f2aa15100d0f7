//! The disk of a real spool: a locked folder.

use super::disk::{Disk, Listed};
use eyelet_hal::{Error, ErrorKind, Result};
use rustix::{
    fs::{AtFlags, Dir, FileType, FlockOperation, Mode, OFlags, flock, openat, renameat, statat, unlinkat},
    io::Errno,
};
use std::{
    fs::{self, File},
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
};

/// Held by the one process that uses the folder. The lock ends with the process, so a crash leaves none behind.
const LOCK: &str = "lock";

/// A folder in which no other process spools.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    /// Open, to sync its names.
    handle: File,
    _lock: File,
}

impl Folder {
    /// Creates the folder if it does not exist, and locks it.
    ///
    /// # Errors
    /// `InvalidInput` when it is a file, `Busy` when another process spools there, `PermissionDenied` or `Other` when
    /// it cannot be made or written to.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self> {
        let path = path.into();
        let refuse = |kind, why: &str, remedy| {
            Error::new(kind, format!("cannot spool in {}: {why}", path.display())).with_remedy(remedy)
        };
        if path.exists() && !path.is_dir() {
            return Err(refuse(ErrorKind::InvalidInput, "it is a file", "name a folder"));
        }
        let open = || -> io::Result<(File, File)> {
            make(&path)?;
            let (handle, lock) = (File::open(&path)?, File::create(path.join(LOCK))?);
            // The folder itself, since a file can be removed by hand; and the file, since NFS locks no folders.
            let mut safe = false;
            for file in [&handle, &lock] {
                safe |= locked(flock(file, FlockOperation::NonBlockingLockExclusive))?;
            }
            if !safe {
                let path = path.display();
                tracing::warn!(
                    "the file system of {path} has no locks; make sure that no other process spools there"
                );
            }
            Ok((lock, handle))
        };
        match open() {
            Ok((lock, handle)) => Ok(Self { path, handle, _lock: lock }),
            Err(e) => Err(match e.kind() {
                io::ErrorKind::WouldBlock => {
                    refuse(ErrorKind::Busy, "another process spools there", "stop it, or name another folder")
                }
                io::ErrorKind::PermissionDenied => {
                    let remedy = "name a folder that you may write to";
                    refuse(ErrorKind::PermissionDenied, "permission denied", remedy)
                }
                _ => refuse(ErrorKind::Other, &e.to_string(), "name a folder that can be written to"),
            }
            .with_source(e)),
        }
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Creates the folder and its parents, and syncs their names: a power cut must not lose the whole spool.
fn make(path: &Path) -> io::Result<()> {
    let missing: Vec<&Path> = path.ancestors().take_while(|folder| !folder.exists()).collect();
    fs::create_dir_all(path)?;
    for folder in missing {
        match folder.parent() {
            Some(above) if !above.as_os_str().is_empty() => File::open(above)?.sync_all()?,
            Some(_) => File::open(".")?.sync_all()?,
            None => {} // the empty path above a relative one
        }
    }
    Ok(())
}

/// Whether it is locked now. False where the file system has no locks, or (NFS) none for files not open for writing.
///
/// # Errors
/// `WouldBlock` when another process has the lock.
fn locked(tried: rustix::io::Result<()>) -> io::Result<bool> {
    match tried {
        Ok(()) => Ok(true),
        Err(Errno::NOLCK | Errno::NOSYS | Errno::OPNOTSUPP | Errno::BADF | Errno::INVAL) => Ok(false),
        Err(e) => Err(e.into()),
    }
}

/// Everything happens in the folder that was opened, whatever its path leads to now: when a disk is unplugged, nothing
/// is written to the empty mount point, and no file appears to be missing.
impl Folder {
    fn file(&self, name: &str, flags: OFlags) -> io::Result<File> {
        let mode = Mode::from_raw_mode(0o666); // less what the umask takes
        Ok(openat(&self.handle, name, flags | OFlags::CLOEXEC, mode)?.into())
    }
}

impl Disk for Folder {
    type File = File;

    fn list(&mut self) -> io::Result<Vec<Listed>> {
        let mut files = Vec::new();
        for entry in Dir::read_from(&self.handle)? {
            let entry = entry?;
            let Ok(name) = entry.file_name().to_str() else { continue };
            match statat(&self.handle, name, AtFlags::SYMLINK_NOFOLLOW) {
                Ok(found) if FileType::from_raw_mode(found.st_mode).is_file() => {
                    let len = u64::try_from(found.st_size).unwrap_or_default();
                    files.push(Listed { name: name.to_owned(), len });
                }
                // NFS keeps files that are removed while open as `.nfsXXXX` for a while.
                Ok(_) | Err(Errno::NOENT) => {}
                Err(e) => return Err(e.into()),
            }
        }
        Ok(files)
    }

    fn create(&mut self, name: &str) -> io::Result<File> {
        // Anything may have this name: a link to an unrelated file, a pipe without a reader.
        let new = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL;
        match self.file(name, new) {
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {
                self.remove(name)?;
                self.file(name, new)
            }
            other => other,
        }
    }

    fn write(&mut self, file: &mut File, bytes: &[u8]) -> io::Result<()> {
        file.write_all(bytes)
    }

    fn sync(&mut self, file: &mut File) -> io::Result<()> {
        // Including the length, which is all the metadata that reading needs.
        file.sync_data()
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        Ok(renameat(&self.handle, from, &self.handle, to)?)
    }

    fn sync_folder(&mut self) -> io::Result<()> {
        self.handle.sync_all()
    }

    fn remove(&mut self, name: &str) -> io::Result<()> {
        Ok(unlinkat(&self.handle, name, AtFlags::empty())?)
    }

    fn read(&mut self, name: &str) -> io::Result<Vec<u8>> {
        let mut file = self.file(name, OFlags::RDONLY)?;
        let len = usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX);
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(len)?;
        file.read_to_end(&mut bytes)?;
        // A short read is not damage to the file.
        if bytes.len() < len { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(bytes) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_system_without_locks_is_not_busy() {
        assert!(locked(Ok(())).unwrap());
        for errno in [Errno::NOLCK, Errno::NOSYS, Errno::OPNOTSUPP, Errno::BADF] {
            assert!(!locked(Err(errno)).unwrap(), "{errno}");
        }
        assert_eq!(locked(Err(Errno::WOULDBLOCK)).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        assert!(locked(Err(Errno::IO)).is_err());
    }

    #[test]
    fn second_process_is_refused_even_without_the_lock_file() {
        let dir = tempfile::tempdir().unwrap();
        let first = Folder::open(dir.path()).unwrap();
        let refused = || {
            let error = Folder::open(dir.path()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Busy);
            let want = format!(
                "cannot spool in {}: another process spools there; stop it, or name another folder",
                dir.path().display()
            );
            assert_eq!(error.to_string(), want);
        };
        refused();
        fs::remove_file(dir.path().join(LOCK)).unwrap();
        refused();
        drop(first);
        Folder::open(dir.path()).unwrap();
    }

    #[test]
    fn folder_that_was_renamed_stays_the_one_that_was_opened() {
        let dir = tempfile::tempdir().unwrap();
        let [there, elsewhere] = ["there", "elsewhere"].map(|name| dir.path().join(name));
        let mut folder = Folder::open(&there).unwrap();
        fs::rename(&there, &elsewhere).unwrap();
        fs::create_dir(&there).unwrap();
        let mut file = folder.create("x").unwrap();
        folder.write(&mut file, b"bytes").unwrap();
        folder.rename("x", "y").unwrap();
        assert_eq!(folder.read("y").unwrap(), b"bytes");
        assert_eq!(fs::read_dir(&there).unwrap().count(), 0);
        // An existing one is replaced, and not its target.
        fs::write(dir.path().join("another"), b"another's").unwrap();
        std::os::unix::fs::symlink(dir.path().join("another"), elsewhere.join("x")).unwrap();
        folder.create("x").unwrap();
        assert_eq!(fs::read(dir.path().join("another")).unwrap(), b"another's");
        folder.remove("x").unwrap();
        // NFS's leftovers, and entries that are not files.
        fs::write(elsewhere.join(".nfs000000000000000400000001"), b"").unwrap();
        fs::create_dir(elsewhere.join("00000000000000000001.jpg")).unwrap();
        let mut names: Vec<_> = folder.list().unwrap().into_iter().map(|file| file.name).collect();
        names.sort();
        assert_eq!(names, [".nfs000000000000000400000001", "lock", "y"]);
        folder.remove("y").unwrap();
        assert_eq!(folder.read("y").unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
