//! Routes: which request gets which answer.

mod page;
mod snapshot;
mod state;

pub use page::Page;
pub use snapshot::SnapshotPolicy;

use super::{
    Context, Server,
    reply::{Reply, text, typed, unavailable},
    stream::{Framing, RateLimit, StreamRequest, framing},
};
#[cfg(feature = "metrics")]
use crate::feed::metrics::Metrics;
use crate::net::socket::Peer;
use bytes::Bytes;
use http_body_util::Full;
use hyper::{
    HeaderMap, Method, Request, Response, StatusCode, Version,
    body::{Body, Incoming},
    header::{
        ACCEPT, ALLOW, CONNECTION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, HeaderValue, LOCATION,
        SET_COOKIE,
    },
};

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
    #[cfg(feature = "metrics")]
    Metrics,
    Health,
}

/// Every path that is answered, for documentation.
pub const ROUTES: &[&str] = &[
    "/",
    "/stream",
    "/snapshot",
    "/snapshot.jpg",
    "/?action=stream",
    "/?action=stream_0",
    "/?action=snapshot",
    "/?action=snapshot_0",
    "/state",
    #[cfg(feature = "metrics")]
    "/metrics",
    "/healthz",
];

impl Route {
    fn find(path: &str, query: &str) -> Option<Self> {
        Some(match path {
            // mjpg-streamer's addresses.
            "/" => match parameter(query, "action") {
                Some("stream" | "stream_0") => Self::Stream,
                Some("snapshot" | "snapshot_0") => Self::Snapshot,
                // Another camera, or an action that does not exist here: a page would hide that.
                Some(_) => return None,
                None => Self::Page,
            },
            "/stream" => Self::Stream,
            "/snapshot" | "/snapshot.jpg" => Self::Snapshot,
            "/state" => Self::State,
            #[cfg(feature = "metrics")]
            "/metrics" => Self::Metrics,
            "/healthz" => Self::Health,
            _ => return None,
        })
    }
}

/// Whether a request names one host, as RFC 9112 (3.2) requires: with two, a proxy may use one and its server the other.
/// Which host it is does not matter here.
fn host(version: Version, headers: &HeaderMap) -> Result<(), &'static str> {
    let mut hosts = headers.get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (None, _) if version >= Version::HTTP_11 => Err("the Host header is missing\n"),
        (Some(_), Some(_)) => Err("there is more than one Host header\n"),
        (Some(host), None) if !host.as_bytes().iter().all(|&byte| may_be_in_host(byte)) => {
            Err("the Host header is invalid\n")
        }
        _ => Ok(()),
    }
}

/// The characters of RFC 3986's `host [ ":" port ]`.
fn may_be_in_host(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=%:[]".contains(&byte)
}

/// The value of `name` in a query; the last one wins.
fn parameter<'a>(query: &'a str, name: &str) -> Option<&'a str> {
    query
        .split('&')
        .rev()
        .find_map(|pair| pair.split_once('=').filter(|&(key, _)| key == name).map(|(_, v)| v))
}

pub(super) async fn answer(request: &Request<Incoming>, peer: &Peer, context: &Context) -> Answer {
    if let Err(what) = host(request.version(), request.headers()) {
        // What follows such a request may be meant for another server.
        let mut reply = text(StatusCode::BAD_REQUEST, what);
        reply.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        return Answer::Response(reply);
    }
    if let Some(headers) = context.server.origins.preflight(request) {
        return Answer::Response(preflight(headers));
    }
    let query = request.uri().query().unwrap_or_default();
    let server = &context.server;
    let path = request.uri().path();
    if server.base_path.lacks_slash(path) {
        return Answer::Response(moved(server.base_path.as_str(), query));
    }
    let route = Route::find(server.base_path.strip(path), query);
    // Before any answer, also before 404. Whether a server lives is no secret.
    let mut cookie = None;
    if route != Some(Route::Health) {
        match server.access.admit(request.headers(), query, peer, &*server.clock).await {
            Ok(given) => cookie = given,
            Err(refusal) => return Answer::Response(login(refusal.reply(), server, accept(request))),
        }
    }
    let mut answer = admitted(request, route, query, peer, context).await;
    if let Some(cookie) = cookie {
        let headers = match &mut answer {
            Answer::Response(reply) => reply.headers_mut(),
            Answer::Stream(stream) => &mut stream.headers,
        };
        headers.insert(SET_COOKIE, cookie);
    }
    answer
}

