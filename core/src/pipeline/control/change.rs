//! The changes of one request, and the way back.

use super::{Controls, controls_of, in_order, keep::same_rate, restart};
use crate::feed::CameraValues;
use eyelet_hal::{CameraControls, CameraSource, ControlKind, Error, ErrorKind, Mode, Result};
use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

/// How long one wait for the first frame lasts: how often the camera thread has a heartbeat meanwhile.
const POLL: Duration = Duration::from_millis(200);

/// In a new mode the first frame has come by then, or the camera goes back. The client waits longer than this.
const FIRST_FRAME: Duration = Duration::from_secs(3);

/// A step that was made, and how to go back.
pub(super) enum Undo {
    /// To its value before, if that could be read.
    Control(String, Option<i64>),
    Mode(Mode),
}

/// The step that failed.
pub(super) struct Failed {
    pub(super) name: String,
    pub(super) error: Error,
}

impl Controls {
    /// Makes all changes, the ones that others depend on first, and what cannot be taken back last.
    pub(super) fn apply(
        &self,
        camera: &mut dyn CameraSource,
        changes: &CameraValues,
        done: &mut Vec<Undo>,
        stop: &AtomicBool,
    ) -> std::result::Result<(), Failed> {
        let named = |name: &str| {
            let name = name.to_owned();
            move |error| Failed { name, error }
        };
        let any = changes.controls.keys().next().map_or("size", String::as_str);
        let list = controls_of(camera).and_then(CameraControls::list).map_err(named(any))?;
        let wanted = in_order(&list, &changes.controls);
        // It may have gone since it was listed for clients.
        if let Some(name) = changes.controls.keys().find(|name| list.iter().all(|own| own.name != **name)) {
            return Err(named(name)(Error::new(
                ErrorKind::InvalidInput,
                "there is no such control any more",
            )));
        }
        let (presses, settings): (Vec<_>, Vec<_>) =
            wanted.into_iter().partition(|(control, _)| control.kind == ControlKind::Button);
        for (control, value) in settings {
            let name = &control.name;
            controls_of(camera).and_then(|controls| controls.set(name, value)).map_err(named(name))?;
            if control.value != Some(value) {
                done.push(Undo::Control(name.clone(), control.value));
            }
        }
        if changes.has_mode() {
            let name = if changes.size.is_some() { "size" } else { "fps" };
            self.change_mode(camera, changes, done, stop).map_err(named(name))?;
        }
        for (control, value) in presses {
            let name = &control.name;
            controls_of(camera).and_then(|controls| controls.set(name, value)).map_err(named(name))?;
        }
        Ok(())
    }

    fn change_mode(
        &self,
        camera: &mut dyn CameraSource,
        changes: &CameraValues,
        done: &mut Vec<Undo>,
        stop: &AtomicBool,
    ) -> Result<()> {
        let Some(modes) = controls_of(camera)?.modes()? else { return Ok(()) };
        let now = modes.now;
        let mut mode = now;
        if let Some(size) = changes.size.filter(|size| *size != now.size) {
            // The size before may not have had the rate that it is to have.
            let began = self.original.unwrap_or(now);
            mode = Mode { size, fps: self.hub.settings.kept().mode(began).fps };
        }
        mode.fps = changes.fps.unwrap_or(mode.fps);
        if mode.size == now.size && same_rate(mode.fps, now.fps) {
            return Ok(());
        }
        // Before the stream stops for everybody.
        self.check_size(camera.format(), mode.size)?;
        done.push(Undo::Mode(now));
        restart(camera, mode)?;
        // A camera may start and never deliver, for want of bandwidth say.
        let began = self.clock.monotonic();
        let name = camera.name().to_owned();
        loop {
            self.hub.status.heartbeat(self.clock.monotonic());
            match camera.next_frame(POLL) {
                Ok(frame) => {
                    let format = frame.format();
                    self.check(format)?;
                    let shown = self.edits.as_ref().map_or(format, |edits| edits.shown(format));
                    self.hub.status.connected(&name, shown);
                    return Ok(());
                }
                Err(e) if matches!(e.kind(), ErrorKind::TimedOut | ErrorKind::CorruptFrame) => {}
                Err(e) => return Err(e),
            }
            if stop.load(Ordering::Relaxed) {
                return Err(Error::new(ErrorKind::Other, "the camera is being stopped"));
            }
            if self.clock.monotonic().saturating_sub(began) >= FIRST_FRAME {
                let (width, height) = mode.size;
                let what =
                    format!("no frame of {width}x{height} at {} fps came for {FIRST_FRAME:?}", mode.fps);
                return Err(Error::new(ErrorKind::TimedOut, what));
            }
        }
    }

    /// Goes back, the last step first, as far as the camera does. The result is the names of what stays changed.
    ///
    /// # Errors
    /// Those of starting the camera as it was.
    pub(super) fn undo(&self, camera: &mut dyn CameraSource, done: Vec<Undo>) -> Result<Vec<String>> {
        let (mut stuck, mut started) = (Vec::new(), Ok(()));
        for step in done.into_iter().rev() {
            match step {
                Undo::Mode(mode) => started = restart(camera, mode),
                Undo::Control(name, Some(value)) => {
                    if let Err(error) = controls_of(camera)?.set(&name, value) {
                        tracing::warn!(%error, "the camera keeps a value that was not wanted");
                        stuck.push(name);
                    }
                }
                Undo::Control(name, None) => stuck.push(name),
            }
        }
        started.map(|()| stuck)
    }
}
