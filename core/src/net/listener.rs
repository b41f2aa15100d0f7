//! What accepts connections: TCP ports and Unix sockets, our own or given by systemd.

use super::{
    addresses,
    bind::Bind,
    explain::Explain,
    socket::{self, Peer, Socket},
    unix_file::{UnixFile, UnixPermissions},
};
use eyelet_hal::{Error, ErrorKind, Result};
use socket2::{Domain, SockRef, Type};
use std::{
    io,
    net::SocketAddr,
    os::fd::AsFd,
    path::Path,
    task::{Context, Poll},
};
use tokio::net::{TcpListener, UnixListener};

/// A burst of viewers must not wait for SYN retransmissions (1, 3, 7 s), as it does with a short queue.
const BACKLOG: i32 = 1024;

/// One place where a server listens.
#[derive(Debug)]
pub struct Listener {
    kind: Kind,
    // Removes a Unix socket's file, if that is ours to remove.
    _file: Option<UnixFile>,
}

#[derive(Debug)]
enum Kind {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Listener {
    /// Listens there. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// One sentence with the remedy; most often another server has the port or the socket.
    pub fn bind(bind: &Bind) -> Result<Self> {
        match bind {
            Bind::Tcp(address) => listen(*address)?.try_into(),
            Bind::Unix(path) => Self::bind_unix(path, UnixPermissions::default()),
        }
    }

    /// Listens on a Unix socket with other permissions than the usual. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// One sentence with the remedy.
    pub fn bind_unix(path: &Path, permissions: UnixPermissions) -> Result<Self> {
        Self::bind_unix_with(path, permissions, Default::default())
    }

    /// [`bind_unix`](Self::bind_unix), with what explains an error of the path, and one of the group.
    pub(crate) fn bind_unix_with(
        path: &Path,
        permissions: UnixPermissions,
        explain: [Explain; 2],
    ) -> Result<Self> {
        let (listener, file) = UnixFile::listen(path, permissions, BACKLOG, explain)?;
        Self::unix(listener, Some(file))
    }

    /// The sockets that systemd's socket activation gave this process: `LISTEN_FDS` of them, from file descriptor
    /// 3 on, if `LISTEN_PID` is this process. Their names (`LISTEN_FDNAMES`) do not matter. They can be taken
    /// once; later calls give none. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// If one of them is not a listening TCP or Unix stream socket.
    pub fn inherited() -> Result<Vec<Self>> {
        let mut given = listenfd::ListenFd::from_env();
        (0..given.len()).map(|index| Self::take(&mut given, index)).collect()
    }

    fn take(given: &mut listenfd::ListenFd, index: usize) -> Result<Self> {
        let wrong = |why: &str| {
            let what = format!("cannot listen on socket {index} from systemd: {why}");
            Error::new(ErrorKind::InvalidInput, what).with_remedy("use ListenStream= and Accept=no")
        };
        if let Ok(Some(listener)) = given.take_tcp_listener(index) {
            if !is_listening(&listener) {
                return Err(wrong("it does not listen"));
            }
            // Also another program's socket must not keep dead peers.
            socket::notice_dead_peers(&SockRef::from(&listener)).map_err(cannot)?;
            listener.set_nonblocking(true).map_err(cannot)?;
            return listener.try_into();
        }
        match given.take_unix_listener(index) {
            Ok(Some(listener)) if is_listening(&listener) => {
                listener.set_nonblocking(true).map_err(cannot)?;
                Self::unix(listener, None)
            }
            Ok(_) => Err(wrong("it does not listen")),
            Err(_) => Err(wrong("it is not a TCP or Unix stream socket")),
        }
    }

    fn unix(listener: std::os::unix::net::UnixListener, file: Option<UnixFile>) -> Result<Self> {
        let kind = Kind::Unix(UnixListener::from_std(listener).map_err(cannot)?);
        Ok(Self { kind, _file: file })
    }

