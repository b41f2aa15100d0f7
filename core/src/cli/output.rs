//! Output for people: results to stdout, the rest to stderr.

use super::{Failure, Outcome, closed_stdout, columns};
use crate::{line_writer::LineWriter, net::client::visible};
use rustix::{
    fs::{FileType, fstat},
    io::Errno,
    process::getpgrp,
    termios::tcgetpgrp,
};
use std::{
    fs::File,
    io::{self, IsTerminal, Write},
    os::fd::AsFd,
    path::PathBuf,
    sync::{Mutex, OnceLock, PoisonError},
    time::Duration,
};
use tracing_subscriber::{layer::SubscriberExt as _, util::SubscriberInitExt as _};

/// Erases the line that the cursor is on: a status line that something else is about to overwrite.
const ERASE: &str = "\r\x1b[K";

/// The last lines have this long to come out at the end, also into a terminal that was stopped.
pub(super) const LAST_LINES: Duration = Duration::from_secs(1);

/// The two streams of the process. A closed pipe (`| head`) or terminal is not an error.
///
/// What is written while a command runs waits for no terminal and no pipe: see [`LineWriter`]. Its result does.
#[derive(Debug)]
pub struct Output {
    /// Whether stdout is a terminal with cursor codes.
    terminal: bool,
    /// The same of stderr.
    status: bool,
    stdout: OnceLock<Option<LineWriter>>,
    log: OnceLock<LineWriter>,
    early: Mutex<Vec<Early>>,
}

/// A warning from before there was a log.
#[derive(Debug)]
pub(super) enum Early {
    /// `ps` shows secrets among the arguments.
    VisibleSecrets,
    /// There is a secret in this file.
    SecretIn(PathBuf),
}

impl Output {
    pub(super) fn new() -> Self {
        Self {
            terminal: is_terminal(&io::stdout()),
            status: is_terminal(&io::stderr()),
            stdout: OnceLock::new(),
            log: OnceLock::new(),
            early: Mutex::default(),
        }
    }

    /// Warns as soon as there is a log.
    pub(super) fn warn(&self, early: Early) {
        self.early.lock().unwrap_or_else(PoisonError::into_inner).push(early);
    }

    /// Whether stdout is a terminal with cursor codes.
    pub fn is_terminal(&self) -> bool {
        self.terminal
    }

    /// Whether there is a terminal for status lines: stderr, so that stdout holds results alone.
    pub(super) fn shows_status(&self) -> bool {
        self.status
    }

    /// Whether stdout is a terminal where colours are welcome.
    pub(super) fn has_colours(&self) -> bool {
        self.terminal && !is_set("NO_COLOR")
    }

    /// The result of a command, one line or several, to stdout.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn print(&self, text: &str) -> Outcome {
        self.writing(self.line(text))()
    }

    /// The result of a command, raw, to stdout.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn bytes(&self, bytes: &[u8]) -> Outcome {
        self.writing(bytes.to_vec())()
    }

    /// As [`bytes`](Self::bytes), to be done on whatever thread: it waits for as long as nobody reads stdout.
    pub(super) fn writing(&self, bytes: Vec<u8>) -> impl FnOnce() -> Outcome + Send + use<> {
        let before = self.stdout.get().cloned().flatten();
        let status = self.log.get().filter(|_| self.terminal).cloned();
        move || {
            stdout_is_open()?;
            if let Some(before) = before {
                let _ = before.flush(Duration::MAX);
            }
            if let Some(status) = status {
                // A status line is below what comes now, if at all.
                let _ = status.flush(LAST_LINES);
            }
            let mut out = io::stdout().lock();
            written(out.write_all(&bytes).and_then(|()| out.flush()))
        }
    }

    /// What [`print`](Self::print) writes.
    pub(super) fn line(&self, text: &str) -> Vec<u8> {
        format!("{}{text}\n", self.erase()).into_bytes()
    }

    /// A line to stdout while the command goes on.
    pub fn announce(&self, text: &str) {
        match self.lines() {
            Some(lines) => lines.line(&[self.erase().as_bytes(), text.as_bytes(), b"\n"]),
            None => drop(self.print(text)),
        }
    }

    /// Replaces the line at the bottom of a terminal, on stderr, with as much of this as fits there. Only with a
    /// [log](Self::log), and not from the background, where that line is what somebody types into the shell.
    pub fn status(&self, text: &str) {
        if let (true, Some(log)) = (self.status && !is_in_background(&io::stderr()), self.log.get()) {
            // A character in the last column would have some terminals begin another line, and the ^C that they show takes two.
            let (columns, _) = columns::size(&io::stderr());
            let shown = columns::cut(text, columns.saturating_sub(3)).chars().filter(|c| visible(*c));
            log.latest(ERASE.chars().chain(shown).collect::<String>().as_bytes());
        }
    }

    /// Waits a moment for what was announced.
    pub(super) fn announced(&self) {
        if let Some(Some(lines)) = self.stdout.get() {
            let _ = lines.flush(LAST_LINES);
        }
    }

    /// The one line with the reason why the command ended.
    pub fn error(&self, what: &str) {
        let erase = if is_terminal(&io::stderr()) { ERASE } else { "" };
        let line = format!("{erase}error: {what}\n");
        match self.log.get() {
            Some(log) => log.line(&[line.as_bytes()]),
            None => drop(io::stderr().write_all(line.as_bytes())),
        }
    }

    /// Waits a moment for all that is left to be written: before the process ends.
    pub(super) fn finish(&self) {
        self.announced();
        if let Some(log) = self.log.get() {
            let _ = log.flush(LAST_LINES);
        }
    }

    /// Logs what `filter` lets through to stderr.
    ///
    /// # Errors
    /// If the system allows no more threads.
    pub fn log(&self, filter: &str) -> Outcome {
        let filter = super::args::log_filter::targets(filter);
        let terminal = is_terminal(&io::stderr());
        let log = lines(&io::stderr(), "log lines", |_| ()).map_err(|e| {
            Failure::runtime(format!("cannot start a thread: {e}; raise the limit of processes (ulimit -u)"))
        })?;
        let log = self.log.get_or_init(|| log).clone();
        let panics = log.clone();
        let erase = if terminal { ERASE } else { "" };
        let lines = tracing_subscriber::fmt::layer()
            .with_ansi(terminal && !is_set("NO_COLOR"))
            .with_target(false)
            .with_writer(move || LogWriter(log.clone(), erase));
        // Fails where a test has set up logging already.
        if tracing_subscriber::registry().with(lines).with(filter).try_init().is_ok() {
            std::panic::set_hook(Box::new(move |panic| {
                panics.line(&[erase.as_bytes(), panic.to_string().as_bytes(), b"\n"]);
                let _ = panics.flush(LAST_LINES);
            }));
        }
        for early in self.early.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            match early {
                Early::VisibleSecrets => tracing::warn!(
                    "every user of this machine can see the secrets among the arguments, since there is no /proc; use files such as --token-file or --config"
                ),
                Early::SecretIn(file) => crate::net::secret_file::warn_of_others(&file),
            }
        }
        Ok(())
    }

    /// For stdout while the command goes on; `None` without a thread to be had.
    pub(super) fn lines(&self) -> Option<&LineWriter> {
        self.stdout.get_or_init(|| lines(&io::stdout(), "lines", lost_on_stdout()).ok()).as_ref()
    }

    fn erase(&self) -> &'static str {
        if self.terminal { ERASE } else { "" }
    }
}

