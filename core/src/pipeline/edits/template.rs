//! Text with placeholders: `{name} {time:%F %T}`.

use crate::{
    feed::{Label, Utc},
    hostname::hostname,
};
use eyelet_hal::{Error, ErrorKind, Result};
use std::{fmt::Write as _, time::Duration};

const PLACES: &str =
    "{name}, {host}, {sequence}, {time}, {time:FORMAT} or {time+HH:MM:FORMAT}, and {{ for a brace";
const LETTERS: &str = "%F %T %Y %m %d %H %M %S %L (milliseconds) %y %R %s %z or %%";
/// Of `{time}`.
const DEFAULT_TIME: &str = "%F %T";

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    /// The camera's.
    Name,
    Sequence,
    /// With the minutes that the clock is ahead of UTC.
    Time(String, i32),
}

/// A text with places for what differs from picture to picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Template(Vec<Piece>);

impl Template {
    /// # Errors
    /// `InvalidInput` with what there is, for a placeholder or a letter of a time that there is not.
    pub(super) fn parse(text: &str) -> Result<Self> {
        // As an editor of another system ends the lines of a configuration file.
        let text = text.replace("\r\n", "\n");
        let refuse = |why: String, remedy: String| {
            let what = format!("cannot write {text:?} on pictures: {why}");
            Err(Error::new(ErrorKind::InvalidInput, what).with_remedy(remedy))
        };
        if text.trim().is_empty() {
            return refuse(
                "it is empty".to_owned(),
                "a text has at least one character that can be seen".to_owned(),
            );
        }
        if text.contains(|c: char| c.is_control() && c != '\n') {
            return refuse(
                "it has control characters".to_owned(),
                "remove tabs and the like; lines are kept apart by newlines alone".to_owned(),
            );
        }
        let mut pieces = Vec::new();
        let mut rest = text.as_str();
        while let Some(at) = rest.find(['{', '}']) {
            let (before, brace) = rest.split_at(at);
            push(&mut pieces, before);
            if brace.starts_with("{{") || brace.starts_with("}}") {
                push(&mut pieces, &brace[..1]);
                rest = &brace[2..];
                continue;
            }
            let Some((place, after)) = brace.strip_prefix('{').and_then(|brace| brace.split_once('}')) else {
                return refuse("a brace has no partner".to_owned(), "write {{ or }} for a brace".to_owned());
            };
            match place {
                "name" => pieces.push(Piece::Name),
                "sequence" => pieces.push(Piece::Sequence),
                "host" => push(&mut pieces, hostname().as_deref().unwrap_or("localhost")),
                _ => match time(place) {
                    Some(Ok(time)) => pieces.push(time),
                    Some(Err(letter)) => {
                        let letter = letter.escape_debug();
                        return refuse(format!("unknown %{letter} in a time"), format!("use {LETTERS}"));
                    }
                    None => {
                        let place = place.escape_debug();
                        return refuse(format!("unknown placeholder {{{place}}}"), format!("use {PLACES}"));
                    }
                },
            }
            rest = after;
        }
        push(&mut pieces, rest);
        Ok(Self(pieces))
    }

    /// The text of a picture, in a buffer that is used again and again.
    pub(super) fn fill(&self, text: &mut String, name: &str, label: &Label) {
        text.clear();
        for piece in &self.0 {
            match piece {
                Piece::Text(piece) => text.push_str(piece),
                Piece::Name => text.push_str(name),
                Piece::Sequence => _ = write!(text, "{}", label.sequence),
                Piece::Time(format, ahead) => write_time(text, format, label.captured_at, *ahead),
            }
        }
    }
}

/// Adds to the text before, if there is one.
fn push(pieces: &mut Vec<Piece>, text: &str) {
    match pieces.last_mut() {
        _ if text.is_empty() => {}
        Some(Piece::Text(before)) => before.push_str(text),
        _ => pieces.push(Piece::Text(text.to_owned())),
    }
}

/// `time`, `time:%F`, `time+02:00` or `time+02:00:%F`; `None` for anything else, and the letter that there is not.
fn time(place: &str) -> Option<std::result::Result<Piece, String>> {
    let mut rest = place.strip_prefix("time")?;
    let mut ahead = 0;
    if let Some(sign) = rest.chars().next().filter(|sign| "+-".contains(*sign)) {
        let (hours, minutes) = rest.get(1..6)?.split_once(':')?;
        let number = |digits: &str, end: i32| {
            let number = digits.parse().ok().filter(|number| (0..end).contains(number))?;
            (digits.len() == 2 && !digits.starts_with('+')).then_some(number)
        };
        ahead = number(hours, 24)? * 60 + number(minutes, 60)?;
        ahead = if sign == '-' { -ahead } else { ahead };
        rest = &rest[6..];
    }
    let format = match rest.strip_prefix(':') {
        Some(format) => Some(format).filter(|format| !format.is_empty() && !format.contains('{'))?,
        None => Some(DEFAULT_TIME).filter(|_| rest.is_empty())?,
    };
    let mut letters = format.split('%').skip(1);
    while let Some(part) = letters.next() {
        let letter = part.chars().next();
        match letter {
            Some(letter) if "FTYmdHMSLyRsz".contains(letter) => {}
            // The second of two.
            None if letters.next().is_some() => {}
            letter => return Some(Err(letter.map(String::from).unwrap_or_default())),
        }
    }
    Some(Ok(Piece::Time(format.to_owned(), ahead)))
}

