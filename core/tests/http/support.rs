//! Raw sockets to ask a server with, for tests of how it treats its peers.

pub(crate) use crate::serving::{PATIENCE, Running, serve};
use bytes::Bytes;
use eyelet_core::feed::{Label, Picture, PictureKind, RunId};
use eyelet_hal::{PixelFormat, StreamFormat};
use std::{
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    time::{advance, pause, resume, timeout},
};

pub(crate) const STREAM: &str = "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n";
/// The answer ends with the connection.
pub(crate) const STATE: &str = "GET /state HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

impl Running {
    pub(crate) fn live(&self) {
        self.hub.status.connected("test", StreamFormat::new(PixelFormat::Grey, 4, 2).unwrap());
    }

    /// Publishes a picture of its number in brackets, captured at this time.
    pub(crate) fn publish_at(&self, sequence: u64, captured_at: Duration) {
        self.put(format!("[{sequence}]"), sequence, captured_at, PictureKind::Live);
    }

    /// The camera is unplugged.
    pub(crate) fn lose(&self) {
        self.hub.status.lost("unplugged");
        self.put("no signal", 1, Duration::ZERO, PictureKind::NoSignal);
    }

    fn put(&self, jpeg: impl Into<Bytes>, sequence: u64, captured_at: Duration, kind: PictureKind) {
        let label = Label { run: RunId::new(0), sequence, captured_at };
        self.hub.feed.publish(Picture { jpeg: jpeg.into(), label, kind });
    }

    pub(crate) async fn connect(&self, request: &str) -> TcpStream {
        let mut socket = TcpStream::connect(self.address).await.unwrap();
        socket.write_all(request.as_bytes()).await.unwrap();
        socket
    }

    /// A connection from another address of this machine (any of 127.0.0.0/8 is one on Linux).
    pub(crate) async fn connect_from(&self, address: Ipv4Addr, request: &str) -> TcpStream {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::new(address.into(), 0)).unwrap();
        let mut socket = socket.connect(self.address).await.unwrap();
        socket.write_all(request.as_bytes()).await.unwrap();
        socket
    }

    /// The whole answer to a request after which the server closes.
    pub(crate) async fn ask(&self, request: &str) -> String {
        rest(self.connect(request).await).await
    }

    pub(crate) async fn get(&self, path: &str) -> String {
        self.ask(&format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")).await
    }

    pub(crate) fn connections(&self) -> i64 {
        self.hub.metrics.connections.now.get()
    }
}

/// What still comes until the server closes; a reset is an end too.
pub(crate) async fn rest(mut socket: impl AsyncRead + Unpin) -> String {
    let mut bytes = Vec::new();
    let _ = timeout(PATIENCE, socket.read_to_end(&mut bytes)).await.expect("the connection does not end");
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Reads until `end` has come.
pub(crate) async fn read_until(socket: &mut (impl AsyncRead + Unpin), end: &str) -> String {
    let mut bytes = Vec::new();
    let read = async {
        while !bytes.ends_with(end.as_bytes()) {
            bytes.push(socket.read_u8().await.expect("the connection ended"));
        }
    };
    if timeout(PATIENCE, read).await.is_err() {
        panic!("no {end:?} in {:?}", String::from_utf8_lossy(&bytes));
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Waits until `condition` holds.
pub(crate) async fn until(condition: impl Fn() -> bool) {
    let wait = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    timeout(PATIENCE, wait).await.expect("the condition never held");
}

/// Lets every task do what it can do now.
pub(crate) async fn settle() {
    for _ in 0..20 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// Moves the runtime's clock on, once every task has set its timers.
pub(crate) async fn skip(by: Duration) {
    settle().await;
    pause();
    advance(by).await;
    resume();
    settle().await;
}
