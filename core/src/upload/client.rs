//! Sending one picture after another over one kept-alive connection.

use super::{PostMeta, Response, UploadUrl, request::RequestStyle};
use crate::net::{
    client::{Connection, Silence, Timeouts, broken},
    explain::Explain,
};
use bytes::Bytes;
use eyelet_hal::{Error, ErrorKind, Result};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use std::time::Duration;

/// How much of an answer is kept, in bytes. The rest of a longer one is not read.
const MAX_ANSWER: usize = 64 * 1024;

/// Sends pictures to one address over one connection, which is opened when first needed and kept alive.
///
/// A kept-alive connection that the server closed meanwhile is replaced, and the picture is sent again on a new
/// connection, once, and only if not one byte of an answer had come. Redirects are not followed. Needs a tokio
/// runtime with I/O and time; [`Uploader`](super::Uploader) brings its own.
#[derive(Debug)]
pub struct Client {
    url: UploadUrl,
    timeouts: Timeouts,
    style: RequestStyle,
    explain: Explain,
    idle: Option<Connection>,
}

/// Why a picture was not taken.
pub(super) struct Refusal {
    /// In one line.
    pub(super) why: String,
    /// The server's `Retry-After`.
    pub(super) retry_after: Duration,
    /// Another picture may fare better.
    pub(super) blames_the_picture: bool,
    /// All pictures will be refused until something changes, here or at the server: the error to end with.
    pub(super) end: Option<Error>,
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

    /// A client with these timeouts.
    pub fn with_timeouts(url: UploadUrl, timeouts: Timeouts) -> Self {
        Self { url, timeouts, style: RequestStyle::default(), explain: Explain::default(), idle: None }
    }

    /// Writes its requests in this way.
    #[must_use]
    pub fn style(mut self, style: RequestStyle) -> Self {
        self.style = style;
        self
    }

    /// Passes its errors through `explain`, before a [`Sender`](super::Sender) logs them too: a program that knows a better
    /// remedy, such as a flag, sets it there.
    #[must_use]
    pub fn explain(mut self, explain: fn(Error) -> Error) -> Self {
        self.explain = Explain(explain);
        self
    }

    /// Where the pictures go.
    pub fn url(&self) -> &UploadUrl {
        &self.url
    }

    /// Sends a picture in its [`RequestStyle`] and waits for the answer, whatever its status. JPEG and PNG are
    /// named as such in `Content-Type`, anything else as `application/octet-stream`.
    ///
    /// Dropping the future closes the connection; whether the server has the picture is then unknown.
    ///
    /// # Errors
    /// `NotFound` when the host is not known, `Disconnected` when there is no connection or it breaks,
    /// `TimedOut` after the [`Timeouts`], `Other` when the answer is not HTTP/1, `InvalidInput` when the address has
    /// a place for something that is not known of the picture.
    pub async fn post(&mut self, picture: Bytes, meta: &PostMeta) -> Result<Response> {
        self.send(picture, meta).await.map_err(self.explain.0)
    }

    async fn send(&mut self, picture: Bytes, meta: &PostMeta) -> Result<Response> {
        if let Some(kept) = self.idle.take() {
            // The runtime looks at its sockets: what came since the last answer is no answer to this picture, and hyper
            // closes a connection on which it finds that.
            tokio::task::yield_now().await;
            match self.exchange(kept, picture.clone(), meta).await {
                Err(Failure::Unheard(_)) => {}
                Err(Failure::Other(error)) => return Err(error),
                Ok(response) => return Ok(response),
            }
        }
        let fresh = Connection::open(&self.url.0, &self.timeouts).await?;
        self.exchange(fresh, picture, meta).await.map_err(|failure| match failure {
            Failure::Unheard(error) | Failure::Other(error) => error,
        })
    }

    /// [`post`](Self::post), for those who try again.
    pub(super) async fn attempt(
        &mut self,
        picture: Bytes,
        meta: &PostMeta,
    ) -> std::result::Result<(), Refusal> {
        match self.post(picture, meta).await {
            Ok(response) if response.is_accepted() => Ok(()),
            Ok(response) => {
                let (mut why, remedy) = (response.refusal(), response.remedy());
                let end =
                    response.kind_if_final().map(|kind| self.url.0.error(kind, &why).with_remedy(remedy));
                if end.is_some() {
                    why = format!("{why}; {remedy}");
                }
                let (retry_after, blames_the_picture) =
                    (response.retry_after.unwrap_or_default(), response.blames_the_picture());
                Err(Refusal { why, retry_after, blames_the_picture, end })
            }
            Err(error) => {
                let passes = matches!(
                    error.kind(),
                    ErrorKind::NotFound
                        | ErrorKind::Disconnected
                        | ErrorKind::TimedOut
                        | ErrorKind::Busy
                        | ErrorKind::OutOfMemory
                );
                let why = error.to_string();
                let end = (!passes).then_some(error);
                Err(Refusal { why, retry_after: Duration::ZERO, blames_the_picture: false, end })
            }
        }
    }

    /// One picture, one answer; the connection is kept when it can be used again.
    async fn exchange(
        &mut self,
        mut connection: Connection,
        picture: Bytes,
        meta: &PostMeta,
    ) -> std::result::Result<Response, Failure> {
        let url = &self.url.0;
        let request = self.style.request(url, picture, meta).map_err(Failure::Other)?;
        let flow = connection.flow();
        let answer = async {
            let head = connection.send(request).await.map_err(|e| {
                let error = broken(url, e.error);
                if e.unheard { Failure::Unheard(error) } else { Failure::Other(error) }
            })?;
            // Then it cannot be about the whole of it.
            let early = !flow.sent();
            let (head, body) = head.into_parts();
            let mut response = Response::new(head.status, &head.headers);
            let (bytes, whole) = read(body).await.map_err(|e| {
                let why = format!("the server answered {} and broke off", head.status);
                Failure::Other(url.error(ErrorKind::Disconnected, why).with_source(e))
            })?;
            response.text = String::from_utf8_lossy(&bytes).into_owned();
            Ok((response, whole, early))
        };
        let answer = flow.watch(answer, &self.timeouts).await.map_err(|silence| {
            let (why, remedy) = match silence {
                Silence::Stuck(limit) => (format!("no byte was taken for {limit:?}"), "is the server stuck?"),
                Silence::NoAnswer(limit) => {
                    (format!("no answer within {limit:?}"), "is the server stuck or the network slow?")
                }
            };
            Failure::Other(url.error(ErrorKind::TimedOut, why).with_remedy(remedy))
        })?;
        let (response, whole, early) = answer?;
        if response.is_accepted() && early {
            let why = "the server answered before it had the whole picture";
            return Err(Failure::Other(url.error(ErrorKind::Disconnected, why)));
        }
        // A server that refuses may have answered before it had read the whole picture; the rest of it would stand
        // in the way of the next one.
        if whole && response.is_accepted() {
            self.idle = Some(connection);
        }
        Ok(response)
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
