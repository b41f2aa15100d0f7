//! The whole of it on a model of the board: MaixPy's process, the scaler's frames, the JPEG unit.

use crate::support::{Board, NEVER, logged, open};
use eyelet_core::encode;
use eyelet_hal::{
    CameraSource, ErrorKind, JpegEncoder, PixelFormat, Quality,
    conformance::{self, CameraExpectations},
};
use eyelet_maixcam::{
    csi::{CsiCamera, CsiConfig, CsiMode, CsiOpener},
    model::{CameraServer, Leftovers, Machine, Process, Setting},
    venc::{HwJpegEncoder, Options, Standby},
};
use rustix::process::{Pid, Signal, kill_process};
use std::{sync::Arc, time::Duration};

/// As the pipeline waits.
const POLL: Duration = Duration::from_millis(200);

/// A board on which eyelet is a process.
struct Whole {
    // Dropped before the folder that its socket is in.
    server: CameraServer,
    board: Board,
    machine: Arc<Machine>,
    eyelet: Arc<Process>,
    standby: Standby,
}

impl Whole {
    fn new() -> Self {
        let (board, machine) = (Board::new(), Machine::new());
        let server = CameraServer::start(&machine, board.file("camera")).unwrap();
        let eyelet = machine.process();
        Self { server, board, machine, eyelet, standby: Standby::default() }
    }

    fn config(&self, mode: CsiMode, fail: &str) -> CsiConfig {
        let mut config = self.board.config(fail);
        config.mode = mode;
        config.fps = 60;
        config.environment.push(("EYELET_MAIX_PORT".into(), self.server.path().into()));
        config
    }

    fn opener(&self, mode: CsiMode, fail: &str) -> CsiOpener {
        CsiOpener::new(self.config(mode, fail), self.eyelet.clone(), self.standby.clone()).unwrap()
    }

    /// An encoder that has the unit.
    fn encoder(&self) -> HwJpegEncoder {
        let options = Options::default().watchdog(NEVER).standby(self.standby.clone());
        let software = encode::by_name("software").unwrap();
        HwJpegEncoder::try_open(self.eyelet.clone(), software, &options).unwrap()
    }

    /// That nothing wrong was done, and nothing is left.
    fn assert_clean(&self) {
        self.board.until_empty();
        assert_eq!((self.machine.leftovers(), self.machine.violations()), (Leftovers::default(), vec![]));
    }
}

/// One frame, encoded.
fn encode(camera: &mut CsiCamera, encoder: &mut HwJpegEncoder) -> Vec<u8> {
    let frame = loop {
        match camera.next_frame(POLL) {
            Err(error) if error.kind() == ErrorKind::TimedOut => {}
            frame => break frame.unwrap(),
        }
    };
    let mut jpeg = Vec::new();
    encoder.encode(&frame, Quality::DEFAULT, &mut jpeg).unwrap();
    jpeg
}

#[test]
fn raw_frames_keep_the_contract_of_cameras() {
    let whole = Whole::new();
    let mut camera = open(&mut whole.opener(CsiMode::Raw, "")).unwrap();
    conformance::camera(&mut camera, &CameraExpectations::default()).assert_passed();
    drop(camera);
    whole.assert_clean();
}

#[test]
fn jpegs_beside_a_scaler_keep_the_contract_of_cameras() {
    let whole = Whole::new();
    let mut camera = open(&mut whole.opener(CsiMode::Jpeg, "")).unwrap();
    conformance::camera(&mut camera, &CameraExpectations::default()).assert_passed();
    drop(camera);
    whole.assert_clean();
}

#[test]
fn auto_takes_raw_frames_where_it_can_and_says_nothing() {
    let whole = Whole::new();
    let mut opener = whole.opener(CsiMode::Auto, "");
    let (mut camera, log) = logged(|| open(&mut opener).unwrap());
    assert_eq!((camera.format().pixel, log), (PixelFormat::Nv21, vec![]));
    camera.start().unwrap();
    let mut encoder = whole.encoder();
    for _ in 0..10 {
        encode(&mut camera, &mut encoder);
    }
    assert_eq!((encoder.counts().frames, encoder.counts().copies), (10, 0));
    drop((camera, encoder));
    whole.assert_clean();
}

