//! The names of this server that cannot be those of a page of the web.
//!
//! DNS rebinding: a page whose name suddenly resolves to the camera's address is a page of the camera to a browser. It has the
//! name that it was opened by, which is one of the public DNS.

use super::Server;
use crate::{hostname::hostname, net::socket::Peer};
use hyper::{HeaderMap, header::HOST};
use std::net::{IpAddr, Ipv6Addr};

/// The ends of names that are never in the public DNS.
const LOCAL: [&str; 5] = [".local", ".localhost", ".lan", ".internal", ".home.arpa"];

impl Server {
    /// Whether a request of this client with these headers may change something, for all that its host says: without
    /// credentials, a page that took the server's address for its own name may not. A browser sends it no credentials, and
    /// refuses it a certificate, if that is ours: behind a Unix socket or a known proxy it is not.
    /// A proxy makes no difference, since most pass on any host; one that changes the host names the one it was asked for.
    pub(super) fn may_change(&self, request: &HeaderMap, client: &Peer) -> bool {
        let encrypted = self.scheme() == "https" && matches!(client, Peer::Tcp(_));
        let safe = encrypted || !self.access.is_open();
        let own = |host: &str| is_own(host) || self.origins.have(host);
        let mut hosts =
            [HOST.as_str(), "x-forwarded-host"].into_iter().flat_map(|name| request.get_all(name));
        safe || hosts.all(|hosts| hosts.to_str().is_ok_and(|hosts| hosts.split(',').map(str::trim).all(own)))
    }
}

/// Whether this `Host` is an address, a name that exists in its own network alone, or the machine's.
fn is_own(host: &str) -> bool {
    let name = without_port(host);
    if let Some(address) = name.strip_prefix('[') {
        // A zone is the client's own name of its network device.
        let address = address.strip_suffix(']').map(|address| address.split('%').next().unwrap_or(address));
        return address.is_some_and(|address| address.parse::<Ipv6Addr>().is_ok());
    }
    let name = name.strip_suffix('.').unwrap_or(name);
    let ends_with = |end: &&str| {
        let at = name.len().checked_sub(end.len());
        at.and_then(|at| name.get(at..)).is_some_and(|rest| rest.eq_ignore_ascii_case(end))
    };
    name.parse::<IpAddr>().is_ok() || !name.contains('.') || LOCAL.iter().any(ends_with) || is_machine(name)
}

/// The host's name or address, which is in brackets if it has colons.
pub(super) fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

/// Whether it is the full name that the machine was given.
fn is_machine(name: &str) -> bool {
    hostname().is_some_and(|own| own.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_local_names_are_own_and_names_of_the_web_are_not() {
        for host in [
            "192.168.0.2",
            "192.168.0.2:8000",
            "[::1]",
            "[2001:db8::1]:8000",
            "[fe80::1%25eth0]",
            "[fe80::1%eth0]:8000",
            "localhost:8000",
            "cam",
            "CAM.LOCAL",
            "cam.local.:80",
            "cam.lan",
            "cam.home.arpa:8000",
            "a.b.internal",
        ] {
            assert!(is_own(host), "{host}");
        }
        for host in [
            "a.example",
            "a.example:8000",
            "cam.local.a.example",
            "192.168.0.2.a.example",
            "local.example",
            "[a.example]",
            "[a.example%25eth0]",
            "a.xlocal",
            "a.example.",
            "192.168.0.2a.example:80",
            "ä.example",
        ] {
            assert!(!is_own(host), "{host}");
        }
    }
}