/// The answer to an admitted request.
async fn admitted(
    request: &Request<Incoming>,
    route: Option<Route>,
    query: &str,
    peer: &Peer,
    context: &Context,
) -> Answer {
    let server = &context.server;
    let Some(route) = route else {
        return Answer::Response(text(StatusCode::NOT_FOUND, "no such page\n"));
    };
    if request.method() != Method::GET && request.method() != Method::HEAD {
        let mut reply = text(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD work here\n");
        reply.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return Answer::Response(reply);
    }
    if !request.body().is_end_stream() {
        return Answer::Response(text(StatusCode::PAYLOAD_TOO_LARGE, "no request has a body here\n"));
    }
    let reply = match route {
        Route::Stream if request.method() == Method::HEAD => {
            let mut reply = typed(framing::content_type(accept(request)), Bytes::new());
            reply.headers_mut().insert("x-accel-buffering", HeaderValue::from_static("no"));
            reply
        }
        Route::Stream => return stream(request, query, peer, context),
        Route::Page => page(server),
        Route::Snapshot => snapshot::take(server).await,
        Route::State => typed("application/json", state::json(server, &context.viewers)),
        // A browser would save OpenMetrics to a file.
        #[cfg(feature = "metrics")]
        Route::Metrics if accept(request).contains("text/html") => {
            text(StatusCode::OK, server.hub.metrics.render())
        }
        #[cfg(feature = "metrics")]
        Route::Metrics => typed(Metrics::CONTENT_TYPE, server.hub.metrics.render()),
        Route::Health => match server.hub.status.snapshot(server.clock.monotonic()).health {
            Ok(()) => text(StatusCode::OK, "ok\n"),
            Err(reason) => text(StatusCode::SERVICE_UNAVAILABLE, format!("{reason}\n")),
        },
    };
    Answer::Response(reply)
}

fn stream(request: &Request<Incoming>, query: &str, peer: &Peer, context: &Context) -> Answer {
    let rate_limit = match parameter(query, "fps").map(str::parse).transpose() {
        Ok(fps) => fps.map(RateLimit::new),
        Err(what) => return Answer::Response(text(StatusCode::BAD_REQUEST, format!("{what}\n"))),
    };
    let accept = accept(request);
    let (framing, content_type) = (Framing::for_accept(accept), framing::content_type(accept));
    match context.viewers.admit(peer, context.server.clock.monotonic()) {
        Some(slot) => {
            let headers = context.server.origins.grant(request.headers());
            Answer::Stream(StreamRequest { slot, framing, content_type, rate_limit, headers, entry: None })
        }
        None => {
            let max = context.viewers.max();
            Answer::Response(unavailable(format!("viewer limit ({max}) reached; retry shortly\n")))
        }
    }
}

/// The `Accept` header: a browser's address bar names `text/html`.
fn accept(request: &Request<Incoming>) -> &str {
    request.headers().get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// A redirect to the base path with its slash: the page's links are relative to that.
fn moved(base: &str, query: &str) -> Reply {
    let mut reply = text(StatusCode::PERMANENT_REDIRECT, "this page is a directory\n");
    let mark = if query.is_empty() { "" } else { "?" };
    if let Ok(location) = HeaderValue::try_from(format!("{base}/{mark}{query}")) {
        reply.headers_mut().insert(LOCATION, location);
    }
    reply
}

/// A rejection as shown to a person who opens the page with a browser.
fn login(mut reply: Reply, server: &Server, accept: &str) -> Reply {
    if reply.status() == StatusCode::UNAUTHORIZED
        && accept.contains("text/html")
        && let Some((html, policy)) = server.page.login()
    {
        *reply.body_mut() = Full::new(html);
        reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(HTML));
        reply.headers_mut().insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    }
    reply
}

const HTML: &str = "text/html; charset=utf-8";

fn page(server: &Server) -> Reply {
    let (html, policy) = server.page.content();
    let mut reply = typed(HTML, html);
    if let Some(policy) = policy {
        reply.headers_mut().insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    }
    reply
}

/// The answer to a CORS preflight request.
fn preflight(headers: HeaderMap) -> Reply {
    let mut reply = Response::new(Full::default());
    *reply.status_mut() = StatusCode::NO_CONTENT;
    *reply.headers_mut() = headers;
    reply
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listed_routes_are_all_found() {
        for route in ROUTES {
            let (path, query) = route.split_once('?').unwrap_or((route, ""));
            let found = Route::find(path, query);
            assert!(found.is_some() && (found == Some(Route::Page)) == (*route == "/"), "{route}");
        }
    }

    #[test]
    fn mjpg_streamer_addresses_are_found() {
        assert_eq!(Route::find("/", "action=stream"), Some(Route::Stream));
        assert_eq!(Route::find("/", "action=snapshot&t=1"), Some(Route::Snapshot));
        assert_eq!(Route::find("/", "action=stream_0"), Some(Route::Stream));
        assert_eq!(Route::find("/", "a=1&action=snapshot_0"), Some(Route::Snapshot));
        assert_eq!(Route::find("/", "t=1"), Some(Route::Page));
        for action in ["", "stream_1", "snapshot_1", "stream_", "stream_00", "command", "Stream", "take"] {
            assert_eq!(Route::find("/", &format!("action={action}")), None, "{action}");
        }
        assert_eq!(Route::find("/stream", "whatever"), Some(Route::Stream));
        for path in ["/streamXYZ", "//stream", "/favicon.ico", "", "/stream/"] {
            assert_eq!(Route::find(path, ""), None, "{path}");
        }
    }

    #[test]
    fn request_without_exactly_one_valid_host_is_rejected() {
        let check = |version, hosts: &[&str]| {
            let mut headers = HeaderMap::new();
            for host in hosts {
                headers.append(HOST, HeaderValue::from_str(host).unwrap());
            }
            host(version, &headers)
        };
        for good in ["", "cam", "cam:8000", "[fe80::1%25eth0]:8000", "192.168.0.7", "my_cam.local."] {
            assert_eq!(check(Version::HTTP_11, &[good]), Ok(()), "{good}");
        }
        for bad in ["a/b", "user@cam", "a b", "a?b", "a#b", "<cam>", "\"cam\"", "a\\b", "a^b", "a\tb"] {
            assert!(check(Version::HTTP_11, &[bad]).is_err(), "{bad}");
        }
        assert!(check(Version::HTTP_11, &[]).is_err());
        assert_eq!(check(Version::HTTP_10, &[]), Ok(()));
        for version in [Version::HTTP_10, Version::HTTP_11] {
            assert!(check(version, &["cam", "cam"]).is_err(), "{version:?}");
        }
    }

    #[test]
    fn repeated_parameter_has_its_last_value() {
        assert_eq!(parameter("fps=1&fps=2", "fps"), Some("2"));
        assert_eq!(parameter("xfps=1&fps", "fps"), None);
    }
}
