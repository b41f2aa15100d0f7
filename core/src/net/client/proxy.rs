//! A proxy on the way to a server, named by hand or found in the environment, by the rules that curl has.

use crate::net::url::{HttpUrl, Purpose};
use eyelet_hal::{Error, ErrorKind, Result};
#[cfg(feature = "cli")]
use std::net::IpAddr;
use std::{fmt, str::FromStr};
#[cfg(feature = "tls")]
use {
    std::time::Duration,
    tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpStream,
        time::timeout,
    },
};

/// The longest answer to `CONNECT`, in bytes.
#[cfg(feature = "tls")]
const MAX_HEAD: usize = 16 * 1024;

/// An HTTP proxy: `[http://][USER:PASSWORD@]HOST[:PORT]`; the port is 1080 when none is given, as with curl.
///
/// It gets requests for `http` addresses as they are, and a `CONNECT` for `https` ones, which it cannot look into. User and password
/// are for the proxy alone. `Display` leaves them out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proxy(pub(crate) HttpUrl);

impl FromStr for Proxy {
    type Err = Error;

    /// # Errors
    /// `InvalidInput` for what is no address of an HTTP proxy.
    fn from_str(text: &str) -> Result<Self> {
        let purpose = Purpose { verb: "connect through the proxy", path: "" };
        let address = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
        let url = HttpUrl::parse(&address, purpose)?;
        if url.is_https() {
            let error = url.error(ErrorKind::InvalidInput, "only http proxies are supported");
            return Err(error.with_remedy("write http://HOST:PORT"));
        }
        let named = address.trim_end_matches('/').ends_with(":80");
        Ok(Self(if url.port() == 80 && !named { url.with_port(1080) } else { url }))
    }
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The proxy for an address: the one that is `named`, else the environment's: `http_proxy` or `https_proxy`, else `all_proxy`,
/// also in capitals. None for hosts in `no_proxy`, nor where an empty one is named.
#[cfg(feature = "cli")]
pub(crate) fn choose(
    url: &HttpUrl,
    named: Option<&str>,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<Option<Proxy>> {
    let either = |name: &str| {
        let names = [name.to_owned(), name.to_ascii_uppercase()];
        names.into_iter().find_map(|name| variable(&name).map(|value| (name, value)))
    };
    if either("no_proxy").is_some_and(|(_, hosts)| is_excepted(url.host(), &hosts)) {
        return Ok(None);
    }
    let own = if url.is_https() { "https_proxy" } else { "http_proxy" };
    if let Some(named) = named {
        return (!named.is_empty()).then(|| named.parse()).transpose();
    }
    let found = either(own).or_else(|| either("all_proxy"));
    let Some((name, text)) = found.filter(|(_, text)| !text.trim().is_empty()) else { return Ok(None) };
    let proxy = text.trim().parse::<Proxy>();
    // It may have been set for other programs.
    proxy.map(Some).map_err(|e| {
        let remedy = format!("correct that variable, or set no_proxy={} to use no proxy", url.host());
        e.map_message(|what| format!("{what} ({name} in the environment)")).with_remedy(remedy)
    })
}

/// Whether a host is in the list: by its name or the end of it, by its address, or by its network.
#[cfg(feature = "cli")]
fn is_excepted(host: &str, list: &str) -> bool {
    let ip: Option<IpAddr> = host.parse().ok();
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    list.split([',', ' ']).map(str::trim).filter(|entry| !entry.is_empty()).any(|entry| {
        let entry = entry.trim_start_matches('.').trim_end_matches('.').to_ascii_lowercase();
        match ip {
            _ if entry == "*" => true,
            Some(ip) => is_in(ip, &entry),
            None => host == entry || host.strip_suffix(&entry).is_some_and(|rest| rest.ends_with('.')),
        }
    })
}

/// Whether that is the address, or its network: `192.168.0.0/16`.
#[cfg(feature = "cli")]
fn is_in(ip: IpAddr, entry: &str) -> bool {
    let (network, bits) =
        entry.split_once('/').map_or((entry, None), |(network, bits)| (network, Some(bits)));
    let network: Option<IpAddr> = network.trim_matches(['[', ']']).parse().ok();
    let width = |all: u32| bits.map_or(Some(all), |bits| bits.parse().ok().filter(|bits| *bits <= all));
    match (ip, network) {
        (IpAddr::V4(ip), Some(IpAddr::V4(network))) => width(32).is_some_and(|bits| {
            (u32::from(ip) ^ u32::from(network)).checked_shr(32 - bits).unwrap_or(0) == 0
        }),
        (IpAddr::V6(ip), Some(IpAddr::V6(network))) => width(128).is_some_and(|bits| {
            (u128::from(ip) ^ u128::from(network)).checked_shr(128 - bits).unwrap_or(0) == 0
        }),
        _ => false,
    }
}

/// Has the proxy connect to the server: what is sent from then on is for the server.
#[cfg(feature = "tls")]
pub(super) async fn connect(
    stream: &mut TcpStream,
    url: &HttpUrl,
    proxy: &HttpUrl,
    limit: Duration,
) -> Result<()> {
    let slow = || proxy.error(ErrorKind::TimedOut, format!("no answer within {limit:?}"));
    timeout(limit, ask(stream, url, proxy)).await.map_err(|_| slow().with_remedy("is it stuck?"))?
}

#[cfg(feature = "tls")]
async fn ask(stream: &mut TcpStream, url: &HttpUrl, proxy: &HttpUrl) -> Result<()> {
    let server = url.host_and_port();
    let mut request = format!(
        concat!(
            "CONNECT {0} HTTP/1.1\r\nHost: {0}\r\nUser-Agent: eyelet/",
            env!("CARGO_PKG_VERSION"),
            "\r\n"
        ),
        server
    )
    .into_bytes();
    if let Some(value) = proxy.credentials() {
        request.extend_from_slice(&[b"Proxy-Authorization: ", value.as_bytes(), b"\r\n"].concat());
    }
    request.extend_from_slice(b"\r\n");
    let broke = |e| proxy.error(ErrorKind::Disconnected, "it closed the connection").with_source(e);
    stream.write_all(&request).await.map_err(broke)?;
    let mut head = Vec::new();
    // Not a byte more: the next is the server's.
    while !head.ends_with(b"\r\n\r\n") && head.len() < MAX_HEAD {
        head.push(stream.read_u8().await.map_err(broke)?);
    }
    if !head.ends_with(b"\r\n\r\n") {
        return Err(proxy.error(ErrorKind::Other, "its answer has no end"));
    }
    let head = String::from_utf8_lossy(&head);
    let line = super::connection::status_line(&head);
    let (kind, remedy) = match line.split(' ').nth(1).and_then(|status| status.parse::<u16>().ok()) {
        _ if !line.starts_with("HTTP/1.") => {
            return Err(proxy.error(ErrorKind::Other, "it does not answer in HTTP/1"));
        }
        Some(200..=299) => return Ok(()),
        Some(407) => (ErrorKind::PermissionDenied, "write USER:PASSWORD@ before its host".to_owned()),
        Some(403) => (ErrorKind::PermissionDenied, format!("may it connect to {server}?")),
        _ => (ErrorKind::Disconnected, format!("can it reach {server}?")),
    };
    Err(proxy.error(kind, format!("it answered {line}")).with_remedy(remedy))
}

#[cfg(all(test, feature = "cli"))]
mod tests {
    use super::*;

    const PURPOSE: Purpose = Purpose { verb: "upload to", path: "/upload" };

    fn chosen(url: &str, named: Option<&str>, environment: &[(&str, &str)]) -> Option<String> {
        let url = HttpUrl::parse(url, PURPOSE).unwrap();
        let variable = |name: &str| {
            environment.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        };
        choose(&url, named, variable).unwrap().map(|proxy| proxy.to_string())
    }

    #[test]
    fn flag_takes_precedence_over_the_environment() {
        let lower = [("http_proxy", "http://p:1"), ("HTTP_PROXY", "http://q:2"), ("https_proxy", "r:3")];
        assert_eq!(chosen("http://cam/", None, &lower).as_deref(), Some("http://p:1/"));
        assert_eq!(chosen("http://cam/", None, &lower[1..]).as_deref(), Some("http://q:2/"));
        assert_eq!(chosen("http://cam/", None, &[("ALL_PROXY", "x")]).as_deref(), Some("http://x:1080/"));
        assert_eq!(chosen("http://cam/", Some("me:pw@n:9"), &lower).as_deref(), Some("http://n:9/"));
        assert_eq!(chosen("http://cam/", Some("http://n:80/"), &[]).as_deref(), Some("http://n/"));
        assert_eq!(chosen("http://cam/", Some(""), &lower), None);
        assert_eq!(chosen("http://cam/", None, &[("http_proxy", "")]), None);
        assert_eq!(chosen("http://cam/", None, &[("http_proxy", " ")]), None);
        assert_eq!(chosen("http://cam/", None, &[]), None);
    }

    #[test]
    fn host_in_no_proxy_is_connected_directly() {
        for (host, list, excepted) in [
            ("cam", "cam", true),
            ("cam.example.org", "a, .example.org", true),
            ("cam.example.org", "EXAMPLE.org", true),
            ("badexample.org", "example.org", false),
            ("cam", "*", true),
            ("cam", "", false),
            ("10.1.2.3", "10.0.0.0/8", true),
            ("11.1.2.3", "10.0.0.0/8", false),
            ("10.1.2.3", "10.1.2.3,x", true),
            ("10.1.2.3", "2.3", false),
            ("10.1.2.3", "0.0.0.0/0", true),
            ("10.1.2.3", "10.1.2.3/99", false),
            ("fe80::1", "[fe80::]/10", true),
            ("fe80::1", "fe80::/10", true),
            ("::1", "::1", true),
        ] {
            assert_eq!(is_excepted(host, list), excepted, "{host} in {list:?}");
        }
        assert_eq!(chosen("http://cam/", Some("n:9"), &[("NO_PROXY", "cam")]), None);
    }

    #[test]
    fn invalid_proxy_in_the_environment_is_reported_with_its_variable() {
        let url = HttpUrl::parse("http://cam/", PURPOSE).unwrap();
        let variable = |name: &str| (name == "ALL_PROXY").then(|| "socks5://me:secret@n:9".to_owned());
        let error = choose(&url, None, variable).unwrap_err().to_string();
        let end =
            " (ALL_PROXY in the environment); correct that variable, or set no_proxy=cam to use no proxy";
        assert!(error.ends_with(end) && !error.contains("secret"), "{error}");
        assert!(choose(&url, Some(""), variable).unwrap().is_none());
    }

    #[test]
    fn invalid_proxy_is_refused_without_its_secrets() {
        for text in ["socks5://me:secret@n:9", "https://me:secret@n:9", "me:secret@n:x", "me:secret@"] {
            let error = text.parse::<Proxy>().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }
}
