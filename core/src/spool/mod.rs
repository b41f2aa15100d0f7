//! Pictures kept on the disk until a server has them.
//!
//! A [`Spool`] is a queue in a folder: a picture that [`put`](Spool::put) took outlives kill -9 and a power cut, and
//! stays until [`sent`](Spool::sent) says that it is not needed any more. A [`Keeper`] runs one on a thread of its
//! own, between the camera, which must not wait for the disk, and the upload, which must not either.
//!
//! What is promised, whatever happens to the process or the power:
//! - each picture taken is handed out until it is sent, dropped for lack of room (and counted), or refused;
//! - pictures are handed out in the order they were taken;
//! - what is handed out has the bytes that were put in: damage is noticed by a checksum, set aside and counted;
//! - after kill -9 at most one picture is handed out again that was sent already, the one whose removal was under
//!   way; after a power cut at most [`MAX_REPEATS`].
//!
//! The files are plain JPEGs with a few bytes behind the picture; their names say their order:
//!
//! | name | is |
//! |---|---|
//! | `00000000000000000042.jpg` | a picture that waits |
//! | `00000000000000000043.part` | one that is being written; removed at the next start |
//! | `00000000000000000040.refused.jpg` | one that the server will never take; rename it to try again |
//! | `00000000000000000041.damaged.jpg` | one whose bytes are not what was written |
//! | `lock` | held by the process that uses the folder |

mod disk;
mod folder;
mod keeper;
mod name;
mod options;
mod queue;
mod record;
mod status;

pub use disk::{Disk, Listed};
pub use folder::Folder;
pub use keeper::{Keeper, QUEUE_DEPTH};
pub use options::{Options, WhenFull};
pub use queue::{MAX_REPEATS, NotTaken, Spool, Stored};
pub use record::{Label, OVERHEAD};
pub(crate) use status::status;
