//! Requests to a camera that does not do as it should, one by one on a clock that stands still.

use super::*;
use crate::feed::CameraValues;
use eyelet_hal::{Frame, FrameMeta, Modes, PixelFormat, Plane, clock::ManualClock};
use tokio::sync::oneshot::{Receiver, error::TryRecvError};

/// With this size it starts and delivers nothing.
const SILENT: (u32, u32) = (4, 4);
const SIZE: (u32, u32) = (2, 2);

/// A grey camera whose `gain` and size can be changed.
struct Camera {
    mode: Mode,
    gain: i64,
    /// It has no `gain`.
    plain: bool,
    /// In this size it starts once.
    starts_once: Option<(u32, u32)>,
    starts: u32,
    /// How often it may be asked for a frame that does not come.
    patience: u32,
    /// Called when it is listed.
    listed: Box<dyn FnMut() + Send>,
}

impl Camera {
    fn new() -> Self {
        let mode = Mode { size: SIZE, fps: 29.970_03 };
        let listed = Box::new(|| ());
        Self { mode, gain: 0, plain: false, starts_once: None, starts: 0, patience: 100, listed }
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
        (self.listed)();
        let gain = Control::new("gain", ControlKind::Integer { min: 0, max: 9, step: 1 }, 0, Some(self.gain));
        Ok([gain].into_iter().filter(|_| !self.plain).collect())
    }

    fn set(&mut self, name: &str, value: i64) -> Result<()> {
        self.find(name, value)?;
        self.gain = value;
        Ok(())
    }

    fn modes(&mut self) -> Result<Option<Modes>> {
        Ok(Some(Modes::new(self.mode, vec![SIZE, SILENT], (1.0, 30.0))))
    }

    fn set_mode(&mut self, mode: Mode) -> Result<()> {
        self.mode = mode;
        Ok(())
    }
}

/// Clients of a camera that has started.
struct Clients {
    hub: Hub,
    controls: Controls,
    stop: AtomicBool,
}

impl Clients {
    fn of(camera: &mut Camera) -> Self {
        let hub = Hub::default();
        hub.settings.allow_changes();
        let mut controls = Controls::new(hub.clone(), Arc::new(ManualClock::new(Duration::ZERO)), None);
        controls.start(camera).unwrap();
        Self { hub, controls, stop: AtomicBool::new(false) }
    }

    /// Asks for this gain, size and rate.
    fn ask(
        &self,
        gain: Option<i64>,
        size: Option<(u32, u32)>,
        fps: Option<f64>,
    ) -> Receiver<std::result::Result<(), Refusal>> {
        let controls = gain.map(|gain| ("gain".to_owned(), gain)).into_iter().collect();
        self.hub.settings.live.requests.ask(CameraValues { controls, size, fps })
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
    let answer = clients.ask(Some(5), Some((4, 2)), None);
    assert!(!clients.serve(&mut camera).unwrap());
    assert_eq!(refused(answer), ("gain".to_owned(), "there is no such control any more".to_owned()));
    assert_eq!((camera.mode.size, camera.starts), (SIZE, 1));
    assert!(clients.hub.settings.kept().is_empty());
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
    let answer = Arc::new(std::sync::Mutex::new(None));
    let (its, mut lists) = (Arc::clone(&answer), 0);
    camera.listed = Box::new(move || {
        lists += 1;
        // To know the values before; to set one; to know them after.
        if lists == 3 {
            drop(its.lock().unwrap().take());
        }
    });
    *answer.lock().unwrap() = Some(clients.ask(Some(5), Some((4, 2)), None));
    assert!(clients.serve(&mut camera).unwrap());
    assert!(answer.lock().unwrap().is_none(), "it has given up");
    assert_eq!((camera.gain, camera.mode.size), (0, SIZE));
    assert!(clients.hub.settings.kept().is_empty());
    let shown = clients.hub.settings.with_camera(|camera| {
        let camera = camera.unwrap();
        (camera.controls[0].value, camera.modes.as_ref().unwrap().0.now.size)
    });
    assert_eq!(shown, (Some(0), SIZE));
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
