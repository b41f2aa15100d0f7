//! One HTTP/1.1 connection to a server, and the words for everything that can go wrong with it.

use super::url::HttpUrl;
use bytes::Bytes;
use eyelet_hal::{Error, ErrorKind, Result};
use http_body_util::Full;
use hyper::{
    Request, Response,
    body::Incoming,
    client::conn::http1::{self, SendRequest},
};
use hyper_util::rt::TokioIo;
use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpStream, lookup_host},
    task::JoinHandle,
    time::timeout,
};

/// A connection; dropping it closes the socket at once, also in the middle of a request.
#[derive(Debug)]
pub(crate) struct Connection {
    sender: SendRequest<Full<Bytes>>,
    heard: Arc<AtomicBool>,
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
    /// Connects, trying every address of the host within `limit` in all.
    pub(crate) async fn open(url: &HttpUrl, limit: Duration) -> Result<Self> {
        let stream = connect(url, limit).await?;
        // Whole requests are written at once; waiting for more to send would only delay them.
        let _ = stream.set_nodelay(true);
        #[cfg(feature = "tls")]
        if let Some(trust) = url.trust() {
            let shaken = timeout(limit, trust.connect(stream, url.host())).await;
            let why = format!("no TLS within {limit:?}; is the server stuck?");
            let stream = shaken.map_err(|_| url.error(ErrorKind::TimedOut, why))?;
            return Self::over(stream.map_err(|e| url.error(e.kind(), &e).with_source(e))?, url).await;
        }
        Self::over(stream, url).await
    }

    /// Speaks HTTP over what is there.
    async fn over<S>(stream: S, url: &HttpUrl) -> Result<Self>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let heard = Arc::new(AtomicBool::new(false));
        let io = TokioIo::new(Ear { stream, heard: Arc::clone(&heard) });
        let (sender, connection) = http1::handshake(io).await.map_err(|e| broken(url, e))?;
        // Its errors come out of the requests.
        let driver = tokio::spawn(async move {
            let _ = connection.await;
        });
        Ok(Self { sender, heard, driver })
    }

    /// Sends a request and waits for the head of its answer.
    pub(crate) async fn send(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> std::result::Result<Response<Incoming>, NoAnswer> {
        self.heard.store(false, Ordering::Relaxed);
        let sent = match self.sender.ready().await {
            Ok(()) => self.sender.send_request(request).await,
            Err(error) => Err(error),
        };
        // Cancelled: the request was never written, and what was heard is not about it.
        sent.map_err(|error| NoAnswer {
            unheard: error.is_canceled() || !self.heard.load(Ordering::Relaxed),
            error,
        })
    }
}

async fn connect(url: &HttpUrl, limit: Duration) -> Result<TcpStream> {
    let host = url.host();
    let slow = |what: &str| {
        let why = format!("{what} within {limit:?}; is the server up, and on this network?");
        url.error(ErrorKind::TimedOut, why)
    };
    let found = timeout(limit, lookup_host((host, url.port()))).await;
    let addresses: Vec<_> = match found {
        Ok(Ok(addresses)) => addresses.collect(),
        Ok(Err(e)) => {
            let why = format!("the host {host} is not known; check its name and the network");
            return Err(url.error(ErrorKind::NotFound, why).with_source(e));
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
    let why = match error.kind() {
        io::ErrorKind::ConnectionRefused => "connection refused; is the server running?".to_string(),
        io::ErrorKind::NetworkUnreachable | io::ErrorKind::HostUnreachable => {
            "no route to it; is the network up?".to_string()
        }
        _ => format!("no connection: {error}"),
    };
    url.error(ErrorKind::Disconnected, why).with_source(error)
}

/// The sentence for a request or an answer that broke off.
pub(crate) fn broken(url: &HttpUrl, error: hyper::Error) -> Error {
    if error.is_parse() {
        return url.error(ErrorKind::Other, "the server does not answer in HTTP/1").with_source(error);
    }
    url.error(ErrorKind::Disconnected, "the server closed the connection before it had answered")
        .with_source(error)
}

/// The first line of what a server says about itself; not more of what may be a whole page, and nothing that could
/// drive a terminal.
pub(crate) fn first_line(text: &str) -> Option<String> {
    let line = text.lines().map(str::trim).find(|line| !line.is_empty())?;
    Some(line.chars().filter(|c| !c.is_control()).take(120).collect())
}

/// The socket, and whether anything has been heard on it.
#[derive(Debug)]
struct Ear<S> {
    stream: S,
    heard: Arc<AtomicBool>,
}

impl<S: AsyncRead + Unpin> AsyncRead for Ear<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buf);
        if buf.filled().len() > before {
            self.heard.store(true, Ordering::Relaxed);
        }
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Ear<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