/// Whether this stream is a terminal with cursor codes and colours.
fn is_terminal(stream: &impl IsTerminal) -> bool {
    stream.is_terminal() && std::env::var_os("TERM").is_some_and(|kind| !kind.is_empty() && kind != "dumb")
}

/// Whether another job has this terminal.
fn is_in_background(terminal: &impl AsFd) -> bool {
    // Fails for a terminal that is not this session's: nobody's shell is there.
    tcgetpgrp(terminal).is_ok_and(|foreground| foreground != getpgrp())
}

/// Whether this environment variable is set and not empty; <https://no-color.org>.
fn is_set(variable: &str) -> bool {
    std::env::var_os(variable).is_some_and(|value| !value.is_empty())
}

fn lines(
    stream: &impl AsFd,
    noun: &'static str,
    report: impl Fn(Option<io::ErrorKind>) + Send + 'static,
) -> io::Result<LineWriter> {
    LineWriter::renewing(File::from(stream.as_fd().try_clone_to_owned()?), noun, |_| None, report)
}

/// Warns when a disk refuses what a command says while it goes on.
fn lost_on_stdout() -> impl Fn(Option<io::ErrorKind>) + Send + 'static {
    // A terminal may close, and a pipe's reader leave or take its time.
    let regular = !io::stdout().is_terminal();
    move |error| {
        use io::ErrorKind::{BrokenPipe, WouldBlock};
        if let Some(error) = error.filter(|error| regular && !matches!(error, BrokenPipe | WouldBlock)) {
            tracing::warn!("cannot write to stdout: {error}; free some space there");
        }
    }
}

/// Fails if there is no stdout. A command that has a result looks first: it would do its work for nothing, and whoever sees it
/// fail would have it done again.
pub(super) fn stdout_is_open() -> Outcome {
    match closed_stdout::was_closed() {
        true => {
            Err(Failure::runtime("cannot write to stdout: it is closed; redirect it, such as to /dev/null"))
        }
        false => Ok(()),
    }
}

/// Whether whoever reads stdout has closed a pipe, or a terminal.
fn is_reader_gone(error: &io::Error) -> bool {
    let is_device =
        || fstat(io::stdout()).is_ok_and(|about| FileType::from_raw_mode(about.st_mode).is_char_device());
    // A disk that fails gives the same error as a terminal that is gone.
    let is_terminal_gone = || error.raw_os_error() == Some(Errno::IO.raw_os_error()) && is_device();
    error.kind() == io::ErrorKind::BrokenPipe || is_terminal_gone()
}

/// What became of something for stdout.
fn written(result: io::Result<()>) -> Outcome {
    match result {
        Err(e) if !is_reader_gone(&e) => {
            Err(Failure::runtime(format!("cannot write to stdout: {e}; free some space there")))
        }
        _ => Ok(()),
    }
}

/// stderr, clear of the status line. Each event is written with one call.
struct LogWriter(LineWriter, &'static str);

impl Write for LogWriter {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.line(&[self.1.as_bytes(), line]);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
