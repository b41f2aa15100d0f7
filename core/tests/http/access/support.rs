//! A server with secrets to show, and clients that send any bytes from any address.

use crate::support;
use bytes::Bytes;
use eyelet_core::{
    feed::{Label, Picture, PictureKind, RunId},
    http::{Access, CredentialSources, Page, SnapshotPolicy, Token},
};
use eyelet_hal::{
    PixelFormat, StreamFormat,
    clock::{Clock as _, SystemClock},
};
use std::{
    net::SocketAddr,
    path::Path,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    task::JoinHandle,
    time::timeout,
};

/// Far longer than anything here takes: only a hang meets it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// "open sesame", by bcrypt (ann) and by argon2 (bob), with the smallest costs.
pub(crate) const USERS: &str = "\
ann:$2y$04$eaDPVypQQwI7LqH6IqUwZ.3oBGCC76URiH6CiX/sHjfUY/OmU0irK
bob:$argon2id$v=19$m=64,t=1,p=1$c2FsdHNhbHRzYWx0c2FsdA$kyj4KAQPkDHofxQqmZFrtcrDql5eltyrs3W6/tB5JPs
";

pub(crate) const TOKEN: &str = "Sesame+/42=";

/// In everything that only those who may look may see.
pub(crate) const SECRET: &str = "TheSecret";

pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    _server: support::Running,
    film: JoinHandle<()>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.film.abort();
    }
}

/// A server whose pictures, page and state all have [`SECRET`] in them.
pub(crate) fn serve(access: Access) -> Running {
    let server = support::serve(|server| {
        server.access = access;
        server.max_viewers = 10_000;
        server.limits.connections_per_address = 10_000;
        server.page = Page::new(SECRET);
        server.snapshot = SnapshotPolicy::FreshOrNewest;
    });
    let hub = server.hub.clone();
    hub.status.connected(SECRET, StreamFormat::new(PixelFormat::Grey, 4, 2).unwrap());
    let film = tokio::spawn(async move {
        for sequence in 0.. {
            let captured_at = SystemClock.unix();
            let jpeg = Bytes::from_static(SECRET.as_bytes());
            hub.feed.publish(Picture {
                jpeg,
                label: Label { run: RunId::new(0), sequence, captured_at },
                kind: PictureKind::Live,
            });
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    Running { address: server.address, _server: server, film }
}

/// Both users and the token.
pub(crate) fn sources(folder: &Path) -> CredentialSources {
    let users = folder.join("users");
    std::fs::write(&users, USERS).unwrap();
    let mut sources = CredentialSources::default();
    sources.users = Some(users);
    sources.token = Some(Token::new(TOKEN).unwrap());
    sources
}

/// A loopback address that was not used before: 127.0.0.2 and on.
pub(crate) fn somebody() -> SocketAddr {
    static NEXT: AtomicU32 = AtomicU32::new(0x7f00_0002);
    let ip = std::net::Ipv4Addr::from(NEXT.fetch_add(1, Ordering::Relaxed));
    SocketAddr::new(ip.into(), 0)
}

impl Running {
    pub(crate) async fn connect(&self, from: SocketAddr) -> TcpStream {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(from).unwrap();
        timeout(PATIENCE, socket.connect(self.address)).await.expect("no connection").unwrap()
    }

    /// What the server sends until it closes, or until the secret has come.
    pub(crate) async fn ask(&self, from: SocketAddr, request: &str) -> String {
        let mut socket = self.connect(from).await;
        socket.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        let read = async {
            let mut buffer = [0; 4096];
            loop {
                match socket.read(&mut buffer).await {
                    Ok(0) | Err(_) => return,
                    Ok(n) => answer.extend_from_slice(&buffer[..n]),
                }
                if String::from_utf8_lossy(&answer).contains(SECRET) {
                    return;
                }
            }
        };
        timeout(PATIENCE, read).await.unwrap_or_else(|_| panic!("no end of the answer to {request:?}"));
        with_small_names(&String::from_utf8_lossy(&answer))
    }

    pub(crate) async fn get(&self, from: SocketAddr, path: &str, header: &str) -> String {
        self.ask(from, &format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{header}\r\n")).await
    }
}

/// Header names in small letters: their writing is no subject here.
fn with_small_names(answer: &str) -> String {
    let small = |line: &str| match line.split_once(": ") {
        Some((name, value)) if name.chars().all(|c| c.is_ascii_alphabetic() || c == '-') => {
            format!("{}: {value}", name.to_ascii_lowercase())
        }
        _ => line.to_owned(),
    };
    answer.split("\r\n").map(small).collect::<Vec<_>>().join("\r\n")
}

pub(crate) fn basic(user: &str, password: &str) -> String {
    use base64::Engine as _;
    let both = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
    format!("Authorization: Basic {both}\r\n")
}

pub(crate) fn status(answer: &str) -> u16 {
    answer.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0)
}
