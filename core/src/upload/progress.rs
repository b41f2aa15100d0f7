//! How an upload goes, for people and programs that ask while it runs.

use super::UploadUrl;
use crate::{
    feed::{
        UploadStatus,
        metrics::{SpoolCounters, UploadCounters},
    },
    spool,
};
use std::sync::{Mutex, PoisonError};
use tracing::{info, warn};

/// How a [`Sender`](super::Sender) gets on: read it at any time, from any thread.
#[derive(Debug)]
pub struct UploadProgress {
    url: String,
    counters: UploadCounters,
    spool: Option<(spool::Options, SpoolCounters)>,
    state: Mutex<State>,
}

#[derive(Debug)]
enum State {
    /// Nothing has been tried yet.
    Waiting,
    Delivering,
    Failing(String),
}

impl UploadProgress {
    pub(super) fn new(url: &UploadUrl, counters: UploadCounters) -> Self {
        Self { url: url.to_string(), counters, spool: None, state: Mutex::new(State::Waiting) }
    }

    pub(super) fn with_spool(mut self, spool: (spool::Options, SpoolCounters)) -> Self {
        self.spool = Some(spool);
        self
    }

    /// How it goes now.
    pub fn status(&self) -> UploadStatus {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        UploadStatus {
            url: self.url.clone(),
            connected: matches!(*state, State::Delivering),
            accepted: self.counters.accepted.get(),
            failed: self.counters.failed.get(),
            dropped: self.counters.dropped.get(),
            last_error: match &*state {
                State::Failing(why) => Some(why.clone()),
                State::Waiting | State::Delivering => None,
            },
            spool: self.spool.as_ref().map(|(options, counters)| spool::status(*options, counters)),
        }
    }

    pub(super) fn dropped(&self, pictures: u64) {
        self.counters.dropped.inc_by(pictures);
    }

    /// A picture was taken. Only a change is worth a line in the log.
    pub(super) fn accepted(&self) {
        self.counters.accepted.inc();
        match self.enter(State::Delivering) {
            State::Delivering => {}
            State::Waiting => info!(url = self.url, "uploading"),
            State::Failing(_) => {
                info!(url = self.url, failed = self.counters.failed.get(), "the upload server is back");
            }
        }
    }

    /// An attempt failed. Only a change is worth a line in the log.
    pub(super) fn failed(&self, why: String) {
        self.counters.failed.inc();
        if let State::Waiting | State::Delivering = self.enter(State::Failing(why.clone())) {
            warn!(url = self.url, "upload failed, trying again until it works: {why}");
        }
    }

    /// An attempt failed, and there is no other; the caller gets the reason as an error.
    pub(super) fn ended(&self, why: String) {
        self.counters.failed.inc();
        self.enter(State::Failing(why));
    }

    fn enter(&self, state: State) -> State {
        let mut now = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut now, state)
    }
}
