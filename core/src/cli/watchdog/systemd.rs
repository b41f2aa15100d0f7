//! systemd's side of it: sd_notify(3), one datagram a message.

use std::{
    env,
    ffi::{OsStr, OsString},
    io,
    os::{
        linux::net::SocketAddrExt,
        unix::{
            ffi::OsStrExt,
            net::{SocketAddr, UnixDatagram},
        },
    },
    time::Duration,
};

/// The socket that the service manager listens on.
#[derive(Debug)]
pub(super) struct Systemd {
    socket: UnixDatagram,
    address: SocketAddr,
    period: Option<Duration>,
}

impl Systemd {
    /// The socket in the environment; `None` if no service manager wants notifications.
    pub(super) fn from_environment() -> Option<Self> {
        let text = |name| env::var_os(name).and_then(|value: OsString| value.into_string().ok());
        let (limit, process) = (text("WATCHDOG_USEC"), text("WATCHDOG_PID"));
        Self::new(&env::var_os("NOTIFY_SOCKET")?, limit.as_deref(), process.as_deref())
    }

    /// The socket of this path, or of the abstract name behind an `@`; with heartbeats at least every
    /// `limit` microseconds from the process of this number.
    pub(super) fn new(socket: &OsStr, limit: Option<&str>, process: Option<&str>) -> Option<Self> {
        match connect(socket) {
            Ok((socket, address)) => {
                let mine = process.is_none_or(|process| process.parse() == Ok(std::process::id()));
                let limit = limit.and_then(|limit| limit.parse().ok()).filter(|&limit| mine && limit > 0);
                // Twice as often as must be, as systemd's manual recommends.
                let period = limit.map(|limit| Duration::from_micros(limit) / 2);
                Some(Self { socket, address, period })
            }
            Err(error) => {
                let socket = socket.display();
                tracing::warn!("cannot notify the service manager at {socket}: {error}; going on without");
                None
            }
        }
    }

    /// The time between two heartbeats; `None` if none are wanted.
    pub(super) fn period(&self) -> Option<Duration> {
        self.period
    }

    /// Sends a message. If that fails, the service manager restarts the program when no heartbeat comes.
    pub(super) fn notify(&self, message: &str) {
        if let Err(error) = self.socket.send_to_addr(message.as_bytes(), &self.address) {
            tracing::debug!(%error, message, "the service manager was not notified");
        }
    }
}

fn connect(name: &OsStr) -> io::Result<(UnixDatagram, SocketAddr)> {
    let address = match name.as_bytes() {
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
        [b'/', ..] => SocketAddr::from_pathname(name)?,
        _ => return Err(io::Error::new(io::ErrorKind::Unsupported, "neither a path nor an abstract name")),
    };
    let socket = UnixDatagram::unbound()?;
    // A service manager that does not read must not hold up the stream.
    socket.set_nonblocking(true)?;
    Ok((socket, address))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heartbeat_period_is_half_of_the_limit_for_the_right_process() {
        let period = |limit, process| Systemd::new("/run/x".as_ref(), limit, process).unwrap().period();
        let me = std::process::id().to_string();
        assert_eq!(period(Some("20000000"), None), Some(Duration::from_secs(10)));
        assert_eq!(period(Some("20000000"), Some(&me)), Some(Duration::from_secs(10)));
        for (limit, process) in
            [(None, None), (Some("0"), None), (Some("x"), None), (Some("20000000"), Some("1"))]
        {
            assert_eq!(period(limit, process), None, "{limit:?} {process:?}");
        }
        assert!(Systemd::new("vsock:2:1234".as_ref(), None, None).is_none());
    }

    #[test]
    fn notification_without_a_listener_is_ignored() {
        Systemd::new("/nowhere/notify".as_ref(), None, None).unwrap().notify("READY=1");
    }
}
