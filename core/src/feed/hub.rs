//! Where the camera thread and the socket thread meet.

use super::{Events, Feed, Settings, Status, metrics::Metrics};
use std::sync::Arc;

/// One camera's pictures, counters, state, settings and data. Cloning gives another handle to the same.
#[derive(Clone, Debug, Default)]
pub struct Hub {
    /// The pictures.
    pub feed: Feed,
    /// The counters.
    pub metrics: Arc<Metrics>,
    /// What the source is, and whether it lives.
    pub status: Arc<Status>,
    /// What can be changed about it while it runs.
    pub settings: Arc<Settings>,
    /// What an application knows about its frames.
    pub events: Events,
}
