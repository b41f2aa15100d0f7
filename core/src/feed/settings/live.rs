//! What clients can change about a camera, and have changed.

use super::{Settings, lock};
use crate::feed::{CameraValues, requests::Requests};
use eyelet_hal::{Control, Mode, Modes, Quality};
use std::sync::{Mutex, atomic::Ordering};

/// What clients and the camera thread share.
#[derive(Debug, Default)]
pub(crate) struct Live {
    pub(crate) requests: Requests,
    /// Held by the client whose turn it is to change something.
    pub(crate) turn: tokio::sync::Mutex<()>,
    camera: Mutex<Option<CameraSettings>>,
    /// What was changed and is to stay when the camera is opened again.
    kept: Mutex<CameraValues>,
}

/// What the open camera can change.
#[derive(Debug, PartialEq)]
pub(crate) struct CameraSettings {
    /// It delivers JPEGs, which are not encoded again.
    pub(crate) compressed: bool,
    pub(crate) controls: Vec<Control>,
    /// Its sizes and rates, if it has more than one, and what it had when it was opened first.
    pub(crate) modes: Option<(Modes, Mode)>,
}

impl CameraSettings {
    /// Whether it has values that it, or another program, may have changed.
    pub(crate) fn has_own(&self) -> bool {
        !self.controls.is_empty() || self.modes.is_some()
    }
}

impl Settings {
    /// Lets clients of the server change this camera.
    pub fn allow_changes(&self) {
        self.allowed.store(true, Ordering::Relaxed);
    }

    /// Reads what the camera can change; `None` while it is not open.
    pub(crate) fn with_camera<T>(&self, read: impl FnOnce(Option<&CameraSettings>) -> T) -> T {
        read(lock(&self.live.camera).as_ref())
    }

    /// The camera can change this from now on.
    pub(crate) fn set_camera(&self, settings: Option<CameraSettings>) {
        let mut camera = lock(&self.live.camera);
        if *camera != settings {
            *camera = settings;
            self.changes.send_replace(());
        }
    }

    /// What was changed and is to stay.
    pub(crate) fn kept(&self) -> CameraValues {
        lock(&self.live.kept).clone()
    }

    /// What was changed and is to stay, and the quality, of one moment: not half of what one client has changed.
    pub(crate) fn kept_with_quality(&self) -> (CameraValues, Quality) {
        let kept = lock(&self.live.kept);
        (kept.clone(), self.quality())
    }

    /// Sets all of this in one moment for those who read it, unless the client that asked has gone by then. Nobody hears of
    /// it; see [`notify`](Self::notify). The result is whether something is different, and `None` if the client is gone.
    pub(crate) fn replace(
        &self,
        new: CameraValues,
        quality: Option<Quality>,
        new_camera: CameraSettings,
        is_wanted: impl FnOnce() -> bool,
    ) -> Option<bool> {
        let (mut kept, mut camera) = (lock(&self.live.kept), lock(&self.live.camera));
        if !is_wanted() {
            return None;
        }
        let is_other = quality.is_some_and(|quality| self.store_quality(quality));
        let is_same = !is_other && *kept == new && camera.as_ref() == Some(&new_camera);
        (*kept, *camera) = (new, Some(new_camera));
        Some(!is_same)
    }

    /// Keeps this as well, or forgets something.
    pub(crate) fn keep(&self, change: impl FnOnce(&mut CameraValues)) {
        let mut kept = lock(&self.live.kept);
        let before = kept.clone();
        change(&mut kept);
        // The camera may have had the value already: whoever saves it does not hear of it otherwise.
        if *kept != before {
            self.changes.send_replace(());
        }
    }

    /// What was changed is saved, or could not be.
    pub(crate) fn set_saved(&self, saved: bool) {
        *lock(&self.saved) = Some(saved);
    }
}