/// Writes a time as a clock shows it that is so many minutes ahead of UTC.
fn write_time(text: &mut String, format: &str, at: Duration, ahead: i32) {
    let shift = Duration::from_secs(u64::from(ahead.unsigned_abs()) * 60);
    let shown = if ahead < 0 { at.saturating_sub(shift) } else { at.saturating_add(shift) };
    let Utc { year, month, day, hour, minute, second } = Utc::from_unix(shown);
    let mut characters = format.chars();
    while let Some(character) = characters.next() {
        let letter = if character == '%' { characters.next() } else { None };
        // Writing to a string cannot fail.
        _ = match letter {
            None => write!(text, "{character}"),
            Some('F') => write!(text, "{year:04}-{month:02}-{day:02}"),
            Some('T') => write!(text, "{hour:02}:{minute:02}:{second:02}"),
            Some('R') => write!(text, "{hour:02}:{minute:02}"),
            Some('Y') => write!(text, "{year:04}"),
            Some('y') => write!(text, "{:02}", year % 100),
            Some('m') => write!(text, "{month:02}"),
            Some('d') => write!(text, "{day:02}"),
            Some('H') => write!(text, "{hour:02}"),
            Some('M') => write!(text, "{minute:02}"),
            Some('S') => write!(text, "{second:02}"),
            Some('L') => write!(text, "{:03}", at.subsec_millis()),
            Some('s') => write!(text, "{}", at.as_secs()),
            Some('z') => {
                let (sign, ahead) = (if ahead < 0 { '-' } else { '+' }, ahead.unsigned_abs());
                write!(text, "{sign}{:02}{:02}", ahead / 60, ahead % 60)
            }
            Some(letter) => write!(text, "{letter}"),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::feed::RunId;

    fn filled(template: &str) -> String {
        let label =
            Label { run: RunId::new(7), sequence: 42, captured_at: Duration::from_millis(1_795_696_805_067) };
        let mut text = "of the picture before".to_owned();
        Template::parse(template).unwrap().fill(&mut text, "roof", &label);
        text
    }

    #[test]
    fn text_has_what_is_known_of_the_picture() {
        for (template, want) in [
            ("{name} {time:%F %T}", "roof 2026-11-26 12:40:05"),
            ("{time}", "2026-11-26 12:40:05"),
            (
                "{time:%Y/%m/%d %H.%M.%S,%L %y %R %s %z 100%%}",
                "2026/11/26 12.40.05,067 26 12:40 1795696805 +0000 100%",
            ),
            ("{time+13:30:%F %T.%L %z}", "2026-11-27 02:10:05.067 +1330"),
            ("{time-12:45}", "2026-11-25 23:55:05"),
            ("{time:.}{time:%%%%H}", ".%%H"),
            ("#{sequence}\n{{{name}}} }}{{", "#42\n{roof} }{"),
            ("Einfahrt süd", "Einfahrt süd"),
            ("a\r\nb", "a\nb"),
        ] {
            assert_eq!(filled(template), want, "{template}");
        }
        assert!(!filled("{host}").is_empty() && !filled("{host}").contains(char::is_whitespace));
    }

    #[test]
    fn text_that_cannot_be_filled_in_is_refused_with_what_can() {
        for (template, why) in [
            ("", "it is empty; a text has"),
            (" \n ", "it is empty; a text has"),
            ("a\tb", "it has control characters; remove"),
            ("a\rb", "it has control characters; remove"),
            ("{nmae}", "unknown placeholder {nmae}; use {name}, {host}, "),
            ("{}", "unknown placeholder {}; use "),
            ("{timeless}", "unknown placeholder {timeless}; use "),
            ("{time+2:00:%F}", "unknown placeholder {time+2:00:%F}; use "),
            ("{time+24:00}", "unknown placeholder {time+24:00}; use "),
            ("{time+é:00}", "unknown placeholder {time+é:00}; use "),
            ("{time:}", "unknown placeholder {time:}; use "),
            ("{time+02:00:}", "unknown placeholder {time+02:00:}; use "),
            ("{time:{{%T}}}", "unknown placeholder {time:{{%T}; use "),
            ("{time+02:00%F}", "unknown placeholder {time+02:00%F}; use "),
            ("{time:%F %Q}", "unknown %Q in a time; use %F %T "),
            ("{time:%F %}", "unknown % in a time; use %F %T "),
            ("{time:%é}", "unknown %é in a time; use %F %T "),
            ("{time:%\u{202e}}", "unknown %\\u{202e} in a time; use "),
            ("{\u{202e}}", "unknown placeholder {\\u{202e}}; use "),
            ("{name", "a brace has no partner; write {{ or }} "),
            ("name}", "a brace has no partner; "),
        ] {
            let error = Template::parse(template).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            let text = error.to_string();
            assert!(text.contains(why), "{text}");
        }
    }
}
