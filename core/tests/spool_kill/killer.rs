//! A folder that kills its process at a chosen moment of its file operations.

use eyelet_core::spool::{Disk, Folder, Listed};
use rustix::process::{Signal, getpid, kill_process};
use std::{
    fs::File,
    io::{self, Write},
};

/// Before, after and, for writes, in the middle of each operation.
pub(crate) struct Killer {
    folder: Folder,
    /// Moments left to live; `None` lives on.
    left: Option<u32>,
}

impl Killer {
    pub(crate) fn new(folder: Folder, left: Option<u32>) -> Self {
        Self { folder, left }
    }

    fn moment(&mut self, when: &str, what: &str) {
        match &mut self.left {
            Some(0) => {
                // The last word, for the figures.
                let _ = writeln!(io::stdout(), "{when} {what}");
                kill_process(getpid(), Signal::KILL).unwrap();
                unreachable!("SIGKILL cannot be caught");
            }
            Some(left) => *left -= 1,
            None => {}
        }
    }

    fn around<T>(
        &mut self,
        what: &str,
        operation: impl FnOnce(&mut Folder) -> io::Result<T>,
    ) -> io::Result<T> {
        self.moment("before", what);
        let done = operation(&mut self.folder);
        self.moment("after", what);
        done
    }
}

impl Disk for Killer {
    type File = File;

    fn list(&mut self) -> io::Result<Vec<Listed>> {
        self.around("list", |folder| folder.list())
    }

    fn create(&mut self, name: &str) -> io::Result<File> {
        self.around("create", |folder| folder.create(name))
    }

    fn write(&mut self, file: &mut File, bytes: &[u8]) -> io::Result<()> {
        let (first, second) = bytes.split_at(bytes.len() / 2);
        self.around("the first half of a write", |folder| folder.write(file, first))?;
        self.around("the second half of a write", |folder| folder.write(file, second))
    }

    fn sync(&mut self, file: &mut File) -> io::Result<()> {
        self.around("sync", |folder| folder.sync(file))
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        self.around("rename", |folder| folder.rename(from, to))
    }

    fn sync_folder(&mut self) -> io::Result<()> {
        self.around("sync of the folder", |folder| folder.sync_folder())
    }

    fn remove(&mut self, name: &str) -> io::Result<()> {
        self.around("remove", |folder| folder.remove(name))
    }

    fn read(&mut self, name: &str) -> io::Result<Vec<u8>> {
        self.around("read", |folder| folder.read(name))
    }
}
