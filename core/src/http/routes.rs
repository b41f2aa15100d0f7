//! Which request gets which answer.

use super::{
    Context,
    framing::{self, Framing},
    snapshot,
    socket::Peer,
    state,
    stream::StreamRequest,
    thinner::Thinner,
};
use crate::metrics::Metrics;
use bytes::Bytes;
use http_body_util::Full;
use hyper::{
    Method, Request, Response, StatusCode,
    body::Incoming,
    header::{ACCEPT, ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue, RETRY_AFTER},
};

pub(super) type Reply = Response<Full<Bytes>>;

/// What to do with a request.
#[derive(Debug)]
pub(super) enum Answer {
    /// Send this.
    Response(Reply),
    /// Hand the socket to the stream.
    Stream(StreamRequest),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Route {
    Page,
    Stream,
    Snapshot,
    State,
    Metrics,
    Health,
}

/// Every path that is answered, for documentation.
pub const ROUTES: [&str; 9] = [
    "/",
    "/stream",
    "/snapshot",
    "/snapshot.jpg",
    "/?action=stream",
    "/?action=snapshot",
    "/state",
    "/metrics",
    "/healthz",
];

impl Route {
    fn find(path: &str, query: &str) -> Option<Self> {
        Some(match path {
            // mjpg-streamer's addresses.
            "/" => match parameter(query, "action") {
                Some("stream") => Self::Stream,
                Some("snapshot") => Self::Snapshot,
                _ => Self::Page,
            },
            "/stream" => Self::Stream,
            "/snapshot" | "/snapshot.jpg" => Self::Snapshot,
            "/state" => Self::State,
            "/metrics" => Self::Metrics,
            "/healthz" => Self::Health,
            _ => return None,
        })
    }
}

/// The value of `name` in a query; the last one wins.
fn parameter<'a>(query: &'a str, name: &str) -> Option<&'a str> {
    query
        .split('&')
        .rev()
        .find_map(|pair| pair.split_once('=').filter(|&(key, _)| key == name).map(|(_, v)| v))
}

pub(super) async fn answer(request: &Request<Incoming>, peer: &Peer, context: &Context) -> Answer {
    let query = request.uri().query().unwrap_or_default();
    let Some(route) = Route::find(request.uri().path(), query) else {
        return Answer::Response(text(StatusCode::NOT_FOUND, "no such page\n"));
    };
    if request.method() != Method::GET && request.method() != Method::HEAD {
        let mut reply = text(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD work here\n");
        reply.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return Answer::Response(reply);
    }
    let server = &context.server;
    let reply = match route {
        Route::Stream if request.method() == Method::HEAD => typed(framing::CONTENT_TYPE, Bytes::new()),
        Route::Stream => return stream(request, query, peer, context),
        Route::Page => typed("text/html; charset=utf-8", server.page.html()),
        Route::Snapshot => snapshot::take(server).await,
        Route::State => typed("application/json", state::json(server, &context.viewers)),
        Route::Metrics => typed(Metrics::CONTENT_TYPE, server.hub.metrics.render()),
        Route::Health => match server.hub.status.snapshot(server.clock.monotonic()).health {
            Ok(()) => text(StatusCode::OK, "ok\n"),
            Err(reason) => text(StatusCode::SERVICE_UNAVAILABLE, format!("{reason}\n")),
        },
    };
    Answer::Response(reply)
}

fn stream(request: &Request<Incoming>, query: &str, peer: &Peer, context: &Context) -> Answer {
    let thinner = match parameter(query, "fps").map(str::parse).transpose() {
        Ok(fps) => fps.map(Thinner::new),
        Err(what) => return Answer::Response(text(StatusCode::BAD_REQUEST, format!("{what}\n"))),
    };
    let accept = request.headers().get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let framing = Framing::for_accept(accept);
    match context.viewers.admit(peer) {
        Some(viewer) => Answer::Stream(StreamRequest { viewer, framing, thinner }),
        None => {
            let max = context.viewers.max();
            Answer::Response(unavailable(format!("all {max} places are taken; try again soon\n")))
        }
    }
}

fn reply(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Reply {
    let mut reply = Response::new(Full::new(body.into()));
    *reply.status_mut() = status;
    let headers = reply.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    reply
}

pub(super) fn typed(content_type: &'static str, body: impl Into<Bytes>) -> Reply {
    reply(StatusCode::OK, content_type, body)
}

pub(super) fn text(status: StatusCode, body: impl Into<Bytes>) -> Reply {
    reply(status, "text/plain; charset=utf-8", body)
}

/// 503: not now, but soon.
pub(super) fn unavailable(body: impl Into<Bytes>) -> Reply {
    let mut reply = text(StatusCode::SERVICE_UNAVAILABLE, body);
    reply.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("5"));
    reply
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_listed_route_is_found() {
        for route in ROUTES {
            let (path, query) = route.split_once('?').unwrap_or((route, ""));
            let found = Route::find(path, query);
            assert!(found.is_some() && (found == Some(Route::Page)) == (route == "/"), "{route}");
        }
    }

    #[test]
    fn the_addresses_of_our_peers_work_too() {
        assert_eq!(Route::find("/", "action=stream"), Some(Route::Stream));
        assert_eq!(Route::find("/", "action=snapshot&t=1"), Some(Route::Snapshot));
        assert_eq!(Route::find("/", "t=1"), Some(Route::Page));
        assert_eq!(Route::find("/stream", "whatever"), Some(Route::Stream));
        for path in ["/streamXYZ", "//stream", "/favicon.ico", "", "/stream/"] {
            assert_eq!(Route::find(path, ""), None, "{path}");
        }
    }

    #[test]
    fn the_last_of_a_repeated_parameter_counts() {
        assert_eq!(parameter("fps=1&fps=2", "fps"), Some("2"));
        assert_eq!(parameter("xfps=1&fps", "fps"), None);
    }
}
