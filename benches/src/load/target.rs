//! What is watched.

use std::net::{SocketAddr, ToSocketAddrs};

/// A stream's address, and the request for it.
#[derive(Clone, Debug)]
pub struct Target {
    pub(super) address: SocketAddr,
    pub(super) request: String,
}

impl std::str::FromStr for Target {
    type Err = String;

    fn from_str(url: &str) -> Result<Self, String> {
        let rest =
            url.strip_prefix("http://").ok_or("use an address such as http://127.0.0.1:8000/stream")?;
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        let named = if host.contains(':') { host.to_owned() } else { format!("{host}:80") };
        let mut addresses = named.to_socket_addrs().map_err(|e| format!("{host}: {e}"))?;
        let address = addresses.next().ok_or_else(|| format!("{host}: no address"))?;
        let request = format!("GET /{path} HTTP/1.1\r\nHost: {host}\r\nAccept: */*\r\n\r\n");
        Ok(Self { address, request })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn target_is_parsed_from_an_http_url_alone() {
        let target: Target = "http://127.0.0.1:81/?action=stream".parse().unwrap();
        assert_eq!(target.address, "127.0.0.1:81".parse().unwrap());
        assert!(target.request.starts_with("GET /?action=stream HTTP/1.1\r\nHost: 127.0.0.1:81\r\n"));
        assert_eq!("http://127.0.0.1".parse::<Target>().unwrap().address.port(), 80);
        assert!("https://127.0.0.1/".parse::<Target>().is_err());
    }
}
