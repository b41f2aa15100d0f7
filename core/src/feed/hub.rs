//! Where the camera thread and the socket thread meet.

use super::{Feed, Status, metrics::Metrics};
use std::sync::Arc;

/// One camera's pictures, counters and state. Cloning gives another handle to the same.
#[derive(Clone, Debug, Default)]
pub struct Hub {
    /// The pictures.
    pub feed: Feed,
    /// The counters.
    pub metrics: Arc<Metrics>,
    /// What the source is, and whether it lives.
    pub status: Arc<Status>,
}
