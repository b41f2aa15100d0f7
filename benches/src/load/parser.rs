//! `multipart/x-mixed-replace` as it arrives: a picture with a `Content-Length` is neither copied nor kept.

use super::body::{Body, Verdict};
use std::time::Duration;

/// The longest head or header line.
const MAX_LINE: usize = 16 * 1024;

/// The longest picture without a length.
const MAX_UNTOLD: usize = 16 << 20;

/// A part that has come as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) verdict: Verdict,
    /// `X-Sequence`.
    pub(super) sequence: Option<u64>,
    /// `X-Timestamp`, wall clock.
    pub(super) timestamp: Option<Duration>,
}

/// A stream of which some bytes have come.
#[derive(Debug, Default)]
pub(super) struct Parser {
    stage: Stage,
    /// Two dashes and what the head named.
    boundary: Vec<u8>,
    /// The beginning of a line, or a body without a length.
    held: Vec<u8>,
    length: Option<usize>,
    sequence: Option<u64>,
    timestamp: Option<Duration>,
}

#[derive(Debug, Default)]
enum Stage {
    #[default]
    Status,
    Head,
    /// Between a body and the next boundary line, or before the first.
    Between,
    Header,
    Body(Body, usize),
    /// Until the boundary; so much has been searched.
    Unsized(usize),
    Ended,
}

