//! Pictures kept on the disk until a server has them.
//!
//! A [`Spool`] is a queue in a folder: a picture accepted by [`put`](Spool::put) survives kill -9 and power cuts, and
//! stays until [`sent`](Spool::sent). A [`Keeper`] runs one on a thread of its own, between the camera and the upload,
//! neither of which may wait for the disk.
//!
//! Guarantees, whatever happens to the process or the power:
//! - each picture taken is returned until it is sent, dropped for lack of room (and counted), or refused;
//! - pictures are returned in the order they were taken;
//! - a returned picture has the bytes that were put in: a checksum detects damage, which is set aside and counted;
//! - after kill -9 at most one picture that was already sent is returned again, the one that was just being removed;
//!   after a power cut at most [`MAX_REPEATS`].
//!
//! The files are plain JPEGs with a few bytes appended; their names give their order:
//!
//! | name | meaning |
//! |---|---|
//! | `00000000000000000042.jpg` | a waiting picture |
//! | `00000000000000000043.part` | one that is being written; removed at the next start |
//! | `00000000000000000040.refused.jpg` | one that the server will never accept; rename it to try again |
//! | `00000000000000000041.damaged.jpg` | one whose bytes are not those that were written |
//! | `lock` | held by the process that uses the folder |

mod disk;
mod folder;
mod keeper;
mod name;
mod options;
mod queue;
mod record;
mod shortage;
mod status;

pub use disk::{Disk, Listed};
pub use folder::Folder;
pub use keeper::{Keeper, QUEUE_DEPTH};
pub use options::{Options, WhenFull};
pub use queue::{MAX_REPEATS, NotTaken, Spool, Stored};
pub use record::OVERHEAD;
pub use shortage::Shortage;
pub(crate) use status::status;