    /// The addresses to open, best first: those of this `scheme`, `http` or `https`, that a browser can open, or the
    /// path of the socket and how to ask it.
    pub fn addresses(&self, scheme: &str) -> Vec<String> {
        match &self.kind {
            Kind::Tcp(listener) => {
                let Ok(bound) = listener.local_addr() else { return Vec::new() };
                // One that systemd opened may take IPv4 on an IPv6 socket.
                let both = bound.is_ipv6() && !SockRef::from(listener).only_v6().unwrap_or(true);
                let families = if both { addresses::Families::Both } else { addresses::Families::Own };
                let found = addresses::reachable(bound, families);
                found
                    .into_iter()
                    .map(|address| format!("{scheme}://{}/", addresses::authority(address)))
                    .collect()
            }
            Kind::Unix(listener) => {
                let address = listener.local_addr().ok();
                let path = address.as_ref().and_then(|a| a.as_pathname()).unwrap_or(Path::new("(unnamed)"));
                let path = path.display();
                vec![format!("unix:{path} (try curl --unix-socket {path} http://localhost/healthz)")]
            }
        }
    }

    /// The address and port, unless it is a Unix socket.
    pub fn bound(&self) -> Option<SocketAddr> {
        match &self.kind {
            Kind::Tcp(listener) => listener.local_addr().ok(),
            Kind::Unix(_) => None,
        }
    }

    pub(crate) fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<(Socket, Peer)>> {
        match &self.kind {
            Kind::Tcp(listener) => {
                listener.poll_accept(cx).map_ok(|(socket, peer)| (Socket::Tcp(socket), Peer::Tcp(peer)))
            }
            Kind::Unix(listener) => {
                listener.poll_accept(cx).map_ok(|(socket, _)| (Socket::Unix(socket), Peer::Unix))
            }
        }
    }
}

impl From<TcpListener> for Listener {
    fn from(listener: TcpListener) -> Self {
        Self { kind: Kind::Tcp(listener), _file: None }
    }
}

impl TryFrom<std::net::TcpListener> for Listener {
    type Error = Error;

    /// Of a port that [`listen`] has bound. Must be called within a tokio runtime.
    fn try_from(listener: std::net::TcpListener) -> Result<Self> {
        Ok(TcpListener::from_std(listener).map_err(cannot)?.into())
    }
}

/// Everywhere one server listens.
#[derive(Debug)]
pub struct Listeners(pub(crate) Vec<Listener>);

impl From<TcpListener> for Listeners {
    fn from(listener: TcpListener) -> Self {
        Self(vec![listener.into()])
    }
}

impl From<Listener> for Listeners {
    fn from(listener: Listener) -> Self {
        Self(vec![listener])
    }
}

impl From<Vec<Listener>> for Listeners {
    fn from(listeners: Vec<Listener>) -> Self {
        Self(listeners)
    }
}

#[cfg(target_os = "linux")]
fn is_listening(socket: &impl AsFd) -> bool {
    SockRef::from(socket).is_listener().unwrap_or(false)
}

/// Not every system reports it; there the first accept shows it.
#[cfg(not(target_os = "linux"))]
fn is_listening(_: &impl AsFd) -> bool {
    true
}

fn cannot(error: io::Error) -> Error {
    let remedy = "is the limit of open files reached?";
    Error::new(ErrorKind::Other, format!("cannot listen: {error}")).with_remedy(remedy).with_source(error)
}

/// Listens on `address` with a queue that a burst of viewers fits in. Port 0 picks a free port; `[::]` takes IPv6
/// alone, so that `0.0.0.0` can have the same port.
///
/// Needs no runtime: for a program that binds its port before it has one, or that is another server. A [`Listener`] is bound
/// by this too.
///
/// # Errors
/// One sentence with the remedy; most often another server has the port.
pub fn listen(address: SocketAddr) -> Result<std::net::TcpListener> {
    open(address).map_err(|error| {
        let (kind, remedy) = match error.kind() {
            io::ErrorKind::AddrInUse => (ErrorKind::Busy, "stop the other server, or choose another port"),
            io::ErrorKind::PermissionDenied => (ErrorKind::PermissionDenied, "choose a port of 1024 or more"),
            io::ErrorKind::AddrNotAvailable => (ErrorKind::Other, "choose an address of this machine"),
            _ => (ErrorKind::Other, "choose another address"),
        };
        let what = format!("cannot listen on {address}: {error}");
        Error::new(kind, what).with_remedy(remedy).with_source(error)
    })
}

fn open(address: SocketAddr) -> io::Result<std::net::TcpListener> {
    let socket = socket2::Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    if address.is_ipv6() {
        // Whatever the system's default is.
        socket.set_only_v6(true)?;
    }
    // A server that starts again must not wait for the connections of its last run.
    socket.set_reuse_address(true)?;
    socket::notice_dead_peers(&SockRef::from(&socket))?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}
