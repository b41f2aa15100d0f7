//! A terminal that was stopped with Ctrl-S, or is not read, and a pipe that is full: none of them holds up the
//! stream, keeps the watchdog waiting, or has to be there for a clean end.

use crate::support::{PATIENCE, Program, command, open_terminal, terminal, until};
use rustix::{
    fs::OFlags,
    termios::{Action, tcflow},
};
use std::{
    fs::{self, File},
    io::{self, Read, Write},
    os::{fd::OwnedFd, unix::net::UnixStream},
    path::Path,
    process::{Command, Stdio},
};

/// What takes no more bytes, and what has to stay open for that.
type Blocked = (OwnedFd, OwnedFd);

fn full_pipe() -> Blocked {
    let (reader, writer) = io::pipe().unwrap();
    let size = rustix::pipe::fcntl_getpipe_size(&writer).unwrap();
    (&writer).write_all(&vec![b'.'; size]).unwrap();
    (writer.into(), reader.into())
}

fn stopped_terminal() -> Blocked {
    let (terminal, person) = terminal();
    tcflow(&terminal, Action::OOff).unwrap();
    (terminal, person)
}

fn unread_terminal() -> Blocked {
    let (terminal, person) = terminal();
    let filling = open_terminal(&person, OFlags::NONBLOCK);
    while rustix::io::write(&filling, &[b'.'; 512]).is_ok() {}
    (terminal, person)
}

