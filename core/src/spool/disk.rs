//! The disk operations of a spool: where tests inject faults and power cuts.

use std::io;

/// A file on a [`Disk`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its name, without a path.
    pub name: String,
    /// Its length in bytes.
    pub len: u64,
}

/// One folder and the operations on it, each a single system call, so that a fault can occur
/// between any two.
///
/// For callers: writes, new files, renames and removals are visible to all processes at once, but a power cut
/// may undo them until [`sync`](Self::sync) (a file's bytes) or [`sync_folder`](Self::sync_folder) (names) returns.
///
/// For implementors: errors are the system's. Renaming replaces a file that has the new name, and is atomic. After
/// a failed `sync` the file's contents are undefined; callers write another one.
pub trait Disk: Send + 'static {
    /// A file that is being written.
    type File;

    /// Every file with its length, in any order.
    fn list(&mut self) -> io::Result<Vec<Listed>>;

    /// A new, empty file, which replaces any file of this name.
    fn create(&mut self, name: &str) -> io::Result<Self::File>;

    /// Appends all of the bytes to the file.
    fn write(&mut self, file: &mut Self::File, bytes: &[u8]) -> io::Result<()>;

    /// Waits until the file's bytes are on the disk.
    fn sync(&mut self, file: &mut Self::File) -> io::Result<()>;

    /// Renames a file.
    fn rename(&mut self, from: &str, to: &str) -> io::Result<()>;

    /// Waits until the names are on the disk.
    fn sync_folder(&mut self) -> io::Result<()>;

    /// Removes a file.
    fn remove(&mut self, name: &str) -> io::Result<()>;

    /// All bytes of a file.
    fn read(&mut self, name: &str) -> io::Result<Vec<u8>>;
}
