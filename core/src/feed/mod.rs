//! One picture, many readers: the newest picture wins, and neither the publisher nor a reader waits for another.
//!
//! The middle of a frame's path: [`pipeline`](crate::pipeline) publishes into a [`Feed`], viewers, snapshots and uploads read
//! from it. A [`Hub`] is a feed with the [`Status`], the [`metrics`], the [`Settings`] and the [`Events`] of its camera.

pub(crate) mod budget;
mod camera_name;
mod events;
mod fps;
mod frame_data;
mod hub;
mod interest;
mod label;
pub mod metrics;
mod outlets;
mod queue;
mod rate;
#[cfg(feature = "control")]
mod requests;
mod run_id;
mod sampler;
mod settings;
mod status;
mod upload_status;
mod utc;

pub use budget::{Budget, BudgetStatus};
pub use camera_name::CameraName;
pub(crate) use camera_name::RESERVED_PATHS;
pub use events::Events;
pub use fps::Fps;
pub use frame_data::FrameData;
pub use hub::Hub;
pub use label::Label;
pub(crate) use outlets::{Outlet, Published};
pub use queue::Queue;
pub(crate) use rate::Rate;
#[cfg(feature = "control")]
pub(crate) use requests::{Changes, Refusal, Request};
pub use run_id::RunId;
pub use sampler::Sampler;
pub use settings::Settings;
#[cfg(feature = "control")]
pub(crate) use settings::{CameraSettings, Kept};
pub use status::{HANG, Status, StatusSnapshot};
pub use upload_status::{SpoolStatus, UploadStatus};
pub use utc::Utc;

use bytes::Bytes;
use interest::{Interest, Wanting};
use outlets::Outlets;
use queue::Queues;
use std::{sync::Arc, time::Duration};
use tokio::sync::watch;

/// The most that may pass between the capture of a frame and its publication: exposure, transfer, and waiting in the driver
/// or in an application.
pub(crate) const MAX_AGE: Duration = Duration::from_secs(2);

/// Whether a picture shows what the camera sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PictureKind {
    /// From the camera.
    Live,
    /// Drawn because the camera is gone: for viewers, not for uploads or snapshots.
    NoSignal,
}

/// One JPEG, and which one it is.
#[derive(Clone, Debug)]
pub struct Picture {
    /// The picture, SOI to EOI. Cloning it copies no pixels.
    pub jpeg: Bytes,
    /// Which one it is.
    pub label: Label,
    /// Live, or drawn in place of a camera picture.
    pub kind: PictureKind,
}

/// Holds the newest picture. Cloning gives another handle to the same feed.
///
/// [`publish`](Self::publish) never blocks; slow readers miss pictures and delay no one else.
///
/// ```
/// use eyelet_core::feed::{Feed, Label, Picture, PictureKind, RunId};
/// use std::time::Duration;
/// # let rt = tokio::runtime::Builder::new_current_thread().build().unwrap();
/// # rt.block_on(async {
/// let feed = Feed::new();
/// assert!(!feed.wanted()); // so nothing need be encoded
/// let mut viewer = feed.subscribe();
/// assert!(feed.wanted());
/// for sequence in 0..3 {
///     let jpeg = bytes::Bytes::from_static(b"\xff\xd8\xff\xd9");
///     let label = Label { run: RunId::new(1), sequence, captured_at: Duration::ZERO };
///     feed.publish(Picture { jpeg, label, kind: PictureKind::Live });
/// }
/// assert_eq!(viewer.next().await.label.sequence, 2);
/// # });
/// ```
#[derive(Clone, Debug)]
pub struct Feed {
    newest: watch::Sender<Newest>,
    interest: Arc<Interest>,
    queues: Arc<Queues>,
    outlets: Arc<Outlets>,
}

