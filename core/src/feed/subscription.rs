//! A reader of the newest pictures.

use super::{Feed, Newest, Picture, PictureKind, Published, interest::Wanting};
use std::sync::Arc;
use tokio::sync::watch;

/// One reader of a [`Feed`]: a viewer, an upload, a snapshot.
#[derive(Debug)]
pub struct Subscription {
    receiver: watch::Receiver<Newest>,
    /// The number of the picture that it had last.
    number: u64,
    /// Live pictures published up to that one.
    live: u64,
    missed: u64,
    wanting: Option<Wanting>,
    // Keeps the channel open: a feed without a publisher is a still source, not an end.
    feed: Feed,
}

impl Subscription {
    pub(super) fn new(feed: Feed) -> Self {
        let wanting = Some(feed.interest.join());
        let mut receiver = feed.newest.subscribe();
        receiver.mark_changed();
        // As if the newest picture were still to come.
        let (number, live) = {
            let newest = receiver.borrow();
            let ahead = newest.picture.as_ref().is_some_and(|picture| picture.kind == PictureKind::Live);
            (newest.number - u64::from(newest.picture.is_some()), newest.live - u64::from(ahead))
        };
        Self { receiver, number, live, missed: 0, wanting, feed }
    }

    /// Waits for a picture that this subscription has not had; the first one may be as old as the feed's
    /// newest. Cancel-safe.
    pub async fn next(&mut self) -> Arc<Picture> {
        loop {
            if self.receiver.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
            if let Some(picture) = self.look(self.number + 1) {
                return picture;
            }
        }
    }

    /// The feed's newest picture, unless this subscription has had it.
    pub fn unseen(&mut self) -> Option<Arc<Picture>> {
        // The channel cannot be closed: this holds a sender.
        if self.receiver.has_changed().unwrap_or(false) { self.look(self.number + 1) } else { None }
    }

    /// The feed's newest picture, whether this subscription has had it or not; [`next`](Self::next) will not
    /// give it again.
    pub fn newest(&mut self) -> Option<Arc<Picture>> {
        self.look(0)
    }

    /// The feed's newest picture, if its number is `from` or higher.
    fn look(&mut self, from: u64) -> Option<Arc<Picture>> {
        let newest = self.receiver.borrow_and_update();
        let (number, live) = (newest.number, newest.live);
        let picture = newest.picture.clone().filter(|_| number >= from);
        drop(newest);
        self.count(number, live, picture.as_deref());
        picture
    }

    /// Takes this picture, which was handed to an [`Outlet`], as if it had come from [`unseen`](Self::unseen); whether it
    /// is newer than those that this subscription has had.
    pub(crate) fn accept(&mut self, published: &Published<'_>) -> bool {
        let newer = published.number > self.number;
        if newer {
            self.count(published.number, published.live, Some(published.picture));
        }
        newer
    }

    /// `picture` was given when `number` pictures had been published, `live` of them live.
    fn count(&mut self, number: u64, live: u64, picture: Option<&Picture>) {
        let given = picture.is_some_and(|picture| picture.kind == PictureKind::Live);
        self.missed += (live - self.live).saturating_sub(u64::from(given));
        (self.number, self.live) = (number, live);
    }

    /// Wants no pictures until `pause` is over. Then [`next`](Self::next) waits for one that is published after that.
    pub(crate) async fn rest(&mut self, pause: impl Future<Output = ()>) {
        self.wanting = None;
        pause.await;
        self.receiver.mark_unchanged();
        self.wanting = Some(self.feed.interest.join());
    }

