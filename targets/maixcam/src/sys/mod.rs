//! The seam between the devices and the system: what it opens, calls and maps. Behind it is the kernel of a board
//! ([`Kernel`]) or a model of its driver.

pub mod abi;
mod calls;
mod code;
mod ion_list;
mod kernel;

pub use calls::{Channel, Ion, Scaler, chip_id};
pub use code::{Code, Part, Refused};
pub use ion_list::{Listed, listed};
pub use kernel::Kernel;

use abi::Request;
use std::{fmt, io};

/// Why the system refuses something, in its words and without its number.
pub(crate) fn in_words(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error ").next().unwrap_or_default().to_lowercase()
}

/// A device node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Node {
    /// The chip's identity.
    Base,
    /// Carve-out memory ("ION") and the CPU's cache.
    Sys,
    /// Physical memory, for mapping.
    Mem,
    /// The scaler, which a camera's frames come out of.
    Scaler,
    /// One channel of the video encoder; the number is the channel's.
    Channel(u8),
}

impl Node {
    /// How many channels the driver can have at most.
    pub const CHANNELS: u8 = 16;
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Base => f.write_str("/dev/cvi-base"),
            Self::Sys => f.write_str("/dev/cvi-sys"),
            Self::Mem => f.write_str("/dev/mem"),
            Self::Scaler => f.write_str("/dev/cvi-vpss"),
            Self::Channel(number) => write!(f, "/dev/cvi_vc_enc{number}"),
        }
    }
}

/// A system with an SG2002: the kernel, or a model of it.
pub trait System: Send + Sync + fmt::Debug {
    /// Opens a node.
    ///
    /// # Errors
    /// As `open`.
    fn open(&self, node: Node) -> io::Result<Box<dyn Device>>;

    /// Opens the file that remembers what a run holds of the hardware, made if need be.
    ///
    /// # Errors
    /// As `open`.
    fn notes(&self) -> io::Result<Box<dyn Notes>>;

    /// The name of this boot: notes of another boot mean nothing.
    ///
    /// # Errors
    /// As `read`.
    fn boot_id(&self) -> io::Result<String>;

    /// The allocator's own [list](listed) of the carve-out, where it can be read.
    ///
    /// It has the vendor's pools of frames too. `/proc/cvitek/vb` shows these in more detail, but waits for the driver's
    /// locks: on boards of this kind a read of it has hung in the kernel, beyond the reach of any signal.
    fn ion_summary(&self) -> Option<String>;

    /// Keeps signals away from the calling thread: they break the driver's waits for its locks.
    ///
    /// # Errors
    /// As `pthread_sigmask`.
    fn block_signals(&self) -> io::Result<()>;
}

/// An open node. Dropping it closes it.
pub trait Device: Send + fmt::Debug {
    /// Makes a call. `argument` is what the call's argument points at, then what the pointer at its byte 0 points
    /// at, and so on; it is empty for calls without an argument.
    ///
    /// # Errors
    /// `errno`. What the driver returns besides -1 is no error here: see [`Code`].
    fn ioctl(&self, request: Request, argument: &mut [&mut [u8]]) -> io::Result<i32>;

    /// Maps `len` bytes of physical memory from `physical` on; only [`Node::Mem`] can.
    ///
    /// # Errors
    /// As `mmap`.
    fn map(&self, physical: u64, len: usize) -> io::Result<Box<dyn Mapping>>;

    /// Whether `poll` says at once that there is something to get.
    ///
    /// # Errors
    /// As `poll`.
    fn readable(&self) -> io::Result<bool>;

    /// Takes the node's `flock`; `false` if another open file has it. Closing gives it back.
    ///
    /// # Errors
    /// As `flock`.
    fn try_lock(&self) -> io::Result<bool>;
}

/// Mapped physical memory. Dropping it unmaps it.
pub trait Mapping: Send + Sync + fmt::Debug {
    /// Shows the bytes to `look`. One look at a time.
    fn look(&self, look: &mut dyn FnMut(&mut [u8]));
}

/// The file that outlives a run.
pub trait Notes: Send + fmt::Debug {
    /// Takes the file's `flock`; `false` if another open file has it.
    ///
    /// # Errors
    /// As `flock`.
    fn try_lock(&self) -> io::Result<bool>;

    /// All of it.
    ///
    /// # Errors
    /// As `read`.
    fn read(&self) -> io::Result<Vec<u8>>;

    /// Puts `content` at the beginning in one write.
    ///
    /// # Errors
    /// As `write`.
    fn write(&self, content: &[u8]) -> io::Result<()>;
}
