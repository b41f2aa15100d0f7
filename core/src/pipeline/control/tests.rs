//! Requests to a camera that does not do as it should, one by one on a clock that stands still.

use super::*;
use crate::feed::CameraValues;
use eyelet_hal::{Frame, FrameMeta, Modes, PixelFormat, Plane, Quality, clock::ManualClock};
use std::{
    sync::Mutex,
    task::{Context, Wake, Waker},
};
use tokio::sync::oneshot::{Receiver, error::TryRecvError};

/// With this size it starts and delivers nothing.
const SILENT: (u32, u32) = (4, 4);
const SIZE: (u32, u32) = (2, 2);
/// In this size it is slower.
const SLOW: (u32, u32) = (4, 2);

/// A grey camera whose `gain` and size can be changed; `reset` sets the gain back.
struct Camera {
    mode: Mode,
    gain: i64,
    /// Its gain cannot be read.
    unread: bool,
    /// It decides the gain itself, until it is not to; where it can do that.
    auto: Option<bool>,
    /// It refuses a gain while it decides.
    strict: bool,
    /// Its gain is read only, for a while.
    grabbed: bool,
    /// It has no `gain`.
    plain: bool,
    /// In this size it starts once.
    starts_once: Option<(u32, u32)>,
    starts: u32,
    /// How often it may be asked for a frame that does not come.
    patience: u32,
    /// Called when it is listed, which fails if this does.
    listed: Box<dyn FnMut() -> Result<()> + Send>,
}

impl Camera {
    fn new() -> Self {
        let mode = Mode { size: SIZE, fps: 29.970_03 };
        let listed = Box::new(|| Ok(()));
        let (unread, auto, strict, grabbed, plain, starts_once) = (false, None, false, false, false, None);
        let (gain, starts, patience) = (0, 0, 100);
        Self { mode, gain, unread, auto, strict, grabbed, plain, starts_once, starts, patience, listed }
    }
}

impl CameraSource for Camera {
    fn name(&self) -> &str {
        "camera"
    }

    fn format(&self) -> StreamFormat {
        StreamFormat::new(PixelFormat::Grey, self.mode.size.0, self.mode.size.1).unwrap()
    }

    fn start(&mut self) -> Result<()> {
        self.starts += 1;
        if self.starts > 1 && self.starts_once == Some(self.mode.size) {
            return Err(Error::new(ErrorKind::Other, "no bandwidth"));
        }
        Ok(())
    }

    fn next_frame(&mut self, _: Duration) -> Result<Frame<'_>> {
        if self.mode.size == SILENT {
            self.patience = self.patience.checked_sub(1).expect("nobody waits for it any more");
            return Err(Error::new(ErrorKind::TimedOut, "no frame"));
        }
        Frame::new(self.format(), FrameMeta::now(self.starts.into()), &[Plane::host(&[7; 16], 4)])
    }

    fn stop(&mut self) -> Result<()> {
        Ok(())
    }

    fn controls(&mut self) -> Option<&mut dyn CameraControls> {
        Some(self)
    }
}

impl CameraControls for Camera {
    fn list(&mut self) -> Result<Vec<Control>> {
        (self.listed)()?;
        let value = Some(self.gain).filter(|_| !self.unread);
        let mut gain = Control::new("gain", ControlKind::Integer { min: 0, max: 9, step: 1 }, 0, value);
        (gain.inactive, gain.read_only) = (self.auto == Some(true), self.grabbed);
        let auto = self.auto.map(|auto| Control::new("auto", ControlKind::Boolean, 1, Some(auto.into())));
        let all = [gain, Control::new("reset", ControlKind::Button, 0, None)].into_iter().chain(auto);
        Ok(all.filter(|_| !self.plain).collect())
    }

    fn set(&mut self, name: &str, value: i64) -> Result<()> {
        self.find(name, value)?;
        match name {
            "auto" => self.auto = Some(value != 0),
            "reset" => self.gain = 0,
            _ if self.strict && self.auto == Some(true) => {
                return Err(Error::new(ErrorKind::Busy, "the gain is automatic"));
            }
            _ => self.gain = value,
        }
        Ok(())
    }

    fn modes(&mut self) -> Result<Option<Modes>> {
        let fastest = if self.mode.size == SLOW { 10.0 } else { 30.0 };
        Ok(Some(Modes::new(self.mode, vec![SIZE, SLOW, SILENT], (1.0, fastest))))
    }

    /// It has the nearest rate.
    fn set_mode(&mut self, mode: Mode) -> Result<()> {
        self.mode = mode;
        if mode.size == SLOW {
            self.mode.fps = mode.fps.min(10.0);
        }
        Ok(())
    }
}

