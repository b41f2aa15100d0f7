//! A driver of the scaler that does not return, or is not there.

use crate::support::{Board, NEVER, open, until};
use eyelet_hal::ErrorKind;
use eyelet_maixcam::{
    csi::{CsiMode, CsiOpener},
    model::{CameraServer, Leftovers, Machine, Process},
    sys::{Device, Node, Notes, System},
    venc::Standby,
};
use std::{
    io,
    sync::{Arc, Condvar, Mutex},
    thread,
    time::{Duration, Instant},
};

/// A system on which opening the scaler, or the list that the first frame is checked with, returns when that is let through.
#[derive(Debug)]
struct Gate {
    process: Arc<Process>,
    at_the_check: bool,
    is_open: Mutex<bool>,
    is_reached: Mutex<bool>,
    changed: Condvar,
}

impl Gate {
    fn new(machine: &Arc<Machine>, at_the_check: bool) -> Arc<Self> {
        let process = machine.process();
        let (is_open, is_reached) = Default::default();
        Arc::new(Self { process, at_the_check, is_open, is_reached, changed: Condvar::new() })
    }

    fn pass(&self) {
        *self.is_reached.lock().unwrap() = true;
        let shut = self.is_open.lock().unwrap();
        drop(self.changed.wait_while(shut, |is_open| !*is_open).unwrap());
    }

    fn open(&self) {
        *self.is_open.lock().unwrap() = true;
        self.changed.notify_all();
    }
}

impl System for Gate {
    fn open(&self, node: Node) -> io::Result<Box<dyn Device>> {
        let device = self.process.open(node);
        if node == Node::Scaler && !self.at_the_check {
            self.pass();
        }
        device
    }
    fn notes(&self) -> io::Result<Box<dyn Notes>> {
        self.process.notes()
    }
    fn boot_id(&self) -> io::Result<String> {
        self.process.boot_id()
    }
    fn ion_summary(&self) -> Option<String> {
        if self.at_the_check {
            self.pass();
        }
        self.process.ion_summary()
    }
    fn block_signals(&self) -> io::Result<()> {
        self.process.block_signals()
    }
}

/// Each opening took twice as long.
#[test]
fn auto_without_a_scaler_tries_raw_frames_once() {
    let board = Board::new();
    let mut config = board.config("");
    config.mode = CsiMode::Auto;
    let machine = Machine::new();
    machine.driver(|driver| driver.faults.closed.insert("/dev/cvi-vpss".to_owned(), libc::ENOENT));
    let mut opener = CsiOpener::new(config, machine.process(), Standby::default()).unwrap();
    for _ in 0..2 {
        drop(open(&mut opener).unwrap());
    }
    let (raw, jpeg) = ("open 80 64 200 4", "open 80 64 200 3");
    assert_eq!(board.log(), [raw, "close", jpeg, "close", jpeg, "close"]);
}

/// MaixPy may load the drivers anew, with one of their nodes open.
#[test]
fn camera_is_not_opened_again_while_a_call_of_the_scalers_driver_hangs() {
    let (board, machine) = (Board::new(), Machine::new());
    let server = CameraServer::start(&machine, board.file("camera")).unwrap();
    let gate = Gate::new(&machine, false);
    let mut config = board.config("");
    (config.mode, config.fps) = (CsiMode::Raw, 60);
    config.environment.push(("EYELET_MAIX_PORT".into(), server.path().into()));
    let system: Arc<dyn System> = gate.clone();
    let mut opener = CsiOpener::new(config, system, Standby::default()).unwrap();
    let opening = || machine.driver(|driver| driver.camera_fps().is_some());

    let (mut calls, mut error) = (0, opener.open().unwrap_err());
    while error.kind() == ErrorKind::Opening {
        calls += u32::from(opening());
        error = opener.open().unwrap_err();
    }
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    let want = "the built-in camera gives no raw frames, and no others were asked for: the scaler's driver did not return \
                within 10s; restart the board";
    assert_eq!(error.to_string(), want);
    assert!(calls > 1, "no call waits for as long as the driver");
    for _ in 0..2 {
        let error = opener.open().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Other);
        let want = "cannot open the built-in camera: the scaler's driver has not returned from a call; restart the board";
        assert_eq!(error.to_string(), want);
        assert!(board.processes().is_empty(), "nothing was started");
    }

    gate.open();
    let late = Instant::now() + NEVER;
    let camera = loop {
        match open(&mut opener) {
            Err(error) if error.kind() == ErrorKind::Other && Instant::now() < late => {
                thread::sleep(Duration::from_millis(10));
            }
            opened => break opened.unwrap(),
        }
    };
    drop(camera);
    board.until_empty();
    assert_eq!((machine.leftovers(), machine.violations()), (Leftovers::default(), vec![]));
}

/// The frame that is being looked at goes back, and only then is the camera closed.
#[test]
fn opening_that_is_given_up_while_its_first_frame_is_checked_gives_it_back() {
    let (board, machine) = (Board::new(), Machine::new());
    let server = CameraServer::start(&machine, board.file("camera")).unwrap();
    let gate = Gate::new(&machine, true);
    let mut config = board.config("");
    (config.mode, config.fps) = (CsiMode::Raw, 60);
    config.environment.push(("EYELET_MAIX_PORT".into(), server.path().into()));
    let system: Arc<dyn System> = gate.clone();
    let mut opener = CsiOpener::new(config, system, Standby::default()).unwrap();
    until(|| {
        assert_eq!(opener.open().unwrap_err().kind(), ErrorKind::Opening);
        *gate.is_reached.lock().unwrap()
    });
    thread::scope(|scope| {
        scope.spawn(|| drop(opener));
        gate.open();
    });
    board.until_empty();
    assert_eq!((machine.leftovers(), machine.violations()), (Leftovers::default(), vec![]));
}
