//! What can be changed about a camera while it runs.

use super::requests::Requests;
use eyelet_hal::{Control, Mode, Modes, Quality};
use std::{
    collections::BTreeMap,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU8, Ordering},
    },
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
    pub(crate) requests: Requests,
    /// Held by the client whose turn it is to change something.
    pub(crate) turn: tokio::sync::Mutex<()>,
    camera: Mutex<Option<CameraSettings>>,
    kept: Mutex<Kept>,
    /// Whether what was changed is saved; `None` where it is to be lost at the end.
    saved: Mutex<Option<bool>>,
    /// Sent when a value has changed.
    changes: watch::Sender<()>,
}

/// What the open camera can change.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct CameraSettings {
    /// It delivers JPEGs, which are not encoded again.
    pub(crate) compressed: bool,
    pub(crate) controls: Vec<Control>,
    /// Its sizes and rates, if it has more than one, and what it had when it was opened first.
    pub(crate) modes: Option<(Modes, Mode)>,
}

/// What was changed and is to stay when the camera is opened again.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Kept {
    /// Controls by name, and their values.
    pub(crate) controls: BTreeMap<String, i64>,
    /// Width and height in pixels.
    pub(crate) size: Option<(u32, u32)>,
    /// Frames per second.
    pub(crate) fps: Option<f64>,
}

impl Kept {
    /// The mode of a camera that has this one, and is to have what was changed.
    pub(crate) fn mode(&self, now: Mode) -> Mode {
        Mode { size: self.size.unwrap_or(now.size), fps: self.fps.unwrap_or(now.fps) }
    }
}

impl Default for Settings {
    fn default() -> Self {
        let quality = Quality::DEFAULT.get();
        Self {
            quality: quality.into(),
            default_quality: quality.into(),
            allowed: AtomicBool::new(false),
            requests: Requests::default(),
            turn: tokio::sync::Mutex::default(),
            camera: Mutex::default(),
            kept: Mutex::default(),
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
        if self.quality.swap(quality.get(), Ordering::Relaxed) != quality.get() {
            self.changes.send_replace(());
        }
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

    /// Lets clients of the server change this camera.
    pub fn allow_changes(&self) {
        self.allowed.store(true, Ordering::Relaxed);
    }

    /// Whether clients may change this camera.
    pub fn are_changes_allowed(&self) -> bool {
        self.allowed.load(Ordering::Relaxed)
    }

    /// What the camera can change; `None` while it is not open, or changes nothing.
    pub(crate) fn camera(&self) -> Option<CameraSettings> {
        lock(&self.camera).clone()
    }

    /// The camera can change this from now on.
    pub(crate) fn set_camera(&self, settings: Option<CameraSettings>) {
        let mut camera = lock(&self.camera);
        if *camera != settings {
            *camera = settings;
            self.changes.send_replace(());
        }
    }

    /// What was changed.
    pub(crate) fn kept(&self) -> Kept {
        lock(&self.kept).clone()
    }

    /// Keeps this as well, or forgets something.
    pub(crate) fn keep(&self, change: impl FnOnce(&mut Kept)) {
        change(&mut lock(&self.kept));
    }

    /// Whether what was changed is saved; `None` where it is not to be.
    pub(crate) fn saved(&self) -> Option<bool> {
        *lock(&self.saved)
    }

    /// What was changed is saved, or could not be.
    pub(crate) fn set_saved(&self, saved: bool) {
        *lock(&self.saved) = Some(saved);
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
