//! From a spool to a server, in order, until each picture is there.

use super::{Backoff, Client, PostMeta, Progress, within};
use crate::{
    feed::metrics::UploadCounters,
    spool::{Keeper, Stored},
};
use eyelet_hal::Result;
use std::{sync::Arc, time::Duration};
use tokio::time::sleep;
use tracing::warn;

/// The longest `Retry-After` that is obeyed. A live picture is stale after a minute; a spooled one is not.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(3600);

/// A picture that the server refused this often, for what it is, is set aside.
const REFUSALS: u32 = 3;

/// Sends the pictures of a spool, the oldest first, each again and again until the server has it.
///
/// After a failure it waits as [`Backoff`] says, or as long as the server asks in `Retry-After`, up to an hour. A
/// picture that is refused three times with 400, 413, 415 or 422 is set aside, so that it does not stop the others;
/// every other failure can pass, and is waited out for ever.
#[derive(Debug)]
pub struct Delivery {
    client: Client,
    backoff: Backoff,
    limit: Option<u64>,
    patience: Option<Duration>,
    progress: Arc<Progress>,
    keeper: Keeper,
}

impl Delivery {
    /// A delivery of what the keeper has, which runs until it is dropped.
    pub fn new(client: Client, backoff: Backoff, keeper: Keeper, counters: UploadCounters) -> Self {
        let spool = (keeper.options(), keeper.counters().clone());
        let progress = Arc::new(Progress::new(client.url(), counters).with_spool(spool));
        Self { client, backoff, limit: None, patience: None, progress, keeper }
    }

    /// Stop after `accepted` pictures were taken by the server.
    #[must_use]
    pub fn limit(mut self, accepted: u64) -> Self {
        self.limit = Some(accepted);
        self
    }

    /// Give up when there has been no picture to send for so long.
    #[must_use]
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = Some(patience);
        self
    }

    /// How it goes, to be read while it runs.
    pub fn progress(&self) -> Arc<Progress> {
        Arc::clone(&self.progress)
    }

    /// Delivers until the limit is reached, for ever without one. May be dropped at any time; a picture under way
    /// stays in the spool, and is sent again by the next run.
    ///
    /// # Errors
    /// As those of a [`Forwarder`](super::Forwarder::run). A picture that was refused stays in the spool.
    pub async fn run(mut self) -> Result<()> {
        let mut accepted = 0;
        while self.limit != Some(accepted) {
            let stored = within(self.patience, self.keeper.oldest()).await?;
            accepted += u64::from(self.deliver(stored).await?);
        }
        Ok(())
    }

    /// Whether the server took it; else it is set aside.
    async fn deliver(&mut self, stored: Stored) -> Result<bool> {
        let meta = PostMeta::from(&stored.label);
        let mut refusals = 0;
        loop {
            let Err(refusal) = self.client.attempt(stored.jpeg.clone(), &meta).await else {
                self.keeper.sent(stored.number);
                self.backoff.success();
                self.progress.accepted();
                return Ok(true);
            };
            let why = refusal.why;
            if let (Some(_), Some(error)) = (self.limit, refusal.end) {
                self.progress.ended(why);
                return Err(error);
            }
            refusals += u32::from(refusal.blames_the_picture);
            if refusals == REFUSALS {
                warn!(
                    sequence = stored.label.sequence,
                    "a picture is set aside after {refusals} refusals: {why}"
                );
                self.keeper.refused(stored.number);
                self.backoff.success(); // the server lives, and the next picture is another
                self.progress.failed(why);
                return Ok(false);
            }
            self.progress.failed(why);
            let asked = refusal.retry_after.min(MAX_RETRY_AFTER);
            sleep(self.backoff.failure().max(asked)).await;
        }
    }
}
