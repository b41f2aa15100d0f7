//! Addresses that a browser can open.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// The addresses to open for a server that listens on `bound`, best first: the same address, or, where it
/// listens on all of them, one for each of the machine's interfaces (never `0.0.0.0`).
pub(crate) fn reachable(bound: SocketAddr) -> Vec<SocketAddr> {
    if !bound.ip().is_unspecified() {
        return vec![bound];
    }
    let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
    choose(bound, interfaces.iter().map(|i| i.addr.ip()))
}

/// Of `addresses`, those that `bound` accepts and a person can type: not link-local (they need a zone), and
/// loopback only where there is nothing else.
fn choose(bound: SocketAddr, addresses: impl Iterator<Item = IpAddr>) -> Vec<SocketAddr> {
    let typed = |ip: &IpAddr| match ip {
        IpAddr::V4(ip) => !ip.is_link_local() && !ip.is_loopback(),
        // An unspecified IPv6 socket on Linux takes IPv4 too.
        IpAddr::V6(ip) => bound.is_ipv6() && !ip.is_unicast_link_local() && !ip.is_loopback(),
    };
    let mut found: Vec<_> = addresses.filter(typed).collect();
    found.sort();
    found.dedup();
    if found.is_empty() {
        found.push(Ipv4Addr::LOCALHOST.into());
    }
    found.into_iter().map(|ip| SocketAddr::new(ip, bound.port())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(bound: &str, interfaces: &[&str]) -> Vec<String> {
        let addresses = interfaces.iter().map(|ip| ip.parse().unwrap());
        choose(bound.parse().unwrap(), addresses).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn never_the_unspecified_address() {
        let interfaces = ["127.0.0.1", "192.168.0.7", "169.254.1.1", "::1", "fe80::1", "2001:db8::7"];
        assert_eq!(chosen("0.0.0.0:8000", &interfaces), ["192.168.0.7:8000"]);
        assert_eq!(chosen("[::]:8000", &interfaces), ["192.168.0.7:8000", "[2001:db8::7]:8000"]);
        assert_eq!(chosen("0.0.0.0:80", &["127.0.0.1"]), ["127.0.0.1:80"]);
    }

    #[test]
    fn a_given_address_is_kept() {
        let bound = "127.0.0.1:8000".parse().unwrap();
        assert_eq!(reachable(bound), [bound]);
    }
}
