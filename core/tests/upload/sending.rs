//! A sender on a thread of its own.

use crate::server::LONG;
use eyelet_core::{
    feed::UploadStatus,
    upload::{Sender, UploadProgress},
};
use std::{
    sync::Arc,
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};
use tokio::sync::oneshot;

/// Sends until its limit is reached, or until this drops.
pub(crate) struct Sending {
    pub(crate) progress: Arc<UploadProgress>,
    stop: Option<oneshot::Sender<()>>,
    /// The sender's result, `None` if it was stopped.
    thread: Option<JoinHandle<Option<eyelet_hal::Result<()>>>>,
}

impl Sending {
    pub(crate) fn start(sender: Sender) -> Self {
        let progress = sender.progress();
        let (stop, stopped) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let thread = thread::spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    ended = sender.run() => Some(ended),
                    _ = stopped => None,
                }
            })
        });
        Self { progress, stop: Some(stop), thread: Some(thread) }
    }

    /// Waits for the end of a sender that has a limit.
    pub(crate) fn end(&mut self) -> eyelet_hal::Result<()> {
        self.thread.take().unwrap().join().unwrap().unwrap()
    }

    /// Accepted, failed and dropped pictures.
    pub(crate) fn counts(&self) -> (u64, u64, u64) {
        let status = self.progress.status();
        (status.accepted, status.failed, status.dropped)
    }

    pub(crate) fn wait_for(&self, what: impl Fn(&UploadStatus) -> bool) -> UploadStatus {
        let start = Instant::now();
        loop {
            let status = self.progress.status();
            if what(&status) {
                return status;
            }
            assert!(start.elapsed() < LONG, "still {status:?}");
            thread::sleep(Duration::from_millis(1));
        }
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            assert!(ended.is_ok() || thread::panicking(), "the sender panicked");
        }
    }
}
