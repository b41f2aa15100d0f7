//! One HTTP/1.1 connection to a server, and the error messages for everything that can go wrong with it.

use super::{
    Timeouts,
    flow::{Flow, Watched},
    resolve,
};
use crate::net::{credentials::concealed, url::HttpUrl};
use bytes::Bytes;
use eyelet_hal::{Error, ErrorKind, Result};
use http_body_util::Full;
use hyper::{
    Request, Response,
    body::Incoming,
    client::conn::http1::{self, SendRequest},
    header::{self, HeaderMap},
};
use hyper_util::rt::TokioIo;
use std::{io, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    task::JoinHandle,
    time::timeout,
};

/// How much may wait unsent in the kernel, in bytes.
#[cfg(target_os = "linux")]
const UNSENT: u32 = 16 * 1024;

/// A connection; dropping it closes the socket at once, also in the middle of a request.
#[derive(Debug)]
pub(crate) struct Connection {
    sender: SendRequest<Full<Bytes>>,
    flow: Flow,
    driver: JoinHandle<()>,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

/// Why a request got no answer.
#[derive(Debug)]
pub(crate) struct NoAnswer {
    /// Whether not one byte of an answer had come. A kept-alive connection was then most likely closed before the
    /// request came.
    pub(crate) unheard: bool,
    pub(crate) error: hyper::Error,
}

impl Connection {
    /// Connects, trying every address of the host within the time for that in all.
    pub(crate) async fn open(url: &HttpUrl, timeouts: &Timeouts) -> Result<Self> {
        let stream = connect(url.proxy().unwrap_or(url), timeouts.connect).await?;
        // Whole requests are written at once; waiting for more to send would only delay them.
        let _ = stream.set_nodelay(true);
        // What the kernel has taken in counts as sent, so it should not be much more than what is under way.
        #[cfg(target_os = "linux")]
        let _ = socket2::SockRef::from(&stream).set_tcp_notsent_lowat(UNSENT);
        #[cfg(feature = "tls")]
        if let Some(trust) = url.trust() {
            let (limit, mut stream) = (timeouts.progress, stream);
            if let Some(proxy) = url.proxy() {
                super::proxy::connect(&mut stream, url, proxy, limit).await?;
            }
            let shaken = timeout(limit, trust.connect(stream, url.host())).await;
            let slow = || url.error(ErrorKind::TimedOut, format!("no TLS within {limit:?}"));
            let stream = shaken.map_err(|_| slow().with_remedy("is the server stuck?"))?;
            return Self::over(stream.map_err(|e| url.error_of(e))?, url).await;
        }
        Self::over(stream, url).await
    }

    /// Speaks HTTP over what is there.
    async fn over<S>(stream: S, url: &HttpUrl) -> Result<Self>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let flow = Flow::new();
        let io = TokioIo::new(Watched { stream, flow: flow.clone() });
        // Some receivers know `Content-Length` in this spelling alone, and others write malformed headers of their own: an
        // answer is not discarded for that.
        let handshake = http1::Builder::new()
            .title_case_headers(true)
            .allow_spaces_after_header_name_in_responses(true)
            .allow_obsolete_multiline_headers_in_responses(true)
            .ignore_invalid_headers_in_responses(true)
            .handshake(io);
        let (sender, connection) = handshake.await.map_err(|e| broken(url, e))?;
        // Its errors come out of the requests.
        let driver = tokio::spawn(async move {
            let _ = connection.await;
        });
        Ok(Self { sender, flow, driver })
    }

    /// Sends a request and waits for the head of its answer.
    pub(crate) async fn send(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> std::result::Result<Response<Incoming>, NoAnswer> {
        self.flow.begin();
        let sent = match self.sender.ready().await {
            Ok(()) => self.sender.send_request(request).await,
            Err(error) => Err(error),
        };
        // Cancelled: the request was never written, and what was heard is not about it.
        sent.map_err(|error| NoAnswer { unheard: error.is_canceled() || !self.flow.heard(), error })
    }

    /// The progress of the request on it.
    pub(crate) fn flow(&self) -> Flow {
        self.flow.clone()
    }
}

async fn connect(url: &HttpUrl, limit: Duration) -> Result<TcpStream> {
    let host = url.peer();
    let slow = |what: &str| {
        let error = url.error(ErrorKind::TimedOut, format!("{what} within {limit:?}"));
        error.with_remedy("is the server up, and on this network?")
    };
    let found = timeout(limit, resolve::lookup(&host, url.port())).await;
    let addresses: Vec<_> = match found {
        Ok(Ok(addresses)) => addresses,
        Ok(Err(e)) if e.kind() == io::ErrorKind::WouldBlock => {
            let error = url.error(ErrorKind::OutOfMemory, format!("no thread to look {host} up"));
            return Err(error.with_remedy("raise the limit of processes").with_source(e));
        }
        Ok(Err(e)) => {
            let error = url.error(ErrorKind::NotFound, format!("unknown host {host}"));
            return Err(error.with_remedy("check its name and the network").with_source(e));
        }
        Err(_) => return Err(slow(&format!("the name {host} was not resolved"))),
    };
    let mut last = None;
    for address in &addresses {
        // A share for each: a dead IPv6 route must not eat the time of the IPv4 address.
        let share = limit / u32::try_from(addresses.len()).unwrap_or(u32::MAX);
        match timeout(share, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(e)) => last = Some(refused(url, e)),
            Err(_) => last = Some(slow("no connection")),
        }
    }
    Err(last.unwrap_or_else(|| url.error(ErrorKind::NotFound, format!("the host {host} has no address"))))
}

