//! A camera that was opened again has what the one before had.

use super::{Controls, in_order, keep::began, restart};
use crate::rate;
use eyelet_hal::{CameraControls, CameraSource, Control, ControlKind, Error, ErrorKind, Mode, Modes, Result};
use std::collections::BTreeSet;

impl Controls {
    pub(super) fn restore(&mut self, controls: &mut dyn CameraControls) -> Result<()> {
        let settings = &self.hub.settings;
        let kept = settings.kept();
        if let Some(modes) = controls.modes()? {
            self.original.get_or_insert(modes.now);
            self.restore_mode(controls, modes)?;
        } else {
            self.forget_mode();
        }
        if kept.controls.is_empty() && self.began.is_some() {
            self.missing.clear();
            return Ok(());
        }
        let list = controls.list()?;
        self.began.get_or_insert_with(|| began(&list, &kept));
        for (control, value) in in_order(&list, &kept.controls) {
            if control.kind == ControlKind::Button {
                tracing::warn!(control = %control.name, "a button is not pressed because it was saved");
                settings.keep(|kept| _ = kept.controls.remove(&control.name));
                continue;
            }
            // For a while perhaps: another one captures from the same sensor.
            if self.is_fixed(control) {
                tracing::warn!(control = %control.name, "it cannot be set now; its value waits until it can");
                continue;
            }
            if let Err(error) = controls.set(&control.name, value) {
                tracing::warn!(%error, "the camera keeps its own value");
                if is_for_good(&error) {
                    settings.keep(|kept| _ = kept.controls.remove(&control.name));
                }
            }
        }
        self.warn_of_missing(&list);
        Ok(())
    }

    /// Sets the size, and then the rate, since it may be one that only this size has. What is not listed is not tried: a camera
    /// may take it and set something else.
    fn restore_mode(&self, controls: &mut dyn CameraControls, mut modes: Modes) -> Result<()> {
        let settings = &self.hub.settings;
        let kept = settings.kept();
        if let Some(size) = kept.size.filter(|size| *size != modes.now.size) {
            let listed = modes.sizes.contains(&size);
            if set_mode(controls, Mode { size, ..modes.now }, listed, "size") {
                modes = controls.modes()?.unwrap_or(modes);
            } else {
                settings.keep(|kept| kept.size = None);
            }
        }
        if let Some(fps) = kept.fps.filter(|fps| *fps != modes.now.fps) {
            let listed = rate::within(modes.fps, fps).is_ok();
            if !set_mode(controls, Mode { fps, ..modes.now }, listed, "rate") {
                settings.keep(|kept| kept.fps = None);
            }
        }
        Ok(())
    }

    /// The camera has one mode now.
    pub(super) fn forget_mode(&self) {
        self.hub.settings.keep(|kept| {
            if kept.has_mode() {
                tracing::warn!("the camera has no other sizes and rates any more; it keeps its own");
                (kept.size, kept.fps) = (None, None);
            }
        });
    }

    /// The camera lists these controls. What is kept for another one stays, since it may only have failed to be read.
    pub(super) fn warn_of_missing(&mut self, list: &[Control]) {
        let mut missing: BTreeSet<_> = self.hub.settings.kept().controls.into_keys().collect();
        missing.retain(|name| list.iter().all(|control| control.name != *name));
        for name in missing.difference(&self.missing) {
            tracing::warn!(control = %name, "the camera does not list this control; its value waits until it does");
        }
        self.missing = missing;
    }

    /// Starts a camera that cannot be started, in the mode that it was opened with if it has another one now.
    pub(super) fn start_as_opened(&self, camera: &mut dyn CameraSource, error: Error) -> Result<()> {
        let gone = matches!(error.kind(), ErrorKind::Disconnected | ErrorKind::NotFound | ErrorKind::Busy);
        let kept = self.hub.settings.kept();
        let (Some(original), false) = (self.original.filter(|mode| kept.mode(*mode) != *mode), gone) else {
            return Err(error);
        };
        restart(camera, original)?;
        tracing::warn!(%error, "the camera does not start with the size and rate that were set; it has its own");
        self.hub.settings.keep(|kept| (kept.size, kept.fps) = (None, None));
        Ok(())
    }
}

/// Whether it would be no different the next time. A camera that was unplugged meanwhile takes the value then.
fn is_for_good(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::Unsupported)
}

/// Sets a mode that was kept, if the camera lists it. False if that is to be forgotten.
fn set_mode(controls: &mut dyn CameraControls, mode: Mode, listed: bool, what: &str) -> bool {
    if !listed {
        tracing::warn!(?mode, "the camera does not list the {what} that was set; it keeps its own");
        return false;
    }
    let set = controls.set_mode(mode);
    set.inspect_err(|error| tracing::warn!(%error, "the camera keeps its {what}"))
        .map_or_else(|e| !is_for_good(&e), |()| true)
}
