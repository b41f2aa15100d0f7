//! A reader of `multipart/x-mixed-replace`, the framing of MJPEG over HTTP, as strict as needed and as tolerant as
//! real cameras demand.
//!
//! It accepts bytes as they arrive, split anywhere, and returns parts: by `Content-Length` if a part has one, otherwise
//! up to the next boundary line. It does no I/O and never buffers more than one part and the bytes pushed last.
//!
//! ```
//! use eyelet_core::multipart::Reader;
//! # fn main() -> eyelet_hal::Result<()> {
//! let mut reader = Reader::new("multipart/x-mixed-replace; boundary=frame")?;
//! reader.push(b"--frame\r\nContent-Type: image/jpeg\r\nX-Sequence: 7\r\nContent-Length: 4\r\n\r\n\xff\xd8");
//! assert_eq!(reader.next_part()?, None); // not all there yet
//! reader.push(b"\xff\xd9\r\n--frame\r\n");
//! let part = reader.next_part()?.unwrap();
//! assert_eq!((part.sequence, &part.body[..]), (Some(7), &b"\xff\xd8\xff\xd9"[..]));
//! # Ok(())
//! # }
//! ```

mod boundary;
mod header;

use boundary::{Delimiter, Found, Line, trim_line_end};
use bytes::{Buf, Bytes, BytesMut};
use eyelet_hal::{Error, ErrorKind, Result};
use header::Header;
use std::time::Duration;

/// One part: for a camera stream, one picture.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Part {
    /// `Content-Type`, as written.
    pub content_type: Option<String>,
    /// `X-Timestamp`, since 1970-01-01 UTC.
    pub timestamp: Option<Duration>,
    /// `X-Sequence`.
    pub sequence: Option<u64>,
    /// The part's content.
    pub body: Bytes,
}

/// How much a stream may make its reader buffer, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// For the header block of a part, and for anything before the first boundary: 16 KiB.
    pub header: usize,
    /// For the body of a part: 32 MiB.
    pub body: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { header: 16 * 1024, body: 32 * 1024 * 1024 }
    }
}

/// The reader of one stream.
#[derive(Debug)]
pub struct Reader {
    delimiter: Delimiter,
    limits: Limits,
    buffer: BytesMut,
    /// Everything before this has been searched, so that no byte is searched repeatedly.
    searched: usize,
    state: State,
}

#[derive(Debug)]
enum State {
    /// Before the first boundary.
    Preamble,
    /// In a header block.
    Header,
    /// In a body whose length is known.
    Sized(Header, usize),
    /// In a body that ends with a boundary line.
    Open(Header),
    /// After a body whose length was known.
    Between,
    /// After the closing boundary, or after an error: nothing follows.
    End,
}

impl Reader {
    /// A reader for a response with this `Content-Type`, with the default [`Limits`].
    ///
    /// # Errors
    /// `Unsupported` when it is not `multipart/...`, or has no boundary.
    pub fn new(content_type: &str) -> Result<Self> {
        Self::with_limits(content_type, Limits::default())
    }