/// Clients of a camera that has started.
struct Clients {
    hub: Hub,
    controls: Controls,
    stop: AtomicBool,
    /// They ask for this one too.
    quality: Option<Quality>,
}

impl Clients {
    fn of(camera: &mut Camera) -> Self {
        let hub = Hub::default();
        hub.settings.allow_changes();
        let mut controls = Controls::new(hub.clone(), Arc::new(ManualClock::new(Duration::ZERO)), None);
        controls.start(camera).unwrap();
        Self { hub, controls, stop: AtomicBool::new(false), quality: None }
    }

    /// Asks for this gain, size and rate.
    fn ask(
        &self,
        gain: Option<i64>,
        size: Option<(u32, u32)>,
        fps: Option<f64>,
    ) -> Receiver<std::result::Result<(), Refusal>> {
        self.ask_for(gain.map(|gain| ("gain", gain)).as_slice(), size, fps)
    }

    /// Asks for these controls, size and rate.
    fn ask_for(
        &self,
        controls: &[(&str, i64)],
        size: Option<(u32, u32)>,
        fps: Option<f64>,
    ) -> Receiver<std::result::Result<(), Refusal>> {
        let controls = controls.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect();
        self.hub.settings.live.requests.ask(CameraValues { controls, size, fps }, self.quality)
    }

    /// Changes these controls, and returns what is kept then.
    fn change(&mut self, camera: &mut Camera, controls: &[(&str, i64)]) -> Vec<(String, i64)> {
        let mut answer = self.ask_for(controls, None, None);
        self.serve(camera).unwrap();
        assert_eq!(answer.try_recv(), Ok(Ok(())));
        self.kept()
    }

    /// The controls that are set again when the camera is opened again.
    fn kept(&self) -> Vec<(String, i64)> {
        self.hub.settings.kept().controls.into_iter().collect()
    }

    fn serve(&mut self, camera: &mut Camera) -> Result<bool> {
        self.controls.serve(camera, &self.stop)
    }
}

fn refused(mut answer: Receiver<std::result::Result<(), Refusal>>) -> (String, String) {
    match answer.try_recv() {
        Ok(Err(Refusal::Wrong(errors))) => errors.into_iter().next().unwrap(),
        other => panic!("{other:?}"),
    }
}

/// It was answered as if it had been changed.
#[test]
fn control_that_is_gone_by_then_is_refused_and_nothing_else_is_changed() {
    let mut camera = Camera::new();
    let mut clients = Clients::of(&mut camera);
    camera.plain = true;
    clients.quality = Quality::new(30);
    let answer = clients.ask(Some(5), Some(SLOW), None);
    assert!(!clients.serve(&mut camera).unwrap());
    assert_eq!(refused(answer), ("gain".to_owned(), "there is no such control any more".to_owned()));
    assert_eq!((camera.mode.size, camera.starts), (SIZE, 1));
    assert!(clients.hub.settings.kept().is_empty());
    assert_eq!(clients.hub.settings.quality(), Quality::DEFAULT);
}

/// It kept the gain that its client was told it had not.
#[test]
fn camera_that_does_not_start_as_before_has_its_other_values_back() {
    let mut camera = Camera { starts_once: Some(SIZE), ..Camera::new() };
    let mut clients = Clients::of(&mut camera);
    clients.stop = true.into();
    let answer = clients.ask(Some(5), Some(SILENT), None);
    assert_eq!(clients.serve(&mut camera).unwrap_err().message(), "no bandwidth");
    let (name, what) = refused(answer);
    assert!(name == "size" && what.ends_with("is opened again: no bandwidth"), "{name}: {what}");
    assert_eq!(camera.gain, 0);
}

/// A stop waited three seconds more.
#[test]
fn frame_of_another_size_is_not_waited_for_after_a_stop() {
    let mut camera = Camera::new();
    let mut clients = Clients::of(&mut camera);
    clients.stop = true.into();
    let answer = clients.ask(None, Some(SILENT), None);
    assert!(clients.serve(&mut camera).unwrap());
    assert_eq!(refused(answer), ("size".to_owned(), "the camera is being stopped".to_owned()));
    assert_eq!(camera.mode.size, SIZE);
}

