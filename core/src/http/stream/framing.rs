//! How pictures follow each other on the wire: `multipart/x-mixed-replace` with `boundary=frame`.
//!
//! The next boundary follows each picture at once, so no client waits for the next frame to see this one.
//! Chromium goes further and paints an `<img>` only when the next part's whole header block is there
//! (crbug 527446); a browser that paints by itself therefore gets that block in advance, and then without the next
//! picture's length, which is not known yet. All other clients get lengths: without, libavformat waits for the next frame.

use crate::feed::{Picture, PictureKind, Timestamp};
use hyper::HeaderMap;
use std::{io::Write as _, ops::Range};

/// The answer to `GET /stream` and `GET /events`, but for its type and its empty line. HTTP/1.0 ends with the connection and is never
/// chunked, which every recorder understands. nginx would buffer a slow viewer's pictures, and send old ones.
const HEAD: &[u8] = b"HTTP/1.0 200 OK\r\n\
    Cache-Control: no-store\r\n\
    Pragma: no-cache\r\n\
    Connection: close\r\n\
    X-Accel-Buffering: no\r\n";

/// The stream's type.
pub(in crate::http) const CONTENT_TYPE: &str = "multipart/x-mixed-replace; boundary=frame";

/// The stream's type for scripts that ask for it: WebKit's `fetch` gives none of the bytes of [`CONTENT_TYPE`].
pub(super) const BYTES: &str = "application/octet-stream";

/// The type of the stream for a request with this `Accept` header.
pub(in crate::http) fn content_type(accept: &str) -> &'static str {
    if accept.to_ascii_lowercase().contains(BYTES) { BYTES } else { CONTENT_TYPE }
}

const BOUNDARY: &[u8] = b"--frame\r\n";
const BARE_HEADERS: &[u8] = b"Content-Type: image/jpeg\r\n\r\n";

/// What follows each picture: the next boundary and, where they are sent in advance, the next headers.
pub(super) const TAIL: &[u8] = b"\r\n--frame\r\nContent-Type: image/jpeg\r\n\r\n";

/// The headers of a part that is described.
pub(super) fn headers(picture: &Picture) -> Vec<u8> {
    let mut headers = Vec::with_capacity(128);
    let signal = if picture.kind == PictureKind::NoSignal { "X-Signal: none\r\n" } else { "" };
    // Writing to a Vec cannot fail.
    let _ = write!(
        headers,
        "Content-Type: image/jpeg\r\nContent-Length: {}\r\nX-Timestamp: {}\r\nX-Sequence: {}\r\n{signal}\r\n",
        picture.jpeg.len(),
        Timestamp(picture.label.captured_at),
        picture.label.sequence,
    );
    headers
}

/// What a viewer needs to show a picture as soon as it is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) enum Framing {
    /// Each part's headers, with its length, time and number, come with it.
    Described,
    /// The next part's headers come in advance.
    Advance,
}

impl Framing {
    /// The framing for a request with this `Accept` header: a browser's `<img>` names `image/`, its address bar
    /// `text/html`; `fetch`, ffmpeg, curl and the rest send `*/*` or nothing.
    pub(in crate::http) fn for_accept(accept: &str) -> Self {
        let accept = accept.to_ascii_lowercase();
        if accept.contains("image/") || accept.contains("text/html") {
            Self::Advance
        } else {
            Self::Described
        }
    }

    /// What comes before the first part of a stream of this type, with these headers beside the usual.
    pub(super) fn opening(self, content_type: &str, headers: &HeaderMap) -> Vec<u8> {
        let mut bytes = head(content_type, headers);
        bytes.extend_from_slice(BOUNDARY);
        if self == Self::Advance {
            bytes.extend_from_slice(BARE_HEADERS);
        }
        bytes
    }

    /// Which of a part's bytes (its [`headers`], the picture, [`TAIL`]) such a viewer gets: up to where the next
    /// part's own bytes begin.
    pub(super) fn range(self, headers: usize, picture: usize) -> Range<usize> {
        match self {
            Self::Described => 0..headers + picture + TAIL.len() - BARE_HEADERS.len(),
            Self::Advance => headers..headers + picture + TAIL.len(),
        }
    }
}