impl Parser {
    /// Takes what came, and calls `part` for each part that is whole now.
    ///
    /// # Errors
    /// Why this is no stream of pictures.
    pub(super) fn take(&mut self, mut bytes: &[u8], part: &mut impl FnMut(Part)) -> Result<(), String> {
        while !bytes.is_empty() {
            match &mut self.stage {
                Stage::Ended => return Ok(()),
                Stage::Body(body, left) => {
                    let (now, rest) = bytes.split_at(bytes.len().min(*left));
                    body.take(now);
                    *left -= now.len();
                    bytes = rest;
                    if *left == 0 {
                        let body = std::mem::take(body);
                        part(self.whole(body));
                    }
                }
                Stage::Unsized(searched) => {
                    self.held.extend_from_slice(bytes);
                    let end = [b"\r\n", &self.boundary[..]].concat();
                    let Some(at) = memchr::memmem::find(&self.held[*searched..], &end) else {
                        *searched = (self.held.len() + 1).saturating_sub(end.len());
                        if self.held.len() > MAX_UNTOLD {
                            return Err("a part without an end".to_owned());
                        }
                        return Ok(());
                    };
                    let rest = self.held.split_off(*searched + at);
                    let mut body = Body::default();
                    body.take(&self.held);
                    self.held.clear();
                    part(self.whole(body));
                    return self.take(&rest, part);
                }
                Stage::Status | Stage::Head | Stage::Between | Stage::Header => {
                    let Some(end) = memchr::memchr(b'\n', bytes) else {
                        self.held.extend_from_slice(bytes);
                        return if self.held.len() > MAX_LINE {
                            Err("an endless line".to_owned())
                        } else {
                            Ok(())
                        };
                    };
                    let (line, rest) = bytes.split_at(end + 1);
                    bytes = rest;
                    if self.held.is_empty() {
                        self.line(line)?;
                    } else {
                        let mut held = std::mem::take(&mut self.held);
                        held.extend_from_slice(line);
                        self.line(&held)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn whole(&mut self, body: Body) -> Part {
        self.stage = Stage::Between;
        self.length = None;
        Part { verdict: body.verdict(), sequence: self.sequence.take(), timestamp: self.timestamp.take() }
    }

    fn line(&mut self, line: &[u8]) -> Result<(), String> {
        let line = line.trim_ascii_end();
        match self.stage {
            Stage::Status => {
                let text = String::from_utf8_lossy(line);
                if !text.starts_with("HTTP/1.") || text.split(' ').nth(1) != Some("200") {
                    return Err(text.into_owned());
                }
                self.stage = Stage::Head;
            }
            Stage::Head if line.is_empty() => {
                if self.boundary.is_empty() {
                    return Err("no Content-Type with a boundary".to_owned());
                }
                self.stage = Stage::Between;
            }
            Stage::Head => self.head(&String::from_utf8_lossy(line))?,
            Stage::Between => {
                if let Some(rest) = line.strip_prefix(&self.boundary[..]) {
                    self.stage = if rest.starts_with(b"--") { Stage::Ended } else { Stage::Header };
                }
            }
            Stage::Header if line.is_empty() => {
                self.stage = match self.length {
                    Some(length) if length > 0 => Stage::Body(Body::default(), length),
                    Some(_) => return Err("an empty part".to_owned()),
                    None => Stage::Unsized(0),
                };
            }
            Stage::Header => {
                // Some servers write their boundary twice.
                if let Some((name, value)) =
                    std::str::from_utf8(line).ok().and_then(|line| line.split_once(':'))
                {
                    self.header(name, value.trim());
                }
            }
            Stage::Body(..) | Stage::Unsized(_) | Stage::Ended => {}
        }
        Ok(())
    }

    fn head(&mut self, line: &str) -> Result<(), String> {
        let Some((name, value)) = line.split_once(':') else { return Ok(()) };
        if name.eq_ignore_ascii_case("transfer-encoding") {
            return Err(format!("{line}: not understood"));
        }
        if name.eq_ignore_ascii_case("content-type")
            && let Some((_, boundary)) = value.split_once("boundary=")
        {
            let boundary = boundary.split(';').next().unwrap_or_default().trim().trim_matches('"');
            // Some servers name it with the dashes of the line.
            self.boundary = format!("--{}", boundary.trim_start_matches('-')).into_bytes();
        }
        Ok(())
    }

    fn header(&mut self, name: &str, value: &str) {
        if name.eq_ignore_ascii_case("content-length") {
            self.length = value.parse().ok();
        } else if name.eq_ignore_ascii_case("x-sequence") {
            self.sequence = value.parse().ok();
        } else if name.eq_ignore_ascii_case("x-timestamp") {
            // A double has a quarter of a microsecond at the present time.
            self.timestamp = value.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stamp::Stamp;
    use proptest::prelude::*;

    fn jpeg(number: u64) -> Vec<u8> {
        Stamp::put(number, b"\xff\xd8\r\n--fram\r\n\r\nbody\r\n\xff\xd9")
    }

    fn stream(lengths: bool) -> Vec<u8> {
        let mut bytes = b"HTTP/1.0 200 OK\r\nServer: x\r\nContent-Type: multipart/x-mixed-replace;boundary=--frame\r\n\r\n".to_vec();
        bytes.extend_from_slice(b"--frame\r\n");
        for number in 0..3 {
            let body = jpeg(number);
            bytes.extend_from_slice(b"Content-Type: image/jpeg\r\n");
            if lengths {
                bytes.extend_from_slice(format!("Content-Length: {}\r\n", body.len()).as_bytes());
            }
            bytes.extend_from_slice(
                format!("X-Timestamp: 17.5\r\nX-Sequence: {}\r\n\r\n", number + 40).as_bytes(),
            );
            bytes.extend_from_slice(&body);
            bytes.extend_from_slice(b"\r\n--frame\r\n");
        }
        bytes
    }

    fn parts<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Result<Vec<Part>, String> {
        let (mut parser, mut parts) = (Parser::default(), Vec::new());
        pieces.into_iter().try_for_each(|piece| parser.take(piece, &mut |part| parts.push(part)))?;
        Ok(parts)
    }

    proptest! {
        #[test]
        fn stream_is_parsed_alike_in_any_pieces(cuts in prop::collection::vec(0usize..450, 0..6), lengths: bool) {
            let bytes = stream(lengths);
            let mut cuts: Vec<usize> = cuts.into_iter().filter(|&cut| cut < bytes.len()).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let found = parts(cuts.windows(2).map(|cut| &bytes[cut[0]..cut[1]])).unwrap();
            let whole = |number| Part {
                verdict: Verdict::Good(Stamp::of(&jpeg(number))),
                sequence: Some(number + 40),
                timestamp: Some(Duration::from_millis(17_500)),
            };
            prop_assert_eq!(found, [0, 1, 2].map(whole));
        }
    }

    #[test]
    fn answer_without_a_stream_is_an_error_with_the_reason() {
        let error = |text: &str| parts([text.as_bytes()]).unwrap_err();
        assert_eq!(error("HTTP/1.1 503 Service Unavailable\r\n"), "HTTP/1.1 503 Service Unavailable");
        assert_eq!(error("HTTP/1.1 200 OK\r\n\r\n"), "no Content-Type with a boundary");
        assert_eq!(
            error("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"),
            "Transfer-Encoding: chunked: not understood"
        );
    }

    #[test]
    fn part_shorter_than_its_length_is_bad() {
        let text = "HTTP/1.1 200 OK\r\nContent-Type: a; boundary=b\r\n\r\n--b\r\nContent-Length: 3\r\n\r\n\u{7f}\u{7f}\u{7f}\r\n--b\r\n";
        let found = parts([text.as_bytes()]).unwrap();
        assert_eq!(found.iter().map(|part| part.verdict).collect::<Vec<_>>(), [Verdict::Bad]);
    }
}
