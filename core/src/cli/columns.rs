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

/// As much of a line as fits into so many columns, without the number that it ends in where it is cut: that may be half of one.
pub(super) fn cut(text: &str, columns: usize) -> &str {
    match text.split_at(fitting(text, columns)) {
        (all, "") => all,
        (shown, _) => {
            shown.trim_end_matches([' ', ',', '.', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9'])
        }
    }
}

/// The most columns that a character takes, in a terminal that is not set up for East Asia: there some letters of Europe and
/// some signs, of ambiguous width, take two.
pub(super) fn width(c: char) -> usize {
    // The first wide ones, of Unicode's annex 11, are Hangul. What is not wide behind them is seldom in a name.
    if c < '\u{1100}' { 1 } else { 2 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_of_europe_take_one_column_and_those_of_east_asia_two() {
        assert_eq!("Tür é ж".chars().map(width).sum::<usize>(), 7);
        assert_eq!("門 문".chars().map(width).sum::<usize>(), 5);
        assert_eq!((fitting("äöü", 2), fitting("門門", 3)), ("äö".len(), "門".len()));
    }

    #[test]
    fn number_that_would_be_cut_is_left_out() {
        let line = "50 %, 34 s left  125 frames  30.4 fps";
        for (columns, want) in [
            (3, ""),
            (4, "50 %"),
            (7, "50 %"),
            (8, "50 %"),
            (10, "50 %, 34 s"),
            (19, "50 %, 34 s left"),
            (20, "50 %, 34 s left"),
            (26, "50 %, 34 s left  125 frame"),
            (31, "50 %, 34 s left  125 frames"),
            (32, "50 %, 34 s left  125 frames"),
            (35, "50 %, 34 s left  125 frames  30.4 f"),
        ] {
            assert_eq!(cut(line, columns), want, "{columns} columns");
        }
        assert_eq!((cut(line, 80), cut("frame 34", 8), cut("12345", 4)), (line, "frame 34", ""));
    }
}
