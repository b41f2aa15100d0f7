//! The process that holds the camera: Python, with a text of ours that calls MaixPy.
//!
//! It is started with its end of a socket pair as stdin, keeps nothing else that it inherits, and has a process group of its
//! own, so that Ctrl-C does not reach it and nothing that it starts is forgotten. It ends when asked to, and by itself when the
//! socket ends. That makes a signal for the parent's death unnecessary, on which MaixPy would not close the camera. An alarm
//! ends a call of MaixPy that hangs meanwhile.
//!
//! MaixPy may reload the vendor's drivers while it opens the camera, with programs that it runs. Ended in the middle of that,
//! they would leave the board half-way; so whoever stops it then waits first.

use super::{
    config::{CsiConfig, Patience},
    only_one,
    words::{LONGEST, Report},
};
use crate::sys::in_words;
use eyelet_hal::{Error, ErrorKind, Result, clock::monotonic};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
    process::{self, Pid, PidfdFlags, Signal, WaitId, WaitIdOptions},
};
use std::{
    ffi::OsStr,
    fs,
    io::{self, BufRead as _, BufReader, PipeWriter, Read, Write as _},
    net::Shutdown,
    os::{
        fd::{AsFd, OwnedFd},
        unix::{net::UnixStream, process::CommandExt as _},
    },
    path::Path,
    process::{Child as Process, Command, Stdio},
    sync::{Arc, Weak},
    thread,
    time::Duration,
};

/// What the environment has for eyelet alone: a service manager would take what the process sends for ours, and the token is
/// nobody else's.
const OURS: [&str; 4] = ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "EYELET_TOKEN"];

/// How much of a line of MaixPy's is logged as one.
const LOGGED: u64 = 1024;

/// How often it is looked whether what it started has ended.
const AGAIN: Duration = Duration::from_millis(20);

const TEXT: &str = include_str!("child.py");
pub(super) const PYTHON: &str = "python3";

/// The process, stopped when dropped.
#[derive(Debug)]
pub(super) struct Child {
    /// `None` once it has been waited for.
    process: Option<Process>,
    /// Readable when it has ended.
    ended: OwnedFd,
    socket: UnixStream,
    received: Box<[u8; LONGEST]>,
    len: usize,
    patience: Patience,
    /// Whether it is to close a camera, and therefore ignores SIGTERM.
    has_camera: bool,
    /// Until then, on the monotonic clock, it may be in the middle of opening the camera.
    opening: Option<Duration>,
    life: Arc<()>,
}

impl Child {
    /// Starts the only one below `root` that opens the camera, with this line.
    ///
    /// # Errors
    /// `Busy` if there is another one, `NotFound` without Python, and what else the system says.
    pub(super) fn opening(line: &str, config: &CsiConfig, root: &Path) -> Result<Self> {
        let pair = only_one::pair(root)?;
        let mut child = Self::start(pair, PYTHON.as_ref(), line, config)?;
        child.has_camera = true;
        child.opening = Some(monotonic() + config.patience.open);
        Ok(child)
    }

    /// Starts one that imports MaixPy and does no more, of this interpreter.
    ///
    /// # Errors
    /// `NotFound` without it, and what else the system says.
    pub(super) fn importing(python: &Path, config: &CsiConfig) -> Result<Self> {
        let pair = UnixStream::pair().map_err(failed)?;
        Self::start(pair, python.as_ref(), "import\n", config)
    }

    fn start(
        (socket, its): (UnixStream, UnixStream),
        python: &OsStr,
        line: &str,
        config: &CsiConfig,
    ) -> Result<Self> {
        socket.set_nonblocking(true).map_err(failed)?;
        let mut command = Command::new(python);
        let (stdout, stderr) = outputs();
        for name in OURS {
            command.env_remove(name);
        }
        command
            // It writes no compiled modules.
            .args(["-B", "-u", "-c", TEXT])
            .envs(config.environment.iter().map(|(name, value)| (name, value)))
            .stdin(OwnedFd::from(its))
            .stdout(stdout)
            .stderr(stderr)
            .process_group(0);
        let mut process = command.spawn().map_err(failed)?;
        // With it goes our copy of the process's end of the socket.
        drop(command);
        let ended = process::pidfd_open(Pid::from_child(&process), PidfdFlags::empty());
        match ended {
            Ok(ended) => {
                let child = Self {
                    process: Some(process),
                    ended,
                    socket,
                    received: Box::new([0; LONGEST]),
                    len: 0,
                    patience: config.patience,
                    has_camera: false,
                    opening: None,
                    life: Arc::default(),
                };
                child.send(line);
                Ok(child)
            }
            Err(error) => {
                let _ = process.kill();
                let _ = process.wait();
                Err(failed(error.into()))
            }
        }
    }

