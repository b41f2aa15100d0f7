//! An HTTP client and a stream reader of its own, so that nothing of eyelet's judges eyelet. Strict where eyelet makes
//! a promise: what a tolerant reader would step over is a fault here.

use std::{
    io::{self, ErrorKind},
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpSocket, TcpStream},
    time::{sleep, timeout},
};

/// No answer takes longer than this, a snapshot's five seconds of waiting for a frame included.
const PATIENCE: Duration = Duration::from_secs(20);

/// A slow reader takes so much at a time.
const SIP: usize = 4096;

const NEXT: &[u8] = b"\r\n--frame\r\n";

/// Connects from an address of the loopback network, all of which are this machine's: peers of their own to a
/// server that counts by address.
pub(crate) async fn connect(from: Ipv4Addr, to: SocketAddr) -> io::Result<TcpStream> {
    connect_with(TcpSocket::new_v4()?, from, to).await
}

async fn connect_with(socket: TcpSocket, from: Ipv4Addr, to: SocketAddr) -> io::Result<TcpStream> {
    socket.bind((from, 0).into())?;
    match timeout(PATIENCE, socket.connect(to)).await {
        Ok(connected) => connected,
        Err(_) => Err(io::Error::new(ErrorKind::TimedOut, "no connection")),
    }
}

fn wrong(what: String) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, what)
}

/// Status and body of one whole answer.
pub(crate) async fn get(from: Ipv4Addr, to: SocketAddr, path: &str) -> io::Result<(u16, Vec<u8>)> {
    get_with(from, to, path, "").await
}

/// The same to a request with these header lines.
pub(crate) async fn get_with(
    from: Ipv4Addr,
    to: SocketAddr,
    path: &str,
    headers: &str,
) -> io::Result<(u16, Vec<u8>)> {
    let exchange = async {
        let mut socket = connect(from, to).await?;
        let request = format!("GET {path} HTTP/1.1\r\nHost: {to}\r\nConnection: close\r\n{headers}\r\n");
        socket.write_all(request.as_bytes()).await?;
        let mut reader = BufReader::new(socket);
        let head = Head::read(&mut reader).await?;
        let mut body = Vec::new();
        reader.read_to_end(&mut body).await?;
        match head.number("content-length") {
            Some(length) if length == body.len() as u64 => Ok((head.status, body)),
            length => Err(wrong(format!("{path}: a body of {} bytes, {length:?} promised", body.len()))),
        }
    };
    match timeout(PATIENCE, exchange).await {
        Ok(answer) => answer,
        Err(_) => {
            Err(io::Error::new(ErrorKind::TimedOut, format!("{path}: no whole answer in {PATIENCE:?}")))
        }
    }
}

/// Status line and header lines, the names in lower case.
struct Head {
    status: u16,
    fields: Vec<(String, String)>,
}

impl Head {
    async fn read(reader: &mut BufReader<TcpStream>) -> io::Result<Self> {
        let mut line = String::new();
        reader.read_line(&mut line).await?;
        let status = line.strip_prefix("HTTP/1.").and_then(|rest| rest.get(2..5)?.parse().ok());
        let status = status.ok_or_else(|| wrong(format!("no status line: {line:?}")))?;
        Ok(Self { status, fields: fields(reader).await? })
    }

    fn number(&self, name: &str) -> Option<u64> {
        number(&self.fields, name)
    }
}

async fn fields(reader: &mut BufReader<TcpStream>) -> io::Result<Vec<(String, String)>> {
    let mut fields = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).await?;
        let Some(field) = line.strip_suffix("\r\n") else {
            return Err(wrong(format!("no header line: {line:?}")));
        };
        if field.is_empty() {
            return Ok(fields);
        }
        let Some((name, value)) = field.split_once(": ") else {
            return Err(wrong(format!("no header line: {field:?}")));
        };
        fields.push((name.to_ascii_lowercase(), value.to_owned()));
    }
}

fn number<N: std::str::FromStr>(fields: &[(String, String)], name: &str) -> Option<N> {
    fields.iter().find(|(field, _)| field == name)?.1.parse().ok()
}

