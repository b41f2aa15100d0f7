//! Posting one picture after another over one kept-alive connection.

use super::{
    UploadUrl,
    connection::{Connection, broken, first_line},
};
use crate::feed::Picture;
use bytes::Bytes;
use eyelet_hal::{Error, ErrorKind, Result};
use http_body_util::{BodyExt, Full};
use hyper::{
    Method, Request, StatusCode,
    body::Incoming,
    header::{self, HeaderMap},
};
use std::time::Duration;
use tokio::time::timeout;

/// How much of an answer is kept, in bytes. A server that says more is cut off.
const MAX_ANSWER: usize = 64 * 1024;

/// How long to wait for a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Timeouts {
    /// For resolving the name and connecting: 5 s.
    pub connect: Duration,
    /// For the whole exchange of one picture, from its first byte sent to the answer's last byte read: 10 s.
    pub response: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { connect: Duration::from_secs(5), response: Duration::from_secs(10) }
    }
}

/// What is known of a posted picture; each known value becomes a header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PostMeta {
    /// When it was taken, since 1970-01-01 UTC: `X-Timestamp`, in seconds with 6 decimals.
    pub captured_at: Option<Duration>,
    /// Its number: `X-Sequence`.
    pub sequence: Option<u64>,
}

impl From<&Picture> for PostMeta {
    fn from(picture: &Picture) -> Self {
        Self { captured_at: Some(picture.captured_at), sequence: Some(picture.sequence) }
    }
}

/// What the server said to a picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    status: StatusCode,
    text: String,
    pub(super) retry_after: Option<Duration>,
    location: Option<String>,
}

impl Response {
    fn new(status: StatusCode, headers: &HeaderMap) -> Self {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let retry_after =
            text(header::RETRY_AFTER).and_then(|value| value.trim().parse().ok()).map(Duration::from_secs);
        Self { status, text: String::new(), retry_after, location: text(header::LOCATION).map(String::from) }
    }

    /// The HTTP status, 200 for example.
    pub fn status(&self) -> u16 {
        self.status.as_u16()
    }

    /// The body as text: at most its first 64 KiB, and bytes that are no UTF-8 replaced.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether the server took the picture: any 2xx.
    pub fn is_accepted(&self) -> bool {
        self.status.is_success()
    }

    /// What to tell a person of an answer that is not 2xx, in one line.
    pub(super) fn refusal(&self) -> String {
        let status = &self.status;
        if let (true, Some(to)) = (status.is_redirection(), &self.location) {
            return format!("the server answered {status} and points to {to:?}; upload to that address");
        }
        match first_line(&self.text) {
            Some(line) => format!("the server answered {status}: {line}"),
            None => format!("the server answered {status}"),
        }
    }
}

/// Posts pictures to one address over one connection, which is opened when first needed and kept alive.
///
/// A kept-alive connection that the server closed meanwhile is replaced, and the picture is sent again on a new
/// connection, once, and only if not one byte of an answer had come. Redirects are not followed. Needs a tokio
/// runtime with I/O and time; [`Uploader`](super::Uploader) brings its own.
#[derive(Debug)]
pub struct Client {
    url: UploadUrl,
    timeouts: Timeouts,
    idle: Option<Connection>,
}

/// Why an exchange failed.
enum Failure {
    /// The connection broke, and not one byte of an answer had come.
    Unheard(Error),
    Other(Error),
}

impl Client {
    /// A client with the default timeouts; connects with the first picture.
    pub fn new(url: UploadUrl) -> Self {
        Self::with_timeouts(url, Timeouts::default())
    }

    /// A client that waits as long as it is told.
    pub fn with_timeouts(url: UploadUrl, timeouts: Timeouts) -> Self {
        Self { url, timeouts, idle: None }
    }

    /// Where the pictures go.
    pub fn url(&self) -> &UploadUrl {
        &self.url
    }

