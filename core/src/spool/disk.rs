//! What a spool asks of a disk: the seam where tests pull the plug.

use std::io;

/// A file that a [`Disk`] has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its name, without a path.
    pub name: String,
    /// Its length in bytes.
    pub len: u64,
}

/// One folder and the operations on it, each as small as the system call behind it, so that a fault can come
/// between any two.
///
/// For callers: what is written, made, renamed or removed is there at once for everybody who looks, but a power cut
/// may undo it until [`sync`](Self::sync) (a file's bytes) or [`sync_folder`](Self::sync_folder) (names) returned.
///
/// For implementors: errors are the system's. Renaming replaces what has the new name, and is whole or not at all. After a `sync` that
/// failed nothing is known of the file; callers write another one.
pub trait Disk: Send + 'static {
    /// A file that is being written.
    type File;

    /// Every file with its length, in any order.
    fn list(&mut self) -> io::Result<Vec<Listed>>;

    /// A new, empty file; one that had this name is gone.
    fn create(&mut self, name: &str) -> io::Result<Self::File>;

    /// Adds all of the bytes to the file.
    fn write(&mut self, file: &mut Self::File, bytes: &[u8]) -> io::Result<()>;

    /// Waits until the file's bytes are on the disk.
    fn sync(&mut self, file: &mut Self::File) -> io::Result<()>;

    /// Gives a file another name.
    fn rename(&mut self, from: &str, to: &str) -> io::Result<()>;

    /// Waits until the names are on the disk.
    fn sync_folder(&mut self) -> io::Result<()>;

    /// Removes a file.
    fn remove(&mut self, name: &str) -> io::Result<()>;

    /// All bytes of a file.
    fn read(&mut self, name: &str) -> io::Result<Vec<u8>>;
}
