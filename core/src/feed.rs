//! Where pictures meet those who want them: the newest wins, nobody waits for anybody.

use bytes::Bytes;
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::sync::watch;

/// Whether a picture shows what the camera sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PictureKind {
    /// From the camera.
    Live,
    /// Drawn by us because the camera is gone: for viewers, not for uploads or snapshots.
    NoSignal,
}

/// One JPEG and what is known of it.
#[derive(Clone, Debug)]
pub struct Picture {
    /// The picture, SOI to EOI. Cloning it copies no pixels.
    pub jpeg: Bytes,
    /// Grows with every picture of a run, also when the camera is reopened; a gap means dropped frames.
    pub sequence: u64,
    /// When it was taken: wall clock, since 1970-01-01 UTC.
    pub captured_at: Duration,
    /// Live, or drawn in the camera's stead.
    pub kind: PictureKind,
}

/// The place where the newest picture lies. Cloning gives another handle to the same place.
///
/// [`publish`](Self::publish) never blocks; readers that are slow miss pictures and hold up nobody.
///
/// ```
/// use eyelet_core::feed::{Feed, Picture, PictureKind};
/// use std::time::Duration;
/// # let rt = tokio::runtime::Builder::new_current_thread().build().unwrap();
/// # rt.block_on(async {
/// let feed = Feed::new();
/// assert!(!feed.wanted()); // so nothing need be encoded
/// let mut viewer = feed.subscribe();
/// assert!(feed.wanted());
/// for sequence in 0..3 {
///     let jpeg = bytes::Bytes::from_static(b"\xff\xd8\xff\xd9");
///     feed.publish(Picture { jpeg, sequence, captured_at: Duration::ZERO, kind: PictureKind::Live });
/// }
/// assert_eq!(viewer.next().await.sequence, 2);
/// # });
/// ```
#[derive(Clone, Debug)]
pub struct Feed {
    newest: watch::Sender<Option<Arc<Picture>>>,
    wanted: Arc<AtomicUsize>,
}

impl Default for Feed {
    fn default() -> Self {
        Self::new()
    }
}

impl Feed {
    /// An empty feed.
    pub fn new() -> Self {
        Self { newest: watch::Sender::new(None), wanted: Arc::default() }
    }

    /// Replaces the newest picture and wakes every subscriber.
    pub fn publish(&self, picture: Picture) {
        self.newest.send_replace(Some(Arc::new(picture)));
    }

    /// Forgets the newest picture, so that nobody gets it as if it were fresh.
    pub fn clear(&self) {
        self.newest.send_if_modified(|newest| newest.take().is_some());
    }

    /// The newest picture.
    pub fn newest(&self) -> Option<Arc<Picture>> {
        self.newest.borrow().clone()
    }

    /// Whether anybody subscribes: whether a frame is worth encoding.
    pub fn wanted(&self) -> bool {
        self.wanted.load(Ordering::Relaxed) > 0
    }

    /// Asks for pictures until the subscription drops.
    pub fn subscribe(&self) -> Subscription {
        self.wanted.fetch_add(1, Ordering::Relaxed);
        let mut receiver = self.newest.subscribe();
        receiver.mark_changed();
        Subscription { receiver, wanted: Arc::clone(&self.wanted), _feed: self.newest.clone() }
    }
}

/// One reader of a [`Feed`]: a viewer, an upload, a snapshot.
#[derive(Debug)]
pub struct Subscription {
    receiver: watch::Receiver<Option<Arc<Picture>>>,
    wanted: Arc<AtomicUsize>,
    // Keeps the channel open: a feed without a publisher is a still source, not an end.
    _feed: watch::Sender<Option<Arc<Picture>>>,
}

impl Subscription {
    /// Waits for a picture that this subscription has not had; the first one may be as old as the feed's
    /// newest. Cancel-safe.
    pub async fn next(&mut self) -> Arc<Picture> {
        loop {
            if self.receiver.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
            if let Some(picture) = self.receiver.borrow_and_update().as_ref() {
                return Arc::clone(picture);
            }
        }
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.wanted.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(sequence: u64) -> Picture {
        let jpeg = Bytes::from_static(b"\xff\xd8\xff\xd9");
        Picture { jpeg, sequence, captured_at: Duration::ZERO, kind: PictureKind::Live }
    }

    #[tokio::test]
    async fn a_new_subscriber_gets_the_newest_at_once_and_each_picture_once() {
        let feed = Feed::new();
        feed.publish(picture(1));
        let mut viewer = feed.subscribe();
        assert_eq!(viewer.next().await.sequence, 1);
        let waits = tokio::time::timeout(Duration::ZERO, viewer.next()).await;
        assert!(waits.is_err(), "the same picture twice");
        feed.publish(picture(2));
        assert_eq!(viewer.next().await.sequence, 2);
    }

    #[tokio::test]
    async fn a_cleared_feed_gives_nothing_old() {
        let feed = Feed::new();
        feed.publish(picture(1));
        feed.clear();
        assert!(feed.newest().is_none());
        let mut viewer = feed.subscribe();
        assert!(tokio::time::timeout(Duration::ZERO, viewer.next()).await.is_err());
        feed.publish(picture(2));
        assert_eq!(viewer.next().await.sequence, 2);
    }

    #[test]
    fn interest_is_counted() {
        let feed = Feed::new();
        let (a, b) = (feed.subscribe(), feed.clone().subscribe());
        drop(a);
        assert!(feed.wanted());
        drop(b);
        assert!(!feed.wanted());
    }
}
