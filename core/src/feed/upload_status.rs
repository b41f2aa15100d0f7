//! How an upload and its spool are doing: filled in by them, shown by `/state`.

use serde::Serialize;

/// A moment of an upload.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct UploadStatus {
    /// Where the pictures go, without the query.
    pub url: String,
    /// Whether the server accepted the last picture; false before the first.
    pub connected: bool,
    /// Pictures that the server accepted.
    pub accepted: u64,
    /// Attempts that were refused or failed.
    pub failed: u64,
    /// Pictures never to be sent: a newer one came first, or the spool had no room.
    pub dropped: u64,
    /// Why the last attempt failed; nothing while the server accepts pictures.
    pub last_error: Option<String>,
    /// The pictures that wait on the disk; nothing without a spool.
    pub spool: Option<SpoolStatus>,
}

/// A moment of a spool.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct SpoolStatus {
    /// Pictures that wait.
    pub pictures: u64,
    /// Bytes of all files, those set aside too.
    pub bytes: u64,
    /// The limit of `bytes`.
    pub max_bytes: u64,
    /// When the picture that is sent next was captured, Unix seconds; nothing when there is none.
    pub oldest: Option<f64>,
    /// Pictures stored since the start.
    pub taken: u64,
    /// Stored, but removed unsent to make room.
    pub dropped: u64,
    /// Never stored: no room, or the disk failed or was too slow.
    pub missed: u64,
    /// Set aside, since the server would never accept them.
    pub refused: u64,
    /// Set aside, since their bytes were not what was written.
    pub damaged: u64,
}
