//! An upload server that fails at random.

use crate::book::Book;
use fastrand::Rng;
use std::{cell::Cell, io, net::SocketAddr, rc::Rc};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
};

/// Of 1000 pictures so many are refused, so many meet a reset, a torn answer, and none at all. The last is rare:
/// the client waits ten seconds for it.
const REFUSED: u16 = 30;
const RESET: u16 = 50;
const TORN: u16 = 65;
const SILENT: u16 = 67;

/// A server on a free port.
#[derive(Clone, Debug)]
pub(crate) struct Uploads {
    pub(crate) address: SocketAddr,
    tally: Rc<Tally>,
}

/// What became of the pictures.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) accepted: Cell<u64>,
    pub(crate) failed: Cell<u64>,
    /// The number of the last picture, whole and whatever became of it.
    last: Cell<Option<u64>>,
    good: Cell<bool>,
}

impl Uploads {
    /// Serves from now on; without fault until it is set to fail.
    pub(crate) async fn start(book: Book, mut rng: Rng) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let tally = Rc::new(Tally::default());
        tally.good.set(true);
        let shared = Rc::clone(&tally);
        tokio::task::spawn_local(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let (tally, book, rng) = (Rc::clone(&shared), book.clone(), rng.fork());
                tokio::task::spawn_local(async move {
                    // The client may leave whenever it likes.
                    let _ = tally.pictures(socket, &book, rng).await;
                });
            }
        });
        Ok(Self { address, tally })
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/upload", self.address)
    }

    /// Fails at random from now on.
    pub(crate) fn fail(&self) {
        self.tally.good.set(false);
    }

    /// Takes everything from now on.
    pub(crate) fn recover(&self) {
        self.tally.good.set(true);
    }

    pub(crate) fn tally(&self) -> &Tally {
        &self.tally
    }
}

impl Tally {
    async fn pictures(&self, socket: TcpStream, book: &Book, mut rng: Rng) -> io::Result<()> {
        let mut socket = BufReader::new(socket);
        loop {
            let (mut length, mut sequence) = (0, None);
            let mut line = String::new();
            while line != "\r\n" {
                line.clear();
                if socket.read_line(&mut line).await? == 0 {
                    return Ok(());
                }
                let (name, value) = line.trim_end().split_once(':').unwrap_or_default();
                match name.to_ascii_lowercase().as_str() {
                    "content-length" => length = value.trim().parse().unwrap_or_default(),
                    "x-sequence" => sequence = value.trim().parse::<u64>().ok(),
                    _ => {}
                }
            }
            let throw = if self.good.get() { u16::MAX } else { rng.u16(..1000) };
            let mut body = vec![0; length];
            if (REFUSED..RESET).contains(&throw) {
                socket.read_exact(&mut body[..length / 2]).await?;
                self.failed.set(self.failed.get() + 1);
                return socket.get_ref().set_zero_linger();
            }
            socket.read_exact(&mut body).await?;
            if !(body.starts_with(&[0xff, 0xd8, 0xff]) && body.ends_with(&[0xff, 0xd9])) {
                book.broken(format!("no whole JPEG in an upload of {length} bytes"));
            }
            // The same again is a repeat after a failure.
            let last = self.last.replace(sequence);
            if sequence.is_none() || sequence < last {
                book.broken(format!("upload {sequence:?} came after {last:?}"));
            }
            let answer: &[u8] = match throw {
                0..REFUSED => &b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 5\r\n\r\nsorry"[..],
                RESET..TORN => b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nok",
                TORN..SILENT => {
                    self.failed.set(self.failed.get() + 1);
                    // Until the client gives up.
                    return socket.read_to_end(&mut body).await.map(drop);
                }
                _ => b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
            };
            socket.write_all(answer).await?;
            if throw < TORN {
                self.failed.set(self.failed.get() + 1);
            } else {
                self.accepted.set(self.accepted.get() + 1);
            }
            if (REFUSED..TORN).contains(&throw) {
                return Ok(());
            }
        }
    }
}
