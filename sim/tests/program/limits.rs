//! Programs at their limits: no file descriptors, no disk, no memory. See docs/reliability.md.
//!
//! The limits are set by a shell around the program. A limit of the size of files stands for a full disk: writing
//! fails in the middle of a file, in the same place.

use crate::support::{PATIENCE, Program, command_after, get, send, until};
#[cfg(target_os = "linux")]
use crate::support::{PROGRAM, piped};
use std::{
    fs,
    io::{self, BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::Path,
    process::{Command, Output},
    thread,
};

/// The status of an answer on a connection of its own; none if it was closed without one.
fn status(address: &str, path: &str) -> Option<u16> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    stream
        .write_all(format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").as_bytes())
        .ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    answer.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()
}

/// A connection that is kept, for one request after the other.
struct Kept(BufReader<TcpStream>);

impl Kept {
    fn to(address: &str) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self(BufReader::new(stream))
    }

    /// The status and the body of an answer.
    fn ask(&mut self, head: &str, body: &[u8]) -> (u16, String) {
        let request = format!("{head} HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n", body.len());
        self.0.get_mut().write_all(&[request.as_bytes(), body].concat()).unwrap();
        let mut line = String::new();
        let (mut status, mut len) = (0, 0);
        loop {
            line.clear();
            assert!(self.0.read_line(&mut line).unwrap() > 0, "the connection ended");
            let line = line.trim_end().to_ascii_lowercase();
            if let Some(code) = line.strip_prefix("http/1.1 ") {
                status = code[..3].parse().unwrap();
            } else if let Some(value) = line.strip_prefix("content-length: ") {
                len = value.parse().unwrap();
            } else if line.is_empty() {
                break;
            }
        }
        let mut body = vec![0; len];
        self.0.read_exact(&mut body).unwrap();
        (status, String::from_utf8_lossy(&body).into_owned())
    }
}

/// A picture of `size` in a file.
fn picture(path: &Path, size: &str) {
    let path = path.to_str().unwrap();
    let output =
        command_after("true", &["snapshot", path, "--size", size, "--scene", "detail"]).output().unwrap();
    assert!(output.status.success(), "{output:?}");
}

fn one_line(output: &Output) -> String {
    let text = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!((text.lines().count(), output.status.code()), (1, Some(1)), "{text}");
    text
}

fn names(dir: &Path) -> Vec<String> {
    fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn server_without_free_descriptors_recovers() {
    let dir = tempfile::tempdir().unwrap();
    picture(&dir.path().join("1.jpg"), "64x48");
    let camera = format!("replay:{}", dir.path().display());
    // The camera goes after a second or so, and cannot be opened again: viewers have all descriptors.
    let flags = ["serve", "--bind", "127.0.0.1:0", "--camera", &camera, "--unplug-after", "30"];
    let mut program = Program::start(command_after("ulimit -n 16", &flags));
    let address = program.address();
    let viewers: Vec<_> =
        (0..24).map(|_| send(&address, "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n")).collect();
    let no_signal = "no signal; trying again until it is back error=cannot read";
    until("the camera is open although there are no descriptors", || {
        (program.logged(no_signal) > 0).then_some(())
    });
    drop(viewers);
    until("the camera is not opened again", || (status(&address, "/healthz") == Some(200)).then_some(()));
    assert_eq!(status(&address, "/state"), Some(200), "no client is let in any more");

    assert_eq!(program.logged("cannot accept connections; trying again"), 1, "{}", program.stop());
    assert_eq!(program.logged(no_signal), 1, "{}", program.stop());
}

#[test]
fn snapshot_on_a_full_disk_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["picture.jpg", "picture.png"] {
        let path = dir.path().join(name);
        let output = command_after("trap '' XFSZ; ulimit -f 4", &["snapshot", path.to_str().unwrap()])
            .output()
            .unwrap();
        let text = one_line(&output);
        assert!(
            text.starts_with("error: cannot write ") && text.ends_with("; free some space there\n"),
            "{text}"
        );
        assert_eq!(names(dir.path()), Vec::<String>::new());
    }
}

