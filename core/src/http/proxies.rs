//! `--trusted-proxy`: the proxies that are trusted to name the addresses of their clients.
//!
//! Any client can send `X-Forwarded-For`. It is read only from a trusted proxy, and from its right end, where that proxy has
//! appended the address of its client: everything left of the first untrusted address may be forged. `Forwarded` (RFC 7239)
//! is not read: a proxy that writes the one header forwards the other as a client sent it, so reading both would mean
//! trusting any client.

use crate::net::socket::Peer;
use hyper::HeaderMap;
use std::{net::IpAddr, net::SocketAddr, str::FromStr};

/// What `--trusted-proxy` takes: an address, a network such as `192.168.0.0/24`, or `unix` for all that connect by a
/// Unix socket.
///
/// ```
/// use eyelet_core::http::TrustedProxy;
/// for text in ["127.0.0.1", "10.0.0.0/8", "fd00::/8", "unix"] {
///     assert!(text.parse::<TrustedProxy>().is_ok());
/// }
/// assert!("10.0.0.0/33".parse::<TrustedProxy>().is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrustedProxy(Net);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Net {
    Unix,
    /// Its first bits, and how many of them count.
    Ip(IpAddr, u8),
}

impl FromStr for TrustedProxy {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let explain = "a proxy is an address such as 192.168.0.2, a network such as 10.0.0.0/8, or unix";
        if text == "unix" {
            return Ok(Self(Net::Unix));
        }
        let (ip, bits) = text.split_once('/').map_or((text, None), |(ip, bits)| (ip, Some(bits)));
        let ip: IpAddr = ip.parse().map_err(|_| explain)?;
        let most = if ip.is_ipv4() { 32 } else { 128 };
        let plain = |bits: &&str| bits.bytes().all(|byte| byte.is_ascii_digit());
        let bits = match bits {
            None => most,
            Some(bits) => Some(bits).filter(plain).and_then(|bits| bits.parse().ok()).ok_or(explain)?,
        };
        if bits <= most { Ok(Self(Net::Ip(ip, bits))) } else { Err(explain) }
    }
}

impl TrustedProxy {
    /// Whether it is this address; none is a Unix socket's.
    fn is(&self, ip: Option<IpAddr>) -> bool {
        match (self.0, ip) {
            (Net::Unix, None) => true,
            (Net::Ip(IpAddr::V4(net), bits), Some(IpAddr::V4(ip))) => {
                (net.to_bits() ^ ip.to_bits()).leading_zeros() >= bits.into()
            }
            (Net::Ip(IpAddr::V6(net), bits), Some(IpAddr::V6(ip))) => {
                (net.to_bits() ^ ip.to_bits()).leading_zeros() >= bits.into()
            }
            _ => false,
        }
    }
}

/// The proxies that are trusted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedProxies(Vec<TrustedProxy>);

impl From<Vec<TrustedProxy>> for TrustedProxies {
    fn from(proxies: Vec<TrustedProxy>) -> Self {
        Self(proxies)
    }
}

impl TrustedProxies {
    /// Whether this peer is one.
    pub(super) fn are(&self, peer: &Peer) -> bool {
        self.trust(peer.ip())
    }

    fn trust(&self, ip: Option<IpAddr>) -> bool {
        self.0.iter().any(|proxy| proxy.is(ip))
    }

    /// The client whose request this trusted `peer` has forwarded: the last address that is no trusted proxy's. Where an
    /// address cannot be read, it is the proxy that wrote it.
    pub(super) fn client(&self, peer: &Peer, headers: &HeaderMap) -> Peer {
        let mut client = peer.clone();
        let lines: Vec<_> = headers.get_all("x-forwarded-for").iter().collect();
        let hops = lines.iter().rev().flat_map(|line| line.to_str().unwrap_or_default().rsplit(','));
        for hop in hops {
            let Some(ip) = address(hop.trim()) else { break };
            client = Peer::Proxied(ip);
            if !self.trust(Some(ip)) {
                break;
            }
        }
        client
    }
}

