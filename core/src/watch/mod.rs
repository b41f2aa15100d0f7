//! A viewer that measures: fps, latency, gaps and damage of any MJPEG-over-HTTP stream.

mod report;
mod statistics;

pub use report::{Ended, Latency, Report};
pub use statistics::Statistics;

use crate::{
    multipart::Reader,
    net::{
        client::{Connection, Proxy, Timeouts, broken, first_line, is_page, pointed_to},
        token::Token,
        url::{HttpUrl, Purpose},
    },
};
use bytes::Bytes;
use eyelet_hal::{Error, ErrorKind, Result, clock::Clock};
use http_body_util::{BodyExt, Full};
use hyper::{Request, Response, StatusCode, body::Incoming, header, http::response::Parts};
use std::{borrow::Cow, fmt, pin::pin, str::FromStr, time::Duration};
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep, timeout};

/// The cause of the error that a server's 401 is: credentials are missing or wrong.
#[derive(Debug)]
pub(crate) struct Unauthorized;

impl fmt::Display for Unauthorized {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("unauthorized")
    }
}

impl std::error::Error for Unauthorized {}

/// Where a stream is: `http[s]://[USER:PASSWORD@]HOST[:PORT][/PATH][?QUERY]`; by default the port is 80 or 443.
///
/// `Display` omits user, password and query, since they may be secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamUrl(pub(crate) HttpUrl);

impl StreamUrl {
    /// Reads through this proxy.
    #[must_use]
    pub fn through(mut self, proxy: Proxy) -> Self {
        self.0.set_proxy(proxy);
        self
    }

    /// Trusts the certificates in this PEM file, and no others. By default the system's are trusted.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn with_roots(mut self, file: std::path::PathBuf) -> Self {
        self.0.set_trust(crate::net::tls::Trust::file(file));
        self
    }
}

impl FromStr for StreamUrl {
    type Err = Error;

    /// # Errors
    /// `InvalidInput` with the remedy: no host, an invalid port, `https` without the feature `tls`.
    fn from_str(text: &str) -> Result<Self> {
        let mut url = HttpUrl::parse(text, Purpose { verb: "watch", path: "/stream" })?;
        // As any browser would: over http others on the way can see the stream anyway.
        url.allow_unencrypted();
        Ok(Self(url))
    }
}

impl fmt::Display for StreamUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// When a watch ends, and its timeouts.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Options {
    /// Sent to a server that requires one.
    pub token: Option<Token>,
    /// Ends after this many pictures.
    pub frames: Option<u64>,
    /// Ends this long after the server's answer.
    pub duration: Option<Duration>,
    /// How long to wait for a connection, and for an answer.
    pub timeouts: Timeouts,
    /// Ends when nothing arrives for this long: 30 s.
    pub silence: Duration,
    /// The minimum time between progress reports: 1 s.
    pub progress: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            token: None,
            frames: None,
            duration: None,
            timeouts: Timeouts { response: Duration::from_secs(10), ..Timeouts::default() },
            silence: Duration::from_secs(30),
            progress: Duration::from_secs(1),
        }
    }
}

/// Reads the stream at `url` and measures it, until a limit of [`Options`] is reached, the stream ends, or the
/// future is dropped. `on_progress` gets a report from time to time, also while no pictures arrive; the last one is returned.
///
/// # Errors
/// `NotFound` when the host does not resolve, `Disconnected` when there is no connection, `TimedOut` when there is no
/// answer, `PermissionDenied` when the server requires a password or token (401), `Busy` when it has reached its viewer
/// limit (503) or throttles us (429), `Unsupported` when the answer is not a stream, `CorruptFrame` when its framing is
/// invalid. The end of a stream that has begun is not an error, whatever its cause.
pub async fn watch(
    url: &StreamUrl,
    options: &Options,
    clock: &dyn Clock,
    on_progress: impl FnMut(&Report),
) -> Result<Report> {
    watch_until(url, options, clock, on_progress, std::future::pending()).await
}

