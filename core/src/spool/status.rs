//! What `/state` says of a spool.

use super::Options;
use crate::feed::metrics::SpoolCounters;
use serde::Serialize;

/// A moment of a spool.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct SpoolStatus {
    /// Pictures that wait.
    pub pictures: u64,
    /// Bytes of all files, those set aside too.
    pub bytes: u64,
    /// The most that they may be.
    pub max_bytes: u64,
    /// When the picture that goes next was taken, Unix seconds; nothing when there is none.
    pub oldest: Option<f64>,
    /// Pictures taken since the start.
    pub taken: u64,
    /// Taken, but removed unsent to make room.
    pub dropped: u64,
    /// Never taken: no room, or the disk failed or was too slow.
    pub missed: u64,
    /// Set aside, since the server would never take them.
    pub refused: u64,
    /// Set aside, since their bytes were not what was written.
    pub damaged: u64,
}

impl SpoolStatus {
    pub(crate) fn new(options: Options, counters: &SpoolCounters) -> Self {
        let now = |gauge: i64| u64::try_from(gauge).unwrap_or_default();
        Self {
            pictures: now(counters.pictures.get()),
            bytes: now(counters.bytes.get()),
            max_bytes: options.max_bytes,
            oldest: Some(counters.oldest.get()).filter(|oldest| *oldest > 0.0),
            taken: counters.taken.get(),
            dropped: counters.dropped.get(),
            missed: counters.missed.get(),
            refused: counters.refused.get(),
            damaged: counters.damaged.get(),
        }
    }
}