/// The head of an answer of this type that ends with its connection, with these headers beside the usual.
pub(in crate::http) fn head(content_type: &str, headers: &HeaderMap) -> Vec<u8> {
    let mut bytes = [HEAD, b"Content-Type: ", content_type.as_bytes(), b"\r\n"].concat();
    // A browser may refuse a picture with it that another site's page shows.
    if content_type != CONTENT_TYPE {
        bytes.extend_from_slice(b"X-Content-Type-Options: nosniff\r\n");
    }
    for (name, value) in headers {
        bytes.extend(title_case(name.as_str()));
        bytes.extend_from_slice(&[b": ", value.as_bytes(), b"\r\n"].concat());
    }
    bytes.extend_from_slice(b"\r\n");
    bytes
}

/// As hyper writes the header names of all other answers: some clients know no other spelling.
fn title_case(name: &str) -> impl Iterator<Item = u8> {
    let mut before = b'-';
    name.bytes().map(move |byte| {
        let first = std::mem::replace(&mut before, byte) == b'-';
        if first { byte.to_ascii_uppercase() } else { byte }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use std::time::Duration;

    fn picture() -> Picture {
        let mut picture = Picture { jpeg: Bytes::from_static(b"JPEG"), ..Picture::example(7) };
        picture.label.captured_at = Duration::new(1_700_000_000, 1_234_999);
        picture
    }

    fn wire(framing: Framing) -> String {
        let picture = picture();
        let headers = headers(&picture);
        let part = [&headers, &*picture.jpeg, TAIL].concat();
        let mut bytes = framing.opening(CONTENT_TYPE, &HeaderMap::new());
        bytes.extend_from_slice(&part[framing.range(headers.len(), picture.jpeg.len())]);
        String::from_utf8(bytes).unwrap().split_once("\r\n\r\n").unwrap().1.to_owned()
    }

    #[test]
    fn described_part_has_its_headers_and_the_next_boundary() {
        assert_eq!(
            wire(Framing::Described),
            "--frame\r\nContent-Type: image/jpeg\r\nContent-Length: 4\r\nX-Timestamp: 1700000000.001234\r\n\
             X-Sequence: 7\r\n\r\nJPEG\r\n--frame\r\n"
        );
    }

    #[test]
    fn part_without_signal_has_the_header_x_signal() {
        let drawn = headers(&Picture { kind: PictureKind::NoSignal, ..picture() });
        let drawn = String::from_utf8(drawn).unwrap();
        let live = String::from_utf8(headers(&picture())).unwrap();
        assert_eq!(
            drawn,
            format!("{}X-Signal: none\r\n\r\n", live.trim_end_matches("\r\n").to_owned() + "\r\n")
        );
    }

    #[test]
    fn content_type_is_octet_stream_only_if_accepted_by_name() {
        for (accept, kind) in [
            ("application/octet-stream", BYTES),
            ("text/plain, Application/Octet-Stream;q=0.5", BYTES),
            ("*/*", CONTENT_TYPE),
            ("", CONTENT_TYPE),
            ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", CONTENT_TYPE),
        ] {
            assert_eq!(content_type(accept), kind, "{accept}");
        }
    }

    #[test]
    fn header_names_are_in_title_case() {
        let names = ["access-control-allow-origin", "x-accel-buffering", "vary", "etag"];
        let cased = names.map(|name| String::from_utf8(title_case(name).collect()).unwrap());
        assert_eq!(cased, ["Access-Control-Allow-Origin", "X-Accel-Buffering", "Vary", "Etag"]);
    }

    #[test]
    fn part_in_advance_is_followed_by_whole_headers() {
        assert_eq!(
            wire(Framing::Advance),
            "--frame\r\nContent-Type: image/jpeg\r\n\r\nJPEG\r\n--frame\r\nContent-Type: image/jpeg\r\n\r\n"
        );
    }

    #[test]
    fn framing_in_advance_is_for_browsers_alone() {
        for accept in [
            "image/avif,image/webp,image/png,image/svg+xml,image/*;q=0.8,*/*;q=0.5",
            "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
            "IMAGE/*",
        ] {
            assert_eq!(Framing::for_accept(accept), Framing::Advance, "{accept}");
        }
        for accept in ["", "*/*", "multipart/x-mixed-replace"] {
            assert_eq!(Framing::for_accept(accept), Framing::Described, "{accept}");
        }
    }
}
