//! Where a server is told to listen.

use std::{fmt, net::SocketAddr, path::PathBuf, str::FromStr};

/// What marks the path of a Unix socket.
const UNIX: &str = "unix:";

/// `IP:PORT`, `[IPv6]:PORT` or `unix:/path`: what `--bind` takes.
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
            None => text
                .parse()
                .map(Self::Tcp)
                .map_err(|_| "an address is such as 127.0.0.1:8000, [::1]:8000 or unix:/run/eyelet.sock"),
        }
    }
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
    fn what_is_no_address_is_told_what_one_is() {
        for text in
            ["", "8000", ":8000", "localhost:8000", "::1:8000", "127.0.0.1", "unix:", "unix", "/run/x"]
        {
            let what = text.parse::<Bind>().unwrap_err();
            assert!(what.contains("unix:/run/eyelet.sock"), "{text}: {what}");
        }
    }
}
