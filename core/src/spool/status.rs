//! A spool's counters as `/state` shows them.

use super::Options;
use crate::feed::{SpoolStatus, metrics::SpoolCounters};

/// The status of a spool with these options.
pub(crate) fn status(options: Options, counters: &SpoolCounters) -> SpoolStatus {
    let count = |gauge: i64| u64::try_from(gauge).unwrap_or_default();
    SpoolStatus {
        pictures: count(counters.pictures.get()),
        bytes: count(counters.bytes.get()),
        max_bytes: options.max_bytes,
        oldest: Some(counters.oldest.get()).filter(|oldest| *oldest > 0.0),
        taken: counters.taken.get(),
        dropped: counters.dropped.get(),
        missed: counters.missed.get(),
        refused: counters.refused.get(),
        damaged: counters.damaged.get(),
    }
}
