//! Every picture, for readers that must not miss one: a short queue between the camera and the spool.

use super::{Picture, PictureKind, interest::Wanting};
use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicU64, Ordering},
};
use tokio::sync::mpsc::{self, error::TrySendError};

/// Every live picture of a [`Feed`](super::Feed), in order.
///
/// A program without a runtime takes them on a thread of its own. This one keeps a picture now and then, for which nothing is
/// encoded in between:
///
/// ```no_run
/// # fn keep(_: &[u8]) {}
/// fn time_lapse(feed: &eyelet_core::feed::Feed) {
///     loop {
///         let picture = feed.queue(1).blocking_next(); // captured from now on
///         keep(&picture.jpeg);
///         std::thread::sleep(std::time::Duration::from_secs(60));
///     }
/// }
/// ```
#[derive(Debug)]
pub struct Queue {
    pictures: mpsc::Receiver<Arc<Picture>>,
    missed: Arc<AtomicU64>,
    _wanting: Wanting,
    // A feed without a publisher is a still source, not an end.
    _queues: Arc<Queues>,
}

impl Queue {
    /// The next picture. Cancel-safe.
    pub async fn next(&mut self) -> Arc<Picture> {
        match self.pictures.recv().await {
            Some(picture) => picture,
            None => std::future::pending().await,
        }
    }

    /// The next picture; blocks this thread until it is there.
    ///
    /// # Panics
    /// In an asynchronous task, whose thread must not block.
    pub fn blocking_next(&mut self) -> Arc<Picture> {
        match self.pictures.blocking_recv() {
            Some(picture) => picture,
            // As above: it waits for ever.
            None => loop {
                std::thread::park();
            },
        }
    }

    /// The next picture, if it is there.
    pub fn try_next(&mut self) -> Option<Arc<Picture>> {
        self.pictures.try_recv().ok()
    }

    /// Live pictures that found the queue full.
    pub fn missed(&self) -> u64 {
        self.missed.load(Ordering::Relaxed)
    }
}

/// The feed's ends of its queues.
#[derive(Debug, Default)]
pub(super) struct Queues(Mutex<Vec<End>>);

#[derive(Debug)]
struct End {
    pictures: mpsc::Sender<Arc<Picture>>,
    missed: Arc<AtomicU64>,
}

impl Queues {
    pub(super) fn add(self: &Arc<Self>, depth: usize, wanting: Wanting) -> Queue {
        let (sender, pictures) = mpsc::channel(depth.max(1));
        let missed = Arc::new(AtomicU64::new(0));
        self.ends().push(End { pictures: sender, missed: Arc::clone(&missed) });
        Queue { pictures, missed, _wanting: wanting, _queues: Arc::clone(self) }
    }

    /// Never waits. Queues that have gone are forgotten.
    pub(super) fn push(&self, picture: &Arc<Picture>) {
        if picture.kind != PictureKind::Live {
            return;
        }
        self.ends().retain(|end| match end.pictures.try_send(Arc::clone(picture)) {
            Ok(()) => true,
            Err(TrySendError::Full(_)) => {
                end.missed.fetch_add(1, Ordering::Relaxed);
                true
            }
            Err(TrySendError::Closed(_)) => false,
        });
    }

    fn ends(&self) -> MutexGuard<'_, Vec<End>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::feed::Feed;

    fn picture(sequence: u64, kind: PictureKind) -> Picture {
        Picture { kind, ..Picture::example(sequence) }
    }

    #[test]
    fn thread_without_a_runtime_waits_for_the_next_picture() {
        let feed = Feed::new();
        let mut queue = feed.queue(1);
        let reader = std::thread::spawn(move || queue.blocking_next().label.sequence);
        feed.publish(picture(7, PictureKind::Live));
        assert_eq!(reader.join().unwrap(), 7);
    }

    #[tokio::test]
    async fn every_live_picture_is_given_in_order_or_missed() {
        let feed = Feed::new();
        feed.publish(picture(0, PictureKind::Live)); // before there was a queue
        let mut queue = feed.queue(3);
        assert!(feed.wanted());
        feed.publish(picture(1, PictureKind::Live));
        feed.publish(picture(2, PictureKind::NoSignal));
        for sequence in 3..=6 {
            feed.publish(picture(sequence, PictureKind::Live));
        }
        for sequence in [1, 3, 4] {
            assert_eq!(queue.next().await.label.sequence, sequence);
        }
        assert!(queue.try_next().is_none());
        assert_eq!(queue.missed(), 2);
        feed.publish(picture(7, PictureKind::Live));
        assert_eq!(queue.try_next().unwrap().label.sequence, 7, "it goes on");
        drop(queue);
        assert!(!feed.wanted());
        feed.publish(picture(8, PictureKind::Live));
        assert!(feed.queues.ends().is_empty(), "it is forgotten");
    }
}
