//! A driver of the scaler that does not return, or is not there.

use crate::support::{Board, NEVER, open};
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

/// A system on which opening the scaler returns when that is let through.
#[derive(Debug)]
struct Gate {
    process: Arc<Process>,
    is_open: Mutex<bool>,
    changed: Condvar,
}

impl System for Gate {
    fn open(&self, node: Node) -> io::Result<Box<dyn Device>> {
        let device = self.process.open(node);
        if node == Node::Scaler {
            let shut = self.is_open.lock().unwrap();
            drop(self.changed.wait_while(shut, |is_open| !*is_open).unwrap());
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
    let gate = Gate { process: machine.process(), is_open: Mutex::new(false), changed: Condvar::new() };
    let gate = Arc::new(gate);
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
    assert_eq!(error.to_string(), "the scaler's driver did not return within 10s; restart the board");
    assert!(calls > 1, "no call waits for as long as the driver");
    for _ in 0..2 {
        let error = opener.open().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Other);
        let want = "cannot open the built-in camera: the scaler's driver has not returned from a call; restart the board";
        assert_eq!(error.to_string(), want);
        assert!(board.processes().is_empty(), "nothing was started");
    }

    *gate.is_open.lock().unwrap() = true;
    gate.changed.notify_all();
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
