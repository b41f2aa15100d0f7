//! The changes of one request, and the way back.

use super::{Controls, controls_of, in_order, restart, stop};
use crate::{feed::CameraValues, rate};
use eyelet_hal::{CameraControls, CameraSource, Control, ControlKind, Error, ErrorKind, Mode, Modes, Result};
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

/// What makes an error one of the step with this name.
fn failed(name: &str) -> impl FnOnce(Error) -> Failed {
    let name = name.to_owned();
    move |error| Failed { name, error }
}

impl Controls {
    /// Makes all changes, the ones that others depend on first, and what cannot be taken back last. The result is what was
    /// listed before.
    pub(super) fn apply(
        &self,
        camera: &mut dyn CameraSource,
        changes: &CameraValues,
        done: &mut Vec<Undo>,
        halt: &AtomicBool,
    ) -> std::result::Result<Vec<Control>, Failed> {
        let any = changes.controls.keys().next().map_or("size", String::as_str);
        let list = controls_of(camera).and_then(CameraControls::list).map_err(failed(any))?;
        let wanted = in_order(&list, &changes.controls);
        // It may have gone since it was listed for clients.
        if let Some(name) = changes.controls.keys().find(|name| list.iter().all(|own| own.name != **name)) {
            return Err(failed(name)(Error::new(
                ErrorKind::InvalidInput,
                "there is no such control any more",
            )));
        }
        let (presses, settings): (Vec<_>, Vec<_>) =
            wanted.into_iter().partition(|(control, _)| control.kind == ControlKind::Button);
        for (control, value) in settings {
            let name = &control.name;
            controls_of(camera).and_then(|controls| controls.set(name, value)).map_err(failed(name))?;
            if control.value != Some(value) {
                done.push(Undo::Control(name.clone(), control.value));
            }
        }
        if changes.has_mode() {
            self.change_mode(camera, changes, done, halt)?;
        }
        for (control, value) in presses {
            let name = &control.name;
            controls_of(camera).and_then(|controls| controls.set(name, value)).map_err(failed(name))?;
        }
        Ok(list)
    }

    fn change_mode(
        &self,
        camera: &mut dyn CameraSource,
        changes: &CameraValues,
        done: &mut Vec<Undo>,
        halt: &AtomicBool,
    ) -> std::result::Result<(), Failed> {
        let name = |is_size: bool| if is_size { "size" } else { "fps" };
        let modes = controls_of(camera).and_then(CameraControls::modes);
        let modes = modes.map_err(failed(name(changes.size.is_some())))?;
        let Some(Modes { now, .. }) = modes else { return Ok(()) };
        let resized = changes.size.filter(|size| *size != now.size);
        let name = name(resized.is_some());
        let mut mode = match resized {
            // The size before may not have had the rate that it is to have.
            Some(size) => Mode { size, fps: self.hub.settings.kept().mode(self.original.unwrap_or(now)).fps },
            None => Mode { fps: changes.fps.unwrap_or(now.fps), ..now },
        };
        if resized.is_none() && rate::is_same(mode.fps, now.fps) {
            return Ok(());
        }
        // Before the stream stops for everybody.
        self.check_size(camera.format(), mode.size).map_err(failed(name))?;
        done.push(Undo::Mode(now));
        stop(camera);
        controls_of(camera).and_then(|controls| controls.set_mode(mode)).map_err(failed(name))?;
        if let (Some(_), Some(fps)) = (resized, changes.fps) {
            let set = controls_of(camera).and_then(|controls| self.set_rate(controls, fps));
            mode.fps = set.map_err(failed("fps"))?;
        }
        camera.start().and_then(|()| self.wait_for_frame(camera, mode, halt)).map_err(failed(name))
    }

    /// Waits for the first frame after a change to this mode, which shows that the camera has it.
    fn wait_for_frame(&self, camera: &mut dyn CameraSource, mode: Mode, halt: &AtomicBool) -> Result<()> {
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
            if halt.load(Ordering::Relaxed) {
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

    /// Sets the rate of the size that the stopped camera has changed to.
    fn set_rate(&self, controls: &mut dyn CameraControls, fps: f64) -> Result<f64> {
        let Some(Modes { now, fps: rates, .. }) = controls.modes()?.map(|modes| self.with_original(modes))
        else {
            return Ok(fps);
        };
        let (width, height) = now.size;
        let wrong = |right| Error::new(ErrorKind::InvalidInput, format!("{right} at {width}x{height}"));
        let fps = rate::within(rates, fps).map_err(wrong)?;
        if !rate::is_same(fps, now.fps) {
            controls.set_mode(Mode { fps, ..now })?;
        }
        Ok(fps)
    }
}
