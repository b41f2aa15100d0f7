//! The address or socket that a server listens on.

use super::addresses;
use std::{
    fmt,
    net::{Ipv4Addr, SocketAddr, SocketAddrV6},
    path::PathBuf,
    str::FromStr,
};

/// What marks the path of a Unix socket.
const UNIX: &str = "unix:";

/// `IP:PORT`, `[IPv6]:PORT` or `unix:/path`: what `--bind` takes. `localhost:PORT` is `127.0.0.1:PORT`.
///
/// ```
/// use eyelet_core::http::Bind;
/// for text in ["0.0.0.0:8000", "[::1]:8000", "unix:/run/eyelet.sock"] {
///     assert_eq!(text.parse::<Bind>().unwrap().to_string(), text);
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Bind {
    /// A TCP port. `[::]` means IPv6 alone; for both families bind `0.0.0.0` as well.
    Tcp(SocketAddr),
    /// A socket in the file system.
    Unix(PathBuf),
}

impl From<SocketAddr> for Bind {
    fn from(address: SocketAddr) -> Self {
        Self::Tcp(address)
    }
}

impl FromStr for Bind {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        match text.strip_prefix(UNIX) {
            Some("") => Err("a Unix socket needs a path, such as unix:/run/eyelet.sock"),
            Some(path) => Ok(Self::Unix(path.into())),
            None => {
                // The one name that means the same everywhere; another one may get another address tomorrow.
                let port = text.strip_prefix("localhost:").and_then(|port| port.parse().ok());
                let local = port.map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
                local.or_else(|| text.parse().ok()).map_or_else(|| zoned(text), Ok).map(Self::Tcp)
            }
        }
    }
}

/// `[fe80::1%eth0]:8000`, an address that holds on the link of one interface only.
fn zoned(text: &str) -> Result<SocketAddr, &'static str> {
    let parts = || {
        let (ip, rest) = text.strip_prefix('[')?.split_once('%')?;
        let (zone, port) = rest.split_once("]:")?;
        Some((ip.parse().ok()?, zone, port.parse().ok()?))
    };
    let (ip, zone, port) = parts().ok_or(
        "expected an address such as 127.0.0.1:8000, localhost:8000, [::1]:8000 or unix:/run/eyelet.sock; other names are not accepted",
    )?;
    let index = addresses::interface(zone)
        .ok_or("no interface of that name has an address; ip address lists them")?;
    Ok(SocketAddrV6::new(ip, port, 0, index).into())
}

impl fmt::Display for Bind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "{UNIX}{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_may_name_its_interface() {
        for text in ["[fe80::1%lo]:8000", "[fe80::1%1]:8000"] {
            let Ok(Bind::Tcp(SocketAddr::V6(address))) = text.parse() else { panic!("{text}") };
            assert_eq!((address.scope_id(), address.port()), (1, 8000), "{text}");
        }
        let why = "[fe80::1%no-such]:8000".parse::<Bind>().unwrap_err();
        assert_eq!(why, "no interface of that name has an address; ip address lists them");
    }

    #[test]
    fn invalid_address_is_refused_with_examples() {
        for text in [
            "",
            "8000",
            ":8000",
            "localhost",
            "localhost:x",
            "localhost:65536",
            "camera.lan:8000",
            "::1:8000",
            "127.0.0.1",
            "unix:",
            "unix",
            "/run/x",
        ] {
            let what = text.parse::<Bind>().unwrap_err();
            assert!(what.contains("unix:/run/eyelet.sock"), "{text}: {what}");
        }
        assert_eq!("localhost:8011".parse::<Bind>().unwrap().to_string(), "127.0.0.1:8011");
    }
}
