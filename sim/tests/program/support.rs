//! `eyelet-sim` as a child process, and what its tests wait for.

use rustix::{
    fs::{Mode, OFlags},
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
};
use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    os::fd::OwnedFd,
    process::{Child, ChildStdout, Command, Stdio},
    sync::{Arc, Mutex},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_eyelet-sim");

/// Far longer than anything here takes: only a hang reaches it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// The program with nothing to read, and with its outputs piped.
pub(crate) fn command(arguments: &[&str]) -> Command {
    piped(Command::new(PROGRAM), arguments)
}

/// The same, started by a shell that runs `setup` first.
pub(crate) fn command_after(setup: &str, arguments: &[&str]) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("{setup}; exec \"$0\" \"$@\""), PROGRAM]);
    piped(shell, arguments)
}

pub(crate) fn piped(mut command: Command, arguments: &[&str]) -> Command {
    command.args(arguments).env_remove("EYELET_TOKEN");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// A program that runs until it is dropped.
pub(crate) struct Program {
    child: Child,
    stdout: Option<BufReader<ChildStdout>>,
    log: Arc<Mutex<String>>,
    log_reader: Option<JoinHandle<()>>,
}

impl Program {
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = command.spawn().unwrap();
        let stdout = child.stdout.take().map(BufReader::new);
        let log = Arc::new(Mutex::new(String::new()));
        let log_reader = child.stderr.take().map(|stderr| {
            let log = Arc::clone(&log);
            thread::spawn(move || {
                for line in BufReader::new(stderr).lines() {
                    *log.lock().unwrap() += &(line.unwrap() + "\n");
                }
            })
        });
        Self { child, stdout, log, log_reader }
    }

    /// `serve` on a port of its own.
    pub(crate) fn serve(flags: &[&str]) -> Self {
        Self::start(command(&[&["serve", "--bind", "127.0.0.1:0"], flags].concat()))
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// The next line on stdout.
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.stdout.as_mut().unwrap().read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    /// The address of the URL in the next line, with its port.
    pub(crate) fn address(&mut self) -> String {
        let line = self.line();
        let address = line.split("http://").nth(1).unwrap_or_else(|| panic!("{line:?}"));
        address.split('/').next().unwrap().to_owned()
    }

    /// What it has logged so far.
    pub(crate) fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// How many lines of its log contain this, so far.
    pub(crate) fn logged(&self, what: &str) -> usize {
        self.log.lock().unwrap().lines().filter(|line| line.contains(what)).count()
    }

    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").args(["-s", name, &self.id().to_string()]).status().unwrap();
        assert!(sent.success(), "{name}");
    }

    /// Waits for its end; the exit code and the whole log.
    pub(crate) fn end(mut self) -> (Option<i32>, String) {
        let status = until("it does not end", || self.child.try_wait().unwrap());
        if let Some(reader) = self.log_reader.take() {
            reader.join().unwrap();
        }
        (status.code(), self.log())
    }

    /// Ends it cleanly, so that its last lines come out; the whole log.
    pub(crate) fn stop(self) -> String {
        self.signal("TERM");
        self.end().1
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits until `look` finds something.
#[track_caller]
pub(crate) fn until<T>(missing: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(start.elapsed() < PATIENCE, "{missing}");
        thread::sleep(Duration::from_millis(10));
    }
}

/// A connection on which this was sent.
pub(crate) fn send(address: &str, request: &str) -> TcpStream {
    let mut socket = TcpStream::connect(address).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket.write_all(request.as_bytes()).unwrap();
    socket
}

/// The whole answer.
pub(crate) fn get(address: &str, path: &str) -> String {
    let mut answer = String::new();
    send(address, &format!("GET {path} HTTP/1.0\r\n\r\n")).read_to_string(&mut answer).unwrap();
    answer
}

/// A terminal, and the end that a person sits at. Neither is inherited by other tests' programs.
pub(crate) fn terminal() -> (OwnedFd, OwnedFd) {
    let person = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
    grantpt(&person).unwrap();
    unlockpt(&person).unwrap();
    (open_terminal(&person, OFlags::empty()), person)
}

pub(crate) fn open_terminal(person: &OwnedFd, flags: OFlags) -> OwnedFd {
    let name = ptsname(person, Vec::new()).unwrap();
    rustix::fs::open(&*name, OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC | flags, Mode::empty()).unwrap()
}
