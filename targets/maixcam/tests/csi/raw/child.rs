//! The whole way: a process of (a stand-in for) MaixPy opens the modelled camera, and its frames go to the JPEG unit.

use super::support::{NONE, encoder, number};
use crate::support::{Board, NEVER, open};
use eyelet_hal::{CameraSource, ErrorKind, JpegEncoder, Quality};
use eyelet_maixcam::{
    csi::{CsiConfig, CsiMode, CsiOpener},
    model::{CameraServer, Machine},
    venc::Standby,
};
use rustix::process::{Pid, Signal, kill_process};
use std::{
    io::{BufRead as _, BufReader, Write as _},
    os::unix::net::UnixListener,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

const FPS: u32 = 90;

/// MaixPy's camera is the machine's.
fn config(board: &Board, server: &CameraServer, mode: CsiMode) -> CsiConfig {
    let mut config = board.config("");
    config.mode = mode;
    config.size = (640, 480);
    config.fps = FPS;
    config.environment.push(("EYELET_MAIX_PORT".into(), server.path().into()));
    config
}

#[test]
fn three_hundred_frames_from_a_process_of_maixpy_to_the_unit_without_a_copy() {
    let (board, machine) = (Board::new(), Machine::new());
    let server = CameraServer::start(&machine, board.file("camera")).unwrap();
    let (process, standby) = (machine.process(), Standby::default());
    // It has the unit before, and is to put it down.
    let mut encoder = encoder(&process, &standby);
    let config = config(&board, &server, CsiMode::Auto);
    let mut opener = CsiOpener::new(config, process, standby).unwrap();
    let mut camera = open(&mut opener).unwrap();
    camera.start().unwrap();
    let mut jpeg = Vec::new();
    let mut first = None;
    for count in 0..300 {
        let frame = camera.next_frame(NEVER).unwrap();
        jpeg.clear();
        encoder.encode(&frame, Quality::DEFAULT, &mut jpeg).unwrap();
        let (number, sequence) = (number(&jpeg).unwrap(), frame.meta().sequence);
        let first = *first.get_or_insert(number);
        assert_eq!(u64::from(number - first), sequence, "picture {count} is its frame's");
    }
    let counts = encoder.counts();
    assert_eq!((counts.frames, counts.copies, counts.left), (300, 0, 0));
    drop(camera);
    drop(encoder);
    board.until_empty();
    assert_eq!((machine.leftovers(), machine.violations()), (NONE, vec![]));
}

#[test]
fn process_of_maixpy_that_is_killed_is_followed_by_another() {
    let (board, machine) = (Board::new(), Machine::new());
    let server = CameraServer::start(&machine, board.file("camera")).unwrap();
    let (process, standby) = (machine.process(), Standby::default());
    let mut encoder = encoder(&process, &standby);
    let mut opener = CsiOpener::new(config(&board, &server, CsiMode::Raw), process, standby).unwrap();
    let late = Instant::now() + NEVER;
    for frames in [0, 1, 5] {
        let mut camera = open(&mut opener).unwrap();
        camera.start().unwrap();
        for _ in 0..frames {
            let frame = camera.next_frame(NEVER).unwrap();
            encoder.encode(&frame, Quality::DEFAULT, &mut Vec::new()).unwrap();
        }
        for pid in board.processes() {
            kill_process(Pid::from_raw(pid.cast_signed()).unwrap(), Signal::KILL).unwrap();
        }
        // What was on its way still comes.
        let lost = loop {
            match camera.next_frame(Duration::from_secs(2)) {
                Ok(_) => assert!(Instant::now() < late),
                Err(error) => break error,
            }
        };
        assert!(matches!(lost.kind(), ErrorKind::Disconnected | ErrorKind::TimedOut), "{lost:?}");
        machine.expire();
        drop(camera);
        assert_eq!(encoder.name(), "sg2002");
    }
    drop(encoder);
    board.until_empty();
    // The last one's pools are for the next one to clear.
    let next = machine.connect_camera();
    assert_eq!((&*next.line("open 640 480 30 4"), &*next.line("close")), ("ok 0", "ok"));
    assert_eq!((machine.leftovers(), machine.violations()), (NONE, vec![]));
}

/// MaixPy closed the channel under the thread that waits for the first frame, which the kernel may not survive.
#[test]
fn opening_that_is_given_up_ends_its_wait_before_the_camera_is_closed() {
    let (board, machine) = (Board::new(), Machine::new());
    // No frame comes: the camera is the machine's, but nobody delivers.
    let path = board.file("camera");
    let listener = UnixListener::bind(&path).unwrap();
    let own = Arc::clone(&machine);
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let connection = own.connect_camera();
            let mut answers = stream.try_clone().unwrap();
            for line in BufReader::new(stream).lines().map_while(Result::ok) {
                if writeln!(answers, "{}", connection.line(&line)).is_err() {
                    break;
                }
            }
        }
    });
    let own = Arc::clone(&machine);
    // The kernel's own end of a wait.
    thread::spawn(move || {
        loop {
            thread::sleep(Duration::from_secs(1));
            own.expire();
        }
    });
    let mut config = board.config("");
    (config.mode, config.fps) = (CsiMode::Raw, 60);
    config.environment.push(("EYELET_MAIX_PORT".into(), path.into()));
    let mut opener = CsiOpener::new(config, machine.process(), Standby::default()).unwrap();
    let mut calls = 0;
    while calls < 2 {
        assert_eq!(opener.open().unwrap_err().kind(), ErrorKind::Opening);
        calls += u32::from(machine.driver(|driver| driver.camera_fps().is_some()));
    }
    drop(opener);
    board.until_empty();
    assert_eq!((machine.leftovers(), machine.violations()), (NONE, vec![]));
}