    /// Live pictures that were replaced by newer ones before this subscription took them.
    pub fn missed(&self) -> u64 {
        self.missed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::feed::Outlet;
    use std::time::Duration;

    #[tokio::test]
    async fn new_subscription_gets_the_newest_at_once_and_each_picture_once() {
        let feed = Feed::new();
        feed.publish(Picture::example(1));
        let mut viewer = feed.subscribe();
        assert_eq!(viewer.next().await.label.sequence, 1);
        let waits = tokio::time::timeout(Duration::ZERO, viewer.next()).await;
        assert!(waits.is_err(), "the same picture twice");
        assert!(viewer.unseen().is_none(), "the same picture twice");
        feed.publish(Picture::example(2));
        assert_eq!(viewer.next().await.label.sequence, 2);
        feed.publish(Picture::example(3));
        assert_eq!(viewer.unseen().unwrap().label.sequence, 3);
        assert!(viewer.unseen().is_none(), "the same picture twice");
    }

    #[tokio::test]
    async fn every_live_picture_is_given_or_missed() {
        let feed = Feed::new();
        feed.publish(Picture::example(0));
        let mut viewer = feed.subscribe();
        feed.publish(Picture::example(1));
        feed.publish(Picture::example(2));
        assert_eq!(viewer.next().await.label.sequence, 2);
        assert_eq!(viewer.missed(), 2);

        feed.publish(Picture { kind: PictureKind::NoSignal, ..Picture::example(3) });
        viewer.next().await;
        assert_eq!(viewer.missed(), 2, "nothing live was lost");

        feed.publish(Picture::example(4));
        feed.clear();
        assert!(viewer.newest().is_none());
        assert_eq!(viewer.missed(), 3, "4 came and went");

        feed.publish(Picture::example(5));
        feed.publish(Picture::example(6));
        assert_eq!(viewer.newest().unwrap().label.sequence, 6);
        assert_eq!(viewer.newest().unwrap().label.sequence, 6);
        assert_eq!(viewer.missed(), 4);
        assert!(tokio::time::timeout(Duration::ZERO, viewer.next()).await.is_err(), "6 was given");
    }

    #[tokio::test]
    async fn resting_subscription_wants_nothing_and_then_gets_new_pictures() {
        let feed = Feed::new();
        let mut upload = feed.subscribe();
        feed.publish(Picture::example(1));
        assert_eq!(upload.next().await.label.sequence, 1);
        let pause = async {
            assert!(!feed.wanted());
            feed.publish(Picture::example(2)); // for somebody else
            feed.publish(Picture::example(3));
        };
        upload.rest(pause).await;
        assert!(feed.wanted());
        assert!(tokio::time::timeout(Duration::ZERO, upload.next()).await.is_err(), "3 is old");
        feed.publish(Picture::example(4));
        assert_eq!(upload.next().await.label.sequence, 4);
        assert_eq!(upload.missed(), 2);
    }

    /// Keeps what it is handed, to be accepted later.
    #[derive(Debug, Default)]
    struct Kept(std::sync::Mutex<Vec<(Arc<Picture>, u64, u64)>>);

    impl Outlet for Kept {
        fn published(&self, published: &Published<'_>) {
            let &Published { picture, number, live } = published;
            self.0.lock().unwrap().push((Arc::clone(picture), number, live));
        }
    }

    #[tokio::test]
    async fn accepted_picture_is_not_given_again_nor_one_older() {
        let (feed, kept) = (Feed::new(), Arc::<Kept>::default());
        feed.deliver_to(&kept);
        let mut viewer = feed.subscribe();
        let accept = |viewer: &mut Subscription, index: usize| {
            let (picture, number, live) = &kept.0.lock().unwrap()[index];
            viewer.accept(&Published { picture, number: *number, live: *live })
        };
        feed.publish(Picture::example(0));
        assert!(accept(&mut viewer, 0) && !accept(&mut viewer, 0));
        assert!(viewer.unseen().is_none(), "the same picture twice");
        assert!(tokio::time::timeout(Duration::ZERO, viewer.next()).await.is_err(), "the same picture twice");

        feed.publish(Picture::example(1));
        feed.publish(Picture { kind: PictureKind::NoSignal, ..Picture::example(2) });
        feed.publish(Picture::example(3));
        assert!(accept(&mut viewer, 3));
        assert_eq!(viewer.missed(), 1, "1; and 2 was not live");
        assert!(!accept(&mut viewer, 1) && !accept(&mut viewer, 2), "an older picture after a newer one");
        assert_eq!(viewer.missed(), 1);

        feed.publish(Picture::example(4));
        assert_eq!(viewer.unseen().unwrap().label.sequence, 4);
        assert!(!accept(&mut viewer, 4), "the same picture twice");
        feed.publish(Picture::example(5));
        feed.publish(Picture::example(6));
        assert_eq!(viewer.next().await.label.sequence, 6);
        assert_eq!(viewer.missed(), 2);
    }
}
