//! Where the camera thread and the socket thread meet.

use super::{BudgetStatus, Events, Feed, Settings, Status, budget::Member, metrics::Metrics};
use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

/// One camera's pictures, counters, state, settings and data. Cloning gives another handle to the same.
#[derive(Clone, Debug, Default)]
pub struct Hub {
    /// The pictures.
    pub feed: Feed,
    /// The counters.
    pub metrics: Arc<Metrics>,
    /// What the source is, and whether it delivers.
    pub status: Arc<Status>,
    /// What can be changed about it while it runs.
    pub settings: Arc<Settings>,
    /// What an application knows about its frames.
    pub events: Events,
    /// Its part in the server's bit budget, if there is one.
    pub(crate) budget: Arc<OnceLock<Member>>,
}

impl Hub {
    /// The state of the [`Budget`](super::Budget), at `now` on the monotonic clock; `None` without one.
    pub fn budget(&self, now: Duration) -> Option<BudgetStatus> {
        self.budget.get().map(|member| member.status(now))
    }
}
