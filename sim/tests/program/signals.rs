//! What signals do to a server with a watchdog: each that ends it lets the watchdog go first.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::Path,
    process::{Child, ChildStdout, Command, Stdio},
    time::{Duration, Instant},
};

/// Far longer than anything here takes: only a hang meets it.
const PATIENCE: Duration = Duration::from_secs(60);

struct Program {
    child: Child,
    stdout: BufReader<ChildStdout>,
    address: String,
}

impl Program {
    fn start(watchdog: &Path, change: impl FnOnce(&mut Command)) -> Self {
        fs::write(watchdog, "").unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_eyelet-sim"));
        command.args(["serve", "--bind", "127.0.0.1:0", "--size", "64x48", "--watchdog"]).arg(watchdog);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        change(&mut command);
        let mut child = command.spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let address = line.split("http://").nth(1).unwrap_or_else(|| panic!("{line:?}"));
        let address = address.trim_end().trim_end_matches('/').to_owned();
        Self { child, stdout, address }
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success(), "{name}");
    }

    /// The page.
    fn page(&self) -> String {
        let mut socket = TcpStream::connect(&self.address).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket.write_all(b"GET / HTTP/1.0\r\n\r\n").unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).unwrap();
        answer
    }

    /// The exit code, and what was logged.
    fn end(mut self) -> (Option<i32>, String) {
        let start = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(start.elapsed() < PATIENCE, "it does not end");
            std::thread::sleep(Duration::from_millis(10));
        };
        let mut log = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest).unwrap();
        (status.code(), log)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn every_signal_that_ends_the_program_lets_the_watchdog_go() {
    let dir = tempfile::tempdir().unwrap();
    let watchdog = dir.path().join("watchdog");
    let mut signals = vec![("INT", 0), ("TERM", 0)];
    signals
        .extend(["QUIT", "USR2", "ALRM", "VTALRM", "PROF", "IO", "XCPU", "PWR", "40"].map(|name| (name, 1)));
    for (name, code) in signals {
        let program = Program::start(&watchdog, |_| ());
        program.signal(name);
        let (ended, log) = program.end();
        assert_eq!(ended, Some(code), "{name}: {log}");
        assert!(fs::read(&watchdog).unwrap().ends_with(b"V"), "{name} leaves a watchdog that bites");
        assert_eq!(log.contains("error: stopped by "), code == 1, "{name}: {log}");
    }
}

#[test]
fn a_hangup_has_files_read_again_and_the_program_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let [watchdog, html] = ["watchdog", "page.html"].map(|name| dir.path().join(name));
    fs::write(&html, "first").unwrap();
    let program = Program::start(&watchdog, |command| {
        command.arg("--html").arg(&html);
    });
    assert!(program.page().ends_with("\r\n\r\nfirst"));
    for (name, content) in [("HUP", "second"), ("USR1", "third")] {
        fs::write(&html, content).unwrap();
        program.signal(name);
        let start = Instant::now();
        while !program.page().ends_with(&format!("\r\n\r\n{content}")) {
            assert!(start.elapsed() < PATIENCE, "{name}: not read again");
        }
    }
    // A file that is gone is said, and the page stays. Neither does any harm: a size limit, a reader that has gone.
    fs::remove_file(&html).unwrap();
    for name in ["HUP", "XFSZ", "PIPE"] {
        program.signal(name);
    }
    assert!(program.page().ends_with("\r\n\r\nthird"));
    // A named pipe is not waited for.
    rustix::fs::mkfifoat(rustix::fs::CWD, &html, 0o600.into()).unwrap();
    program.signal("HUP");
    assert!(program.page().ends_with("\r\n\r\nthird"));
    program.signal("TERM");
    let (code, log) = program.end();
    assert_eq!(code, Some(0), "{log}");
    assert_eq!(log.matches("files are read again").count(), 2, "{log}");
    assert_eq!(log.matches("the page of before stays").count(), 2, "{log}");
    assert_eq!(log.matches("not a regular file").count(), 1, "{log}");
}

/// Without this a server that was started by hand would outlive the window that it was started in.
#[test]
fn a_terminal_that_is_closed_ends_what_was_started_in_it() {
    use rustix::{
        fs::{Mode, OFlags},
        pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    };
    let dir = tempfile::tempdir().unwrap();
    let watchdog = dir.path().join("watchdog");
    let person = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
    grantpt(&person).unwrap();
    unlockpt(&person).unwrap();
    let name = ptsname(&person, Vec::new()).unwrap();
    let terminal =
        rustix::fs::open(&*name, OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC, Mode::empty()).unwrap();
    let program = Program::start(&watchdog, |command| {
        command.stdin(terminal);
    });
    drop(person);
    program.signal("HUP");
    let (code, log) = program.end();
    assert_eq!(code, Some(0), "{log}");
    assert!(fs::read(&watchdog).unwrap().ends_with(b"V"));
}
