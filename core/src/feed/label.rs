//! What identifies a picture.

use super::RunId;
use std::{fmt, time::Duration};

/// Which picture it is. It stays with the picture through the feed, the spool and the upload, so that a server which has
/// the picture already recognises it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Label {
    /// The run of the program that captured it.
    pub run: RunId,
    /// Its number in that run. Grows with every picture, also when the camera is reopened; a gap means dropped frames.
    pub sequence: u64,
    /// When it was captured: wall clock, since 1970-01-01 UTC.
    pub captured_at: Duration,
}

/// A time of the wall clock as clients get it: seconds since 1970-01-01 UTC, with 6 decimals.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timestamp(pub(crate) Duration);

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:06}", self.0.as_secs(), self.0.subsec_micros())
    }
}