/// How a viewer asks for the stream and reads it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Manner {
    /// Pictures a second that it asks for.
    pub(crate) fps: Option<u8>,
    /// Whether it is a browser's `<img>`, which gets parts without a length.
    pub(crate) browser: bool,
    /// Bytes a second that it can read; `None` for as many as come.
    pub(crate) rate: Option<u32>,
}

/// `/stream`, part by part.
#[derive(Debug)]
pub(crate) struct Stream {
    reader: BufReader<TcpStream>,
    rate: Option<u32>,
}

/// A part, without its body.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Part {
    /// `None` for a browser, whose parts have no such headers.
    pub(crate) stamp: Option<Stamp>,
}

/// Number, and time of capture in seconds since 1970.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stamp {
    pub(crate) sequence: u64,
    pub(crate) at: f64,
}

impl Stream {
    /// Asks for the stream and reads up to the first part.
    pub(crate) async fn open(from: Ipv4Addr, to: SocketAddr, manner: Manner) -> io::Result<Self> {
        let open = async {
            let socket = TcpSocket::new_v4()?;
            if manner.rate.is_some() {
                // A large buffer on this side would take many pictures at once, however slowly they are read.
                socket.set_recv_buffer_size(16 * 1024)?;
            }
            let mut socket = connect_with(socket, from, to).await?;
            let query = manner.fps.map(|fps| format!("?fps={fps}")).unwrap_or_default();
            let accept = if manner.browser { "image/avif,image/webp,*/*;q=0.8" } else { "*/*" };
            let request = format!("GET /stream{query} HTTP/1.1\r\nHost: {to}\r\nAccept: {accept}\r\n\r\n");
            socket.write_all(request.as_bytes()).await?;
            let capacity = if manner.rate.is_some() { SIP } else { 64 * 1024 };
            let mut reader = BufReader::with_capacity(capacity, socket);
            let head = Head::read(&mut reader).await?;
            if head.status != 200 {
                return Err(wrong(format!("/stream: status {}", head.status)));
            }
            let mut line = String::new();
            reader.read_line(&mut line).await?;
            match line.as_str() {
                "--frame\r\n" => Ok(Self { reader, rate: manner.rate }),
                _ => Err(wrong(format!("the stream begins with {line:?}"))),
            }
        };
        match timeout(PATIENCE, open).await {
            Ok(stream) => stream,
            Err(_) => Err(io::Error::new(ErrorKind::TimedOut, "/stream: no answer")),
        }
    }

    /// The next part, its boundary included: one that is torn, or followed by anything else, is an error.
    pub(crate) async fn next(&mut self, body: &mut Vec<u8>) -> io::Result<Part> {
        match timeout(PATIENCE, self.read(body)).await {
            Ok(part) => part,
            Err(_) => Err(io::Error::new(ErrorKind::TimedOut, format!("no whole part in {PATIENCE:?}"))),
        }
    }

    async fn read(&mut self, body: &mut Vec<u8>) -> io::Result<Part> {
        let fields = fields(&mut self.reader).await?;
        body.clear();
        let stamp = match number(&fields, "content-length") {
            Some(length) => {
                body.resize(length, 0);
                self.fill(body).await?;
                let mut next = [0; NEXT.len()];
                self.fill(&mut next).await?;
                if next != NEXT {
                    return Err(wrong(format!(
                        "a picture is followed by {:?}",
                        next.escape_ascii().to_string()
                    )));
                }
                let sequence = number(&fields, "x-sequence").ok_or_else(|| wrong(format!("{fields:?}")))?;
                let at = number(&fields, "x-timestamp").ok_or_else(|| wrong(format!("{fields:?}")))?;
                Some(Stamp { sequence, at })
            }
            None => {
                while !body.ends_with(NEXT) {
                    if self.reader.read_until(b'\n', body).await? == 0 {
                        return Err(io::Error::new(ErrorKind::UnexpectedEof, "the stream ended"));
                    }
                }
                body.truncate(body.len() - NEXT.len());
                None
            }
        };
        match (body.starts_with(&[0xff, 0xd8, 0xff]), body.ends_with(&[0xff, 0xd9])) {
            (true, true) => Ok(Part { stamp }),
            _ => Err(wrong(format!("no whole JPEG in a part of {} bytes", body.len()))),
        }
    }

