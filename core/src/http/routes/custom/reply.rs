//! What a handler answers.

use crate::http::reply;
use bytes::Bytes;
use hyper::{
    StatusCode,
    header::{
        CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue, SET_COOKIE, TRAILER,
        TRANSFER_ENCODING, UPGRADE,
    },
};
use serde::Serialize;

/// An answer that fits in memory. It is not cached, unless a header says otherwise.
///
/// ```
/// use eyelet_core::http::Reply;
/// Reply::json(&serde_json::json!({ "threshold": 0.5 }));
/// Reply::text("no such model\n").with_status(404);
/// Reply::bytes("image/png", &b"\x89PNG"[..]).with_header("Content-Disposition", "attachment");
/// Reply::from(()); // 204: done, and nothing to say
/// ```
#[derive(Debug)]
// In a box, so that a `Result` with it stays small.
pub struct Reply(Box<reply::Reply>);

impl Reply {
    /// JSON.
    pub fn json(value: &(impl Serialize + ?Sized)) -> Self {
        match serde_json::to_vec(value) {
            Ok(json) => Self(reply::typed("application/json", json).into()),
            Err(error) => wrong(&format!("an answer cannot be written as JSON: {error}")),
        }
    }

    /// Plain text.
    pub fn text(text: impl Into<String>) -> Self {
        Self(reply::text(StatusCode::OK, text.into()).into())
    }

    /// Bytes of any type, such as `image/png`.
    pub fn bytes(content_type: &str, bytes: impl Into<Bytes>) -> Self {
        match HeaderValue::try_from(content_type) {
            Ok(content_type) => {
                let mut reply = reply::typed("", bytes);
                reply.headers_mut().insert(CONTENT_TYPE, content_type);
                Self(reply.into())
            }
            Err(_) => wrong(&format!("no content type: {content_type:?}")),
        }
    }

    /// With this status instead of 200: 200 to 599.
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        match StatusCode::from_u16(status).ok().filter(|_| (200..600).contains(&status)) {
            Some(status) => *self.0.status_mut() = status,
            None => return wrong(&format!("no status of an answer: {status}")),
        }
        self
    }

    /// With this header, in place of any of that name, but for `Set-Cookie`, of which each is sent. Those of the connection itself, such as `Content-Length`, are the
    /// server's.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        const OURS: [HeaderName; 5] = [CONNECTION, CONTENT_LENGTH, TRAILER, TRANSFER_ENCODING, UPGRADE];
        let name = HeaderName::try_from(name).ok().filter(|name| !OURS.contains(name));
        match (name, HeaderValue::try_from(value)) {
            (Some(name), Ok(value)) if name == SET_COOKIE => _ = self.0.headers_mut().append(name, value),
            (Some(name), Ok(value)) => _ = self.0.headers_mut().insert(name, value),
            (name, _) => return wrong(&format!("no header of an answer: {name:?} {value:?}")),
        }
        self
    }

    pub(super) fn into_inner(self) -> reply::Reply {
        *self.0
    }
}

/// A mistake of the application, which its log describes.
fn wrong(what: &str) -> Reply {
    tracing::error!("the handler of a route made no answer: {what}");
    Reply(reply::text(StatusCode::INTERNAL_SERVER_ERROR, "the application failed to answer\n").into())
}

impl From<()> for Reply {
    fn from((): ()) -> Self {
        let mut reply = reply::text(StatusCode::NO_CONTENT, Bytes::new());
        reply.headers_mut().remove(CONTENT_TYPE);
        Self(reply.into())
    }
}

/// For handlers that use `?`, as with [`Request::json`](super::Request::json).
impl<T: Into<Self>, E: Into<Self>> From<Result<T, E>> for Reply {
    fn from(result: Result<T, E>) -> Self {
        result.map_or_else(Into::into, Into::into)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_replaces_one_of_its_name_but_each_cookie_is_sent() {
        let reply = Reply::text("").with_header("X-Model", "a").with_header("x-model", "b");
        let reply = reply.with_header("Set-Cookie", "a=1").with_header("set-cookie", "b=2").into_inner();
        let all = |name| reply.headers().get_all(name).iter().collect::<Vec<_>>();
        assert_eq!(all("x-model"), ["b"]);
        assert_eq!(all("set-cookie"), ["a=1", "b=2"]);
    }

    #[test]
    fn answer_that_cannot_be_sent_is_a_500() {
        for reply in [
            Reply::bytes("a\nb", ""),
            Reply::text("").with_status(101),
            Reply::text("").with_status(600),
            Reply::text("").with_header("Content-Length", "7"),
            Reply::text("").with_header("transfer-encoding", "chunked"),
            Reply::text("").with_header("X", "a\r\nY: b"),
            Reply::text("").with_header("X Y", ""),
            Reply::json(&std::collections::HashMap::from([((1, 2), 3)])),
        ] {
            assert_eq!(reply.0.status(), 500);
        }
        let result: Result<(), Reply> = Err(Reply::text("").with_status(404));
        assert_eq!(Reply::from(result).0.status(), 404);
        assert_eq!(Reply::from(()).0.status(), 204);
    }
}
