//! What can be changed about a camera while it runs.

#[cfg(feature = "control")]
mod live;

#[cfg(feature = "control")]
pub(crate) use live::{CameraSettings, Live};

use eyelet_hal::Quality;
use std::sync::{
    Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, AtomicU8, Ordering},
};
use tokio::sync::watch;

/// What can be changed about a camera while it runs, shared between threads.
///
/// The camera thread reads the values with each frame, without a lock.
#[derive(Debug)]
pub struct Settings {
    quality: AtomicU8,
    default_quality: AtomicU8,
    allowed: AtomicBool,
    #[cfg(feature = "control")]
    pub(crate) live: Live,
    /// Whether what was changed is saved; `None` where it is to be lost at the end.
    saved: Mutex<Option<bool>>,
    /// Sent when a value has changed.
    changes: watch::Sender<()>,
}

impl Default for Settings {
    fn default() -> Self {
        let quality = Quality::DEFAULT.get();
        Self {
            quality: quality.into(),
            default_quality: quality.into(),
            allowed: AtomicBool::new(false),
            #[cfg(feature = "control")]
            live: Live::default(),
            saved: Mutex::default(),
            changes: watch::Sender::new(()),
        }
    }
}

impl Settings {
    /// The quality of the pictures that are encoded from now on.
    pub fn quality(&self) -> Quality {
        read(&self.quality)
    }

    /// Encodes at this quality from the next frame on.
    pub fn set_quality(&self, quality: Quality) {
        if self.store_quality(quality) {
            self.notify();
        }
    }

    /// As `set_quality`, and nobody hears of it. True if it is another one.
    fn store_quality(&self, quality: Quality) -> bool {
        self.quality.swap(quality.get(), Ordering::Relaxed) != quality.get()
    }

    /// A value may have changed.
    pub(crate) fn notify(&self) {
        self.changes.send_replace(());
    }

    /// The quality at the start, to which clients can return.
    pub fn default_quality(&self) -> Quality {
        read(&self.default_quality)
    }

    /// Begins with this quality.
    pub(crate) fn start_with(&self, quality: Quality) {
        self.default_quality.store(quality.get(), Ordering::Relaxed);
        self.set_quality(quality);
    }

    /// Whether clients may change this camera.
    pub fn are_changes_allowed(&self) -> bool {
        self.allowed.load(Ordering::Relaxed)
    }

    /// Whether what was changed is saved; `None` where it is not to be.
    pub(crate) fn saved(&self) -> Option<bool> {
        *lock(&self.saved)
    }

    /// Changes whenever a value may have changed.
    pub(crate) fn changes(&self) -> watch::Receiver<()> {
        self.changes.subscribe()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn read(quality: &AtomicU8) -> Quality {
    Quality::new(quality.load(Ordering::Relaxed)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_another_quality_is_a_change() {
        let settings = Settings::default();
        let mut changes = settings.changes();
        settings.set_quality(Quality::DEFAULT);
        assert!(!changes.has_changed().unwrap());
        let low = Quality::new(30).unwrap();
        settings.set_quality(low);
        assert!(changes.has_changed().unwrap());
        changes.mark_unchanged();
        assert_eq!((settings.quality(), settings.default_quality()), (low, Quality::DEFAULT));
    }
}
