//! What clients change about the open camera, between two of its frames.

use super::Edits;
use crate::feed::{CameraSettings, Changes, Hub, Kept, Refusal, Request};
use eyelet_hal::{
    CameraControls, CameraSource, Control, ControlKind, Error, ErrorKind, Mode, Modes, PixelFormat, Result,
    StreamFormat, clock::Clock,
};
use std::{collections::BTreeMap, sync::Arc, time::Duration};

/// How long one wait for the first frame lasts: how often the camera thread has a heartbeat meanwhile.
const POLL: Duration = Duration::from_millis(200);

/// In a new mode the first frame has come by then, or the camera goes back. The client waits longer than this.
const FIRST_FRAME: Duration = Duration::from_secs(3);

/// Not more often are its values listed because clients want to know them.
const LIST_EVERY: Duration = Duration::from_secs(1);

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
}

/// The controls that did not begin with their default: with this value, or with one that another control decides.
type Began = BTreeMap<String, Option<i64>>;

/// A step that was made, and how to go back.
enum Undo {
    Control(String, i64),
    Mode(Mode),
}

/// The step that failed.
struct Failed {
    name: String,
    error: Error,
}

impl Controls {
    pub(super) fn new(hub: Hub, clock: Arc<dyn Clock>, edits: Option<Edits>) -> Self {
        Self { hub, clock, edits, original: None, began: None, listed: Duration::ZERO }
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
                self.forget_missing(&[]);
            }
        }
        let kept = self.hub.settings.kept();
        let changed = kept.size.is_some() || kept.fps.is_some();
        let started =
            camera.start().and_then(|()| if changed { self.check(camera.format()) } else { Ok(()) });
        if let Err(error) = started {
            self.start_as_opened(camera, error)?;
        }
        self.publish(camera);
        Ok(())
    }

    fn restore(&mut self, controls: &mut dyn CameraControls) -> Result<()> {
        let settings = &self.hub.settings;
        let kept = settings.kept();
        if let Some(modes) = controls.modes()? {
            self.original.get_or_insert(modes.now);
            self.restore_mode(controls, modes)?;
        } else {
            self.forget_mode();
        }
        if kept.controls.is_empty() && self.began.is_some() {
            return Ok(());
        }
        let list = controls.list()?;
        self.began.get_or_insert_with(|| began(&list, &kept));
        for (control, value) in in_order(&list, &kept.controls) {
            if let Err(error) = controls.set(&control.name, value) {
                tracing::warn!(%error, "the camera keeps its own value");
                if is_for_good(&error) {
                    settings.keep(|kept| _ = kept.controls.remove(&control.name));
                }
            }
        }
        self.forget_missing(&list);
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
            // Rounded, as the camera may have reported it.
            let (lowest, highest) = modes.fps;
            let listed = (lowest - SAME_RATE..=highest + SAME_RATE).contains(&fps);
            if !set_mode(controls, Mode { fps, ..modes.now }, listed, "rate") {
                settings.keep(|kept| kept.fps = None);
            }
        }
        Ok(())
    }

    /// The camera has one mode now.
    fn forget_mode(&self) {
        self.hub.settings.keep(|kept| {
            if (kept.size, kept.fps) != (None, None) {
                tracing::warn!("the camera has no other sizes and rates any more; it keeps its own");
                (kept.size, kept.fps) = (None, None);
            }
        });
    }

    /// The camera has these controls now.
    fn forget_missing(&self, list: &[Control]) {
        self.hub.settings.keep(|kept| {
            kept.controls.retain(|name, _| {
                let listed = list.iter().any(|control| control.name == *name);
                if !listed {
                    tracing::warn!(control = %name, "the camera has no such control any more; its value is left out");
                }
                listed
            });
        });
    }

    /// Whether frames of this format can be edited as they are to be.
    fn check(&self, format: StreamFormat) -> Result<()> {
        self.edits.as_ref().map_or(Ok(()), |edits| edits.check(format))
    }

    /// Whether frames of this size can be edited as they are to be, if they are otherwise as these.
    fn check_size(&self, now: StreamFormat, (width, height): (u32, u32)) -> Result<()> {
        StreamFormat::new(now.pixel, width, height).map_or(Ok(()), |format| self.check(format))
    }

    /// Starts a camera that cannot be started, in the mode that it was opened with if it has another one now.
    fn start_as_opened(&self, camera: &mut dyn CameraSource, error: Error) -> Result<()> {
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

    /// The camera is gone: nothing can be changed now, for this reason.
    pub(super) fn lost(&self, reason: &str) {
        if let Some(request) = self.hub.settings.live.requests.take() {
            let _ = request.answer.send(Err(Refusal::Unavailable(reason.to_owned())));
        }
        self.hub.settings.set_camera(None);
    }

    /// Does what a client asks for, if one does. True if the camera was started anew for it.
    ///
    /// # Errors
    /// Those after which the camera is to be opened again.
    pub(super) fn serve(&mut self, camera: &mut dyn CameraSource) -> Result<bool> {
        let Some(Request { changes, answer }) = self.hub.settings.live.requests.take() else {
            return Ok(false);
        };
        if changes.is_empty() {
            self.refresh(camera);
            let _ = answer.send(Ok(()));
            return Ok(false);
        }
        let mut done = Vec::new();
        let applied = self.apply(camera, &changes, &mut done);
        let restarted = done.iter().any(|step| matches!(step, Undo::Mode(_)));
        let mut lost = None;
        let answered = match applied {
            // Who asked has given up, and has been told that nothing changed.
            Ok(()) if answer.is_closed() => {
                lost = self.undo(camera, done).err();
                Err(Refusal::Unavailable(String::new()))
            }
            Ok(()) => {
                self.keep(camera, &changes);
                Ok(())
            }
            Err(Failed { error, .. }) if error.kind() == ErrorKind::Disconnected => {
                let reason = error.to_string();
                lost = Some(error);
                Err(Refusal::Unavailable(reason))
            }
            Err(Failed { name, error }) => {
                let mut what = error.to_string();
                match self.undo(camera, done) {
                    Ok(stuck) if stuck.is_empty() => {}
                    Ok(stuck) => what = format!("{what}; could not be set back: {}", stuck.join(", ")),
                    Err(error) => {
                        what = format!("{what}; the camera does not go back and is opened again: {error}");
                        lost = Some(error);
                    }
                }
                Err(Refusal::Wrong(BTreeMap::from([(name, what)])))
            }
        };
        if lost.is_none() {
            self.publish(camera);
        }
        let _ = answer.send(answered);
        lost.map_or(Ok(restarted), Err)
    }

    /// Makes all changes, the ones that others depend on first, and what cannot be taken back last.
    fn apply(
        &self,
        camera: &mut dyn CameraSource,
        changes: &Changes,
        done: &mut Vec<Undo>,
    ) -> std::result::Result<(), Failed> {
        let named = |name: &str| {
            let name = name.to_owned();
            move |error| Failed { name, error }
        };
        let any = changes.controls.keys().next().map_or("size", String::as_str);
        let list = controls_of(camera).and_then(CameraControls::list).map_err(named(any))?;
        let wanted = in_order(&list, &changes.controls);
        let (presses, settings): (Vec<_>, Vec<_>) =
            wanted.into_iter().partition(|(control, _)| control.kind == ControlKind::Button);
        for (control, value) in settings {
            let name = &control.name;
            controls_of(camera).and_then(|controls| controls.set(name, value)).map_err(named(name))?;
            if let Some(before) = control.value.filter(|before| *before != value) {
                done.push(Undo::Control(name.clone(), before));
            }
        }
        if changes.size.is_some() || changes.fps.is_some() {
            let name = if changes.size.is_some() { "size" } else { "fps" };
            self.change_mode(camera, changes, done).map_err(named(name))?;
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
        changes: &Changes,
        done: &mut Vec<Undo>,
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
        if mode == now {
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
            if self.clock.monotonic().saturating_sub(began) >= FIRST_FRAME {
                let (width, height) = mode.size;
                let what =
                    format!("no frame of {width}x{height} at {} fps came for {FIRST_FRAME:?}", mode.fps);
                return Err(Error::new(ErrorKind::TimedOut, what));
            }
        }
    }

    /// Goes back, the last step first. The result is the names of what stays changed.
    ///
    /// # Errors
    /// Those of starting the camera as it was.
    fn undo(&self, camera: &mut dyn CameraSource, done: Vec<Undo>) -> Result<Vec<String>> {
        let mut stuck = Vec::new();
        for step in done.into_iter().rev() {
            match step {
                Undo::Mode(mode) => restart(camera, mode)?,
                Undo::Control(name, value) => {
                    if let Err(error) = controls_of(camera)?.set(&name, value) {
                        tracing::warn!(%error, "the camera keeps a value that was not wanted");
                        stuck.push(name);
                    }
                }
            }
        }
        Ok(stuck)
    }

    /// Keeps what was changed for when the camera is opened again; what was set back is left to the flags and the camera.
    fn keep(&self, camera: &mut dyn CameraSource, changes: &Changes) {
        let Some(controls) = camera.controls() else { return };
        let now = controls.modes().ok().flatten().map(|modes| modes.now).zip(self.original);
        let list = controls.list().unwrap_or_default();
        let own = |name: &str| list.iter().find(|control| control.name == name);
        let as_it_began = |name: &str, value: i64| {
            let Some(control) = own(name) else { return false };
            match self.began.as_ref().and_then(|began| began.get(name)) {
                None => value == control.default,
                Some(Some(began)) => value == *began,
                // Another control decided, and decides again.
                Some(None) => control.inactive && value == control.default,
            }
        };
        self.hub.settings.keep(|kept| {
            if let Some((now, original)) = now {
                if changes.size.is_some() {
                    kept.size = Some(now.size).filter(|size| *size != original.size);
                }
                if changes.fps.is_some() {
                    kept.fps = Some(now.fps).filter(|fps| !same_rate(*fps, original.fps));
                }
            }
            kept.controls.extend(changes.controls.iter().map(|(name, value)| (name.clone(), *value)));
            kept.controls.retain(|name, value| {
                !own(name).is_some_and(|control| control.kind == ControlKind::Button)
                    && !as_it_began(name, *value)
            });
        });
    }

    /// Lists what can be changed, and its values, for clients.
    fn publish(&mut self, camera: &mut dyn CameraSource) {
        let listed = list(camera).unwrap_or_else(|error| {
            tracing::warn!(%error, "clients can change the quality alone");
            (Vec::new(), None)
        });
        self.show(camera.format(), listed);
    }

    /// [Publishes](Self::publish) again, for the values that have changed by themselves.
    fn refresh(&mut self, camera: &mut dyn CameraSource) {
        if self.clock.monotonic().saturating_sub(self.listed) < LIST_EVERY {
            return;
        }
        match list(camera) {
            Ok(listed) => self.show(camera.format(), listed),
            // Its frames show whether it is lost.
            Err(error) => tracing::debug!(%error, "values that clients see may be old"),
        }
    }

    fn show(&mut self, format: StreamFormat, (controls, modes): (Vec<Control>, Option<Modes>)) {
        self.listed = self.clock.monotonic();
        let compressed = format.pixel == PixelFormat::Jpeg;
        let modes = modes.map(|mut modes| {
            // Masks are for one size.
            let now = modes.now.size;
            modes.sizes.retain(|size| *size == now || self.check_size(format, *size).is_ok());
            let original = self.original.unwrap_or(modes.now);
            (modes, original)
        });
        self.hub.settings.set_camera(Some(CameraSettings { compressed, controls, modes }));
    }
}

/// The controls of this camera, and its sizes and rates.
fn list(camera: &mut dyn CameraSource) -> Result<(Vec<Control>, Option<Modes>)> {
    match camera.controls() {
        Some(controls) => controls.list().and_then(|list| Ok((list, controls.modes()?))),
        None => Ok((Vec::new(), None)),
    }
}

/// What these controls began with. Where a value was kept, a camera that remembers it begins with that one, not with its own.
fn began(list: &[Control], kept: &Kept) -> Began {
    let of = |control: &Control| match control {
        Control { inactive: true, .. } => Some((control.name.clone(), None)),
        Control { name, value: Some(value), .. } if !kept.controls.contains_key(name) => {
            (*value != control.default).then(|| (name.clone(), Some(*value)))
        }
        _ => None,
    };
    list.iter().filter_map(of).collect()
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

/// Rates that are closer than this are one to clients, who read them in thousandths.
const SAME_RATE: f64 = 0.0005;

fn same_rate(a: f64, b: f64) -> bool {
    (a - b).abs() < SAME_RATE
}

/// The listed controls that are to have values, in the order in which to set them: automatic modes before what they make
/// inactive, and buttons last.
fn in_order<'a>(list: &'a [Control], wanted: &BTreeMap<String, i64>) -> Vec<(&'a Control, i64)> {
    let mut all: Vec<_> =
        list.iter().filter_map(|control| Some((control, *wanted.get(&control.name)?))).collect();
    all.sort_by_key(|(control, _)| match control.kind {
        ControlKind::Boolean | ControlKind::Menu(_) => 0,
        ControlKind::Button => 2,
        _ => 1,
    });
    all
}

fn controls_of(camera: &mut dyn CameraSource) -> Result<&mut dyn CameraControls> {
    camera.controls().ok_or_else(|| Error::new(ErrorKind::Unsupported, "the camera has no controls any more"))
}

fn restart(camera: &mut dyn CameraSource, mode: Mode) -> Result<()> {
    if let Err(error) = camera.stop() {
        // It counts as stopped all the same.
        tracing::debug!(%error, "for another size or rate");
    }
    controls_of(camera)?.set_mode(mode)?;
    camera.start()
}
