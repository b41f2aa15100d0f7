//! Routes: which request gets which answer.

mod body;
#[cfg(feature = "control")]
mod control;
mod custom;
mod page;
mod snapshot;
pub(super) mod state;

pub use custom::{Reply, Request, Routes};
pub use page::Page;
pub use snapshot::SnapshotPolicy;

use super::{
    Context, Server, Shown,
    connection::{Endless, Exchange},
    events::{self, EventsRequest},
    reply::{self, text, typed, unavailable},
    stream::{Framing, RateLimit, StreamRequest, framing},
};
#[cfg(feature = "metrics")]
use crate::feed::metrics::Metrics;
use crate::{feed::CameraName, net::socket::Peer};
use bytes::Bytes;
use http_body_util::Full;
use hyper::{
    HeaderMap, Method, Response, StatusCode, Version,
    body::{Body, Incoming},
    header::{
        ACCEPT, ACCEPT_ENCODING, ALLOW, CONNECTION, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE,
        HOST, HeaderValue, LOCATION, SET_COOKIE, VARY,
    },
};

/// What to do with a request.
#[derive(Debug)]
pub(super) enum Answer {
    /// Send this.
    Response(reply::Reply),
    /// Hand the socket over.
    Endless(Endless),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Route {
    Page,
    Stream,
    Snapshot,
    State,
    Events,
    #[cfg(feature = "control")]
    Control,
    #[cfg(feature = "metrics")]
    Metrics,
    Health,
    /// One of the application's own, and where its handlers begin.
    Custom(usize),
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
    "/events",
    #[cfg(feature = "control")]
    "/control",
    #[cfg(feature = "metrics")]
    "/metrics",
    "/healthz",
];

/// A route, and the camera that the path names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Target {
    route: Route,
    camera: Option<usize>,
}

impl Target {
    fn find<'a>(
        path: &str,
        query: &str,
        cameras: impl Iterator<Item = Option<&'a CameraName>>,
        custom: &Routes,
    ) -> Option<Self> {
        let mut cameras = cameras.enumerate();
        if path == "/" {
            return match parameter(query, "action") {
                Some(action) => Self::action(action, cameras.count()),
                None => Some(Self { route: Route::Page, camera: None }),
            };
        }
        if let Some(route) = Route::find(path) {
            return Some(Self { route, camera: None });
        }
        if let Some(index) = custom.find(path) {
            return Some(Self { route: Route::Custom(index), camera: None });
        }
        let (first, rest) = path.strip_prefix('/')?.split_once('/')?;
        let (camera, _) = cameras.find(|(_, name)| name.is_some_and(|name| name.as_str() == first))?;
        let route = if rest.is_empty() { Some(Route::Page) } else { Route::find(&path[first.len() + 1..]) };
        Some(Self { route: route?, camera: Some(camera) })
    }

    /// mjpg-streamer's addresses: `stream` and `snapshot` are the first camera's, `stream_1` is the second's. An action that
    /// does not exist here is no page, which would hide that.
    fn action(action: &str, cameras: usize) -> Option<Self> {
        let (name, number) = action.split_once('_').unwrap_or((action, "0"));
        let route = match name {
            "stream" => Route::Stream,
            "snapshot" => Route::Snapshot,
            _ => return None,
        };
        let camera = (0..cameras).find(|camera| camera.to_string() == number)?;
        Some(Self { route, camera: Some(camera) })
    }
}

impl Route {
    /// That of a path, except of `/`.
    fn find(path: &str) -> Option<Self> {
        Some(match path {
            "/stream" => Self::Stream,
            "/snapshot" | "/snapshot.jpg" => Self::Snapshot,
            "/state" => Self::State,
            "/events" => Self::Events,
            #[cfg(feature = "control")]
            "/control" => Self::Control,
            #[cfg(feature = "metrics")]
            "/metrics" => Self::Metrics,
            "/healthz" => Self::Health,
            _ => return None,
        })
    }

