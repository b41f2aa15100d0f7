//! What clients change about the open camera, between two of its frames.
//!
//! [`Controls::serve`] does what one asks for. A camera that was opened again has what the one before had: `restore` sets what
//! `keep` has kept. `change` makes the changes of one request, and takes them back; `publish` lists what there is, for clients.

mod change;
mod keep;
mod publish;
mod restore;
#[cfg(test)]
mod tests;

use super::Edits;
use crate::feed::{Hub, Refusal, Request};
use change::{Failed, Undo};
use eyelet_hal::{
    CameraControls, CameraSource, Control, ControlKind, Error, ErrorKind, Mode, Result, StreamFormat,
    clock::Clock,
};
use keep::Began;
use publish::listed;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

/// Changes the camera as clients ask for, and gives one that was opened again what the one before had.
pub(super) struct Controls {
    hub: Hub,
    clock: Arc<dyn Clock>,
    /// What is done to its frames, and need not be possible in every mode.
    edits: Option<Edits>,
    /// That of the first opening.
    original: Option<Mode>,
    /// What its controls had then, once it is known.
    began: Option<Began>,
    /// When its values were listed last.
    listed: Duration,
    /// What it did not list at the last opening, though a value is kept for it.
    missing: BTreeSet<String>,
}

impl Controls {
    pub(super) fn new(hub: Hub, clock: Arc<dyn Clock>, edits: Option<Edits>) -> Self {
        Self {
            hub,
            clock,
            edits,
            original: None,
            began: None,
            listed: Duration::ZERO,
            missing: BTreeSet::new(),
        }
    }

    /// Starts a camera that has just been opened, after giving it what clients have changed.
    ///
    /// # Errors
    /// Those of starting it.
    pub(super) fn start(&mut self, camera: &mut dyn CameraSource) -> Result<()> {
        if !self.hub.settings.are_changes_allowed() {
            return camera.start();
        }
        match camera.controls() {
            Some(controls) => {
                if let Err(error) = self.restore(controls) {
                    tracing::warn!(%error, "what was changed is not set again");
                }
            }
            None => {
                self.forget_mode();
                self.warn_of_missing(&[]);
            }
        }
        let changed = self.hub.settings.kept().has_mode();
        let started =
            camera.start().and_then(|()| if changed { self.check(camera.format()) } else { Ok(()) });
        if let Err(error) = started {
            self.start_as_opened(camera, error)?;
        }
        self.publish(camera);
        Ok(())
    }

    /// The camera is gone: nothing can be changed now, for this reason.
    pub(super) fn lost(&self, reason: &str) {
        if let Some(request) = self.hub.settings.live.requests.take() {
            let _ = request.answer.send(Err(Refusal::Unavailable(reason.to_owned())));
        }
        self.hub.settings.set_camera(None);
    }

    /// Does what a client asks for, if one does. True if the camera was started anew for it. After a `stop` no frame is waited
    /// for.
    ///
    /// # Errors
    /// Those after which the camera is to be opened again.
    pub(super) fn serve(&mut self, camera: &mut dyn CameraSource, stop: &AtomicBool) -> Result<bool> {
        match self.hub.settings.live.requests.take() {
            Some(request) => self.follow(camera, request, stop),
            None => Ok(false),
        }
    }

    /// As [`serve`](Self::serve), with this request. Cold, so that frames without one pay for none of it.
    #[cold]
    fn follow(
        &mut self,
        camera: &mut dyn CameraSource,
        Request { changes, quality, answer }: Request,
        stop: &AtomicBool,
    ) -> Result<bool> {
        if changes.is_empty() {
            self.refresh(camera);
            let _ = answer.send(Ok(()));
            return Ok(false);
        }
        let mut done = Vec::new();
        let applied = self.apply(camera, &changes, &mut done, stop);
        let restarted = done.iter().any(|step| matches!(step, Undo::Mode(_)));
        match applied {
            Ok(before) => {
                let now = listed(camera);
                let kept = self.kept_after(self.hub.settings.kept(), &before, &now, &changes);
                let shown = self.as_shown(camera.format(), now);
                // Who has given up was told that nothing changed.
                let is_wanted = || answer.send(Ok(())).is_ok();
                match self.hub.settings.replace(kept, quality, shown, is_wanted) {
                    Some(true) => self.hub.settings.notify(),
                    Some(false) => {}
                    None => self.take_back(camera, done)?,
                }
            }
            Err(Failed { error, .. }) if error.kind() == ErrorKind::Disconnected => {
                let _ = answer.send(Err(Refusal::Unavailable(error.to_string())));
                return Err(error);
            }
            Err(Failed { name, error }) => {
                let undone = self.undo(camera, done);
                let what = match &undone {
                    Ok(stuck) if stuck.is_empty() => error.to_string(),
                    Ok(stuck) => format!("{error}; could not be set back: {}", stuck.join(", ")),
                    Err(lost) => format!("{error}; the camera does not go back and is opened again: {lost}"),
                };
                if undone.is_ok() {
                    self.publish(camera);
                }
                let _ = answer.send(Err(Refusal::Wrong(BTreeMap::from([(name, what)]))));
                undone?;
            }
        }
        Ok(restarted)
    }

    /// Goes back where nobody waits for the answer any more.
    fn take_back(&mut self, camera: &mut dyn CameraSource, done: Vec<Undo>) -> Result<()> {
        let stuck = self.undo(camera, done)?;
        if !stuck.is_empty() {
            tracing::warn!(
                controls = stuck.join(", "),
                "a client gave up, and its values could not be set back"
            );
        }
        self.publish(camera);
        Ok(())
    }

    /// Whether frames of this format can be edited as they are to be.
    fn check(&self, format: StreamFormat) -> Result<()> {
        self.edits.as_ref().map_or(Ok(()), |edits| edits.check(format))
    }

    /// Whether this control is not to be set.
    fn is_fixed(&self, control: &Control) -> bool {
        control.read_only || self.edits.as_ref().is_some_and(|edits| edits.holds(&control.name))
    }

    /// Whether frames of this size can be edited as they are to be, if they are otherwise as these.
    fn check_size(&self, now: StreamFormat, (width, height): (u32, u32)) -> Result<()> {
        StreamFormat::new(now.pixel, width, height).map_or(Ok(()), |format| self.check(format))
    }
}

/// The listed controls that are to have values, in the order in which to set them: what can be set now before the automatic
/// modes that may make it inactive, what they have made inactive after them, and buttons last.
fn in_order<'a>(list: &'a [Control], wanted: &BTreeMap<String, i64>) -> Vec<(&'a Control, i64)> {
    let mut all: Vec<_> =
        list.iter().filter_map(|control| Some((control, *wanted.get(&control.name)?))).collect();
    all.sort_by_key(|(control, _)| match control.kind {
        ControlKind::Boolean | ControlKind::Menu(_) => (1, control.inactive),
        ControlKind::Button => (3, false),
        _ if control.inactive => (2, true),
        _ => (0, false),
    });
    all
}

fn controls_of(camera: &mut dyn CameraSource) -> Result<&mut dyn CameraControls> {
    camera.controls().ok_or_else(|| Error::new(ErrorKind::Unsupported, "the camera has no controls any more"))
}

fn restart(camera: &mut dyn CameraSource, mode: Mode) -> Result<()> {
    stop(camera);
    controls_of(camera)?.set_mode(mode)?;
    camera.start()
}

/// Stops it for another mode.
fn stop(camera: &mut dyn CameraSource) {
    if let Err(error) = camera.stop() {
        // It counts as stopped all the same.
        tracing::debug!(%error, "for another size or rate");
    }
}