/// An address, as proxies write it: some with a port, and IPv6 in brackets.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let port = || text.parse::<SocketAddr>().ok().map(|address| address.ip());
    bare.parse::<IpAddr>().ok().or_else(port).map(|ip| ip.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn proxies(all: &[&str]) -> TrustedProxies {
        all.iter().map(|text| text.parse().unwrap()).collect::<Vec<_>>().into()
    }

    fn client(proxies: &TrustedProxies, peer: &Peer, lines: &[&[u8]]) -> String {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append("x-forwarded-for", hyper::header::HeaderValue::from_bytes(line).unwrap());
        }
        proxies.client(peer, &headers).to_string()
    }

    #[test]
    fn rightmost_untrusted_address_is_the_client() {
        let trusted = proxies(&["10.0.0.0/8", "127.0.0.1", "fd00::/8", "unix"]);
        let peer = Peer::Tcp("10.0.0.1:5".parse().unwrap());
        for (lines, expected) in [
            (&[][..], "10.0.0.1:5"),
            (&[&b""[..]], "10.0.0.1:5"),
            (&[b"192.0.2.1"], "192.0.2.1"),
            // What the client itself claims does not matter.
            (&[b"127.0.0.1, 192.0.2.1"], "192.0.2.1"),
            (&[b"192.0.2.9", b"192.0.2.1"], "192.0.2.1"),
            (&[b"192.0.2.9, 192.0.2.1 ,10.2.3.4"], "192.0.2.1"),
            (&[b"192.0.2.1", b"fd00::7, 10.2.3.4"], "192.0.2.1"),
            (&[b"10.5.5.5, 10.2.3.4"], "10.5.5.5"),
            (&[b"192.0.2.1:4711"], "192.0.2.1"),
            (&[b"[2001:db8::1]:4711"], "2001:db8::1"),
            (&[b"[2001:db8::1]"], "2001:db8::1"),
            (&[b"::ffff:192.0.2.1"], "192.0.2.1"),
            // Not readable: then the client is the peer that sent it.
            (&[b"192.0.2.1, unknown"], "10.0.0.1:5"),
            (&[b"192.0.2.1, nonsense, 10.2.3.4"], "10.2.3.4"),
            (&[b"192.0.2.1,"], "10.0.0.1:5"),
            (&[b"192.0.2.1\xff"], "10.0.0.1:5"),
            (&[b"1.2.3.4.5, 999.1.1.1"], "10.0.0.1:5"),
        ] {
            assert_eq!(client(&trusted, &peer, lines), expected, "{lines:?}");
        }
        assert_eq!(client(&trusted, &Peer::Unix, &[b"192.0.2.1"]), "192.0.2.1");
        assert!(trusted.are(&peer) && trusted.are(&Peer::Unix));
        assert!(trusted.are(&Peer::Tcp("[::ffff:10.0.0.1]:5".parse().unwrap())));
        assert!(!trusted.are(&Peer::Tcp("11.0.0.1:5".parse().unwrap())));
        assert!(!proxies(&[]).are(&Peer::Unix));
    }

    #[test]
    fn networks_end_where_they_say() {
        for (net, inside, outside) in [
            ("10.1.0.0/16", "10.1.255.255", "10.2.0.0"),
            ("10.1.2.3", "10.1.2.3", "10.1.2.2"),
            ("10.0.0.0/31", "10.0.0.1", "10.0.0.2"),
            ("0.0.0.0/0", "255.255.255.255", "::1"),
            ("2001:db8::/33", "2001:db8:7fff::1", "2001:db8:8000::1"),
            ("::/0", "ffff::", "1.2.3.4"),
        ] {
            let net: TrustedProxy = net.parse().unwrap();
            assert!(net.is(inside.parse().ok()) && !net.is(outside.parse().ok()) && !net.is(None), "{net:?}");
        }
        for text in
            ["", "x", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/+8", "::/129", "10.0.0/8", "unix:/x", "/8"]
        {
            assert!(text.parse::<TrustedProxy>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_header_is_read(line in "[ -~]{0,60}", tail in "[0-9a-f:.,\\[\\] ]{0,40}") {
            let (trusted, peer) = (proxies(&["::/0", "0.0.0.0/0"]), Peer::Unix);
            client(&trusted, &peer, &[line.as_bytes(), tail.as_bytes()]);
        }
    }
}