    async fn fill(&mut self, bytes: &mut [u8]) -> io::Result<()> {
        let Some(rate) = self.rate else { return self.reader.read_exact(bytes).await.map(drop) };
        let mut filled = 0;
        while filled < bytes.len() {
            let end = bytes.len().min(filled + SIP);
            let read = self.reader.read(&mut bytes[filled..end]).await?;
            if read == 0 {
                return Err(io::Error::new(ErrorKind::UnexpectedEof, "the stream ended"));
            }
            filled += read;
            sleep(Duration::from_secs_f64(read as f64 / f64::from(rate))).await;
        }
        Ok(())
    }

    /// Leaves without a word, most likely in the middle of a picture: the server sees a reset.
    pub(crate) fn reset(self) {
        let _ = self.reader.get_ref().set_zero_linger();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    const HEAD: &[u8] =
        b"HTTP/1.0 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=frame\r\n\r\n--frame\r\n";
    const JPEG: &[u8] = b"\xff\xd8\xff picture \xff\xd9";

    fn part(length: usize, jpeg: &[u8]) -> Vec<u8> {
        let head = format!("Content-Length: {length}\r\nX-Timestamp: 1.5\r\nX-Sequence: 7\r\n\r\n");
        [head.as_bytes(), jpeg, NEXT].concat()
    }

    /// What a viewer makes of the first part of this stream.
    async fn seen(stream: Vec<u8>, manner: Manner) -> Result<Part, String> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = async {
            let (socket, _) = listener.accept().await.unwrap();
            let mut socket = BufReader::new(socket);
            fields_of_request(&mut socket).await;
            socket.write_all(HEAD).await.unwrap();
            socket.write_all(&stream).await.unwrap();
        };
        let viewer = async {
            let mut viewer = Stream::open(Ipv4Addr::LOCALHOST, address, manner).await?;
            viewer.next(&mut Vec::new()).await
        };
        let ((), part) = tokio::join!(server, viewer);
        part.map_err(|e| e.to_string())
    }

    async fn fields_of_request(socket: &mut BufReader<TcpStream>) {
        let mut line = String::new();
        while line != "\r\n" {
            line.clear();
            assert!(socket.read_line(&mut line).await.unwrap() > 0);
        }
    }

    #[tokio::test]
    async fn whole_parts_are_read_in_every_manner() {
        for rate in [None, Some(1_000_000)] {
            let part = seen(part(JPEG.len(), JPEG), Manner { rate, ..Manner::default() }).await.unwrap();
            assert_eq!(part.stamp.map(|stamp| (stamp.sequence, stamp.at)), Some((7, 1.5)));
        }
        let bare = [b"Content-Type: image/jpeg\r\n\r\n", JPEG, NEXT].concat();
        let part = seen(bare, Manner { browser: true, ..Manner::default() }).await.unwrap();
        assert!(part.stamp.is_none());
    }

    #[tokio::test]
    async fn torn_parts_are_noticed() {
        let cut = &JPEG[..JPEG.len() - 1];
        let long = [JPEG, b"x"].concat();
        for (name, stream) in [
            ("too short a picture", part(JPEG.len(), cut)),
            ("too long a picture", part(JPEG.len(), &long)),
            ("no end of the JPEG", part(cut.len(), cut)),
            ("no beginning of the JPEG", part(JPEG.len() - 1, &JPEG[1..])),
            ("no boundary", part(JPEG.len(), JPEG).strip_suffix(NEXT).unwrap().to_vec()),
            ("no header line", [b"Content-Length 5\r\n\r\n", JPEG].concat()),
            ("nothing", Vec::new()),
        ] {
            assert!(seen(stream, Manner::default()).await.is_err(), "{name}");
        }
    }
}