#[test]
fn receive_on_a_full_disk_answers_507_and_logs_once() {
    let dir = tempfile::tempdir().unwrap();
    let (small, large) = (dir.path().join("small.jpg"), dir.path().join("large.jpg"));
    picture(&small, "16x16");
    picture(&large, "640x480");
    let (small, large) = (fs::read(small).unwrap(), fs::read(large).unwrap());
    let folder = dir.path().join("received");
    let arguments = ["receive", folder.to_str().unwrap(), "--bind", "127.0.0.1:0"];
    // The unit is 512 bytes in one shell and 1024 in another.
    let mut program = Program::start(command_after("trap '' XFSZ; ulimit -f 16", &arguments));
    let address = program.address();
    assert!(small.len() < 8 << 10 && large.len() > 16 << 10);
    let mut sender = Kept::to(&address);
    let mut post = |picture: &[u8]| sender.ask("POST /upload", picture).0;
    assert_eq!(post(&small), 200);
    for _ in 0..3 {
        assert_eq!(post(&large), 507);
    }
    assert_eq!(names(&folder).len(), 1, "{:?}", names(&folder));
    assert_eq!((post(&small), post(&large)), (200, 507));
    assert_eq!(names(&folder).len(), 2, "{:?}", names(&folder));
    let log = program.stop();
    assert_eq!(log.matches("cannot store pictures in ").count(), 2, "once each time it begins: {log}");
}

#[test]
fn camera_too_large_for_memory_is_refused_in_one_line() {
    let arguments = ["snapshot", "-", "--size", "8192x8192", "--format", "rgb24"];
    let text = one_line(&command_after("ulimit -v 400000", &arguments).output().unwrap());
    assert!(
        text.starts_with("error: cannot open sim: no memory for 4 buffers of 8192x8192 rgb24; "),
        "{text}"
    );
}