/// Watches so many pictures.
fn watch(socket: &Path, pictures: usize) {
    let mut viewer = until("it does not listen", || UnixStream::connect(socket).ok());
    viewer.set_read_timeout(Some(PATIENCE)).unwrap();
    viewer.write_all(b"GET /stream HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    let (mut bytes, mut piece) = (Vec::new(), [0; 16 * 1024]);
    while bytes.windows(11).filter(|window| window == b"X-Sequence:").count() < pictures {
        let read = viewer.read(&mut piece).expect("the stream stands still");
        assert!(read > 0, "the stream ended");
        bytes.extend_from_slice(&piece[..read]);
    }
}

fn serve_with(change: impl FnOnce(&mut Command)) {
    let dir = tempfile::tempdir().unwrap();
    let (socket, watchdog) = (dir.path().join("socket"), dir.path().join("watchdog"));
    File::create(&watchdog).unwrap();
    let mut command = command(&["serve", "--size", "64x48", "--log", "debug", "--bind"]);
    command.arg(format!("unix:{}", socket.display())).arg("--watchdog").arg(&watchdog);
    change(&mut command);
    let program = Program::start(command);
    watch(&socket, 40);
    let fed = || fs::metadata(&watchdog).unwrap().len();
    let before = fed();
    until("the watchdog hears nothing", || (fed() > before + 3).then_some(()));
    watch(&socket, 10);

    program.signal("TERM");
    assert_eq!(program.end().0, Some(0));
    assert!(fs::read(&watchdog).unwrap().ends_with(b"V"), "the watchdog is let go");
}

fn all_sorts_with(attach: impl Fn(&mut Command, OwnedFd)) {
    for blocked in [full_pipe, stopped_terminal, unread_terminal] {
        let (end, _other) = blocked();
        serve_with(|command| attach(command, end));
    }
}

#[test]
fn serve_with_blocked_stdout_keeps_streaming() {
    all_sorts_with(|command, end| {
        command.stdout(end);
    });
}

#[test]
fn serve_with_blocked_stderr_keeps_streaming() {
    all_sorts_with(|command, end| {
        command.stderr(end);
    });
}

/// Its address was lost without a word.
#[test]
#[cfg(target_os = "linux")]
fn serve_whose_stdout_is_a_full_disk_says_so_once() {
    let mut command = command(&["serve", "--size", "64x48", "--bind", "127.0.0.1:0", "--access-log", "-"]);
    command.stdout(File::options().write(true).open("/dev/full").unwrap());
    let program = Program::start(command);
    until("no warning", || (program.logged("cannot write to stdout: ") > 0).then_some(()));
    let log = program.stop();
    assert_eq!(
        log.matches("cannot write to stdout: no storage space; free some space there").count(),
        1,
        "{log}"
    );
}

/// A command does once it runs.
#[cfg(target_os = "linux")]
fn until_it_catches_sigterm(process: u32) {
    let status = format!("/proc/{process}/status");
    until("it does not start", || {
        let status = fs::read_to_string(&status).unwrap();
        let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap().trim();
        (u64::from_str_radix(caught, 16).unwrap() & 1 << 14 != 0).then_some(())
    });
}

/// The error of a command whose result nobody has read.
#[cfg(target_os = "linux")]
const UNREAD: &str = "error: stopped by a signal before the result was read; read stdout, or redirect it\n";

/// A server for uploads, its folder and its address.
fn receiver() -> (Program, tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    let mut receiver = Program::start(command(&["receive", path, "--bind", "127.0.0.1:0"]));
    let url = format!("http://{}/upload", receiver.address());
    (receiver, folder, url)
}

/// Results are waited for, and it is an error if they cannot be written.
#[test]
#[cfg(target_os = "linux")]
fn unwritable_result_is_an_error_and_a_closed_pipe_is_none() {
    for arguments in [
        &["doctor", "--json"][..],
        &["doctor"],
        &["snapshot", "-"],
        &["--version"],
        &["--help"],
        &["upload", "http://127.0.0.1:1/", "--upload-method", "put"],
    ] {
        let run = |stdout: Stdio| {
            let child = command(arguments).stdout(stdout).spawn().unwrap();
            if arguments[0] == "upload" {
                until_it_catches_sigterm(child.id());
                Command::new("kill").arg(child.id().to_string()).status().unwrap();
            }
            let output = child.wait_with_output().unwrap();
            (output.status.code(), String::from_utf8(output.stderr).unwrap())
        };
        let (code, stderr) = run(File::options().write(true).open("/dev/full").unwrap().into());
        let errors: Vec<_> = stderr.lines().filter(|line| line.contains("error: ")).collect();
        assert_eq!((code, errors.len()), (Some(1), 1), "{arguments:?}: {stderr}");
        assert!(errors[0].starts_with("error: cannot write to stdout: "), "{stderr}");

        let (reader, writer) = io::pipe().unwrap();
        drop(reader);
        let (code, stderr) = run(writer.into());
        assert!(code == Some(0) && !stderr.contains("error: "), "{arguments:?}: {code:?} {stderr}");
    }
}

/// Signals are caught while a command runs, and a result waits for whoever reads it: both together had no end.
#[test]
#[cfg(target_os = "linux")]
fn unread_result_ends_with_a_signal() {
    let mut server = Program::serve(&["--size", "64x48"]);
    let address = server.address();
    let (_receiver, _folder, upload) = receiver();
    for arguments in [
        &["watch", &format!("http://{address}/stream"), "--frames", "1"][..],
        &["watch", &format!("http://{address}/stream"), "--frames", "1", "--json"],
        &["top", &format!("http://{address}")],
        &["top", &format!("http://{address}"), "--json"],
        &["snapshot", "-", "--size", "64x48"],
        &["upload", &upload, "--count", "1", "--size", "64x48"],
    ] {
        let (end, _other) = full_pipe();
        let mut command = command(arguments);
        command.stdout(end);
        let program = Program::start(command);
        let threads = format!("/proc/{}/task", program.id());
        // The thread that writes; another signal would end what comes before.
        until("it has no result", || {
            let mut threads = fs::read_dir(&threads).unwrap().map(|thread| thread.unwrap().path());
            let writes = |name: String| name.trim() == "aside";
            threads.any(|thread| fs::read_to_string(thread.join("comm")).is_ok_and(writes)).then_some(())
        });
        program.signal("INT");
        let (code, text) = program.end();
        assert!(code == Some(1) && text.ends_with(UNREAD), "{arguments:?}: {code:?} {text}");
    }
}

/// The signal ended the measuring, and its result then waited for another one. That of an upload was lost with exit code 0.
#[test]
#[cfg(target_os = "linux")]
fn command_with_blocked_stdout_ends_with_one_signal() {
    let mut server = Program::serve(&["--size", "64x48"]);
    let stream = format!("http://{}/stream", server.address());
    let (_receiver, _folder, upload) = receiver();
    for arguments in [&["watch", &stream][..], &["upload", &upload, "--size", "64x48"]] {
        for (blocked, signal) in [(full_pipe as fn() -> Blocked, "TERM"), (stopped_terminal, "HUP")] {
            let (end, _other) = blocked();
            let mut command = command(arguments);
            command.stdout(end);
            let program = Program::start(command);
            until_it_catches_sigterm(program.id());
            program.signal(signal);
            let (code, text) = program.end();
            assert!(code == Some(1) && text.ends_with(UNREAD), "{arguments:?} {signal}: {code:?} {text}");
        }
    }
}

/// Nobody can see the result any more, which is no failure: a supervisor would start the program again.
#[test]
#[cfg(target_os = "linux")]
fn upload_whose_terminal_is_closed_has_not_failed() {
    let (_receiver, _folder, url) = receiver();
    let (terminal, person) = terminal();
    let mut command = command(&["upload", &url, "--size", "64x48"]);
    command.stdin(terminal.try_clone().unwrap()).stdout(terminal);
    let program = Program::start(command);
    until_it_catches_sigterm(program.id());
    drop(person);
    program.signal("HUP");
    let (code, text) = program.end();
    assert_eq!(code, Some(0), "{text}");
}

/// Rust's runtime opens `/dev/null` in its place, where a picture would be lost without a word. An upload sent all pictures first,
/// and a script that saw it fail had them sent again.
#[test]
fn result_for_a_closed_stdout_is_an_error_before_any_work() {
    // With a secret among its arguments, the program replaces itself first.
    let secret = ["serve", "--help", "--token", "secret"];
    let (_receiver, folder, url) = receiver();
    let upload = ["upload", &url, "--count", "1", "--size", "64x48"];
    // Nobody listens there, which would be another error.
    let (watch, top) = (["watch", "http://127.0.0.1:1/stream"], ["top", "http://127.0.0.1:1/"]);
    let snapshot = ["snapshot", "-", "--size", "64x48"];
    for (arguments, remedy) in [
        (&["doctor"][..], "redirect it, such as to /dev/null"),
        (&snapshot, "redirect it, or name a file"),
        (&upload, "redirect it, such as to /dev/null"),
        (&watch, "redirect it, such as to /dev/null"),
        (&top, "redirect it, such as to /dev/null"),
        (&secret, "redirect it, such as to /dev/null"),
    ] {
        let mut shell = Command::new("sh");
        shell.args(["-c", "exec \"$0\" \"$@\" >&-", env!("CARGO_BIN_EXE_eyelet-sim")]).args(arguments);
        let output = shell.stdin(Stdio::null()).output().unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {text}");
        assert_eq!(text, format!("error: cannot write to stdout: it is closed; {remedy}\n"), "{arguments:?}");
    }
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
}

#[test]
#[cfg(target_os = "linux")]
fn dumb_terminal_gets_no_escape_sequences() {
    for arguments in [&["doctor"][..], &["snapshot", "x.gif"]] {
        let written = |kind: &str| {
            let (end, person) = terminal();
            let mut command = Command::new(env!("CARGO_BIN_EXE_eyelet-sim"));
            command.args(arguments).env("TERM", kind).stdin(Stdio::null());
            command.stdout(end.try_clone().unwrap()).stderr(end);
            command.status().unwrap();
            drop(command);
            let mut bytes = vec![0; 64 * 1024];
            let len = rustix::io::read(&person, &mut bytes).unwrap();
            String::from_utf8_lossy(&bytes[..len]).into_owned()
        };
        let (dumb, other) = (written("dumb"), written("xterm"));
        assert!(!dumb.is_empty() && !dumb.contains('\x1b'), "{dumb:?}");
        assert!(other.contains('\x1b'), "{other:?}");
    }
}
