//! Addresses that a browser can open.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Which addresses reach a socket bound to the unspecified address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Families {
    /// Those of its own family.
    Own,
    /// IPv4 also on an IPv6 socket.
    Both,
}

/// The addresses to open for a server that listens on `bound`, best first: the same address, or, where it
/// listens on all of them, one for each of the machine's interfaces (never `0.0.0.0`).
pub(crate) fn reachable(bound: SocketAddr, families: Families) -> Vec<SocketAddr> {
    if !bound.ip().is_unspecified() {
        return vec![bound];
    }
    let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
    choose(bound, families, interfaces.iter().map(|i| i.addr.ip()))
}

/// The number of an interface that has an address.
pub(crate) fn interface(name: &str) -> Option<u32> {
    let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
    interfaces.iter().find(|interface| interface.name == name)?.index
}

/// Host and port of a link: an interface by its name, behind an escaped `%`.
pub(crate) fn authority(address: SocketAddr) -> String {
    match address {
        SocketAddr::V6(v6) if v6.scope_id() != 0 => {
            let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
            let named = interfaces.iter().find(|interface| interface.index == Some(v6.scope_id()));
            let zone = named.map_or_else(|| v6.scope_id().to_string(), |interface| interface.name.clone());
            format!("[{}%25{zone}]:{}", v6.ip(), v6.port())
        }
        other => other.to_string(),
    }
}

/// Of `addresses`, those that `bound` accepts and a person can type: not link-local (they need a zone), and
/// loopback only where there is nothing else.
fn choose(bound: SocketAddr, families: Families, addresses: impl Iterator<Item = IpAddr>) -> Vec<SocketAddr> {
    let typed = |ip: &IpAddr| match ip {
        IpAddr::V4(ip) => {
            (bound.is_ipv4() || families == Families::Both) && !ip.is_link_local() && !ip.is_loopback()
        }
        IpAddr::V6(ip) => bound.is_ipv6() && !ip.is_unicast_link_local() && !ip.is_loopback(),
    };
    let mut found: Vec<_> = addresses.filter(typed).collect();
    found.sort();
    found.dedup();
    if found.is_empty() {
        found.push(if bound.is_ipv4() { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() });
    }
    found.into_iter().map(|ip| SocketAddr::new(ip, bound.port())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(bound: &str, families: Families, interfaces: &[&str]) -> Vec<String> {
        let addresses = interfaces.iter().map(|ip| ip.parse().unwrap());
        choose(bound.parse().unwrap(), families, addresses).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn reachable_addresses_are_never_unspecified() {
        let interfaces = ["127.0.0.1", "192.168.0.7", "169.254.1.1", "::1", "fe80::1", "2001:db8::7"];
        assert_eq!(chosen("0.0.0.0:8000", Families::Own, &interfaces), ["192.168.0.7:8000"]);
        assert_eq!(chosen("[::]:8000", Families::Own, &interfaces), ["[2001:db8::7]:8000"]);
        let both = ["192.168.0.7:8000", "[2001:db8::7]:8000"];
        assert_eq!(chosen("[::]:8000", Families::Both, &interfaces), both);
        assert_eq!(chosen("0.0.0.0:80", Families::Own, &["127.0.0.1"]), ["127.0.0.1:80"]);
        assert_eq!(chosen("[::]:80", Families::Own, &["127.0.0.1", "::1", "10.0.0.1"]), ["[::1]:80"]);
    }

    #[test]
    fn link_local_address_names_its_interface() {
        let there =
            |scope| SocketAddr::from(std::net::SocketAddrV6::new("fe80::1".parse().unwrap(), 80, 0, scope));
        let lo = interface("lo").unwrap();
        assert_eq!(authority(there(lo)), "[fe80::1%25lo]:80");
        assert_eq!(authority(there(9_999_999)), "[fe80::1%259999999]:80");
        assert_eq!(authority(there(0)), "[fe80::1]:80");
    }

    #[test]
    fn bound_address_is_reachable_as_it_is() {
        let bound = "127.0.0.1:8000".parse().unwrap();
        assert_eq!(reachable(bound, Families::Own), [bound]);
    }
}
