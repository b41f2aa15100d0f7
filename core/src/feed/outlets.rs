//! Who is told of each picture at once, on the thread that publishes it.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

/// Takes pictures from a [`Feed`](super::Feed) without a thread in between.
pub(crate) trait Outlet: fmt::Debug + Send + Sync {
    /// The feed's newest picture is another, of so many bytes. Called by whoever publishes, who waits for nothing: short
    /// work only, and no waiting.
    fn published(&self, bytes: usize);
}

#[derive(Debug, Default)]
pub(super) struct Outlets(Mutex<Vec<Weak<dyn Outlet>>>);

impl Outlets {
    pub(super) fn add(&self, outlet: &Arc<impl Outlet + 'static>) {
        let outlet = Arc::downgrade(outlet);
        self.all().push(outlet);
    }

    /// Those that have gone are forgotten.
    pub(super) fn published(&self, bytes: usize) {
        self.all().retain(|outlet| outlet.upgrade().map(|outlet| outlet.published(bytes)).is_some());
    }

    fn all(&self) -> MutexGuard<'_, Vec<Weak<dyn Outlet>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{Feed, Picture, PictureKind},
        *,
    };
    use std::{
        sync::atomic::{AtomicUsize, Ordering},
        time::Duration,
    };

    #[derive(Debug, Default)]
    struct Sum(AtomicUsize);

    impl Outlet for Sum {
        fn published(&self, bytes: usize) {
            self.0.fetch_add(bytes, Ordering::Relaxed);
        }
    }

    #[test]
    fn every_outlet_is_told_while_it_is_there() {
        let (feed, one, other) = (Feed::new(), Arc::<Sum>::default(), Arc::<Sum>::default());
        let publish = || {
            let jpeg = bytes::Bytes::from_static(b"\xff\xd8\xff\xd9");
            feed.publish(Picture { jpeg, sequence: 0, captured_at: Duration::ZERO, kind: PictureKind::Live });
        };
        publish();
        feed.deliver_to(&one);
        feed.deliver_to(&other);
        publish();
        drop(other);
        publish();
        feed.clear();
        assert_eq!(one.0.load(Ordering::Relaxed), 8);
        assert_eq!(feed.outlets.all().len(), 1, "who has gone is forgotten");
        assert!(!feed.wanted(), "to be told is not to want");
    }
}