    /// Posts a picture and waits for the answer, whatever its status. JPEG and PNG are named as such in
    /// `Content-Type`, anything else as `application/octet-stream`.
    ///
    /// Dropping the future closes the connection; whether the server has the picture is then unknown.
    ///
    /// # Errors
    /// `NotFound` when the host is not known, `Disconnected` when there is no connection or it breaks,
    /// `TimedOut` after the [`Timeouts`], `Other` when the answer is not HTTP/1.
    pub async fn post(&mut self, picture: Bytes, meta: &PostMeta) -> Result<Response> {
        if let Some(kept) = self.idle.take() {
            match self.exchange(kept, picture.clone(), meta).await {
                Err(Failure::Unheard(_)) => {}
                Err(Failure::Other(error)) => return Err(error),
                Ok(response) => return Ok(response),
            }
        }
        let fresh = Connection::open(&self.url.0, self.timeouts.connect).await?;
        self.exchange(fresh, picture, meta).await.map_err(|failure| match failure {
            Failure::Unheard(error) | Failure::Other(error) => error,
        })
    }

    /// One picture, one answer; the connection is kept when it can be used again.
    async fn exchange(
        &mut self,
        mut connection: Connection,
        picture: Bytes,
        meta: &PostMeta,
    ) -> std::result::Result<Response, Failure> {
        let url = &self.url.0;
        let request = self.request(picture, meta).map_err(Failure::Other)?;
        let answer = async {
            let head = connection.send(request).await.map_err(|e| {
                let error = broken(url, e.error);
                if e.unheard { Failure::Unheard(error) } else { Failure::Other(error) }
            })?;
            let (head, body) = head.into_parts();
            let mut response = Response::new(head.status, &head.headers);
            let (bytes, whole) = read(body).await.map_err(|e| {
                let why = format!("the server answered {} and broke off", head.status);
                Failure::Other(url.error(ErrorKind::Disconnected, why).with_source(e))
            })?;
            response.text = String::from_utf8_lossy(&bytes).into_owned();
            Ok((response, whole))
        };
        let Ok(answer) = timeout(self.timeouts.response, answer).await else {
            let why = format!(
                "no answer within {:?}; is the server stuck or the network slow?",
                self.timeouts.response
            );
            return Err(Failure::Other(url.error(ErrorKind::TimedOut, why)));
        };
        let (response, whole) = answer?;
        // A server that refuses may have answered before it had read the whole picture; the rest of it would stand
        // in the way of the next one.
        if whole && response.is_accepted() {
            self.idle = Some(connection);
        }
        Ok(response)
    }

    fn request(&self, picture: Bytes, meta: &PostMeta) -> Result<Request<Full<Bytes>>> {
        let url = &self.url.0;
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(url.target().clone())
            .header(header::HOST, url.authority())
            .header(header::USER_AGENT, concat!("eyelet/", env!("CARGO_PKG_VERSION")))
            .header(header::CONTENT_TYPE, content_type(&picture))
            .header(header::CONTENT_LENGTH, picture.len());
        if let Some(value) = url.authorization()? {
            request = request.header(header::AUTHORIZATION, value);
        }
        if let Some(at) = meta.captured_at {
            request = request.header("x-timestamp", format!("{}.{:06}", at.as_secs(), at.subsec_micros()));
        }
        if let Some(sequence) = meta.sequence {
            request = request.header("x-sequence", sequence);
        }
        request
            .body(Full::new(picture))
            .map_err(|e| url.error(ErrorKind::InvalidInput, "the request cannot be written").with_source(e))
    }
}

/// By the first bytes.
fn content_type(picture: &[u8]) -> &'static str {
    if picture.starts_with(&[0xff, 0xd8, 0xff]) {
        "image/jpeg"
    } else if picture.starts_with(b"\x89PNG\r\n\x1a\n") {
        "image/png"
    } else {
        "application/octet-stream"
    }
}

/// The body, and whether that is all of it.
async fn read(mut body: Incoming) -> hyper::Result<(Vec<u8>, bool)> {
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        if let Some(data) = frame?.data_ref() {
            let room = MAX_ANSWER - bytes.len();
            bytes.extend_from_slice(&data[..data.len().min(room)]);
            if data.len() > room {
                return Ok((bytes, false));
            }
        }
    }
    Ok((bytes, true))
}