/// As [`watch`], but also ends when `stop` is ready; the report covers everything until then.
///
/// # Errors
/// As [`watch`].
pub async fn watch_until(
    url: &StreamUrl,
    options: &Options,
    clock: &dyn Clock,
    mut on_progress: impl FnMut(&Report),
    stop: impl Future<Output = ()>,
) -> Result<Report> {
    let StreamUrl(url) = url;
    let mut stop = pin!(stop);
    let thinned = url.target().query().is_some_and(|query| query.split('&').any(|p| p.starts_with("fps=")));
    let mut statistics = if thinned { Statistics::thinned() } else { Statistics::default() };
    // The connection is driven while its handle exists.
    let (_connection, mut reader, mut body) = tokio::select! {
        opened = open(url, options) => opened?,
        () = &mut stop => return Ok(statistics.report(clock.monotonic(), Ended::Interrupted)),
    };
    let mut now = clock.monotonic();
    let mut reported = now;
    // Saturating, about 30 years: a deadline must not overflow.
    let far = Duration::from_secs(1_000_000_000);
    let mut over = pin!(sleep(options.duration.unwrap_or(far).min(far)));
    // Silence is counted in ticks: when a process goes on that was stopped, as by Ctrl-Z, one of them has passed, and not the
    // whole time.
    let tick = options.progress.min(options.silence / 2).clamp(Duration::from_millis(1), far);
    let mut ticks = interval_at(Instant::now() + tick, tick);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut silence = Duration::ZERO;
    let enough = |statistics: &Statistics| options.frames.is_some_and(|frames| statistics.frames() >= frames);

    let ended = loop {
        if enough(&statistics) {
            break Ended::Frames;
        }
        let come = tokio::select! {
            biased;
            () = &mut stop => Err(Ended::Interrupted),
            () = &mut over => Err(Ended::Time),
            come = body.frame() => Ok(Some(come)),
            _ = ticks.tick() => Ok(None),
        };
        now = clock.monotonic();
        let data = match come {
            Err(ended) => break ended,
            Ok(Some(Some(Ok(frame)))) => {
                silence = Duration::ZERO;
                ticks.reset();
                frame.into_data().unwrap_or_default()
            }
            Ok(Some(Some(Err(_)))) => break Ended::Cut,
            Ok(Some(None)) if reader.unfinished() > 0 => {
                // Without a length only the picture itself shows whether it is complete.
                break match reader.finish() {
                    Some(part) if statistics::is_whole(&part.body) => {
                        statistics.picture(&part, now, clock.unix());
                        Ended::Stream
                    }
                    _ => Ended::Cut,
                };
            }
            Ok(Some(None)) => break Ended::Stream,
            Ok(None) => {
                silence += tick;
                if silence >= options.silence {
                    break Ended::Silence;
                }
                Bytes::new()
            }
        };
        reader.push(&data);
        let unix = clock.unix();
        while !enough(&statistics)
            && let Some(part) = reader.next_part().map_err(|e| url.error_of(e))?
        {
            statistics.picture(&part, now, unix);
        }
        if reader.is_finished() {
            break Ended::Stream;
        }
        if now.saturating_sub(reported) >= options.progress {
            reported = now;
            on_progress(&statistics.report(now, Ended::Running));
        }
    };
    Ok(statistics.report(now, ended))
}

async fn open(url: &HttpUrl, options: &Options) -> Result<(Connection, Reader, Incoming)> {
    let mut connection = Connection::open(url, &options.timeouts).await?;
    let limit = options.timeouts.response;
    let Ok(answer) = timeout(limit, connection.send(request(url, options.token.as_ref())?)).await else {
        let error = url.error(ErrorKind::TimedOut, format!("no answer within {limit:?}"));
        return Err(error.with_remedy("is the server stuck?"));
    };
    let answer = answer.map_err(|no_answer| broken(url, no_answer.error))?;
    let (reader, body) = stream(url, answer, limit).await?;
    Ok((connection, reader, body))
}

