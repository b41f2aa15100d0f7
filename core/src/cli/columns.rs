//! How much of a text a terminal's line has room for.

use rustix::termios::tcgetwinsize;
use std::os::fd::AsFd;

/// Columns and rows of a terminal.
pub(super) fn size(terminal: &impl AsFd) -> (usize, usize) {
    // A terminal that does not know its size says 0.
    let known = |side: u16, usual| if side == 0 { usual } else { usize::from(side) };
    tcgetwinsize(terminal).map_or((80, 24), |size| (known(size.ws_col, 80), known(size.ws_row, 24)))
}

/// How many bytes of a text fit into so many columns.
pub(super) fn fitting(text: &str, columns: usize) -> usize {
    let mut left = columns;
    let end = text.char_indices().find(|&(_, c)| match left.checked_sub(width(c)) {
        Some(rest) => {
            left = rest;
            false
        }
        None => true,
    });
    end.map_or(text.len(), |(end, _)| end)
}

/// The most columns that a character takes.
pub(super) fn width(c: char) -> usize {
    if c.is_ascii() { 1 } else { 2 }
}
