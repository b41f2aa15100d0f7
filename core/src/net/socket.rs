//! What carries a connection: a TCP socket, with TLS or without, or a Unix socket. Nothing above needs to know which.

#[cfg(feature = "tls")]
use super::tls::TlsStream;
use socket2::SockRef;
use std::{
    fmt,
    io::{self, IoSlice, Read},
    mem::MaybeUninit,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr},
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, Interest, ReadBuf},
    net::{TcpStream, UnixStream},
};

/// How much of a stream may wait unsent in the kernel. Without a bound it is megabytes, and a slow viewer falls
/// seconds behind; with it, a slow viewer gets fewer pictures, each fresh.
const UNSENT: u32 = 16 * 1024;

/// A peer that answers nothing for about this long is gone: its cable was pulled, or its battery is empty. The kernel
/// probes when nothing is under way (after half of this, then every 10 s), and gives up what it cannot deliver. A viewer
/// whose picture is allowed longer gets that: see [`Socket::allow_stall`].
pub(crate) const DEAD: Duration = Duration::from_secs(60);

/// The remote end of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Peer {
    Tcp(SocketAddr),
    /// A process that may open the socket's file.
    Unix,
    /// A client of a proxy that is trusted to name its clients.
    Proxied(IpAddr),
}

/// Connections and login attempts are counted per network: what one customer or one machine has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Network {
    V4(Ipv4Addr),
    /// The first 64 bits of an address.
    V6([u16; 4]),
    /// All that may open the socket's file.
    Unix,
}

impl Peer {
    pub(crate) fn network(&self) -> Network {
        match self.ip() {
            None => Network::Unix,
            Some(IpAddr::V4(ip)) => Network::V4(ip),
            Some(IpAddr::V6(ip)) => {
                let [a, b, c, d, ..] = ip.segments();
                Network::V6([a, b, c, d])
            }
        }
    }

    /// The address, of IPv4 where it is one; none for a Unix socket.
    pub(crate) fn ip(&self) -> Option<IpAddr> {
        match self {
            Self::Tcp(address) => Some(address.ip().to_canonical()),
            Self::Proxied(ip) => Some(ip.to_canonical()),
            Self::Unix => None,
        }
    }

    /// The network, but none where a web server on this machine may stand for any number of clients. (It connects
    /// from `127.0.0.1`; the rest of 127.0.0.0/8 is as any other address.)
    pub(crate) fn counted_network(&self) -> Option<Network> {
        self.ip()
            .filter(|ip| *ip != Ipv4Addr::LOCALHOST && *ip != Ipv6Addr::LOCALHOST)
            .map(|_| self.network())
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix => f.write_str("unix"),
            Self::Proxied(ip) => ip.fmt(f),
        }
    }
}

/// Looks whether there is something to read.
fn peek(socket: SockRef<'_>) -> io::Result<()> {
    socket.peek(&mut [MaybeUninit::uninit()]).map(|_| ())
}

/// A connected socket.
#[derive(Debug)]
pub(crate) enum Socket {
    Tcp(TcpStream),
    Unix(UnixStream),
    #[cfg(feature = "tls")]
    Tls(Box<TlsStream>),
}

impl Socket {
    /// Whole answers are written at once; waiting for more to send would only delay them.
    pub(crate) fn send_at_once(&self) -> io::Result<()> {
        match self {
            Self::Tcp(socket) => socket.set_nodelay(true),
            Self::Unix(_) => Ok(()),
            #[cfg(feature = "tls")]
            Self::Tls(socket) => socket.tcp().set_nodelay(true),
        }
    }

    /// Whether bytes go out as they are.
    pub(crate) fn is_plain(&self) -> bool {
        match self {
            Self::Tcp(_) | Self::Unix(_) => true,
            #[cfg(feature = "tls")]
            Self::Tls(_) => false,
        }
    }

    /// Sends this if there is room for it, and closes, without waiting: the peer gets the answer, or a closed connection.
    pub(crate) fn refuse(self, answer: &[u8]) {
        let socket = match &self {
            Self::Tcp(socket) => SockRef::from(socket),
            Self::Unix(socket) => SockRef::from(socket),
            #[cfg(feature = "tls")]
            Self::Tls(socket) => SockRef::from(socket.tcp()),
        };
        if socket.send(answer).is_ok() && socket.shutdown(Shutdown::Write).is_ok() {
            // A request left unread would make the kernel reset the connection, and the answer with it.
            let _ = (&*socket).read(&mut [0; 4096]);
        }
    }

    /// Lets the peer take nothing for this long before the kernel gives up on it.
    pub(crate) fn allow_stall(&self, time: Duration) -> io::Result<()> {
        match self {
            #[cfg(target_os = "linux")]
            Self::Tcp(socket) => SockRef::from(socket).set_tcp_user_timeout(Some(time)),
            #[cfg(all(feature = "tls", target_os = "linux"))]
            Self::Tls(socket) => SockRef::from(socket.tcp()).set_tcp_user_timeout(Some(time)),
            _ => Ok(()),
        }
    }

    /// Lets little wait unsent in the kernel.
    pub(crate) fn keep_fresh(&self) -> io::Result<()> {
        match self {
            #[cfg(target_os = "linux")]
            Self::Tcp(socket) => SockRef::from(socket).set_tcp_notsent_lowat(UNSENT),
            #[cfg(all(feature = "tls", target_os = "linux"))]
            Self::Tls(socket) => SockRef::from(socket.tcp()).set_tcp_notsent_lowat(UNSENT),
            _ => Ok(()),
        }
    }

