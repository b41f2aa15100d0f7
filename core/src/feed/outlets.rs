//! Consumers that get each picture at once, on the thread that publishes it.

use super::Picture;
use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

/// Takes pictures from a [`Feed`](super::Feed) without a thread in between.
pub(crate) trait Outlet: fmt::Debug + Send + Sync {
    /// The feed has a new newest picture. Called on the thread that publishes, which must not wait: short work only.
    fn published(&self, published: &Published<'_>);
}

/// A picture that was just published, and its place in the feed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Published<'a> {
    pub(crate) picture: &'a Arc<Picture>,
    /// How many pictures have been published, this one included.
    pub(super) number: u64,
    /// How many of them were live.
    pub(super) live: u64,
}

#[derive(Debug, Default)]
pub(super) struct Outlets(Mutex<Vec<Weak<dyn Outlet>>>);

impl Outlets {
    pub(super) fn add(&self, outlet: &Arc<impl Outlet + 'static>) {
        let outlet = Arc::downgrade(outlet);
        self.all().push(outlet);
    }

    /// Removes those that no longer exist.
    pub(super) fn published(&self, published: &Published<'_>) {
        self.all().retain(|outlet| outlet.upgrade().map(|outlet| outlet.published(published)).is_some());
    }

    fn all(&self) -> MutexGuard<'_, Vec<Weak<dyn Outlet>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::feed::Feed;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[derive(Debug, Default)]
    struct Sum(AtomicUsize);

    impl Outlet for Sum {
        fn published(&self, published: &Published<'_>) {
            self.0.fetch_add(published.picture.jpeg.len(), Ordering::Relaxed);
        }
    }

    #[test]
    fn every_outlet_gets_each_picture_while_it_exists() {
        let (feed, one, other) = (Feed::new(), Arc::<Sum>::default(), Arc::<Sum>::default());
        let publish = || feed.publish(Picture::example(0));
        publish();
        feed.deliver_to(&one);
        feed.deliver_to(&other);
        publish();
        drop(other);
        publish();
        feed.clear();
        assert_eq!(one.0.load(Ordering::Relaxed), 8);
        assert_eq!(feed.outlets.all().len(), 1, "the one that was dropped is removed");
        assert!(!feed.wanted(), "an outlet is no subscriber");
    }
}