fn refused(url: &HttpUrl, error: io::Error) -> Error {
    let disconnected = |why: &str| url.error(ErrorKind::Disconnected, why);
    let refused = match error.kind() {
        io::ErrorKind::ConnectionRefused => {
            disconnected("connection refused").with_remedy("is the server running?")
        }
        io::ErrorKind::NetworkUnreachable | io::ErrorKind::HostUnreachable => {
            disconnected("no route to it").with_remedy("is the network up?")
        }
        _ => disconnected(&format!("no connection: {error}")),
    };
    refused.with_source(error)
}

/// The sentence for a request or an answer that broke off.
pub(crate) fn broken(url: &HttpUrl, error: hyper::Error) -> Error {
    if error.is_parse() {
        let other = url.error(ErrorKind::Other, "the server does not answer in HTTP/1");
        return other.with_remedy(url.other_scheme()).with_source(error);
    }
    url.error(ErrorKind::Disconnected, "the server closed the connection before it had answered")
        .with_source(error)
}

/// The first line of a server's own message, shortened, without anything that could control a terminal; `None` for a page
/// for browsers or bytes that are no text.
pub(crate) fn first_line(text: &str) -> Option<String> {
    let text = text.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
    let line = text.lines().next().filter(|line| !line.starts_with('<') && !line.contains('\0'))?;
    let shown: String = line.trim_end().chars().filter(|c| visible(*c)).take(120).collect();
    (!shown.is_empty() && !shown.contains('\u{fffd}')).then_some(shown)
}

/// Whether a body is a page for browsers, by its `Content-Type`.
pub(crate) fn is_page(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    kind.is_some_and(|kind| kind.to_ascii_lowercase().contains("html"))
}

/// The target of a redirect, in quotes and without the query, which may be a secret.
pub(crate) fn pointed_to(location: &str) -> String {
    let to: String = location.split(['?', '#']).next().unwrap_or_default().chars().take(200).collect();
    format!("{:?}", concealed(&to))
}

/// The first line of a head.
#[cfg(feature = "tls")]
pub(super) fn status_line(head: &str) -> String {
    head.lines().next().unwrap_or_default().chars().filter(|c| visible(*c)).take(120).collect()
}

/// Neither a control nor what changes the direction of the text around it.
pub(crate) fn visible(c: char) -> bool {
    !c.is_control() && !reorders(c) && c != '\u{ad}'
}

/// Whether a character is invisible itself, but may change the order of those that are shown.
pub(crate) fn reorders(c: char) -> bool {
    matches!(
        c,
        '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_line_of_a_page_or_of_bytes_is_none() {
        for (text, line) in [
            ("\r\n  disk full \nand more", Some("disk full")),
            ("\u{feff}disk\u{1b}]0;x\u{7} \u{9b}2J\u{202e}\u{61c}\u{ad}full", Some("disk]0;x 2Jfull")),
            ("{\"error\": \"no\"}", Some("{\"error\": \"no\"}")),
            ("<!DOCTYPE html>\n<title>404</title>", None),
            ("\u{feff}\n <html><body>404", None),
            ("<?xml version=\"1.0\"?><Error/>", None),
            ("\u{fffd}PNG\r\n\u{1a}", None),
            ("\u{fffd}\u{fffd}h\0e\0", None),
            ("\u{1f}\u{fffd}\u{8}\0", None),
            ("\u{1b}\u{200b}", None),
            ("", None),
            ("\n\n", None),
        ] {
            assert_eq!(first_line(text).as_deref(), line, "{text:?}");
        }
        assert_eq!(first_line(&"x".repeat(1000)).unwrap().len(), 120);
    }
}
