//! Answers that fit in memory, with the headers that all of them have.

use bytes::Bytes;
use http_body_util::Full;
use hyper::{
    HeaderMap, Response, StatusCode,
    header::{
        ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_TYPE, HeaderValue, LOCATION, REFERRER_POLICY, RETRY_AFTER,
    },
};

pub(super) type Reply = Response<Full<Bytes>>;

fn reply(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Reply {
    let mut reply = Response::new(Full::new(body.into()));
    *reply.status_mut() = status;
    let headers = reply.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // A token in the address goes nowhere else.
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    reply
}

pub(super) fn typed(content_type: &'static str, body: impl Into<Bytes>) -> Reply {
    reply(StatusCode::OK, content_type, body)
}

pub(super) fn text(status: StatusCode, body: impl Into<Bytes>) -> Reply {
    reply(status, "text/plain; charset=utf-8", body)
}

/// 405: this path has other methods.
pub(super) fn method_not_allowed(methods: &'static str) -> Reply {
    let mut reply = text(StatusCode::METHOD_NOT_ALLOWED, format!("methods allowed here: {methods}\n"));
    reply.headers_mut().insert(ALLOW, HeaderValue::from_static(methods));
    reply
}

/// 503: not now, but soon.
pub(super) fn unavailable(body: impl Into<Bytes>) -> Reply {
    let mut reply = text(StatusCode::SERVICE_UNAVAILABLE, body);
    reply.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("5"));
    reply
}

/// A redirect to `path` with a slash at its end: the links of a page are relative to that.
pub(super) fn moved(path: &str, query: &str) -> Reply {
    let mut reply = text(StatusCode::PERMANENT_REDIRECT, "this page is a directory\n");
    let mark = if query.is_empty() { "" } else { "?" };
    if let Ok(location) = HeaderValue::try_from(format!("{path}/{mark}{query}")) {
        reply.headers_mut().insert(LOCATION, location);
    }
    reply
}

/// The answer to a CORS preflight request, of these headers alone.
pub(super) fn preflight(headers: HeaderMap) -> Reply {
    let mut reply = Response::new(Full::default());
    *reply.status_mut() = StatusCode::NO_CONTENT;
    *reply.headers_mut() = headers;
    reply
}

/// The last answer on its connection, which may have more to read that is not a request for this server.
pub(super) fn closing(mut reply: Reply) -> Reply {
    reply.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    reply
}
