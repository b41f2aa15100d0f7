//! An upload server whose every answer is written by the test, byte for byte.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::mpsc::{Receiver, Sender, channel},
    thread,
    time::Duration,
};

/// No test waits longer than this for anything that must happen.
pub(crate) const LONG: Duration = Duration::from_secs(30);

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    requests: Receiver<Request>,
    written: Receiver<()>,
}

/// A request that waits for its answer. Dropping it closes the connection without one.
pub(crate) struct Request {
    /// The how manieth connection it came on, from 0.
    pub(crate) connection: usize,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
    answer: Sender<(Vec<Vec<u8>>, Then)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Then {
    Keep,
    Close,
}

impl Server {
    pub(crate) fn start() -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").unwrap())
    }

    pub(crate) fn on(listener: TcpListener) -> Self {
        let address = listener.local_addr().unwrap();
        let (sender, requests) = channel();
        let (write, written) = channel();
        thread::spawn(move || {
            for (connection, stream) in listener.incoming().enumerate() {
                let (stream, sender, write) = (stream.unwrap(), sender.clone(), write.clone());
                thread::spawn(move || serve(connection, stream, &sender, &write));
            }
        });
        Self { address, requests, written }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/upload?key=secret", self.address)
    }

    /// The next request, on whichever connection.
    pub(crate) fn next(&self) -> Request {
        self.requests.recv_timeout(LONG).expect("a request")
    }

    /// Waits until an answer has been written, once for each that was made with [`Request::raw_pieces`].
    pub(crate) fn wait_until_written(&self) {
        self.written.recv_timeout(LONG).expect("an answer");
    }

    /// A request, if one waits.
    pub(crate) fn try_next(&self) -> Option<Request> {
        self.requests.try_recv().ok()
    }

    /// That no request comes can only be watched for a while.
    pub(crate) fn assert_quiet(&self) {
        assert!(self.requests.recv_timeout(Duration::from_millis(100)).is_err(), "a request");
    }
}

/// Ends when the client has gone or the test does not care any more.
fn serve(
    connection: usize,
    stream: TcpStream,
    requests: &Sender<Request>,
    written: &Sender<()>,
) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut stream = stream;
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if reader.read_line(&mut head).ok()? == 0 {
                return None;
            }
        }
        let mut body = vec![0; header(&head, "content-length")?.parse().ok()?];
        reader.read_exact(&mut body).ok()?;
        let (answer, answers) = channel();
        requests.send(Request { connection, head, body, answer }).ok()?;
        let (pieces, then) = answers.recv().ok()?;
        for piece in &pieces {
            stream.write_all(piece).ok()?;
        }
        if pieces.len() > 1 {
            written.send(()).ok()?;
        }
        if then == Then::Close {
            return None;
        }
    }
}

pub(crate) fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let lines = head.lines().filter_map(|line| line.split_once(": "));
    lines.filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value).next()
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        header(&self.head, name)
    }

    pub(crate) fn sequence(&self) -> u64 {
        self.header("x-sequence").unwrap().parse().unwrap()
    }

    /// `HTTP/1.1 STATUS` with any further header lines, and a body.
    pub(crate) fn answer(self, status: &str, headers: &str, body: &str) {
        let length = body.len();
        self.raw(
            &format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\n{headers}\r\n{body}"),
            Then::Keep,
        );
    }

    pub(crate) fn accept(self) {
        self.answer("200 OK", "", "ok\n");
    }

    pub(crate) fn raw(self, bytes: &str, then: Then) {
        let _ = self.answer.send((vec![bytes.as_bytes().to_vec()], then));
    }

    /// Each of them by a system call of its own.
    pub(crate) fn raw_pieces(self, pieces: &[&str]) {
        let pieces = pieces.iter().map(|piece| piece.as_bytes().to_vec()).collect();
        let _ = self.answer.send((pieces, Then::Keep));
    }
}
