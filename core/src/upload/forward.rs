//! From the feed to a server, for as long as there is a feed.

use super::{Backoff, Client, PostMeta, Progress, within};
use crate::feed::{Picture, PictureKind, RunId, Subscription, metrics::UploadCounters};
use eyelet_hal::Result;
use std::{sync::Arc, time::Duration};
use tokio::time::{sleep, timeout};

/// The longest `Retry-After` that is obeyed; a server that asks for more is asked again after this.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(60);

/// A pause of this length is worth a rest of the camera.
const REST: Duration = Duration::from_secs(1);

/// After a rest, a new picture has this long to come before the last one is sent again.
const STILL: Duration = Duration::from_secs(1);

/// Sends the newest live picture again and again.
///
/// One picture is under way at a time; those that come meanwhile replace each other, and the last of them goes
/// next. After a failure it waits as [`Backoff`] says, or as long as the server asks in `Retry-After`, and then
/// sends what is newest by then: the same picture again if there is no newer one. While it waits for a second or longer it
/// wants no pictures. It never gives up.
///
/// The counters tell the whole story: every live picture of the feed was accepted, failed at least once, or was
/// dropped without being tried.
#[derive(Debug)]
pub struct Forwarder {
    client: Client,
    backoff: Backoff,
    limit: Option<u64>,
    patience: Option<Duration>,
    run: Option<RunId>,
    progress: Arc<Progress>,
}

impl Forwarder {
    /// A forwarder that runs until it is dropped.
    pub fn new(client: Client, backoff: Backoff, counters: UploadCounters) -> Self {
        let progress = Arc::new(Progress::new(client.url(), counters));
        Self { client, backoff, limit: None, patience: None, run: None, progress }
    }

    /// Stop after `accepted` pictures were taken by the server.
    #[must_use]
    pub fn limit(mut self, accepted: u64) -> Self {
        self.limit = Some(accepted);
        self
    }

    /// Give up when no live picture has come for so long.
    #[must_use]
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = Some(patience);
        self
    }

    /// Say that the pictures are of this run.
    #[must_use]
    pub fn run_id(mut self, run: RunId) -> Self {
        self.run = Some(run);
        self
    }

    /// How it goes, to be read while it runs.
    pub fn progress(&self) -> Arc<Progress> {
        Arc::clone(&self.progress)
    }

    /// Forwards until the limit is reached, for ever without one. May be dropped at any time; a picture under
    /// way is then neither accepted nor failed.
    ///
    /// # Errors
    /// With a limit, when it can not be reached until somebody changes something: the server's refusal (a redirect, 4xx
    /// but 408, 425 and 429, 501), a certificate that is not to be trusted, what is no HTTP. Without one those are
    /// tried again as all others are. `TimedOut` when no picture has come for as long as its [`patience`](Self::patience).
    pub async fn run(mut self, mut pictures: Subscription) -> Result<()> {
        let mut accepted = 0;
        let mut missed = 0;
        let mut picture = None;
        while self.limit != Some(accepted) {
            let next = match picture.take() {
                Some(picture) => picture,
                None => within(self.patience, live(&mut pictures)).await?,
            };
            self.progress.dropped(pictures.missed() - missed);
            missed = pictures.missed();

            let meta = PostMeta { run: self.run, ..PostMeta::from(&*next) };
            let Err(refusal) = self.client.attempt(next.jpeg.clone(), &meta).await else {
                accepted += 1;
                self.backoff.success();
                self.progress.accepted();
                continue;
            };
            if let (Some(_), Some(error)) = (self.limit, refusal.end) {
                self.progress.ended(refusal.why);
                return Err(error);
            }
            self.progress.failed(refusal.why);
            let asked = refusal.retry_after.min(MAX_RETRY_AFTER);
            let pause = self.backoff.failure().max(asked);
            if pause < REST {
                sleep(pause).await;
            } else {
                pictures.rest(sleep(pause)).await;
                // The last one is as old as the pause is long.
                if let Ok(new) = timeout(STILL, live(&mut pictures)).await {
                    picture = Some(new);
                    continue;
                }
            }
            picture = pictures.newest().filter(|picture| picture.kind == PictureKind::Live);
        }
        Ok(())
    }
}

/// The next picture that shows what the camera sees.
async fn live(pictures: &mut Subscription) -> Arc<Picture> {
    loop {
        let picture = pictures.next().await;
        if picture.kind == PictureKind::Live {
            return picture;
        }
    }
}
