//! Signals for eyelet while MaixPy opens the camera, and while frames come.

use crate::support::{Board, until};
use std::{
    fs::File,
    io::{self, Read as _, Write as _},
    process::{Child, Command, Stdio},
};

/// eyelet with a camera that fails so, and its log in a file.
fn start(board: &Board, fail: &str, arguments: &[&str]) -> Child {
    command(board, fail, arguments).stdout(Stdio::null()).spawn().unwrap()
}

fn command(board: &Board, fail: &str, arguments: &[&str]) -> Command {
    let log = File::create(board.file("log")).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_eyelet"));
    command.args(arguments).args(["--camera", "csi", "--csi", "jpeg", "--size", "80x64"]);
    command.envs(board.environment(fail)).stderr(log);
    command
}

fn log(board: &Board) -> String {
    std::fs::read_to_string(board.file("log")).unwrap()
}

/// The exit code after this signal.
fn stop(mut eyelet: Child, signal: &str) -> Option<i32> {
    let sent = Command::new("kill").args(["-s", signal, &eyelet.id().to_string()]).status().unwrap();
    assert!(sent.success());
    eyelet.wait().unwrap().code()
}

const OPENING: &str = "opening the camera, which may take a while";
const WAITING: &str = "waiting for MaixPy to finish opening the camera, so that it can close it";
const PICTURE: &str = "error: stopped by a signal before there was a picture; take it again";
const UNREAD: &str = "error: stopped by a signal before the result was read; read stdout, or redirect it";
const FINDINGS: &str = "error: stopped by a signal before everything was looked at; run it again";

/// They waited for MaixPy, said nothing meanwhile, and then failed because of that.
#[test]
fn stop_while_the_camera_is_being_opened_ends_every_command() {
    let of = |arguments: &'static [&str], signal: &'static str, code, end: &'static str| {
        move || {
            let board = Board::new();
            let eyelet = start(&board, "slow:import,slow:open", arguments);
            until(|| log(&board).contains(OPENING));
            assert_eq!(stop(eyelet, signal), Some(code), "{arguments:?}: {}", log(&board));
            let log = log(&board);
            assert_eq!(log.matches(OPENING).count(), 1, "{log}");
            assert!(log.trim_end().ends_with(end), "{arguments:?}: {log}");
            assert_eq!(log.contains("error: "), !end.is_empty(), "{arguments:?}: {log}");
            assert!(log.contains(WAITING), "{arguments:?}: {log}");
            board.until_empty();
            assert_eq!(board.log().last().map(String::as_str), Some("close"), "{arguments:?}");
        }
    };
    // All at once: each waits for the camera to be open.
    let commands = [
        std::thread::spawn(of(&["serve", "--bind", "127.0.0.1:0"], "INT", 0, "")),
        std::thread::spawn(of(&["upload", "http://127.0.0.1:9/"], "TERM", 0, "")),
        std::thread::spawn(of(&["snapshot", "-"], "INT", 1, PICTURE)),
        std::thread::spawn(of(&["doctor", "--conformance"], "TERM", 1, FINDINGS)),
        std::thread::spawn(of(&["serve", "--bind", "127.0.0.1:0"], "QUIT", 1, "stop it with SIGTERM")),
    ];
    for command in commands {
        command.join().unwrap();
    }
}

/// A service manager's SIGTERM ended the program by which MaixPy reloads the drivers, in the middle of that.
#[test]
fn sigterm_for_all_processes_while_maixpy_opens_the_camera_ends_nothing_that_it_runs() {
    let board = Board::new();
    let mut eyelet = start(&board, "wait:open", &["serve", "--bind", "127.0.0.1:0"]);
    until(|| board.file("runs").exists());
    let processes = board.processes().iter().map(u32::to_string).collect::<Vec<_>>();
    // One of them sleeps for moments only, and may be gone.
    Command::new("kill").args(["-s", "TERM"]).args(processes).stderr(Stdio::null()).status().unwrap();
    until(|| log(&board).contains(WAITING));
    std::fs::write(board.file("go"), "").unwrap();
    assert_eq!(eyelet.wait().unwrap().code(), Some(0), "{}", log(&board));
    assert!(board.file("ran").exists());
    board.until_empty();
    assert_eq!(board.log(), ["open 80 64 30 3", "close"]);
}

/// The process ended in the middle of a call of the driver, and nobody closed the camera.
#[test]
fn stop_of_a_command_that_takes_frames_closes_the_camera_first() {
    for (fail, arguments, end, closed) in [
        ("slow:read", &["doctor", "--conformance", "--fps", "1"][..], FINDINGS, "close"),
        ("slow:read", &["doctor", "--fps", "1"], FINDINGS, "close"),
        ("block:read", &["snapshot", "-", "--fps", "0.1"], PICTURE, "killed"),
    ] {
        let board = Board::new();
        let eyelet = start(&board, fail, &[arguments, &["--log", "debug"]].concat());
        until(|| log(&board).contains("MaixPy has the built-in camera open"));
        assert_eq!(stop(eyelet, "TERM"), Some(1), "{arguments:?}: {}", log(&board));
        let log = log(&board);
        assert!(log.trim_end().ends_with(end), "{arguments:?}: {log}");
        assert!(!log.contains("Traceback"), "{arguments:?}: {log}");
        board.until_empty();
        board.until_asked(closed);
    }
}

/// The signal was caught and nobody looked for it, and the camera was open meanwhile.
#[test]
fn stop_of_a_command_whose_result_nobody_reads_ends_it_with_the_camera_closed() {
    let commands: [&[&str]; 4] = [
        &["snapshot", "-"],
        &["doctor"],
        &["doctor", "--json"],
        &["doctor", "--conformance", "--fps", "200"],
    ];
    for arguments in commands {
        let board = Board::new();
        let (reader, mut stdout) = io::pipe().unwrap();
        let full = vec![b'.'; rustix::pipe::fcntl_getpipe_size(&stdout).unwrap()];
        stdout.write_all(&full).unwrap();
        let mut eyelet = command(&board, "", arguments).stdout(stdout).spawn().unwrap();
        board.until_asked("close");
        until(|| board.processes() == [eyelet.id()]);
        assert!(eyelet.try_wait().unwrap().is_none(), "it waits for whoever reads");
        assert_eq!(stop(eyelet, "TERM"), Some(1), "{arguments:?}: {}", log(&board));
        assert!(log(&board).trim_end().ends_with(UNREAD), "{arguments:?}: {}", log(&board));
        drop(reader);
    }
}

/// MaixPy had eyelet's own stderr, and waited for somebody to read it.
#[test]
fn maixpy_that_prints_a_lot_is_not_held_up_by_a_log_that_nobody_reads() {
    let board = Board::new();
    let mut eyelet = Command::new(env!("CARGO_BIN_EXE_eyelet"))
        .args(["snapshot", "-", "--camera", "csi", "--csi", "jpeg", "--size", "80x64", "--log", "debug"])
        .envs(board.environment("print:import,print:opened,print:read"))
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    assert!(eyelet.wait().unwrap().success());
    let mut log = String::new();
    eyelet.stderr.take().unwrap().read_to_string(&mut log).unwrap();
    assert!(log.contains("MaixPy: maix: something happened"), "{log}");
    board.until_empty();
}