/// It had been told that nothing was changed, and the changes stayed.
#[test]
fn client_that_gives_up_at_the_last_moment_changes_nothing() {
    let mut camera = Camera::new();
    let mut clients = Clients::of(&mut camera);
    clients.quality = Quality::new(30);
    let answer = Arc::new(Mutex::new(None));
    let (its, mut lists) = (Arc::clone(&answer), 0);
    camera.listed = Box::new(move || {
        lists += 1;
        // To know the values before; to set one; to know them after.
        if lists == 3 {
            drop(its.lock().unwrap().take());
        }
        Ok(())
    });
    *answer.lock().unwrap() = Some(clients.ask(Some(5), Some(SLOW), None));
    assert!(clients.serve(&mut camera).unwrap());
    assert!(answer.lock().unwrap().is_none(), "it has given up");
    assert_eq!((camera.gain, camera.mode.size), (0, SIZE));
    assert!(clients.hub.settings.kept().is_empty());
    assert_eq!(clients.hub.settings.quality(), Quality::DEFAULT);
    let shown = clients.hub.settings.with_camera(|camera| {
        let camera = camera.unwrap();
        (camera.controls[0].value, camera.modes.as_ref().unwrap().0.now.size)
    });
    assert_eq!(shown, (Some(0), SIZE));
}

/// What its clients read when they hear of a change first: quality, gain, and the gain that is kept.
struct Heard {
    hub: Hub,
    read: Mutex<[Option<i64>; 3]>,
}

impl Wake for Heard {
    fn wake(self: Arc<Self>) {
        let (kept, quality) = self.hub.settings.kept_with_quality();
        let gain = self.hub.settings.with_camera(|camera| camera.unwrap().controls[0].value);
        *self.read.lock().unwrap() = [Some(quality.get().into()), gain, kept.controls.get("gain").copied()];
    }
}

