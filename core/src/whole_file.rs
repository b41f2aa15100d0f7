//! A file that is there whole or not at all, whatever happens while it is written.

use rustix::io::Errno;
use std::{
    fs::{self, File, OpenOptions, Permissions},
    io::{self, Write as _},
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

/// As many links as Linux follows.
const LINKS: u32 = 40;

/// A file that is replaced as a whole: its contents are written to a temporary file beside it, which takes its name.
///
/// Not for pictures of a stream: those of a recording would wait for the disk each time, received ones must replace none, and
/// a spool is a folder with an order of its own.
#[derive(Debug)]
pub(crate) struct WholeFile {
    path: PathBuf,
    temporary: PathBuf,
    mode: u32,
}

impl WholeFile {
    /// The file that `path` leads to, through links, whether it is there or not: it is replaced, and they stay.
    ///
    /// Its first version has these permissions, less what the umask takes. The temporary file's name ends with `ending`, and no
    /// other process may use it at the same time: one that is there was left by a power cut, and is replaced.
    pub(crate) fn new(path: &Path, mode: u32, ending: &str) -> Self {
        let path = linked(path);
        Self { temporary: beside(&path, ending), path, mode }
    }

    /// Where it is: an absolute path that is no link.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The path of a companion, which has this at its end.
    pub(crate) fn beside(&self, ending: &str) -> PathBuf {
        beside(&self.path, ending)
    }

    /// Tries whether it could be written, and leaves nothing behind.
    ///
    /// # Errors
    /// As `write`'s, as far as they can be known.
    pub(crate) fn test(&self) -> io::Result<()> {
        self.create(self.permissions()?).and_then(|_| fs::remove_file(&self.temporary))
    }

    /// Replaces it. Its permissions stay as they are; its owner is the process's.
    ///
    /// When this returns, a power cut loses neither the contents nor the name, if the file system can promise that.
    ///
    /// # Errors
    /// If it cannot be written, or is no regular file. The disk then holds what it held before: the former file, if there was
    /// one, and no temporary file.
    pub(crate) fn write(&self, bytes: &[u8]) -> io::Result<()> {
        let file = self.create(self.permissions()?)?;
        self.fill(file, bytes)?;
        // For its name. The file is there now: a folder that cannot be read or synced makes that no error.
        let folder = self.path.parent().unwrap_or(Path::new("/"));
        let _ = File::open(folder).and_then(|folder| folder.sync_all());
        Ok(())
    }

    /// Gives the temporary file its contents and its name.
    fn fill(&self, mut file: File, bytes: &[u8]) -> io::Result<()> {
        let filled = file.write_all(bytes).and_then(|()| file.sync_all());
        filled.and_then(|()| fs::rename(&self.temporary, &self.path)).inspect_err(|_| {
            let _ = fs::remove_file(&self.temporary);
        })
    }

    /// Those of the file that is there.
    fn permissions(&self) -> io::Result<Option<u32>> {
        match fs::symlink_metadata(&self.path) {
            Ok(about) if about.is_file() => Ok(Some(about.permissions().mode() & 0o777)),
            Ok(about) if about.is_symlink() => Err(Errno::LOOP.into()),
            Ok(_) => Err(io::Error::other("it is no regular file")),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The temporary file, which at no time more people may read than the file itself. Through a link nothing is written.
    fn create(&self, former: Option<u32>) -> io::Result<File> {
        match fs::remove_file(&self.temporary) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mode = former.unwrap_or(self.mode);
        let file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&self.temporary)?;
        if former.is_some() {
            // The umask has taken from them. A file system without permissions needs none.
            let _ = file.set_permissions(Permissions::from_mode(mode));
        }
        Ok(file)
    }
}

/// Where this leads to: an absolute path that is no link, whether there is a file or not.
pub(crate) fn linked(path: &Path) -> PathBuf {
    let mut path = path.to_owned();
    for _ in 0..LINKS {
        let Ok(link) = fs::read_link(&path) else { break };
        path = path.parent().map_or_else(|| link.clone(), |folder| folder.join(&link));
    }
    std::path::absolute(&path).unwrap_or(path)
}

/// The path of a companion.
pub(crate) fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut path = path.as_os_str().to_owned();
    path.push(ending);
    path.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;
    use tempfile::{TempDir, tempdir};

    fn file(folder: &TempDir) -> WholeFile {
        WholeFile::new(&folder.path().join("file"), 0o640, ".new")
    }

    fn names(folder: &TempDir) -> Vec<String> {
        let entries = fs::read_dir(folder.path()).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn file_is_replaced_and_nothing_else_is_left() {
        let folder = tempdir().unwrap();
        let file = file(&folder);
        file.test().unwrap();
        assert!(names(&folder).is_empty());
        for contents in ["a longer one", "one"] {
            file.write(contents.as_bytes()).unwrap();
            file.test().unwrap();
            assert_eq!(fs::read_to_string(file.path()).unwrap(), contents);
        }
        assert_eq!(names(&folder), ["file"]);
    }

    /// Who has it open reads the former one to its end.
    #[test]
    fn reader_of_the_former_file_sees_no_half_of_the_new_one() {
        let folder = tempdir().unwrap();
        let file = file(&folder);
        file.write(b"former").unwrap();
        let reader = File::open(file.path()).unwrap();
        file.write(b"new").unwrap();
        assert_eq!(io::read_to_string(reader).unwrap(), "former");
    }

    #[test]
    fn full_disk_leaves_the_former_file_and_no_temporary_one() {
        let folder = tempdir().unwrap();
        let file = file(&folder);
        file.write(b"former").unwrap();
        fs::write(file.beside(".new"), "").unwrap();
        let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
        let error = file.fill(full, b"new").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        assert_eq!(fs::read_to_string(file.path()).unwrap(), "former");
        assert_eq!(names(&folder), ["file"]);
    }

    #[test]
    fn permissions_are_those_asked_for_and_then_those_of_the_former_file() {
        let folder = tempdir().unwrap();
        let file = file(&folder);
        file.write(b"first").unwrap();
        assert_eq!(mode(file.path()) & !0o640, 0, "the umask may have taken some");
        for kept in [0o600, 0o666, 0o444] {
            fs::set_permissions(file.path(), Permissions::from_mode(kept)).unwrap();
            file.write(b"next").unwrap();
            assert_eq!(mode(file.path()), kept);
        }
    }

    #[test]
    fn links_are_followed_to_the_file_that_is_not_there_yet_and_stay() {
        let folder = tempdir().unwrap();
        let [link, second, target] = ["link", "second", "target"].map(|name| folder.path().join(name));
        symlink("second", &link).unwrap();
        symlink(&target, &second).unwrap();
        for contents in ["one", "another"] {
            let file = WholeFile::new(&link, 0o600, ".new");
            assert_eq!(file.path(), target);
            file.write(contents.as_bytes()).unwrap();
            assert_eq!(fs::read_to_string(&target).unwrap(), contents);
        }
        assert_eq!(names(&folder), ["link", "second", "target"]);
        assert!(link.is_symlink() && second.is_symlink() && !target.is_symlink());
    }

    #[test]
    fn ring_of_links_is_an_error_and_stays() {
        let folder = tempdir().unwrap();
        let [link, second] = ["link", "second"].map(|name| folder.path().join(name));
        symlink("second", &link).unwrap();
        symlink("link", &second).unwrap();
        let file = WholeFile::new(&link, 0o600, ".new");
        assert!(file.test().is_err() && file.write(b"one").is_err());
        assert_eq!(names(&folder), ["link", "second"]);
    }

    /// Whoever may write to the folder could have had another file overwritten.
    #[test]
    fn link_in_place_of_the_temporary_file_is_not_written_through() {
        let folder = tempdir().unwrap();
        let file = file(&folder);
        let other = folder.path().join("other");
        fs::write(&other, "of somebody else").unwrap();
        symlink(&other, file.beside(".new")).unwrap();
        file.write(b"one").unwrap();
        assert_eq!(fs::read_to_string(&other).unwrap(), "of somebody else");
        assert!(!file.path().is_symlink());
        assert_eq!(names(&folder), ["file", "other"]);
    }

    #[test]
    fn what_a_power_cut_has_left_is_replaced() {
        let folder = tempdir().unwrap();
        let file = file(&folder);
        fs::write(file.beside(".new"), "a longer half").unwrap();
        file.write(b"whole").unwrap();
        assert_eq!(fs::read_to_string(file.path()).unwrap(), "whole");
        assert_eq!(names(&folder), ["file"]);
    }

    #[test]
    fn folder_pipe_and_missing_folder_are_errors_that_change_nothing() {
        let folder = tempdir().unwrap();
        fs::create_dir(folder.path().join("folder")).unwrap();
        rustix::fs::mkfifoat(rustix::fs::CWD, folder.path().join("pipe"), 0o600.into()).unwrap();
        for name in ["folder", "pipe", "missing/file"] {
            let file = WholeFile::new(&folder.path().join(name), 0o600, ".new");
            assert!(file.test().is_err() && file.write(b"one").is_err(), "{name}");
        }
        assert_eq!(names(&folder), ["folder", "pipe"]);
    }
}