/// What the feed holds. The counts change together with the picture, so that neither is ever seen without the other.
#[derive(Debug, Default)]
struct Newest {
    picture: Option<Arc<Picture>>,
    /// Pictures ever published: the number of the newest.
    number: u64,
    /// Live ones among them.
    live: u64,
}

impl Default for Feed {
    fn default() -> Self {
        Self::new()
    }
}

impl Feed {
    /// An empty feed.
    pub fn new() -> Self {
        Self {
            newest: watch::Sender::new(Newest::default()),
            interest: Arc::default(),
            queues: Arc::default(),
            outlets: Arc::default(),
        }
    }

    /// Replaces the newest picture and wakes every subscriber. To the viewers of a server it is sent here, if that is
    /// quickly done: a few MB into the kernel.
    pub fn publish(&self, picture: Picture) {
        let picture = Arc::new(picture);
        self.queues.push(&picture);
        let mut old = None; // freed after the lock is
        let (mut number, mut live) = (0, 0);
        self.newest.send_modify(|newest| {
            newest.number += 1;
            newest.live += u64::from(picture.kind == PictureKind::Live);
            (number, live) = (newest.number, newest.live);
            old = newest.picture.replace(Arc::clone(&picture));
        });
        self.outlets.published(&Published { picture: &picture, number, live });
    }

    /// Forgets the newest picture, so that no new reader gets it as if it were fresh.
    pub fn clear(&self) {
        self.newest.send_if_modified(|newest| newest.picture.take().is_some());
    }

    /// The newest picture.
    pub fn newest(&self) -> Option<Arc<Picture>> {
        self.newest.borrow().picture.clone()
    }

    /// Whether there are subscriptions or queues: whether a frame is worth encoding.
    pub fn wanted(&self) -> bool {
        self.interest.any()
    }

    /// Waits until pictures are wanted, `timeout` at most; whether they are then.
    pub(crate) fn wait_until_wanted(&self, timeout: Duration) -> bool {
        self.interest.wait(timeout)
    }

    /// Hands each new picture to `outlet` for as long as that exists. It does not count as a subscriber.
    pub(crate) fn deliver_to(&self, outlet: &Arc<impl Outlet + 'static>) {
        self.outlets.add(outlet);
    }

    /// A reader of the newest pictures. They are wanted until it drops.
    pub fn subscribe(&self) -> Subscription {
        let wanting = Some(self.interest.join());
        let mut receiver = self.newest.subscribe();
        receiver.mark_changed();
        // As if the newest picture were still to come.
        let (number, live) = {
            let newest = receiver.borrow();
            let ahead = newest.picture.as_ref().is_some_and(|picture| picture.kind == PictureKind::Live);
            (newest.number - u64::from(newest.picture.is_some()), newest.live - u64::from(ahead))
        };
        Subscription { receiver, number, live, missed: 0, wanting, feed: self.clone() }
    }

