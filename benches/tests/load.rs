//! The load generator on servers that are right and on servers that are not.

use eyelet_bench::{
    floor::{Floor, Way},
    load::{Audience, Target},
    pictures,
};
use std::{
    io::{BufRead, BufReader, Write},
    net::{SocketAddr, TcpListener},
    sync::mpsc,
    thread,
};

fn target(address: SocketAddr) -> Target {
    format!("http://{address}/stream").parse().unwrap()
}

/// A floor on a thread that ends with the process.
fn floor(way: Way) -> SocketAddr {
    let (sender, address) = mpsc::channel();
    thread::spawn(move || {
        let pictures = pictures::make(3, (64, 48), 1_000);
        let floor = Floor::bind("127.0.0.1:0".parse().unwrap(), pictures, 200.0, way).unwrap();
        sender.send(floor.address().unwrap()).unwrap();
        floor.run()
    });
    address.recv().unwrap()
}

/// A server that answers every viewer with these bytes and leaves.
fn serving(parts: &[(u64, &[u8])]) -> SocketAddr {
    let mut answer =
        b"HTTP/1.0 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=x\r\n\r\n--x\r\n".to_vec();
    for (number, body) in parts {
        write!(answer, "Content-Length: {}\r\nX-Sequence: {number}\r\n\r\n", body.len()).unwrap();
        answer.extend_from_slice(body);
        answer.extend_from_slice(b"\r\n--x\r\n");
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let request = BufReader::new(stream.try_clone().unwrap());
            let _ = request.lines().find(|line| line.as_ref().is_ok_and(String::is_empty));
            let _ = stream.write_all(&answer);
        }
    });
    address
}

#[test]
fn floor_sends_every_byte_by_writev_and_sendfile() {
    for way in [Way::Writev, Way::Sendfile] {
        let mut audience = Audience::connect(&target(floor(way)), 3).unwrap();
        audience.until(10).unwrap_or_else(|e| panic!("{way:?}: {e}"));
        assert!(audience.latency().is_some());
    }
}

#[test]
fn one_wrong_byte_is_found() {
    let right = pictures::make(1, (64, 48), 1_000).remove(0);
    let mut wrong = right.clone();
    wrong[right.len() / 2] ^= 1;
    for (second, expected) in
        [(&right, "the server closed the connection"), (&wrong, "not what was published")]
    {
        let address = serving(&[(0, &right), (1, second)]);
        let mut audience = Audience::connect(&target(address), 2).unwrap();
        let error = audience.until(2).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}