    /// Waits until the peer has sent something, or closed its side. `readable` may return before that.
    pub(crate) async fn first_byte(&self) -> io::Result<()> {
        match self {
            Self::Tcp(socket) => socket.async_io(Interest::READABLE, || peek(socket.into())).await,
            Self::Unix(socket) => socket.async_io(Interest::READABLE, || peek(socket.into())).await,
            #[cfg(feature = "tls")]
            Self::Tls(socket) => socket.readable().await,
        }
    }

    pub(crate) async fn readable(&self) -> io::Result<()> {
        match self {
            Self::Tcp(socket) => socket.readable().await,
            Self::Unix(socket) => socket.readable().await,
            #[cfg(feature = "tls")]
            Self::Tls(socket) => socket.readable().await,
        }
    }

    /// Waits until the connection is broken, as by a reset.
    pub(crate) async fn broken(&self) {
        // An error here is the end too.
        let _ = match self {
            Self::Tcp(socket) => socket.ready(Interest::ERROR).await,
            Self::Unix(socket) => socket.ready(Interest::ERROR).await,
            #[cfg(feature = "tls")]
            Self::Tls(socket) => socket.tcp().ready(Interest::ERROR).await,
        };
    }

    pub(crate) fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(socket) => socket.try_read(buffer),
            Self::Unix(socket) => socket.try_read(buffer),
            #[cfg(feature = "tls")]
            Self::Tls(socket) => socket.try_read(buffer),
        }
    }

    pub(crate) async fn writable(&self) -> io::Result<()> {
        match self {
            Self::Tcp(socket) => socket.writable().await,
            Self::Unix(socket) => socket.writable().await,
            #[cfg(feature = "tls")]
            Self::Tls(socket) => socket.writable().await,
        }
    }

    pub(crate) fn try_write_vectored(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        match self {
            Self::Tcp(socket) => socket.try_write_vectored(slices),
            Self::Unix(socket) => socket.try_write_vectored(slices),
            #[cfg(feature = "tls")]
            Self::Tls(socket) => socket.try_write_vectored(slices),
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut *self {
            Self::Tcp(socket) => Pin::new(socket).poll_read(cx, buffer),
            Self::Unix(socket) => Pin::new(socket).poll_read(cx, buffer),
            #[cfg(feature = "tls")]
            Self::Tls(socket) => Pin::new(&mut **socket).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match &mut *self {
            Self::Tcp(socket) => Pin::new(socket).poll_write(cx, bytes),
            Self::Unix(socket) => Pin::new(socket).poll_write(cx, bytes),
            #[cfg(feature = "tls")]
            Self::Tls(socket) => Pin::new(&mut **socket).poll_write(cx, bytes),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match &mut *self {
            Self::Tcp(socket) => Pin::new(socket).poll_write_vectored(cx, slices),
            Self::Unix(socket) => Pin::new(socket).poll_write_vectored(cx, slices),
            #[cfg(feature = "tls")]
            Self::Tls(socket) => Pin::new(&mut **socket).poll_write_vectored(cx, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Tcp(socket) => socket.is_write_vectored(),
            Self::Unix(socket) => socket.is_write_vectored(),
            #[cfg(feature = "tls")]
            Self::Tls(socket) => socket.is_write_vectored(),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut *self {
            Self::Tcp(socket) => Pin::new(socket).poll_flush(cx),
            Self::Unix(socket) => Pin::new(socket).poll_flush(cx),
            #[cfg(feature = "tls")]
            Self::Tls(socket) => Pin::new(&mut **socket).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut *self {
            Self::Tcp(socket) => Pin::new(socket).poll_shutdown(cx),
            Self::Unix(socket) => Pin::new(socket).poll_shutdown(cx),
            #[cfg(feature = "tls")]
            Self::Tls(socket) => Pin::new(&mut **socket).poll_shutdown(cx),
        }
    }
}

/// Lets the kernel end connections to peers that have vanished. On a listening socket, its connections
/// inherit it.
pub(crate) fn notice_dead_peers(socket: &SockRef<'_>) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    {
        let probes = socket2::TcpKeepalive::new().with_time(DEAD / 2).with_interval(DEAD / 6).with_retries(3);
        socket.set_tcp_keepalive(&probes)?;
        socket.set_tcp_user_timeout(Some(DEAD))
    }
    // Elsewhere with the system's times.
    #[cfg(not(target_os = "linux"))]
    socket.set_keepalive(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn accepted_connection_inherits_the_timeouts_for_dead_peers() {
        let listener = crate::net::listener::listen("127.0.0.1:0".parse().unwrap()).unwrap();
        let listener = tokio::net::TcpListener::from_std(listener).unwrap();
        let _peer = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (connection, _) = listener.accept().await.unwrap();
        let connection = SockRef::from(&connection);
        assert!(connection.keepalive().unwrap());
        #[cfg(target_os = "linux")]
        {
            assert_eq!(connection.tcp_keepalive_time().unwrap(), DEAD / 2);
            assert_eq!(connection.tcp_user_timeout().unwrap(), Some(DEAD));
        }
    }
}
