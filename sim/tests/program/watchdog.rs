//! What a service manager and a watchdog device hear of the program.

use crate::support::{PATIENCE, Program, command, until};
use std::{fs, os::unix::net::UnixDatagram, process::Command};

/// `serve` with a camera that is pulled out after its first frame, once it listens.
fn serve(change: impl FnOnce(&mut Command)) -> Program {
    let mut command = command(&["serve", "--bind", "127.0.0.1:0", "--size", "64x48"]);
    command.args(["--unplug-after", "1", "--log", "error"]);
    change(&mut command);
    let mut program = Program::start(command);
    let line = program.line();
    assert!(line.starts_with("streaming on "), "{line}");
    program
}

#[test]
fn systemd_is_notified_of_start_heartbeat_and_stop() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let program = serve(|command| {
        command.env("NOTIFY_SOCKET", &path).env("WATCHDOG_USEC", "200000").env_remove("WATCHDOG_PID");
    });
    let hear = || {
        let mut bytes = [0; 1000];
        let len = socket.recv(&mut bytes).expect("no more messages");
        String::from_utf8(bytes[..len].to_vec()).unwrap()
    };
    let hear_until = |what: &str| while !hear().starts_with(what) {};
    assert_eq!(hear(), "READY=1");
    hear_until("STATUS=no signal: ");
    for _ in 0..5 {
        hear_until("WATCHDOG=1");
    }
    program.signal("TERM");
    program.end();
    hear_until("STOPPING=1");
}

#[test]
fn watchdog_device_is_released_by_a_clean_exit_only() {
    let dir = tempfile::tempdir().unwrap();
    for (signal_name, last) in [("TERM", b'V'), ("KILL", 0)] {
        let path = dir.path().join(signal_name);
        fs::write(&path, "").unwrap();
        let program = serve(|command| {
            command.arg("--watchdog").arg(&path);
        });
        until("it is not fed", || (fs::read(&path).unwrap().len() >= 3).then_some(()));
        program.signal(signal_name);
        program.end();
        let written = fs::read(&path).unwrap();
        let (end, signs) = written.split_last().unwrap();
        assert!(*end == last && signs.iter().all(|&byte| byte == 0), "{signal_name}: {written:?}");
    }
}
