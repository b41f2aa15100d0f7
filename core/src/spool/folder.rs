//! The disk that a spool is on: a real folder, locked.

use super::disk::{Disk, Listed};
use eyelet_hal::{Error, ErrorKind, Result};
use rustix::fs::{FlockOperation, flock};
use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

/// Held by the one process that uses the folder. The lock goes with the process, so a crash leaves none.
const LOCK: &str = "lock";

/// A folder that nobody else spools in.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    /// Open, to wait for its names.
    handle: File,
    _lock: File,
}

impl Folder {
    /// Makes the folder if there is none, and locks it.
    ///
    /// # Errors
    /// `InvalidInput` when it is a file, `Busy` when another process spools there, `PermissionDenied` or `Other` when
    /// it cannot be made or written to.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self> {
        let path = path.into();
        let refuse = |kind, why: &str| Error::new(kind, format!("cannot spool in {}: {why}", path.display()));
        if path.exists() && !path.is_dir() {
            return Err(refuse(ErrorKind::InvalidInput, "it is a file; name a folder"));
        }
        let locked = || -> io::Result<(File, File)> {
            make(&path)?;
            let lock = File::create(path.join(LOCK))?;
            flock(&lock, FlockOperation::NonBlockingLockExclusive)?;
            Ok((lock, File::open(&path)?))
        };
        match locked() {
            Ok((lock, handle)) => Ok(Self { path, handle, _lock: lock }),
            Err(e) => Err(match e.kind() {
                io::ErrorKind::WouldBlock => {
                    refuse(ErrorKind::Busy, "another process spools there; stop it, or name another folder")
                }
                io::ErrorKind::PermissionDenied => {
                    let why = "permission denied; name a folder that you may write to";
                    refuse(ErrorKind::PermissionDenied, why)
                }
                _ => refuse(ErrorKind::Other, &format!("{e}; name a folder that can be written to")),
            }
            .with_source(e)),
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Makes the folder and those above it, and waits for their names: a power cut must not take the whole spool.
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

impl Disk for Folder {
    type File = File;

    fn list(&mut self) -> io::Result<Vec<Listed>> {
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            let entry = entry?;
            let metadata = entry.metadata()?;
            if let (true, Ok(name)) = (metadata.is_file(), entry.file_name().into_string()) {
                files.push(Listed { name, len: metadata.len() });
            }
        }
        Ok(files)
    }

    fn create(&mut self, name: &str) -> io::Result<File> {
        File::create(self.path.join(name))
    }

    fn write(&mut self, file: &mut File, bytes: &[u8]) -> io::Result<()> {
        file.write_all(bytes)
    }

    fn sync(&mut self, file: &mut File) -> io::Result<()> {
        // The length too, which is all of the metadata that reading needs.
        file.sync_data()
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.path.join(from), self.path.join(to))
    }

    fn sync_folder(&mut self) -> io::Result<()> {
        self.handle.sync_all()
    }

    fn remove(&mut self, name: &str) -> io::Result<()> {
        fs::remove_file(self.path.join(name))
    }

    fn read(&mut self, name: &str) -> io::Result<Vec<u8>> {
        fs::read(self.path.join(name))
    }
}