    /// Whether its requests are more than `GET` and `HEAD`.
    fn may_take_body(self) -> bool {
        match self {
            Self::Custom(_) => true,
            #[cfg(feature = "control")]
            Self::Control => true,
            _ => false,
        }
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

pub(super) async fn answer(
    request: &mut hyper::Request<Incoming>,
    peer: &Peer,
    exchange: &Exchange,
    context: &Context,
) -> Answer {
    if let Err(what) = host(request.version(), request.headers()) {
        // What follows such a request may be meant for another server.
        let mut reply = text(StatusCode::BAD_REQUEST, what);
        reply.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        return Answer::Response(reply);
    }
    let server = &context.server;
    if let Some(headers) = server.origins.preflight(request, context.takes_posts()) {
        return Answer::Response(preflight(headers));
    }
    let query = request.uri().query().unwrap_or_default();
    let path = request.uri().path();
    if server.base_path.lacks_slash(path) {
        return Answer::Response(moved(server.base_path.as_str(), query));
    }
    let below = server.base_path.strip(path);
    let names = || context.shown.iter().map(|camera| camera.name.as_ref());
    if below.strip_prefix('/').is_some_and(|first| names().flatten().any(|name| name.as_str() == first)) {
        return Answer::Response(moved(path, query));
    }
    // One of the application's routes may begin with the same name as the base path.
    let target = Target::find(below, query, names(), &server.routes)
        .or_else(|| Target::find(path, query, names(), &server.routes));
    // Before any answer, also before 404. Whether a server lives is no secret.
    let mut cookie = None;
    if target.is_none_or(|target| target.route != Route::Health) {
        match server.access.admit(request.headers(), query, peer, &*server.clock).await {
            Ok(given) => cookie = given,
            Err(refusal) => return Answer::Response(login(refusal.reply(), server, accept(request))),
        }
    }
    let mut answer = admitted(request, target, peer, exchange, context).await;
    if let Some(cookie) = cookie {
        let headers = match &mut answer {
            Answer::Response(reply) => reply.headers_mut(),
            Answer::Endless(endless) => endless.headers(),
        };
        headers.insert(SET_COOKIE, cookie);
    }
    answer
}

/// The answer to an admitted request.
async fn admitted(
    request: &mut hyper::Request<Incoming>,
    target: Option<Target>,
    peer: &Peer,
    exchange: &Exchange,
    context: &Context,
) -> Answer {
    let server = &context.server;
    let Some(Target { route, camera }) = target else {
        return Answer::Response(text(StatusCode::NOT_FOUND, "no such page\n"));
    };
    let takes_body = route.may_take_body();
    if !takes_body && request.method() != Method::GET && request.method() != Method::HEAD {
        let mut reply = text(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD work here\n");
        reply.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return Answer::Response(reply);
    }
    if !takes_body && !request.body().is_end_stream() {
        return Answer::Response(text(StatusCode::PAYLOAD_TOO_LARGE, "no request has a body here\n"));
    }
    let reply = match route {
        Route::Stream if request.method() == Method::HEAD => {
            unbuffered(framing::content_type(accept(request)))
        }
        Route::Stream => return stream(request, peer, context, camera.unwrap_or(0)),
        Route::Events if request.method() == Method::HEAD => unbuffered(events::CONTENT_TYPE),
        Route::Events => return listen(request, context, camera.unwrap_or(0)),
        #[cfg(feature = "control")]
        Route::Control => {
            let hub = &context.shown[camera.unwrap_or(0)].hub;
            // In a box, so that other requests take no more memory for it.
            Box::pin(control::answer(request, exchange, context, hub)).await
        }
        Route::Page => page(request.headers(), context, camera),
        Route::Snapshot => snapshot::take(server, &context.shown[camera.unwrap_or(0)].hub).await,
        Route::State => typed("application/json", state::json(context, camera)),
        // A browser would save OpenMetrics to a file.
        #[cfg(feature = "metrics")]
        Route::Metrics if accept(request).contains("text/html") => {
            text(StatusCode::OK, metrics(context, camera))
        }
        #[cfg(feature = "metrics")]
        Route::Metrics => typed(Metrics::CONTENT_TYPE, metrics(context, camera)),
        Route::Health => health(context, camera),
        Route::Custom(index) => server.routes.answer(request, index, peer, exchange, context).await,
    };
    Answer::Response(reply)
}

/// The cameras that a request is about: the one it names, else all.
fn about(context: &Context, camera: Option<usize>) -> &[Shown] {
    camera.map_or(&context.shown, |one| std::slice::from_ref(&context.shown[one]))
}

#[cfg(feature = "metrics")]
fn metrics(context: &Context, camera: Option<usize>) -> String {
    Metrics::render_all(
        about(context, camera).iter().map(|camera| (camera.name.clone(), &*camera.hub.metrics)),
    )
}

/// The reason of each camera that delivers nothing.
fn health(context: &Context, camera: Option<usize>) -> reply::Reply {
    let now = context.server.clock.monotonic();
    let reason = |camera: &Shown| {
        let reason = camera.hub.status.snapshot(now).health.err()?;
        Some(camera.name.as_ref().map_or_else(|| format!("{reason}\n"), |name| format!("{name}: {reason}\n")))
    };
    let reasons: String = about(context, camera).iter().filter_map(reason).collect();
    match reasons.is_empty() {
        true => text(StatusCode::OK, "ok\n"),
        false => text(StatusCode::SERVICE_UNAVAILABLE, reasons),
    }
}

fn stream(request: &hyper::Request<Incoming>, peer: &Peer, context: &Context, camera: usize) -> Answer {
    let query = request.uri().query().unwrap_or_default();
    let rate_limit = match parameter(query, "fps").map(str::parse).transpose() {
        Ok(fps) => fps.map(RateLimit::new),
        Err(what) => return Answer::Response(text(StatusCode::BAD_REQUEST, format!("{what}\n"))),
    };
    let accept = accept(request);
    let (framing, content_type) = (Framing::for_accept(accept), framing::content_type(accept));
    let Shown { name, hub, .. } = &context.shown[camera];
    let now = context.server.clock.monotonic();
    match context.viewers.admit(peer, now, name.as_ref(), &hub.metrics.viewers) {
        Some(slot) => {
            let headers = context.server.origins.grant(request.headers());
            Answer::Endless(Endless::Stream(StreamRequest {
                camera,
                slot,
                framing,
                content_type,
                rate_limit,
                headers,
                entry: None,
            }))
        }
        None => {
            let max = context.viewers.max();
            Answer::Response(unavailable(format!("viewer limit ({max}) reached; retry shortly\n")))
        }
    }
}

/// The head of an answer that a proxy is to pass on at once.
fn unbuffered(content_type: &'static str) -> reply::Reply {
    let mut reply = typed(content_type, Bytes::new());
    reply.headers_mut().insert("x-accel-buffering", HeaderValue::from_static("no"));
    reply
}

fn listen(request: &hyper::Request<Incoming>, context: &Context, camera: usize) -> Answer {
    match context.listeners.admit() {
        Some(slot) => {
            let headers = context.server.origins.grant(request.headers());
            Answer::Endless(Endless::Events(EventsRequest { camera, slot, headers, entry: None }))
        }
        None => {
            let max = context.listeners.max();
            Answer::Response(unavailable(format!("listener limit ({max}) reached; retry shortly\n")))
        }
    }
}

/// The `Accept` header: a browser's address bar names `text/html`.
fn accept(request: &hyper::Request<Incoming>) -> &str {
    request.headers().get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// A redirect to the base path with its slash: the page's links are relative to that.
fn moved(base: &str, query: &str) -> reply::Reply {
    let mut reply = text(StatusCode::PERMANENT_REDIRECT, "this page is a directory\n");
    let mark = if query.is_empty() { "" } else { "?" };
    if let Ok(location) = HeaderValue::try_from(format!("{base}/{mark}{query}")) {
        reply.headers_mut().insert(LOCATION, location);
    }
    reply
}

/// A rejection as shown to a person who opens the page with a browser.
fn login(mut reply: reply::Reply, server: &Server, accept: &str) -> reply::Reply {
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

/// The page of one camera, or of all of them.
fn page(headers: &HeaderMap, context: &Context, camera: Option<usize>) -> reply::Reply {
    let (page, names) =
        (&context.server.page, context.shown.iter().filter_map(|camera| camera.name.as_ref()));
    let all = (camera.is_none() && context.shown.len() > 1).then(|| page.of_cameras(names)).flatten();
    let page::Content { html, policy } = match all {
        Some(content) => content,
        // A custom page is for `/`.
        None if camera.is_some() => Page::default().content(),
        None => page.content(),
    };
    let varies = matches!(html, page::Html::Gzip(_));
    let (body, encoding) = match html {
        page::Html::Gzip(gzip) if accepts_gzip(headers) => (Bytes::from_static(gzip), Some("gzip")),
        html => (html.plain(), None),
    };
    let mut reply = typed(HTML, body);
    let headers = reply.headers_mut();
    if varies {
        headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
    }
    if let Some(encoding) = encoding {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    if let Some(policy) = policy {
        headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    }
    reply
}

/// Whether a client reads gzip: it names it, and not with a weight of zero.
fn accepts_gzip(headers: &HeaderMap) -> bool {
    let values = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, "q=1"));
        let weight = weight.trim().strip_prefix("q=").and_then(|weight| weight.parse::<f64>().ok());
        matches!(name.trim(), "gzip" | "x-gzip") && weight.is_none_or(|weight| weight > 0.0)
    })
}

/// The answer to a CORS preflight request.
fn preflight(headers: HeaderMap) -> reply::Reply {
    let mut reply = Response::new(Full::default());
    *reply.status_mut() = StatusCode::NO_CONTENT;
    *reply.headers_mut() = headers;
    reply
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(path: &str, query: &str, names: &[Option<&str>]) -> Option<(Route, Option<usize>)> {
        let names: Vec<Option<CameraName>> =
            names.iter().map(|name| name.map(|name| name.parse().unwrap())).collect();
        let target = Target::find(path, query, names.iter().map(Option::as_ref), &Routes::default());
        target.map(|Target { route, camera }| (route, camera))
    }

    #[test]
    fn listed_routes_are_all_found() {
        for route in ROUTES {
            let (path, query) = route.split_once('?').unwrap_or((route, ""));
            let (found, _) = find(path, query, &[None]).unwrap();
            assert_eq!(found == Route::Page, *route == "/", "{route}");
        }
    }

    #[test]
    fn gzip_is_accepted_where_it_is_named_and_not_refused() {
        let accepted = |value: &'static str| {
            accepts_gzip(&HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::from_static(value))]))
        };
        for value in ["gzip", "deflate, gzip;q=0.5", "br,x-gzip", "gzip ; q=1.0"] {
            assert!(accepted(value), "{value}");
        }
        for value in ["", "identity", "br", "gzip;q=0", "deflate, gzip; q=0.000", "gzipped"] {
            assert!(!accepted(value), "{value}");
        }
    }

    #[test]
    fn mjpg_streamer_addresses_are_found() {
        let action = |query: &str| find("/", query, &[None]);
        assert_eq!(action("action=stream"), Some((Route::Stream, Some(0))));
        assert_eq!(action("action=snapshot&t=1"), Some((Route::Snapshot, Some(0))));
        assert_eq!(action("action=stream_0"), Some((Route::Stream, Some(0))));
        assert_eq!(action("a=1&action=snapshot_0"), Some((Route::Snapshot, Some(0))));
        assert_eq!(action("t=1"), Some((Route::Page, None)));
        for other in ["", "stream_1", "snapshot_1", "stream_", "stream_00", "command", "Stream", "take"] {
            assert_eq!(action(&format!("action={other}")), None, "{other}");
        }
        assert_eq!(find("/stream", "whatever", &[None]), Some((Route::Stream, None)));
        for path in ["/streamXYZ", "//stream", "/favicon.ico", "", "/stream/"] {
            assert_eq!(find(path, "", &[None]), None, "{path}");
        }
    }

    #[test]
    fn routes_below_a_cameras_name_are_its_own() {
        let find = |path, query| find(path, query, &[Some("front"), Some("back")]);
        assert_eq!(find("/back/", ""), Some((Route::Page, Some(1))));
        assert_eq!(find("/back/stream", ""), Some((Route::Stream, Some(1))));
        assert_eq!(find("/front/snapshot.jpg", ""), Some((Route::Snapshot, Some(0))));
        assert_eq!(find("/back/state", ""), Some((Route::State, Some(1))));
        assert_eq!(find("/back/healthz", ""), Some((Route::Health, Some(1))));
        assert_eq!(find("/stream", ""), Some((Route::Stream, None)));
        assert_eq!(find("/", "action=snapshot_1"), Some((Route::Snapshot, Some(1))));
        for (path, query) in [
            ("/side/stream", ""),
            ("/back", ""),
            ("/back//stream", ""),
            ("/back/back/", ""),
            ("/", "action=stream_2"),
        ] {
            assert_eq!(find(path, query), None, "{path}?{query}");
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