/// The URL of eyelet's stream on the same server, if it is not this one.
fn beside(url: &HttpUrl) -> Option<String> {
    let text = url.to_string();
    let stream = format!("{}/stream", text.rsplit_once('/')?.0);
    (stream != text).then_some(stream)
}

/// `GET` of an address, with its credentials.
pub(crate) fn request(url: &HttpUrl, token: Option<&Token>) -> Result<Request<Full<Bytes>>> {
    let mut request = Request::get(url.request_target(url.target().clone()))
        .header(header::HOST, url.authority())
        .header(header::USER_AGENT, concat!("eyelet/", env!("CARGO_PKG_VERSION")))
        // Not image/*: servers take that for a browser, and omit the lengths.
        .header(header::ACCEPT, "*/*");
    if let Some(token) = token {
        request = request.header(header::AUTHORIZATION, format!("Bearer {}", token.secret()));
    } else if let Some(value) = url.authorization()? {
        request = request.header(header::AUTHORIZATION, value);
    }
    if let Some(value) = url.proxy_authorization() {
        request = request.header(header::PROXY_AUTHORIZATION, value);
    }
    let request = request.body(Full::default());
    request.map_err(|e| url.error(ErrorKind::InvalidInput, "the request cannot be written").with_source(e))
}

/// Why an answer other than 200 came. `other` is the remedy where the status alone tells none.
pub(crate) async fn refused(
    url: &HttpUrl,
    head: &Parts,
    mut body: Incoming,
    limit: Duration,
    other: &str,
) -> Error {
    let location = head.headers.get(header::LOCATION).and_then(|value| value.to_str().ok());
    let (kind, remedy): (_, Cow<'_, str>) = match head.status {
        StatusCode::UNAUTHORIZED => (
            ErrorKind::PermissionDenied,
            "write USER:PASSWORD@ before the host, or send a token; if you did, are they right?".into(),
        ),
        StatusCode::SERVICE_UNAVAILABLE => (ErrorKind::Busy, "wait for a viewer to leave".into()),
        StatusCode::TOO_MANY_REQUESTS => (ErrorKind::Busy, "wait before the next try".into()),
        status if status.is_redirection() && location.is_some() => {
            let to = location.map(pointed_to).unwrap_or_default();
            (ErrorKind::Unsupported, format!("it points to {to}: {} that address", url.verb()).into())
        }
        status if status.is_server_error() => (ErrorKind::Unsupported, "what does its log say?".into()),
        _ => (ErrorKind::Unsupported, other.into()),
    };
    let frame = timeout(limit, body.frame()).await.ok().flatten();
    let data = frame.and_then(|frame| frame.ok()?.into_data().ok()).unwrap_or_default();
    let message = first_line(&String::from_utf8_lossy(&data))
        .filter(|_| !is_page(&head.headers))
        .map(|line| format!(": {line}"))
        .unwrap_or_default();
    let error = url.error(kind, format!("the server answered {}{message}", head.status));
    let error = error.with_remedy(remedy.into_owned());
    match head.status {
        StatusCode::UNAUTHORIZED => error.with_source(Unauthorized),
        _ => error,
    }
}

/// The stream in an answer, or why it is not one.
async fn stream(url: &HttpUrl, answer: Response<Incoming>, limit: Duration) -> Result<(Reader, Incoming)> {
    let (head, body) = answer.into_parts();
    if head.status != StatusCode::OK {
        let other = beside(url)
            .map_or_else(|| "is the path right?".to_owned(), |stream| format!("did you mean {stream}?"));
        return Err(refused(url, &head, body, limit, &other).await);
    }
    let kind = head.headers.get(header::CONTENT_TYPE).map_or("", |kind| kind.to_str().unwrap_or_default());
    let reader = Reader::new(kind).map_err(|e| match beside(url) {
        Some(stream) => url
            .error(e.kind(), format!("{kind:?} is not a stream"))
            .with_remedy(format!("did you mean {stream}?")),
        None => url.error_of(e),
    })?;
    Ok((reader, body))
}