/// Listeners were sent the new gain with the old quality, and half of it was saved.
#[test]
fn quality_is_changed_with_the_rest_before_anybody_hears_of_it() {
    let mut camera = Camera::new();
    let mut clients = Clients::of(&mut camera);
    clients.quality = Quality::new(30);
    let heard = Arc::new(Heard { hub: clients.hub.clone(), read: Mutex::default() });
    let mut changes = clients.hub.settings.changes();
    let mut changed = std::pin::pin!(changes.changed());
    let waker = Waker::from(Arc::clone(&heard));
    assert!(changed.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    let mut answer = clients.ask(Some(5), None, None);
    clients.serve(&mut camera).unwrap();
    assert_eq!(answer.try_recv(), Ok(Ok(())));
    assert_eq!(*heard.read.lock().unwrap(), [Some(30), Some(5), Some(5)]);
}

/// It was listed as set back, and set again after a restart.
#[test]
fn value_that_a_button_sets_back_is_not_kept() {
    let mut camera = Camera::new();
    let mut clients = Clients::of(&mut camera);
    assert_eq!(clients.change(&mut camera, &[("gain", 5)]), [("gain".to_owned(), 5)]);
    assert_eq!(clients.change(&mut camera, &[("reset", 1)]), []);
    assert_eq!(clients.change(&mut camera, &[("gain", 5), ("reset", 1)]), []);
    assert_eq!(camera.gain, 0);
}

/// Drivers refused it at each opening.
#[test]
fn value_that_another_control_decides_again_is_not_kept() {
    let mut camera = Camera { auto: Some(true), ..Camera::new() };
    let mut clients = Clients::of(&mut camera);
    let kept = clients.change(&mut camera, &[("auto", 0), ("gain", 5)]);
    assert_eq!(kept, [("auto".to_owned(), 0), ("gain".to_owned(), 5)]);
    assert_eq!(clients.change(&mut camera, &[("auto", 1)]), []);
}

/// It was pressed at each opening from then on.
#[test]
fn button_is_not_kept_where_the_camera_cannot_be_listed_after_it() {
    let mut camera = Camera::new();
    let mut clients = Clients::of(&mut camera);
    let mut lists = 0;
    camera.listed = Box::new(move || {
        lists += 1;
        // To know its kind, and to press it.
        if lists <= 2 { Ok(()) } else { Err(Error::new(ErrorKind::Other, "it starts anew")) }
    });
    let mut answer = clients.ask_for(&[("reset", 1)], Some(SLOW), Some(5.0));
    assert!(clients.serve(&mut camera).unwrap());
    assert_eq!(answer.try_recv(), Ok(Ok(())));
    let kept = clients.hub.settings.kept();
    assert_eq!((kept.controls.len(), kept.size, kept.fps), (0, Some(SLOW), Some(5.0)));
}

#[test]
fn button_that_was_saved_is_not_pressed() {
    let mut camera = Camera::new();
    let mut clients = Clients::of(&mut camera);
    clients.change(&mut camera, &[("gain", 5)]);
    clients.hub.settings.keep(|kept| _ = kept.controls.insert("reset".to_owned(), 1));
    clients.controls.start(&mut camera).unwrap();
    assert_eq!((camera.gain, clients.kept()), (5, vec![("gain".to_owned(), 5)]));
}

/// It was forgotten, and with `--save-control` for good.
#[test]
fn value_waits_for_a_control_that_is_not_listed_once() {
    let mut camera = Camera::new();
    let mut clients = Clients::of(&mut camera);
    clients.change(&mut camera, &[("gain", 5)]);
    (camera.plain, camera.gain) = (true, 0);
    clients.controls.start(&mut camera).unwrap();
    camera.plain = false;
    clients.controls.start(&mut camera).unwrap();
    assert_eq!(camera.gain, 5);
}

/// A reset of everything was refused by each camera that refuses what an automatic mode decides, or kept for ever.
#[test]
fn value_and_the_automatic_mode_that_will_decide_it_are_set_back_together() {
    for strict in [true, false] {
        let mut camera = Camera { auto: Some(true), strict, ..Camera::new() };
        let mut clients = Clients::of(&mut camera);
        let kept = clients.change(&mut camera, &[("auto", 0), ("gain", 5)]);
        assert_eq!(kept, [("auto".to_owned(), 0), ("gain".to_owned(), 5)]);
        assert_eq!(clients.change(&mut camera, &[("auto", 1), ("gain", 0)]), []);
        assert_eq!((camera.auto, camera.gain), (Some(true), 0));
    }
}

/// With `--save-control` it was gone for good.
#[test]
fn value_of_a_control_that_is_read_only_for_a_while_waits() {
    let mut camera = Camera::new();
    let mut clients = Clients::of(&mut camera);
    let kept = clients.change(&mut camera, &[("gain", 5)]);
    (camera.grabbed, camera.gain) = (true, 0);
    clients.controls.start(&mut camera).unwrap();
    assert_eq!((camera.gain, clients.kept()), (0, kept));
    camera.grabbed = false;
    clients.controls.start(&mut camera).unwrap();
    assert_eq!(camera.gain, 5);
}

/// It was warned of at each of a camera's many openings, or never again.
#[test]
fn missing_control_is_warned_of_once_until_it_is_back() {
    let mut camera = Camera { plain: true, ..Camera::new() };
    let mut clients = Clients::of(&mut camera);
    clients.hub.settings.keep(|kept| _ = kept.controls.insert("gain".to_owned(), 5));
    for (plain, missing) in [(true, 1), (true, 1), (false, 0), (true, 1)] {
        camera.plain = plain;
        clients.controls.start(&mut camera).unwrap();
        assert_eq!(clients.controls.missing.len(), missing);
    }
    clients.hub.settings.keep(|kept| kept.controls.clear());
    clients.controls.start(&mut camera).unwrap();
    assert!(clients.controls.missing.is_empty(), "nothing is kept for it");
}

/// Only a value that was set while its control was active was there after a restart.
#[test]
fn value_that_is_set_while_another_control_decides_is_kept() {
    let mut camera = Camera { auto: Some(true), ..Camera::new() };
    let mut clients = Clients::of(&mut camera);
    assert_eq!(clients.change(&mut camera, &[("gain", 5)]), [("gain".to_owned(), 5)]);
    // Not this one's doing.
    assert_eq!(clients.change(&mut camera, &[("reset", 1)]), [("gain".to_owned(), 5)]);
    let kept = clients.change(&mut camera, &[("auto", 0)]);
    assert_eq!(kept, [("auto".to_owned(), 0), ("gain".to_owned(), 5)]);
}

/// What the automatic mode had at that moment came back after a restart.
#[test]
fn button_changes_no_kept_value_that_another_control_decides() {
    let mut camera = Camera { auto: Some(false), ..Camera::new() };
    let mut clients = Clients::of(&mut camera);
    let kept = clients.change(&mut camera, &[("gain", 5), ("auto", 1)]);
    assert_eq!(clients.change(&mut camera, &[("reset", 1)]), kept);
}

/// It was not said that it stayed changed.
#[test]
fn value_that_could_not_be_read_is_named_as_not_set_back() {
    let mut camera = Camera { unread: true, ..Camera::new() };
    let mut clients = Clients::of(&mut camera);
    clients.stop = true.into();
    let answer = clients.ask(Some(5), Some(SILENT), None);
    assert!(clients.serve(&mut camera).unwrap());
    let what = "the camera is being stopped; could not be set back: gain".to_owned();
    assert_eq!(refused(answer), ("size".to_owned(), what));
}

/// Everybody's stream stopped for the rate that it has, as clients read it.
#[test]
fn rate_that_differs_in_what_clients_do_not_see_is_no_change() {
    let mut camera = Camera::new();
    let mut clients = Clients::of(&mut camera);
    let mut answer = clients.ask(None, Some(SIZE), Some(29.97));
    assert!(!clients.serve(&mut camera).unwrap());
    assert_eq!((answer.try_recv(), camera.starts), (Ok(Ok(())), 1));
    let mut answer = clients.ask(None, None, Some(29.9));
    assert!(clients.serve(&mut camera).unwrap());
    assert_eq!((answer.try_recv(), camera.starts), (Ok(Ok(())), 2));
}

/// It took two requests, and two interruptions.
#[test]
fn size_and_a_rate_that_only_it_has_are_changed_together() {
    let mut camera = Camera::new();
    let mut clients = Clients::of(&mut camera);
    for (size, fps, starts) in [(SLOW, 5.0, 2), (SIZE, 20.0, 3)] {
        let mut answer = clients.ask(None, Some(size), Some(fps));
        assert!(clients.serve(&mut camera).unwrap());
        assert_eq!(answer.try_recv(), Ok(Ok(())));
        assert_eq!((camera.mode, camera.starts), (Mode { size, fps }, starts));
    }
}

/// The size was blamed, which it has.
#[test]
fn rate_that_does_not_work_is_named_beside_the_size_that_it_has() {
    let mut camera = Camera { starts_once: Some(SIZE), ..Camera::new() };
    let mut clients = Clients::of(&mut camera);
    let answer = clients.ask(None, Some(SIZE), Some(15.0));
    assert!(clients.serve(&mut camera).is_err(), "it does not start again");
    assert_eq!(refused(answer).0, "fps");
}

#[test]
fn rate_that_the_other_size_does_not_have_changes_nothing() {
    let mut camera = Camera::new();
    let mut clients = Clients::of(&mut camera);
    let before = camera.mode;
    let answer = clients.ask(Some(5), Some(SLOW), Some(20.0));
    assert!(clients.serve(&mut camera).unwrap());
    assert_eq!(refused(answer), ("fps".to_owned(), "a number from 1 to 10 at 4x2".to_owned()));
    assert_eq!((camera.mode, camera.gain), (before, 0));
    assert!(clients.hub.settings.kept().is_empty());
}

/// A camera opened with a size or a rate that it does not list could not go back to it.
#[test]
fn what_the_camera_was_opened_with_is_a_way_back_though_it_is_not_listed() {
    let odd = Mode { size: (3, 3), fps: 60.0 };
    let mut camera = Camera { mode: odd, ..Camera::new() };
    let mut clients = Clients::of(&mut camera);
    let listed = |clients: &Clients| {
        clients.hub.settings.with_camera(|camera| camera.unwrap().modes.as_ref().unwrap().0.clone())
    };
    assert_eq!(listed(&clients).fps, (1.0, 60.0));
    for (size, fps) in [(SIZE, 20.0), ((3, 3), 60.0)] {
        let mut answer = clients.ask(None, Some(size), Some(fps));
        clients.serve(&mut camera).unwrap();
        assert_eq!(answer.try_recv(), Ok(Ok(())));
        assert_eq!(camera.mode, Mode { size, fps });
        assert!(listed(&clients).sizes.contains(&odd.size));
    }
    assert!(clients.hub.settings.kept().is_empty(), "it is as it began");
    let answer = clients.ask(None, None, Some(20.0));
    clients.serve(&mut camera).unwrap();
    drop(answer);
    assert_eq!((listed(&clients).now.fps, listed(&clients).fps), (20.0, (1.0, 60.0)));
}

/// It was saved only when something else changed.
#[test]
fn value_that_the_camera_has_already_is_saved() {
    let mut camera = Camera::new();
    let mut clients = Clients::of(&mut camera);
    camera.gain = 5;
    clients.controls.publish(&mut camera);
    let mut changes = clients.hub.settings.changes();
    let mut answer = clients.ask(Some(5), None, None);
    assert_eq!(answer.try_recv(), Err(TryRecvError::Empty));
    clients.serve(&mut camera).unwrap();
    assert_eq!(answer.try_recv(), Ok(Ok(())));
    assert_eq!(clients.hub.settings.kept().controls["gain"], 5);
    assert!(changes.has_changed().unwrap());
    changes.mark_unchanged();
    let _answer = clients.ask(Some(5), None, None);
    clients.serve(&mut camera).unwrap();
    assert!(!changes.has_changed().unwrap(), "it is the same");
}
