//! Host names, looked up without blocking the runtime.

use std::{
    io,
    net::{IpAddr, SocketAddr, ToSocketAddrs},
    thread,
};
use tokio::sync::oneshot;

/// The addresses of a host. The system's own look-up blocks, so it has a thread for as long as it takes: tokio's own way
/// panics where the system has no thread to give, and here that is an error as any other.
pub(crate) async fn lookup(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    let (found, answer) = oneshot::channel();
    let host = host.to_owned();
    thread::Builder::new().name("look-up".to_owned()).spawn(move || {
        // Fails when the caller no longer waits.
        let _ = found.send((host.as_str(), port).to_socket_addrs().map(Vec::from_iter));
    })?;
    answer.await.unwrap_or_else(|_| Err(io::ErrorKind::Interrupted.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn names_and_addresses_are_looked_up() {
        for address in ["127.0.0.1:80", "[::1]:443"] {
            let address: SocketAddr = address.parse().unwrap();
            assert_eq!(lookup(&address.ip().to_string(), address.port()).await.unwrap(), [address]);
        }
        let found = lookup("localhost", 8000).await.unwrap();
        assert!(!found.is_empty() && found.iter().all(|a| a.ip().is_loopback() && a.port() == 8000));
        assert!(lookup("no such host", 80).await.is_err());
    }
}