    /// A reader with these limits.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with_limits(content_type: &str, limits: Limits) -> Result<Self> {
        let delimiter = Delimiter::of(content_type)?;
        Ok(Self { delimiter, limits, buffer: BytesMut::new(), searched: 0, state: State::Preamble })
    }

    /// Takes more of the stream. Call [`next_part`](Self::next_part) until it returns `None` before pushing again.
    pub fn push(&mut self, bytes: &[u8]) {
        if !self.is_finished() {
            self.buffer.extend_from_slice(bytes);
        }
    }

    /// The next part, once it is complete.
    ///
    /// # Errors
    /// `CorruptFrame` when a limit is exceeded. The reader is finished then.
    pub fn next_part(&mut self) -> Result<Option<Part>> {
        let part = self.advance();
        if part.is_err() {
            self.end();
        }
        part
    }

    fn advance(&mut self) -> Result<Option<Part>> {
        loop {
            match &mut self.state {
                State::Preamble => {
                    let found = self.delimiter.find_first(&self.buffer, &mut self.searched);
                    within(self.limits.header, self.searched, "what comes before the first picture")?;
                    let Some((end, line)) = found else { return Ok(None) };
                    self.enter_line(end, line);
                }
                State::Header => {
                    let end = header::end(&self.buffer, &mut self.searched);
                    within(self.limits.header, end.unwrap_or(self.buffer.len()), "the header of a picture")?;
                    let Some(end) = end else { return Ok(None) };
                    let header = Header::parse(&self.buffer.split_to(end));
                    within(self.limits.body, header.length.unwrap_or_default(), "a picture")?;
                    self.enter(match header.length {
                        Some(length) => State::Sized(header, length),
                        None => State::Open(header),
                    });
                }
                State::Sized(_, length) if self.buffer.len() < *length => return Ok(None),
                State::Sized(header, length) => {
                    let part = header.part(self.buffer.split_to(*length).freeze());
                    self.enter(State::Between);
                    return Ok(Some(part));
                }
                State::Open(header) => {
                    let found = self.delimiter.find(&self.buffer, &mut self.searched);
                    let len = found.as_ref().map_or(self.searched.saturating_sub(2), |found| found.body);
                    within(self.limits.body, len, "a picture")?;
                    let Some(Found { body, end, line }) = found else { return Ok(None) };
                    let part = header.part(self.buffer.split_to(end).freeze().slice(..body));
                    self.enter_line(0, line);
                    return Ok(Some(part));
                }
                State::Between => {
                    if self.searched == 0 {
                        let line_ends = self.buffer.iter().take_while(|b| matches!(b, b'\r' | b'\n')).count();
                        self.buffer.advance(line_ends);
                    }
                    let found = self.delimiter.find(&self.buffer, &mut self.searched);
                    within(self.limits.body, self.searched, "what comes between two pictures")?;
                    let Some(Found { end, line, .. }) = found else { return Ok(None) };
                    self.enter_line(end, line);
                }
                State::End => return Ok(None),
            }
        }
    }

    /// Marks the end of the stream, and returns the part that ends with it, if a part without `Content-Length` had
    /// begun. Whether such a part is complete cannot be known.
    pub fn finish(&mut self) -> Option<Part> {
        let State::Open(mut header) = std::mem::replace(&mut self.state, State::End) else { return None };
        let body = std::mem::take(&mut self.buffer).freeze();
        // The last boundary may lack its line end.
        let end = if self.delimiter.begins(&body[self.searched..]) { self.searched } else { body.len() };
        let end = trim_line_end(&body[..end]).len();
        (end > 0).then(|| header.part(body.slice(..end)))
    }

    /// Whether the closing boundary has arrived, or an error: no part can follow.
    pub fn is_finished(&self) -> bool {
        matches!(self.state, State::End)
    }

    /// The bytes received of a body that is not complete.
    pub fn unfinished(&self) -> usize {
        match self.state {
            State::Sized(..) | State::Open(_) => self.buffer.len(),
            _ => 0,
        }
    }

    fn enter(&mut self, state: State) {
        self.state = state;
        self.searched = 0;
    }

    /// Continues after a boundary line that ends at `end`.
    fn enter_line(&mut self, end: usize, line: Line) {
        self.buffer.advance(end);
        match line {
            Line::Boundary => self.enter(State::Header),
            Line::Closing => self.end(),
        }
    }

    fn end(&mut self) {
        self.enter(State::End);
        self.buffer = BytesMut::new();
    }
}

fn within(limit: usize, len: usize, what: &str) -> Result<()> {
    if len <= limit {
        return Ok(());
    }
    let message = format!("{what} is longer than {limit} bytes; is it an MJPEG stream?");
    Err(Error::new(ErrorKind::CorruptFrame, message))
}
