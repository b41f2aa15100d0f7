//! The boundary lines between parts.

use eyelet_hal::{Error, ErrorKind, Result};

/// White space allowed after a boundary, in bytes.
const MAX_PADDING: usize = 256;

/// The start of a boundary line, including the two dashes.
#[derive(Debug)]
pub(super) struct Delimiter {
    line: Vec<u8>,
    /// The boundary without its leading dashes. Servers disagree on whether the dashes of the line are
    /// part of the boundary in `Content-Type`; the first line decides.
    core: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// A part follows.
    Boundary,
    /// Nothing follows.
    Closing,
}

/// A boundary line after a body.
#[derive(Debug)]
pub(super) struct Found {
    /// The length of the body; the line end before the boundary line is not part of it.
    pub(super) body: usize,
    /// The end of the boundary line.
    pub(super) end: usize,
    pub(super) line: Line,
}

enum Match {
    No,
    /// Undecided until more bytes arrive.
    Perhaps,
    Yes(usize, Line),
}

impl Delimiter {
    /// The delimiter given in a `Content-Type`.
    pub(super) fn of(content_type: &str) -> Result<Self> {
        let unusable = |why: &str| {
            let content_type: String = content_type.chars().take(100).collect();
            Error::new(ErrorKind::Unsupported, format!("{content_type:?} {why}"))
        };
        let (kind, parameters) = content_type.split_once(';').unwrap_or((content_type, ""));
        if !kind.trim_start().get(..10).is_some_and(|kind| kind.eq_ignore_ascii_case("multipart/")) {
            return Err(unusable(
                "is not multipart/x-mixed-replace; is this the address of an MJPEG stream?",
            ));
        }
        let boundary = parameter(parameters, "boundary").unwrap_or_default();
        let core = boundary.trim_start_matches('-').as_bytes().to_vec();
        if core.is_empty() {
            return Err(unusable("names no boundary"));
        }
        Ok(Self { line: [b"--", &core[..]].concat(), core })
    }

    /// Whether `line` begins like a boundary line.
    pub(super) fn begins(&self, line: &[u8]) -> bool {
        line.starts_with(&self.line)
    }

    /// The end of the first boundary line of a stream. `searched` advances to where the search must resume.
    pub(super) fn find_first(&mut self, buffer: &[u8], searched: &mut usize) -> Option<(usize, Line)> {
        let (_, end, line) = find_line(buffer, searched, |rest| {
            let dashes = rest.iter().take(MAX_PADDING).take_while(|&&b| b == b'-').count();
            if dashes < 2 && dashes < rest.len() {
                return Match::No;
            }
            // All other lines begin as the first one does.
            self.line = [&rest[..dashes], &self.core].concat();
            boundary_line(rest, &self.line)
        })?;
        Some((end, line))
    }

    /// The next boundary line; it starts the buffer or follows a line end. `searched` advances to where the
    /// search must resume.
    pub(super) fn find(&self, buffer: &[u8], searched: &mut usize) -> Option<Found> {
        let (start, end, line) = find_line(buffer, searched, |rest| boundary_line(rest, &self.line))?;
        Some(Found { body: trim_line_end(&buffer[..start]).len(), end, line })
    }
}

/// Without its line end, if there is one.
pub(super) fn trim_line_end(bytes: &[u8]) -> &[u8] {
    bytes.strip_suffix(b"\n").map_or(bytes, |bytes| bytes.strip_suffix(b"\r").unwrap_or(bytes))
}

/// The first line that `test` accepts: its start, its end, and its kind.
fn find_line(
    buffer: &[u8],
    searched: &mut usize,
    mut test: impl FnMut(&[u8]) -> Match,
) -> Option<(usize, usize, Line)> {
    loop {
        let start = *searched;
        let rest = &buffer[start..];
        if start == 0 || buffer[start - 1] == b'\n' {
            match test(rest) {
                Match::Yes(end, line) => return Some((start, start + end, line)),
                Match::Perhaps => return None,
                Match::No => {}
            }
        }
        let line_end = rest.iter().position(|&b| b == b'\n');
        *searched = line_end.map_or(buffer.len(), |at| start + at + 1);
        line_end?;
    }
}

/// Whether `bytes`, which start at the start of a line, begin with a boundary line, and where that line ends.
fn boundary_line(bytes: &[u8], delimiter: &[u8]) -> Match {
    let common = bytes.len().min(delimiter.len());
    if bytes[..common] != delimiter[..common] {
        return Match::No;
    }
    let rest = &bytes[common..];
    if rest.starts_with(b"--") {
        return Match::Yes(common + 2, Line::Closing);
    }
    let padding = rest.iter().take_while(|&&b| b == b' ' || b == b'\t').count();
    match &rest[padding..] {
        _ if padding > MAX_PADDING => Match::No,
        [b'\n', ..] => Match::Yes(common + padding + 1, Line::Boundary),
        [b'\r', b'\n', ..] => Match::Yes(common + padding + 2, Line::Boundary),
        [] | [b'\r'] => Match::Perhaps,
        [b'-'] if padding == 0 => Match::Perhaps,
        _ => Match::No,
    }
}

/// The value of a parameter in `; name=value; name="value"`.
fn parameter(mut text: &str, name: &str) -> Option<String> {
    loop {
        let (key, rest) = text.split_once('=')?;
        let rest = rest.trim_start();
        let (value, after) = match rest.strip_prefix('"') {
            Some(quoted) => unquote(quoted)?,
            None => {
                let end = rest.find(';').unwrap_or(rest.len());
                (rest[..end].trim_end().to_string(), &rest[end..])
            }
        };
        // A parameter without a value may stand before this one.
        let key = key.rsplit(';').next().unwrap_or_default();
        if key.trim().eq_ignore_ascii_case(name) {
            return Some(value);
        }
        text = after.trim_start().trim_start_matches(';');
    }
}

/// The text before the closing quote, and the text after it.
fn unquote(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => value.push(chars.next()?.1),
            c => value.push(c),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boundary_is_read_from_any_content_type() {
        for (text, want) in [
            ("multipart/x-mixed-replace; boundary=frame", "--frame"),
            ("multipart/x-mixed-replace;boundary=--frame", "--frame"),
            ("Multipart/X-Mixed-Replace; charset=utf-8; BOUNDARY=\"a;b =\\\"c\"; x=y", "--a;b =\"c"),
            ("multipart/mixed; x; boundary= frame ; y", "--frame"),
            (" multipart/x-mixed-replace; x=\"boundary=no\"; boundary=yes", "--yes"),
        ] {
            let delimiter = Delimiter::of(text).unwrap();
            assert_eq!(String::from_utf8(delimiter.line).unwrap(), want, "{text}");
        }
        for text in [
            "",
            "text/html",
            "image/jpeg; boundary=frame",
            "multipart/x-mixed-replace",
            "multipart/x-mixed-replace; boundary=",
            "multipart/x-mixed-replace; boundary=--",
            "multipart/x-mixed-replace; boundary=\"frame",
            "multipart/é",
        ] {
            assert_eq!(Delimiter::of(text).unwrap_err().kind(), ErrorKind::Unsupported, "{text}");
        }
    }
}