/// Parts in shared pages are files, and each viewer that does not read held one.
#[test]
#[cfg(target_os = "linux")]
fn crowd_that_does_not_read_leaves_descriptors_to_the_camera() {
    let dir = tempfile::tempdir().unwrap();
    picture(&dir.path().join("1.jpg"), "640x480");
    let camera = format!("replay:{}", dir.path().display());
    let flags = [
        "serve",
        "--bind",
        "127.0.0.1:0",
        "--camera",
        &camera,
        "--max-viewers",
        "150",
        "--unplug-after",
        "400",
    ];
    let mut program = Program::start(command_after("ulimit -n 256", &flags));
    let address = program.address();
    let watch = || send(&address, "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
    // So many that read make it pay to share pages; the others come one after the other, so that each stops at another
    // picture.
    let mut readers: Vec<_> = (0..40).map(|_| watch()).collect();
    let mut piece = vec![0; 64 * 1024];
    let mut silent = Vec::new();
    let files = |kind: &str| {
        let open = fs::read_dir(format!("/proc/{}/fd", program.id())).unwrap();
        open.filter(|file| {
            let link = fs::read_link(file.as_ref().unwrap().path());
            link.is_ok_and(|link| link.to_string_lossy().contains(kind))
        })
        .count()
    };
    let mut most = 0;
    while program.logged("no signal; trying again until it is back") == 0 {
        if silent.len() < 100 {
            silent.push(watch());
        }
        for reader in &mut readers {
            // A signal for another test interrupts a read that has a timeout.
            let read = reader.read(&mut piece);
            let interrupted = read.as_ref().is_err_and(|e| e.kind() == io::ErrorKind::Interrupted);
            assert!(interrupted || read.unwrap() > 0, "the stream ended");
        }
        most = most.max(files("eyelet-part"));
    }
    assert!((1..=3).contains(&most), "{most} parts in pages at once");
    until("the camera is not opened again", || {
        for reader in &mut readers {
            let _ = reader.read(&mut piece);
        }
        (program.logged("capturing") > 1).then_some(())
    });
    assert_eq!(program.logged("cannot accept connections"), 0);
    assert!(files("socket:") >= 140, "all are let in: {}", files("socket:"));
}

/// A copy of the program for a user of its own: a limit of threads is one of the user's, and root has none.
#[cfg(target_os = "linux")]
fn of_a_user(dir: &Path, arguments: &[&str]) -> Program {
    use std::os::unix::{fs::PermissionsExt as _, process::CommandExt as _};
    let binary = dir.join("eyelet-sim");
    fs::copy(PROGRAM, &binary).unwrap();
    let mut command = piped(Command::new(&binary), arguments);
    command.current_dir("/");
    if rustix::process::getuid().is_root() {
        fs::set_permissions(dir, fs::Permissions::from_mode(0o777)).unwrap();
        command.uid(54_321).gid(54_321);
    }
    Program::start(command)
}

/// Sets its limit of threads from outside, by the same user: the user's own limits are its own.
#[cfg(target_os = "linux")]
fn allow_threads(program: &Program, limit: &str) {
    use std::os::unix::process::CommandExt as _;
    let mut command = Command::new("prlimit");
    command.args(["--pid", &program.id().to_string(), &format!("--nproc={limit}:")]).current_dir("/");
    if rustix::process::getuid().is_root() {
        command.uid(54_321).gid(54_321);
    }
    assert!(command.status().unwrap().success());
}

#[test]
#[cfg(target_os = "linux")]
fn receive_without_spare_threads_stores_pictures() {
    let dir = tempfile::tempdir().unwrap();
    let small = dir.path().join("small.jpg");
    picture(&small, "16x16");
    let small = fs::read(small).unwrap();
    let folder = dir.path().join("received");
    let mut program = of_a_user(dir.path(), &["receive", folder.to_str().unwrap(), "--bind", "127.0.0.1:0"]);
    let address = program.address();
    allow_threads(&program, "1");
    for count in 1..=3 {
        assert_eq!(Kept::to(&address).ask("POST /upload", &small).0, 200);
        assert_eq!(names(&folder).len(), count);
    }
}

/// The allocator keeps some of these pictures for each thread that there ever was: 460 MiB once, by two dozen of them.
#[test]
#[cfg(target_os = "linux")]
fn concurrent_long_pictures_are_written_by_two_threads() {
    let dir = tempfile::tempdir().unwrap();
    let picture_file = dir.path().join("small.jpg");
    picture(&picture_file, "16x16");
    let mut long = fs::read(picture_file).unwrap();
    long.resize(4_000_000, 0);
    let folder = dir.path().join("received");
    let mut program =
        Program::start(command_after(":", &["receive", folder.to_str().unwrap(), "--bind", "127.0.0.1:0"]));
    let address = program.address();
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| assert_eq!(Kept::to(&address).ask("POST /upload", &long).0, 200));
        }
    });
    // They stay, so that these are all that there were.
    let names = fs::read_dir(format!("/proc/{}/task", program.id())).unwrap();
    let names: Vec<_> =
        names.map(|task| fs::read_to_string(task.unwrap().path().join("comm")).unwrap()).collect();
    let writers = names.iter().filter(|name| name.starts_with("tokio")).count();
    assert!((1..=2).contains(&writers), "{names:?}");
}

#[test]
#[cfg(target_os = "linux")]
fn upload_without_spare_threads_waits_while_the_stream_continues() {
    use rustix::process::{Resource, getrlimit};
    let receiver = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://localhost:{}/upload", receiver.local_addr().unwrap().port());
    let dir = tempfile::tempdir().unwrap();
    let mut program =
        of_a_user(dir.path(), &["serve", "--bind", "127.0.0.1:0", "--size", "64x48", "--upload", &url]);
    let address = program.address();
    let before = getrlimit(Resource::Nproc).current.map_or("unlimited".to_owned(), |limit| limit.to_string());
    allow_threads(&program, "1");
    // The connection that may have come already is ended, so that the name is looked up again.
    receiver.set_nonblocking(true).unwrap();
    until("the look-up does not fail", || {
        drop(receiver.accept());
        let answer = get(&address, "/state");
        answer.contains("no thread to look localhost up").then_some(())
    });
    for path in ["/healthz", "/metrics", "/state"] {
        assert_eq!(status(&address, path), Some(200), "{path}");
    }
    allow_threads(&program, &before);
    receiver.set_nonblocking(false).unwrap();
    let (mut upload, _) = receiver.accept().unwrap();
    upload.set_read_timeout(Some(PATIENCE)).unwrap();
    assert!(upload.read(&mut [0; 100]).unwrap() > 0, "nothing is uploaded");
}
