//! The terminal's second screen, and its keys as they are pressed. The first one comes back at the end.

use crate::{
    cli::{Failure, Output, columns},
    line_writer::LineWriter,
};
use rustix::termios::{InputModes, LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use std::{
    io::{self, IsTerminal as _, Read as _},
    thread,
};
use tokio::sync::mpsc;

/// The second screen, no cursor, no line that goes on in the next.
const ENTER: &str = "\x1b[?1049h\x1b[?25l\x1b[?7l";
const LEAVE: &str = "\x1b[?7h\x1b[?25h\x1b[?1049l";

/// Until it drops the terminal shows what is drawn.
pub(super) struct Screen<'a> {
    output: &'a Output,
    lines: &'a LineWriter,
    /// How the terminal was.
    modes: Option<Termios>,
}

impl<'a> Screen<'a> {
    pub(super) fn enter(output: &'a Output) -> Result<Self, Failure> {
        let lines = output.lines().ok_or_else(|| {
            Failure::runtime("cannot start a thread; raise the limit of processes (ulimit -u)")
        })?;
        let modes = tcgetattr(io::stdout()).ok();
        if let Some(modes) = &modes {
            let mut keys = modes.clone();
            keys.local_modes.remove(LocalModes::ICANON | LocalModes::ECHO);
            let _ = tcsetattr(io::stdout(), OptionalActions::Now, &keys);
        }
        lines.line(&[ENTER.as_bytes()]);
        Ok(Self { output, lines, modes })
    }

    /// Columns and rows that there are for a text. The last column is not: with the cursor there, erasing the rest of the
    /// line would erase the last character.
    pub(super) fn size(&self) -> (usize, usize) {
        let (columns, rows) = columns::size(&io::stdout());
        (columns.saturating_sub(1).max(1), rows)
    }

    /// Shows this text, unless the terminal takes nothing; then what is newest once it does.
    pub(super) fn draw(&self, text: &str) {
        let mut bytes = String::from("\x1b[H");
        for (index, line) in text.lines().enumerate() {
            let end = if index == 0 { "" } else { "\r\n" };
            bytes.extend([end, line, "\x1b[K"]);
        }
        bytes.push_str("\x1b[J");
        self.lines.latest(bytes.as_bytes());
    }
}

impl Drop for Screen<'_> {
    fn drop(&mut self) {
        if let Some(modes) = &self.modes {
            // Without this a terminal that was stopped with Ctrl-S would not get its first screen back.
            let mut started = modes.clone();
            started.input_modes.remove(InputModes::IXON);
            let _ = tcsetattr(io::stdout(), OptionalActions::Now, &started);
            let _ = tcsetattr(io::stdout(), OptionalActions::Now, modes);
        }
        self.lines.latest(b"");
        self.lines.line(&[LEAVE.as_bytes()]);
        self.output.announced();
    }
}

/// The keys that are pressed from now on, if there is a keyboard.
pub(super) fn keys() -> mpsc::Receiver<u8> {
    let (pressed, keys) = mpsc::channel(1);
    if io::stdin().is_terminal() {
        // It ends with the process: there is no other way out of a read. Without it there is still Ctrl-C.
        let _ = thread::Builder::new().name("keys".to_owned()).spawn(move || {
            let mut key = [0];
            while io::stdin().read_exact(&mut key).is_ok() && pressed.blocking_send(key[0]).is_ok() {}
        });
    }
    keys
}
