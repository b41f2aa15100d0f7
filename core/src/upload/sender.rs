//! The upload loop: one picture after another, over one connection, until it is stopped.

use super::{Client, UploadProgress, source::Source};
use crate::{
    Backoff,
    feed::{Sampler, Subscription, budget::Member, metrics::UploadCounters},
    spool::Keeper,
};
use eyelet_hal::Result;
use std::{sync::Arc, time::Duration};

/// Sends pictures to a server, one at a time: the [`newest`](Self::newest) of a feed, or every one of a
/// [`spool`](Self::spooled).
///
/// After a failure it waits for the delay of its [`Backoff`], or for the server's `Retry-After` if that is longer, and tries
/// again, without end unless there is a [`limit`](Self::limit).
#[derive(Debug)]
pub struct Sender {
    client: Client,
    backoff: Backoff,
    limit: Option<u64>,
    patience: Option<Duration>,
    progress: Arc<UploadProgress>,
    source: Source,
    sampler: Option<Sampler>,
    budget: Option<Member>,
}

impl Sender {
    /// Sends the newest live picture again and again.
    ///
    /// Pictures that come while one is under way replace each other, and the last of them goes next. After a failure it
    /// sends what is newest by then: the same picture again if there is no newer one. `Retry-After` is obeyed up to a
    /// minute. During a wait of a second or longer it asks the feed for no pictures.
    ///
    /// Of every live picture of the feed the counters say that it was accepted, that it failed at least once, or that it
    /// was dropped without an attempt.
    pub fn newest(
        client: Client,
        backoff: Backoff,
        counters: UploadCounters,
        pictures: Subscription,
    ) -> Self {
        let progress = UploadProgress::new(client.url(), counters);
        Self::new(client, backoff, progress, Source::newest(pictures))
    }

    /// Sends the pictures of a spool, the oldest first, each again and again until the server has it.
    ///
    /// `Retry-After` is obeyed up to an hour. A picture that is refused three times with 400, 413, 415 or 422 is set aside,
    /// so that it does not hold up the others; it stays in the spool's folder.
    pub fn spooled(client: Client, backoff: Backoff, counters: UploadCounters, keeper: Keeper) -> Self {
        let spool = (keeper.options(), keeper.counters().clone());
        let progress = UploadProgress::new(client.url(), counters).with_spool(spool);
        Self::new(client, backoff, progress, Source::spooled(keeper))
    }

    fn new(client: Client, backoff: Backoff, progress: UploadProgress, source: Source) -> Self {
        Self {
            client,
            backoff,
            limit: None,
            patience: None,
            progress: Arc::new(progress),
            source,
            sampler: None,
            budget: None,
        }
    }

    /// Stops after the server has accepted this many pictures.
    #[must_use]
    pub fn limit(mut self, accepted: u64) -> Self {
        self.limit = Some(accepted);
        self
    }

    /// Gives up when there has been no picture to send for this long, and for a sampler's period.
    #[must_use]
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = Some(patience);
        self
    }

    /// Runs this sampler beside it, whose samples are the pictures to send.
    #[must_use]
    pub fn sampler(mut self, sampler: Sampler) -> Self {
        self.sampler = Some(sampler);
        self
    }

    /// Counts what it sends in the bit budget of its camera.
    pub(crate) fn within(self, budget: Option<Member>) -> Self {
        Self { budget, ..self }
    }

    /// How it goes, to be read while it runs.
    pub fn progress(&self) -> Arc<UploadProgress> {
        Arc::clone(&self.progress)
    }

    /// Sends until the limit is reached, for ever without one. May be dropped at any time: a picture under way is then
    /// neither accepted nor failed, and one of a spool stays there for the next run.
    ///
    /// # Errors
    /// With a limit, when it cannot be reached without a change of the address or at the server: the server's refusal (a redirect, 4xx
    /// but 408, 425 and 429, 501), a certificate that is not to be trusted, an answer that is not HTTP. Without one those
    /// are tried again as all others are. `TimedOut` when no picture has come for as long as its
    /// [`patience`](Self::patience).
    pub async fn run(mut self) -> Result<()> {
        let Some(sampler) = self.sampler.take() else { return self.send(Duration::ZERO).await };
        let period = sampler.period();
        tokio::select! {
            ended = self.send(period) => ended,
            () = sampler.run() => Ok(()),
        }
    }

    /// Sends pictures that come once in a `period`.
    async fn send(mut self, period: Duration) -> Result<()> {
        let patience = self.patience.map(|patience| patience.saturating_add(period));
        let mut accepted = 0;
        while self.limit != Some(accepted) {
            let (jpeg, meta) = self.source.next(patience, &self.progress).await?;
            if let Some(budget) = &self.budget {
                budget.sent(jpeg.len());
            }
            let Err(refusal) = self.client.attempt(jpeg, &meta).await else {
                accepted += 1;
                self.source.accepted();
                self.backoff.success();
                self.progress.accepted();
                continue;
            };
            if let (Some(_), Some(error)) = (self.limit, refusal.end) {
                self.progress.ended(refusal.why);
                return Err(error);
            }
            if refusal.blames_the_picture && self.source.sets_aside(&refusal.why) {
                // The server is alive, and the next picture is another one.
                self.backoff.success();
                self.progress.failed(refusal.why);
                continue;
            }
            self.progress.failed(refusal.why);
            let requested = refusal.retry_after.min(self.source.max_retry_after());
            self.source.pause(self.backoff.failure().max(requested)).await;
        }
        Ok(())
    }
}
