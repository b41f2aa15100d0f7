//! A plain HTTP client and stream reader of its own, so that nothing of eyelet's judges eyelet.

use std::{
    collections::HashMap,
    io::{self, BufRead, BufReader, Read, Write},
    net::TcpStream,
    time::Duration,
};

/// Talks to one port of the host.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Client {
    pub(crate) port: u16,
}

/// A response, or one part of a stream.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) status: u16,
    pub(crate) headers: HashMap<String, String>,
    pub(crate) body: Vec<u8>,
}

impl Message {
    /// The value of a header, by its lower-case name.
    #[track_caller]
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap_or_else(|| panic!("no {name} in {:?}", self.headers))
    }
}

impl Client {
    fn open(self, path: &str) -> io::Result<BufReader<TcpStream>> {
        self.send(&format!("GET {path} HTTP/1.1\r\nHost: board\r\nConnection: close\r\n\r\n"))
    }

    fn send(self, request: &str) -> io::Result<BufReader<TcpStream>> {
        let mut socket = TcpStream::connect(("127.0.0.1", self.port))?;
        socket.set_read_timeout(Some(Duration::from_secs(60)))?;
        socket.write_all(request.as_bytes())?;
        Ok(BufReader::new(socket))
    }

    /// One whole response.
    pub(crate) fn try_get(self, path: &str) -> io::Result<Message> {
        read_message(self.open(path)?)
    }

    /// The answer to JSON that is posted.
    #[track_caller]
    pub(crate) fn post(self, path: &str, json: &str) -> Message {
        let length = json.len();
        // By its address: under a name, which a page of the web may have taken, nothing can be changed.
        let head = format!("POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n");
        let entity = format!("Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{json}");
        let answer = self.send(&(head + &entity)).and_then(read_message);
        answer.unwrap_or_else(|e| panic!("POST {path}: {e}"))
    }

    /// One whole response; there must be one.
    #[track_caller]
    pub(crate) fn get(self, path: &str) -> Message {
        self.try_get(path).unwrap_or_else(|e| panic!("GET {path}: {e}"))
    }

    /// `/state` as JSON.
    #[track_caller]
    pub(crate) fn state(self) -> serde_json::Value {
        serde_json::from_slice(&self.get("/state").body).unwrap()
    }

    /// The sum of all samples of a metric.
    #[track_caller]
    pub(crate) fn metric(self, name: &str) -> f64 {
        let text = String::from_utf8(self.get("/metrics").body).unwrap();
        let of_name = |l: &&str| l.split([' ', '{']).next() == Some(name);
        let lines: Vec<_> = text.lines().filter(of_name).collect();
        assert!(!lines.is_empty(), "no {name} in:\n{text}");
        lines.iter().map(|l| l.rsplit(' ').next().unwrap().parse::<f64>().unwrap()).sum()
    }

    /// Whether frames arrive.
    pub(crate) fn is_healthy(self) -> bool {
        self.try_get("/healthz").is_ok_and(|answer| answer.status == 200)
    }

    /// Opens `/stream`.
    #[track_caller]
    pub(crate) fn watch(self) -> Viewer {
        let mut socket = self.open("/stream").unwrap();
        assert_eq!(read_status(&mut socket).unwrap(), 200);
        let headers = read_headers(&mut socket).unwrap();
        assert!(headers["content-type"].starts_with("multipart/x-mixed-replace"), "{headers:?}");
        Viewer { socket }
    }
}

/// A reader of a stream.
#[derive(Debug)]
pub(crate) struct Viewer {
    socket: BufReader<TcpStream>,
}

impl Viewer {
    /// The next picture.
    #[track_caller]
    pub(crate) fn next(&mut self) -> Message {
        self.try_next().unwrap_or_else(|e| panic!("the stream ended: {e}"))
    }

    fn try_next(&mut self) -> io::Result<Message> {
        let mut line = String::new();
        while line.trim_end() != "--frame" {
            line.clear();
            if self.socket.read_line(&mut line)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let known = ["", "--frame"].contains(&line.trim_end());
            assert!(known, "between two pictures: {line:?}");
        }
        let headers = read_headers(&mut self.socket)?;
        let len = headers["content-length"].parse().unwrap();
        let mut body = vec![0; len];
        self.socket.read_exact(&mut body)?;
        Ok(Message { status: 200, headers, body })
    }
}

fn read_message(mut socket: BufReader<TcpStream>) -> io::Result<Message> {
    let status = read_status(&mut socket)?;
    let headers = read_headers(&mut socket)?;
    let mut body = Vec::new();
    match headers.get("content-length").and_then(|l| l.parse().ok()) {
        Some(len) => {
            body.resize(len, 0);
            socket.read_exact(&mut body)?;
        }
        None => _ = socket.read_to_end(&mut body)?,
    }
    Ok(Message { status, headers, body })
}

fn read_status(socket: &mut impl BufRead) -> io::Result<u16> {
    let mut line = String::new();
    socket.read_line(&mut line)?;
    let status = line.split(' ').nth(1).and_then(|s| s.parse().ok());
    status.ok_or_else(|| io::Error::other(format!("not HTTP: {line:?}")))
}

fn read_headers(socket: &mut impl BufRead) -> io::Result<HashMap<String, String>> {
    let mut headers = HashMap::new();
    for line in socket.lines() {
        let line = line?;
        match line.split_once(':') {
            Some((name, value)) => headers.insert(name.to_lowercase(), value.trim().into()),
            None => break,
        };
    }
    Ok(headers)
}
