//! What a person reads: stdout for results, stderr for the rest.

use super::{Failure, Outcome};
use std::io::{self, IsTerminal, Write};
use tracing_subscriber::{filter::Targets, layer::SubscriberExt as _, util::SubscriberInitExt as _};

/// Erases the line that the cursor is on: a status line that something else is about to overwrite.
const ERASE: &str = "\r\x1b[K";

/// The two streams of the process. A reader that has gone (`| head`) is no error.
#[derive(Debug)]
pub struct Output {
    terminal: bool,
}

impl Output {
    pub(super) fn new() -> Self {
        Self { terminal: io::stdout().is_terminal() }
    }

    /// Whether a person watches stdout.
    pub fn is_terminal(&self) -> bool {
        self.terminal
    }

    /// One line (or several) to stdout, at once.
    pub fn print(&self, text: &str) {
        self.write(&format!("{}{text}\n", if self.terminal { ERASE } else { "" }));
    }

    /// Replaces the line at the bottom of a terminal.
    pub fn status(&self, text: &str) {
        if self.terminal {
            self.write(&format!("{ERASE}{text}"));
        }
    }

    /// Raw bytes to stdout.
    ///
    /// # Errors
    /// The system's.
    pub fn bytes(&self, bytes: &[u8]) -> io::Result<()> {
        let mut out = io::stdout().lock();
        out.write_all(bytes)?;
        out.flush()
    }

    /// The one line that tells why the command ended.
    pub fn error(&self, what: &str) {
        let what = what.split_whitespace().collect::<Vec<_>>().join(" ");
        let _ = writeln!(LogWriter, "error: {what}");
    }

    fn write(&self, text: &str) {
        let _ = self.bytes(text.as_bytes());
    }

    /// Logs what `filter` lets through to stderr.
    ///
    /// # Errors
    /// If `filter` is none.
    pub fn log(&self, filter: &str) -> Outcome {
        let filter: Targets = filter.parse().map_err(|_| {
            let remedy = "use error, warn, info, debug or a list such as info,eyelet_core::http=debug";
            Failure::Usage(format!("invalid value '{filter}' for '--log <FILTER>': not a filter; {remedy}"))
        })?;
        let lines = tracing_subscriber::fmt::layer()
            .with_ansi(io::stderr().is_terminal())
            .with_target(false)
            .with_writer(|| LogWriter);
        // Fails where a test has set up logging already.
        let _ = tracing_subscriber::registry().with(lines).with(filter).try_init();
        Ok(())
    }
}

/// stderr, clear of the status line.
struct LogWriter;

impl Write for LogWriter {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut err = io::stderr().lock();
        if err.is_terminal() {
            err.write_all(ERASE.as_bytes())?;
        }
        err.write_all(line)?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}