/// Not one node of the unit may be open while MaixPy opens the camera, which may reload the drivers.
#[test]
fn killed_process_is_replaced_with_the_unit_put_down() {
    let whole = Whole::new();
    let mut opener = whole.opener(CsiMode::Raw, "");
    let mut encoder = whole.encoder();
    let mut camera = open(&mut opener).unwrap();
    for _ in 0..3 {
        camera.start().unwrap();
        for _ in 0..3 {
            encode(&mut camera, &mut encoder);
        }
        let [process] = whole.board.processes()[..] else { panic!("one process") };
        kill_process(Pid::from_raw(process.try_into().unwrap()).unwrap(), Signal::KILL).unwrap();
        let error = loop {
            match camera.next_frame(POLL) {
                Err(error) if error.kind() != ErrorKind::TimedOut => break error,
                _ => {}
            }
        };
        assert_eq!(error.kind(), ErrorKind::Disconnected);
        assert_eq!(error.message(), "the built-in camera's process was ended by signal 9");
        drop(camera);
        camera = open(&mut opener).unwrap();
    }
    camera.start().unwrap();
    encode(&mut camera, &mut encoder);
    assert_eq!((encoder.name(), encoder.fallback_reason()), ("sg2002", None));
    drop((camera, encoder));
    whole.assert_clean();
}

#[test]
fn process_killed_at_any_step_leaves_nothing_that_the_next_start_minds() {
    for step in ["import", "open", "opened", "close", "closed"] {
        let whole = Whole::new();
        let mut encoder = whole.encoder();
        let opened = open(&mut whole.opener(CsiMode::Raw, &format!("kill:{step}")));
        assert_eq!(opened.is_ok(), step.starts_with("close"), "{step}");
        drop(opened);
        whole.board.until_empty();
        let mut camera = open(&mut whole.opener(CsiMode::Raw, "")).unwrap();
        camera.start().unwrap();
        encode(&mut camera, &mut encoder);
        drop((camera, encoder));
        whole.assert_clean();
    }
}

/// Its pictures are of the unit too, which two programs cannot use at once.
#[test]
fn unit_is_left_to_maixpy_as_long_as_that_encodes() {
    let whole = Whole::new();
    let mut raw = open(&mut whole.opener(CsiMode::Raw, "")).unwrap();
    let mut encoder = whole.encoder();
    raw.start().unwrap();
    encode(&mut raw, &mut encoder);
    drop(raw);
    let mut jpeg = open(&mut whole.opener(CsiMode::Jpeg, "")).unwrap();
    jpeg.start().unwrap();
    for _ in 0..3 {
        encode(&mut jpeg, &mut encoder);
        assert_eq!(whole.machine.leftovers().channels, 0, "the unit is put down");
    }
    drop(jpeg);
    let mut raw = open(&mut whole.opener(CsiMode::Raw, "")).unwrap();
    raw.start().unwrap();
    encode(&mut raw, &mut encoder);
    assert_eq!(encoder.counts().frames, 2, "of the unit: those of raw frames");
    drop((raw, encoder));
    whole.assert_clean();
}

#[test]
fn flips_reach_the_camera_in_both_modes() {
    for mode in [CsiMode::Raw, CsiMode::Jpeg] {
        let whole = Whole::new();
        let mut config = whole.config(mode, "");
        config.controls = vec!["hflip=1".parse().unwrap(), "vflip=1".parse().unwrap()];
        let opener = CsiOpener::new(config, whole.eyelet.clone(), whole.standby.clone());
        let camera = open(&mut opener.unwrap()).unwrap();
        let settings = whole.machine.driver(|driver| driver.camera_settings());
        assert_eq!(settings, [Setting::HMirror(true), Setting::VFlip(true)]);
        drop(camera);
        whole.assert_clean();
    }
}
