//! The metadata that a request carries about its picture.

use crate::feed::{Label, RunId, Timestamp};
use std::time::Duration;

/// What is known of a posted picture; each known value becomes a header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PostMeta {
    /// When it was taken, since 1970-01-01 UTC: `X-Timestamp`, in seconds with 6 decimals.
    pub captured_at: Option<Duration>,
    /// Its number: `X-Sequence`.
    pub sequence: Option<u64>,
    /// The run that the number is of: `X-Run`. Both together tell a picture that comes again from a new one.
    pub run: Option<RunId>,
}

impl From<&Label> for PostMeta {
    fn from(label: &Label) -> Self {
        let Label { run, sequence, captured_at } = *label;
        Self { captured_at: Some(captured_at), sequence: Some(sequence), run: Some(run) }
    }
}

impl PostMeta {
    /// Unix seconds with 6 decimals, as in `X-Timestamp`.
    pub(super) fn timestamp(&self) -> Option<String> {
        self.captured_at.map(|at| Timestamp(at).to_string())
    }
}
