//! One picture, many readers: the newest picture wins, and neither the publisher nor a reader waits for another.
//!
//! The middle of a frame's path: [`pipeline`](crate::pipeline) publishes into a [`Feed`], viewers, snapshots and uploads read
//! from it. A [`Hub`] is a feed with the [`Status`], the [`metrics`], the [`Settings`] and the [`Events`] of its camera.

pub(crate) mod budget;
mod camera_name;
#[cfg(feature = "control")]
mod camera_values;
mod events;
mod fps;
mod frame_data;
mod hub;
mod interest;
mod label;
pub mod metrics;
mod outlets;
mod picture;
mod queue;
mod rate;
#[cfg(feature = "control")]
mod requests;
mod run_id;
mod sampler;
mod settings;
mod status;
mod subscription;
mod upload_status;
mod utc;

pub use budget::{Budget, BudgetStatus};
pub use camera_name::CameraName;
pub(crate) use camera_name::RESERVED_PATHS;
#[cfg(feature = "control")]
pub(crate) use camera_values::CameraValues;
pub use events::Events;
pub use fps::Fps;
pub use frame_data::FrameData;
pub use hub::Hub;
pub use label::Label;
pub(crate) use label::Timestamp;
pub(crate) use outlets::{Outlet, Published};
pub use picture::{Picture, PictureKind};
pub use queue::Queue;
pub(crate) use rate::Rate;
#[cfg(feature = "control")]
pub(crate) use requests::{Refusal, Request};
pub use run_id::RunId;
pub use sampler::Sampler;
#[cfg(feature = "control")]
pub(crate) use settings::CameraSettings;
pub use settings::Settings;
pub use status::{HANG, Status, StatusSnapshot};
pub use subscription::Subscription;
pub use upload_status::{SpoolStatus, UploadStatus};
pub use utc::Utc;

use interest::Interest;
use outlets::Outlets;
use queue::Queues;
use std::{sync::Arc, time::Duration};
use tokio::sync::watch;

/// The most that may pass between the capture of a frame and its publication: exposure, transfer, and waiting in the driver
/// or in an application.
pub(crate) const MAX_AGE: Duration = Duration::from_secs(2);

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
        Subscription::new(self.clone())
    }

    /// A reader of every live picture from now on. They are wanted until it drops. Up to `depth` of them wait in memory; a
    /// picture that finds the queue full is missed.
    pub fn queue(&self, depth: usize) -> Queue {
        self.queues.add(depth, self.interest.join())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn cleared_feed_gives_nothing_old() {
        let feed = Feed::new();
        feed.publish(Picture::example(1));
        feed.clear();
        assert!(feed.newest().is_none());
        let mut viewer = feed.subscribe();
        assert!(tokio::time::timeout(Duration::ZERO, viewer.next()).await.is_err());
        feed.publish(Picture::example(2));
        assert_eq!(viewer.next().await.label.sequence, 2);
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
