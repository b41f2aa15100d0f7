//! What a service manager and a watchdog device hear of the program.

use std::{
    fs,
    io::{BufRead, BufReader},
    os::unix::net::UnixDatagram,
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

/// Far longer than anything here takes: only a hang meets it.
const PATIENCE: Duration = Duration::from_secs(60);

/// `serve` with a camera that is pulled out after its first frame, once it listens.
fn serve(change: impl FnOnce(&mut Command)) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_eyelet-sim"));
    command.args([
        "serve",
        "--bind",
        "127.0.0.1:0",
        "--size",
        "64x48",
        "--unplug-after",
        "1",
        "--log",
        "error",
    ]);
    change(&mut command);
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert!(line.starts_with("streaming on "), "{line}");
    child
}

#[track_caller]
fn signal(child: &mut Child, name: &str) {
    let told = Command::new("kill").args([name, &child.id().to_string()]).status().unwrap();
    assert!(told.success());
    child.wait().unwrap();
}

#[test]
fn systemd_hears_of_the_beginning_of_life_and_of_the_end() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut child = serve(|command| {
        command.env("NOTIFY_SOCKET", &path).env("WATCHDOG_USEC", "200000").env_remove("WATCHDOG_PID");
    });
    let hear = || {
        let mut bytes = [0; 1000];
        let len = socket.recv(&mut bytes).expect("nothing more is said");
        String::from_utf8(bytes[..len].to_vec()).unwrap()
    };
    let until = |what: &str| while !hear().starts_with(what) {};
    assert_eq!(hear(), "READY=1");
    until("STATUS=no signal: ");
    for _ in 0..5 {
        until("WATCHDOG=1");
    }
    signal(&mut child, "-TERM");
    until("STOPPING=1");
}

/// Waits until the file has been written to so often.
fn until_fed(path: &Path, times: usize) {
    let start = std::time::Instant::now();
    while fs::read(path).unwrap().len() < times {
        assert!(start.elapsed() < PATIENCE, "it is not fed");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_device_is_let_go_by_an_ordinary_end_and_by_no_other() {
    let dir = tempfile::tempdir().unwrap();
    for (signal_name, last) in [("-TERM", b'V'), ("-KILL", 0)] {
        let path = dir.path().join(signal_name);
        fs::write(&path, "").unwrap();
        let mut child = serve(|command| {
            command.arg("--watchdog").arg(&path);
        });
        until_fed(&path, 3);
        signal(&mut child, signal_name);
        let written = fs::read(&path).unwrap();
        let (end, signs) = written.split_last().unwrap();
        assert!(*end == last && signs.iter().all(|&byte| byte == 0), "{signal_name}: {written:?}");
    }
}