    /// Its number among processes; 0 once it has been stopped.
    pub(super) fn id(&self) -> u32 {
        self.process.as_ref().map_or(0, Process::id)
    }

    /// For as long as the process has not ended, even one that could not be ended.
    pub(super) fn life(&self) -> Weak<()> {
        Arc::downgrade(&self.life)
    }

    /// Sends a line, which ends with `\n`. That the process has ended shows at the next [`report`](Self::report), behind
    /// what it sent last.
    pub(super) fn send(&self, line: &str) {
        // Never full: it holds thousands of lines, of which the process has two unread at most.
        let _ = (&self.socket).write(line.as_bytes());
    }

    /// The next report; `None` if there is none until `deadline` on the monotonic clock.
    ///
    /// # Errors
    /// `Disconnected` if the process has ended, `Other` if it sends what is no report.
    pub(super) fn report(&mut self, deadline: Duration) -> Result<Option<Report>> {
        loop {
            if let Some(end) = self.received[..self.len].iter().position(|&byte| byte == b'\n') {
                let report = str::from_utf8(&self.received[..end]).ok().and_then(Report::parse);
                self.consume(end + 1);
                self.opening = None;
                return report.map(Some).ok_or_else(|| out_of_step("sent what means nothing"));
            }
            let room = &mut self.received[self.len..];
            if room.is_empty() {
                return Err(out_of_step("sent an endless line"));
            }
            match (&self.socket).read(room) {
                Ok(0) => return Err(self.gone()),
                Ok(len) => self.len += len,
                Err(error) if is_blocked(&error) => {
                    if !readable(&self.socket, deadline)? {
                        return Ok(None);
                    }
                }
                Err(_) => return Err(self.gone()),
            }
        }
    }

    /// Appends to `body` until it has `len` bytes; whether it has them before `deadline` on the monotonic clock.
    ///
    /// # Errors
    /// `Disconnected` if the process has ended.
    pub(super) fn body(&mut self, body: &mut Vec<u8>, len: usize, deadline: Duration) -> Result<bool> {
        let there = self.len.min(len - body.len());
        body.extend_from_slice(&self.received[..there]);
        self.consume(there);
        while body.len() < len {
            let missing = (len - body.len()) as u64;
            match (&self.socket).take(missing).read_to_end(body) {
                Ok(_) if body.len() == len => {}
                Err(error) if is_blocked(&error) => {
                    if !readable(&self.socket, deadline)? {
                        return Ok(false);
                    }
                }
                Ok(_) | Err(_) => return Err(self.gone()),
            }
        }
        Ok(true)
    }

    /// Why no more frames come, if it is that the process has ended.
    pub(super) fn fate(&self) -> Option<Error> {
        ended(&self.ended, Duration::ZERO).then(|| self.gone())
    }

    /// The process's end of the socket is closed.
    fn gone(&self) -> Error {
        // It is closed while the process ends.
        let status = if ended(&self.ended, monotonic() + self.patience.end) {
            process::waitid(WaitId::PidFd(self.ended.as_fd()), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT)
        } else {
            Ok(None)
        };
        let status = status.ok().flatten();
        let how = match status.map(|status| (status.exit_status(), status.terminating_signal())) {
            Some((Some(code), _)) => format!("has ended with exit code {code}"),
            Some((_, Some(signal))) => format!("was ended by signal {signal}"),
            _ => "does not answer".to_owned(),
        };
        Error::new(ErrorKind::Disconnected, format!("the built-in camera's process {how}"))
            .with_remedy("its own messages are in the log at the level debug")
    }

    fn consume(&mut self, len: usize) {
        self.received.copy_within(len..self.len, 0);
        self.len -= len;
    }

    /// Has it close the camera and end, and whatever it started. The signals are for itself: what it runs in the middle of a
    /// reload of the drivers has as long as it has to end by itself.
    pub(super) fn stop(&mut self) {
        let Some(mut process) = self.process.take() else { return };
        self.send("stop\n");
        let _ = self.socket.shutdown(Shutdown::Both);
        let pid = Pid::from_child(&process);
        let Patience { stop, end, .. } = self.patience;
        if let Some(opened) = self.opening.filter(|&opened| monotonic() < opened)
            && !ended(&self.ended, Duration::ZERO)
        {
            tracing::info!("waiting for MaixPy to finish opening the camera, so that it can close it");
            ended(&self.ended, opened);
        }
        let signals = [(None, stop), (Some(Signal::TERM), end), (Some(Signal::KILL), end)];
        let is_of_use = |(signal, _): &(Option<Signal>, _)| !self.has_camera || *signal != Some(Signal::TERM);
        let has_ended = signals.into_iter().filter(is_of_use).any(|(signal, patience)| {
            if let Some(signal) = signal {
                tracing::warn!(
                    "the built-in camera's process does not end; it is sent signal {}",
                    signal.as_raw()
                );
                let _ = process::kill_process(pid, signal);
            }
            ended(&self.ended, monotonic() + patience)
        });
        // What is left of the group; before the process is waited for, as its number is another's after that.
        let deadline = monotonic() + end;
        while has_others(pid) && monotonic() < deadline {
            thread::sleep(AGAIN);
        }
        let _ = process::kill_process_group(pid, Signal::KILL);
        if has_ended {
            let _ = process.wait();
        } else {
            tracing::error!("the built-in camera's process cannot be ended; restart the board");
            let life = Arc::clone(&self.life);
            // Whenever the kernel lets go of it.
            let wait = move || {
                let _ = process.wait();
                drop(life);
            };
            let _ = thread::Builder::new().spawn(wait);
        }
    }
}