    /// A reader of every live picture from now on. They are wanted until it drops. Up to `depth` of them wait in memory; a
    /// picture that finds the queue full is missed.
    pub fn queue(&self, depth: usize) -> Queue {
        self.queues.add(depth, self.interest.join())
    }
}

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

    /// A live picture of the fewest bytes.
    pub(super) fn picture(sequence: u64) -> Picture {
        let jpeg = Bytes::from_static(b"\xff\xd8\xff\xd9");
        Picture {
            jpeg,
            label: Label { run: RunId::new(0), sequence, captured_at: Duration::ZERO },
            kind: PictureKind::Live,
        }
    }

    #[tokio::test]
    async fn new_subscription_gets_the_newest_at_once_and_each_picture_once() {
        let feed = Feed::new();
        feed.publish(picture(1));
        let mut viewer = feed.subscribe();
        assert_eq!(viewer.next().await.label.sequence, 1);
        let waits = tokio::time::timeout(Duration::ZERO, viewer.next()).await;
        assert!(waits.is_err(), "the same picture twice");
        assert!(viewer.unseen().is_none(), "the same picture twice");
        feed.publish(picture(2));
        assert_eq!(viewer.next().await.label.sequence, 2);
        feed.publish(picture(3));
        assert_eq!(viewer.unseen().unwrap().label.sequence, 3);
        assert!(viewer.unseen().is_none(), "the same picture twice");
    }

    #[tokio::test]
    async fn cleared_feed_gives_nothing_old() {
        let feed = Feed::new();
        feed.publish(picture(1));
        feed.clear();
        assert!(feed.newest().is_none());
        let mut viewer = feed.subscribe();
        assert!(tokio::time::timeout(Duration::ZERO, viewer.next()).await.is_err());
        feed.publish(picture(2));
        assert_eq!(viewer.next().await.label.sequence, 2);
    }

    #[tokio::test]
    async fn every_live_picture_is_given_or_missed() {
        let feed = Feed::new();
        feed.publish(picture(0));
        let mut viewer = feed.subscribe();
        feed.publish(picture(1));
        feed.publish(picture(2));
        assert_eq!(viewer.next().await.label.sequence, 2);
        assert_eq!(viewer.missed(), 2);

        feed.publish(Picture { kind: PictureKind::NoSignal, ..picture(3) });
        viewer.next().await;
        assert_eq!(viewer.missed(), 2, "nothing live was lost");

        feed.publish(picture(4));
        feed.clear();
        assert!(viewer.newest().is_none());
        assert_eq!(viewer.missed(), 3, "4 came and went");

        feed.publish(picture(5));
        feed.publish(picture(6));
        assert_eq!(viewer.newest().unwrap().label.sequence, 6);
        assert_eq!(viewer.newest().unwrap().label.sequence, 6);
        assert_eq!(viewer.missed(), 4);
        assert!(tokio::time::timeout(Duration::ZERO, viewer.next()).await.is_err(), "6 was given");
    }

    #[tokio::test]
    async fn resting_subscription_wants_nothing_and_then_gets_new_pictures() {
        let feed = Feed::new();
        let mut upload = feed.subscribe();
        feed.publish(picture(1));
        assert_eq!(upload.next().await.label.sequence, 1);
        let pause = async {
            assert!(!feed.wanted());
            feed.publish(picture(2)); // for somebody else
            feed.publish(picture(3));
        };
        upload.rest(pause).await;
        assert!(feed.wanted());
        assert!(tokio::time::timeout(Duration::ZERO, upload.next()).await.is_err(), "3 is old");
        feed.publish(picture(4));
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
        feed.publish(picture(0));
        assert!(accept(&mut viewer, 0) && !accept(&mut viewer, 0));
        assert!(viewer.unseen().is_none(), "the same picture twice");
        assert!(tokio::time::timeout(Duration::ZERO, viewer.next()).await.is_err(), "the same picture twice");

        feed.publish(picture(1));
        feed.publish(Picture { kind: PictureKind::NoSignal, ..picture(2) });
        feed.publish(picture(3));
        assert!(accept(&mut viewer, 3));
        assert_eq!(viewer.missed(), 1, "1; and 2 was not live");
        assert!(!accept(&mut viewer, 1) && !accept(&mut viewer, 2), "an older picture after a newer one");
        assert_eq!(viewer.missed(), 1);

        feed.publish(picture(4));
        assert_eq!(viewer.unseen().unwrap().label.sequence, 4);
        assert!(!accept(&mut viewer, 4), "the same picture twice");
        feed.publish(picture(5));
        feed.publish(picture(6));
        assert_eq!(viewer.next().await.label.sequence, 6);
        assert_eq!(viewer.missed(), 2);
    }

    #[test]
    fn feed_is_wanted_while_a_subscription_lives() {
        let feed = Feed::new();
        let (a, b) = (feed.subscribe(), feed.clone().subscribe());
        drop(a);
        assert!(feed.wanted());
        drop(b);
        assert!(!feed.wanted());
    }
}
