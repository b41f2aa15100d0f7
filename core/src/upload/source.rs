//! Which picture is sent next: the newest of a feed, or the oldest of a spool.

use super::{PostMeta, UploadProgress};
use crate::{
    feed::{Picture, PictureKind, Subscription},
    spool::{Keeper, Stored},
};
use bytes::Bytes;
use eyelet_hal::{Error, ErrorKind, Result};
use std::{pin::pin, sync::Arc, time::Duration};
use tokio::time::{sleep, timeout};
use tracing::warn;

/// The longest `Retry-After` that is obeyed. A live picture is stale after a minute; a spooled one is not.
const MAX_RETRY_AFTER_NEWEST: Duration = Duration::from_secs(60);
const MAX_RETRY_AFTER_SPOOLED: Duration = Duration::from_secs(3600);

/// During a pause of this length or longer the camera need not work.
const REST: Duration = Duration::from_secs(1);

/// After a rest, a new picture has this long to come before the last one is sent again.
const STILL: Duration = Duration::from_secs(1);

/// A spooled picture that the server has refused this often, for what it is, is set aside.
const REFUSALS: u32 = 3;

#[derive(Debug)]
pub(super) enum Source {
    Newest(Newest),
    Spooled(Spooled),
}

impl Source {
    pub(super) fn newest(pictures: Subscription) -> Self {
        Self::Newest(Newest { pictures, missed: 0, again: None })
    }

    pub(super) fn spooled(keeper: Keeper) -> Self {
        Self::Spooled(Spooled { keeper, current: None, refusals: 0 })
    }

    /// The picture to send now.
    pub(super) async fn next(
        &mut self,
        patience: Option<Duration>,
        progress: &UploadProgress,
    ) -> Result<(Bytes, PostMeta)> {
        match self {
            Self::Newest(newest) => newest.next(patience, progress).await,
            Self::Spooled(spooled) => spooled.next(patience).await,
        }
    }

    /// The server has the picture.
    pub(super) fn accepted(&mut self) {
        if let Self::Spooled(spooled) = self {
            spooled.accepted();
        }
    }

    /// The server refused the picture for what it is; whether it is set aside now, and another one is next.
    pub(super) fn sets_aside(&mut self, why: &str) -> bool {
        match self {
            Self::Newest(_) => false,
            Self::Spooled(spooled) => spooled.sets_aside(why),
        }
    }

    pub(super) fn max_retry_after(&self) -> Duration {
        match self {
            Self::Newest(_) => MAX_RETRY_AFTER_NEWEST,
            Self::Spooled(_) => MAX_RETRY_AFTER_SPOOLED,
        }
    }

    /// Lets the time between two attempts pass.
    pub(super) async fn pause(&mut self, pause: Duration) {
        match self {
            Self::Newest(newest) => newest.pause(pause).await,
            Self::Spooled(_) => sleep(pause).await,
        }
    }
}

#[derive(Debug)]
pub(super) struct Newest {
    pictures: Subscription,
    /// Pictures that the subscription has missed and the counters know of.
    missed: u64,
    /// What is sent after a failure.
    again: Option<Arc<Picture>>,
}

impl Newest {
    async fn next(
        &mut self,
        patience: Option<Duration>,
        progress: &UploadProgress,
    ) -> Result<(Bytes, PostMeta)> {
        let picture = match self.again.take() {
            Some(picture) => picture,
            None => within(patience, live(&mut self.pictures)).await?,
        };
        progress.dropped(self.pictures.missed() - self.missed);
        self.missed = self.pictures.missed();
        Ok((picture.jpeg.clone(), PostMeta::from(&picture.label)))
    }

    async fn pause(&mut self, pause: Duration) {
        if pause < REST {
            sleep(pause).await;
        } else {
            self.pictures.rest(sleep(pause)).await;
            // The last one is as old as the pause is long.
            if let Ok(new) = timeout(STILL, live(&mut self.pictures)).await {
                self.again = Some(new);
                return;
            }
        }
        self.again = self.pictures.newest().filter(|picture| picture.kind == PictureKind::Live);
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

#[derive(Debug)]
pub(super) struct Spooled {
    keeper: Keeper,
    /// The one that is being sent, until it is accepted or set aside.
    current: Option<Stored>,
    /// How often the server has refused it for what it is.
    refusals: u32,
}

impl Spooled {
    async fn next(&mut self, patience: Option<Duration>) -> Result<(Bytes, PostMeta)> {
        let stored = match self.current.take() {
            Some(stored) => stored,
            None => within(patience, self.keeper.oldest()).await?,
        };
        let next = (stored.jpeg.clone(), PostMeta::from(&stored.label));
        self.current = Some(stored);
        Ok(next)
    }

    fn accepted(&mut self) {
        self.refusals = 0;
        if let Some(stored) = self.current.take() {
            self.keeper.sent(stored.number);
        }
    }

    fn sets_aside(&mut self, why: &str) -> bool {
        self.refusals += 1;
        if self.refusals < REFUSALS {
            return false;
        }
        let refusals = std::mem::take(&mut self.refusals);
        if let Some(stored) = self.current.take() {
            let sequence = stored.label.sequence;
            warn!(sequence, "a picture is set aside after {refusals} refusals: {why}");
            self.keeper.refused(stored.number);
        }
        true
    }
}

/// The next picture, if it comes while there is patience.
async fn within<T>(patience: Option<Duration>, next: impl Future<Output = T>) -> Result<T> {
    let Some(patience) = patience else { return Ok(next.await) };
    let mut next = pin!(next);
    // When a process goes on that was stopped, as by Ctrl-Z, one half is over before the camera can have delivered.
    for _ in 0..2 {
        if let Ok(next) = timeout(patience / 2, &mut next).await {
            return Ok(next);
        }
    }
    Err(Error::new(ErrorKind::TimedOut, format!("no picture to upload for {patience:?}")))
}