/// Whether the group of this process has others that live.
fn has_others(leader: Pid) -> bool {
    let leader = leader.as_raw_nonzero().to_string();
    let is_other = |process: fs::DirEntry| {
        let stat = fs::read_to_string(process.path().join("stat")).unwrap_or_default();
        // `PID (NAME) STATE PARENT GROUP ...`
        let Some((_, rest)) = stat.rsplit_once(") ") else { return false };
        let mut fields = rest.split(' ');
        let lives = fields.next() != Some("Z");
        lives && fields.nth(1) == Some(&*leader) && *process.file_name() != *leader
    };
    fs::read_dir("/proc").is_ok_and(|processes| processes.flatten().any(is_other))
}

impl Drop for Child {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Where MaixPy's own messages go, which are many: to the log if it has that level. Not to our stderr, where MaixPy would wait for
/// whoever reads it.
fn outputs() -> (Stdio, Stdio) {
    let logged = || -> io::Result<(PipeWriter, PipeWriter)> {
        let (reader, writer) = io::pipe()?;
        let log = tracing::dispatcher::get_default(Clone::clone);
        let thread = move || tracing::dispatcher::with_default(&log, || log_lines(reader));
        thread::Builder::new().name("maixpy".to_owned()).spawn(thread)?;
        Ok((writer.try_clone()?, writer))
    };
    match tracing::enabled!(tracing::Level::DEBUG).then(logged) {
        Some(Ok((stdout, stderr))) => (stdout.into(), stderr.into()),
        Some(Err(_)) | None => (Stdio::null(), Stdio::null()),
    }
}

/// Logs what comes until nobody can send any more.
fn log_lines(reader: impl Read) {
    let (mut reader, mut line) = (BufReader::new(reader), Vec::new());
    while let Ok(1..) = reader.by_ref().take(LOGGED).read_until(b'\n', &mut line) {
        tracing::debug!("MaixPy: {}", String::from_utf8_lossy(&line).trim_end());
        line.clear();
    }
}

fn is_blocked(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

/// Whether there is something to read, or the end, before `deadline` on the monotonic clock.
fn readable(file: impl AsFd, deadline: Duration) -> Result<bool> {
    loop {
        let left = deadline.saturating_sub(monotonic());
        // More than any deadline is away.
        let left = Timespec::try_from(left).unwrap_or(Timespec { tv_sec: 3600, tv_nsec: 0 });
        match poll(&mut [PollFd::new(&file, PollFlags::IN)], Some(&left)) {
            Ok(count) => return Ok(count > 0),
            Err(Errno::INTR) => {}
            Err(error) => return Err(failed(error.into())),
        }
    }
}

/// Whether the process of this pidfd has ended before `deadline`.
fn ended(pidfd: &OwnedFd, deadline: Duration) -> bool {
    readable(pidfd, deadline).unwrap_or(false)
}

pub(super) fn failed(error: io::Error) -> Error {
    use io::ErrorKind as Cause;
    let what = format!("cannot start {PYTHON} for the built-in camera: {}", in_words(&error));
    let (kind, remedy) = match error.kind() {
        Cause::NotFound => (
            ErrorKind::NotFound,
            "use the MaixCAM's own system, which has Python and MaixPy, or a USB camera",
        ),
        Cause::OutOfMemory => (ErrorKind::OutOfMemory, "stop other programs"),
        Cause::WouldBlock => (ErrorKind::Other, "is the process limit reached?"),
        _ if matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE)) => {
            (ErrorKind::Other, "is the limit of open files reached?")
        }
        _ => (ErrorKind::Other, "does python3 run in the shell?"),
    };
    Error::new(kind, what).with_remedy(remedy).with_source(error)
}

/// The process does not keep to `words`.
pub(super) fn out_of_step(what: &str) -> Error {
    Error::new(ErrorKind::Disconnected, format!("the built-in camera's process {what}"))
        .with_remedy("is its python3 the one of MaixPy?")
}
