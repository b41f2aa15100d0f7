//! What the server bears from its peers, and what not: by raw bytes, and with a clock that tests move on.

use crate::support::{PATIENCE, Running, STATE, STREAM, read_until, rest, serve, settle, skip, until};
use eyelet_core::http::{Bind, Listener};
use std::{io::Write, net::Ipv4Addr, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream, UnixStream},
    time::timeout,
};

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[tokio::test]
async fn silent_connection_is_closed_after_ten_seconds() {
    let server = serve(|_| ());
    let silent = server.connect("").await;
    until(|| server.connections() == 1).await;
    skip(seconds(6)).await;
    assert_eq!(server.connections(), 1);
    skip(seconds(5)).await;
    assert_eq!(rest(silent).await, "");
    until(|| server.connections() == 0).await;
}

#[tokio::test]
async fn head_sent_byte_by_byte_is_closed_after_ten_seconds() {
    let server = serve(|_| ());
    let mut slow = server.connect("").await;
    until(|| server.connections() == 1).await;
    for byte in STATE.bytes().take(4) {
        slow.write_all(&[byte]).await.unwrap();
        skip(seconds(3)).await;
    }
    assert_eq!(rest(slow).await, "");
}

#[tokio::test]
async fn idle_connection_is_kept_for_ten_seconds() {
    let server = serve(|_| ());
    let again = "GET /state HTTP/1.1\r\nHost: x\r\n\r\n";
    let mut socket = server.connect(again).await;
    read_until(&mut socket, "\n}").await;
    for _ in 0..3 {
        skip(seconds(6)).await;
        socket.write_all(again.as_bytes()).await.unwrap();
        assert!(read_until(&mut socket, "\n}").await.starts_with("HTTP/1.1 200 "));
    }
    skip(seconds(11)).await;
    assert_eq!(rest(socket).await, "");
}

#[tokio::test]
async fn request_head_beyond_its_limits_is_refused() {
    let server = serve(|_| ());
    let head =
        |headers: &str| format!("GET /state HTTP/1.1\r\nHost: x\r\n{headers}Connection: close\r\n\r\n");
    for (headers, status) in [
        (format!("Cookie: {}\r\n", "x".repeat(15_000)), 200),
        (format!("Cookie: {}\r\n", "x".repeat(17_000)), 431),
        ("A: b\r\n".repeat(98), 200),
        ("A: b\r\n".repeat(99), 431),
    ] {
        let answer = server.ask(&head(&headers)).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{} bytes: {answer}", headers.len());
    }
}

#[tokio::test]
async fn request_with_a_body_is_refused_unread() {
    let server = serve(|_| ());
    for (request, status) in [
        ("GET /state HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc", 413),
        ("GET /stream HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999999\r\n\r\nabc", 413),
        ("GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", 413),
        ("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999999\r\n\r\nabc", 405),
    ] {
        let answer = server.ask(request).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{request}: {answer}");
        assert!(answer.contains("\r\nConnection: close\r\n"), "{answer}");
    }
    let mut socket = server.connect("GET /state HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n").await;
    assert!(read_until(&mut socket, "\n}").await.starts_with("HTTP/1.1 200 "), "no body is no body");
    socket.write_all(STATE.as_bytes()).await.unwrap();
    assert!(rest(socket).await.starts_with("HTTP/1.1 200 "), "and the connection goes on");
}

#[tokio::test]
async fn endless_body_closes_the_connection() {
    let server = serve(|_| ());
    let mut socket = server.connect("GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n").await;
    let chunk = [b"10000\r\n", &[b'x'; 65_536][..], b"\r\n"].concat();
    let endless = async { while socket.write_all(&chunk).await.is_ok() {} };
    timeout(PATIENCE, endless).await.expect("somebody reads it all");
    until(|| server.connections() == 0).await;
}

/// Connections that send `bytes` and then nothing.
async fn say(server: &Running, count: usize, bytes: &str) -> Vec<TcpStream> {
    let mut sockets = Vec::new();
    for _ in 0..count {
        sockets.push(server.connect(bytes).await);
    }
    sockets
}

#[tokio::test]
async fn silent_peers_do_not_keep_others_out() {
    let server = serve(|server| server.limits.connections = Some(40));
    server.publish(1, 3);
    let mut viewers = Vec::new();
    let mut hostile = Vec::new();
    for _ in 0..8 {
        hostile.extend(say(&server, 40, "").await);
        hostile.extend(say(&server, 20, "GET /state HTTP/1.1\r\nHo").await);
        let mut viewer = server.connect(STREAM).await;
        read_until(&mut viewer, "111\r\n--frame\r\n").await;
        viewers.push(viewer);
        assert!(server.ask(STATE).await.starts_with("HTTP/1.1 200 "));
    }
    assert!(hostile.len() > 300);
    assert!(server.connections() <= 40);
    // No viewer had to give way.
    for sequence in 2..6 {
        server.publish(sequence, 3);
        let end = format!("{}\r\n--frame\r\n", sequence.to_string().repeat(3));
        for viewer in &mut viewers {
            read_until(viewer, &end).await;
        }
    }
    assert_eq!(server.hub.metrics.connections.refused.get(), 0);
    drop((viewers, hostile));
    until(|| server.connections() == 0).await;
    assert_eq!(server.hub.metrics.viewers.get(), 0);
}

/// A peer with little room that asks for the page a thousand times and takes no answer.
async fn deaf(server: &Running) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(64 * 1024).unwrap();
    let mut socket = socket.connect(server.address).await.unwrap();
    let many = "GET / HTTP/1.1\r\nHost: x\r\n\r\n".repeat(1_000);
    // As much as the server takes.
    let _ = timeout(Duration::from_millis(300), socket.write_all(many.as_bytes())).await;
    settle().await;
    socket
}

#[tokio::test]
async fn peers_that_do_not_read_do_not_keep_others_out() {
    let server = serve(|server| server.limits.connections = Some(4));
    let mut all = Vec::new();
    for _ in 0..4 {
        all.push(deaf(&server).await);
    }
    until(|| server.connections() == 4).await;
    assert!(server.ask(STATE).await.starts_with("HTTP/1.1 200 "));
    assert_eq!(server.hub.metrics.connections.evicted.get(), 1);
}

#[tokio::test]
async fn unread_answer_is_given_up() {
    let server = serve(|_| ());
    let _deaf = deaf(&server).await;
    skip(seconds(25)).await;
    assert_eq!(server.connections(), 1);
    // Longer where the kernel found room for a few more bytes meanwhile.
    for _ in 0..10 {
        skip(seconds(10)).await;
    }
    until(|| server.connections() == 0).await;
}

#[tokio::test]
async fn connection_beyond_the_limit_is_refused_when_all_are_busy() {
    let server = serve(|server| server.limits.connections = Some(2));
    server.publish(1, 3);
    let mut viewers = say(&server, 2, STREAM).await;
    until(|| server.hub.metrics.viewers.get() == 2).await;
    let answer = rest(server.connect("").await).await;
    assert!(answer.starts_with("HTTP/1.1 503 ") && answer.contains("\r\nRetry-After: "), "{answer}");
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.ends_with(&format!("Content-Length: {}", body.len())), "{answer}");
    drop(viewers.pop());
    until(|| server.connections() == 1).await;
    assert!(server.ask(STATE).await.starts_with("HTTP/1.1 200 "));
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn one_address_is_limited_to_its_share() {
    let server = serve(|server| server.limits.connections_per_address = 2);
    server.publish(1, 3);
    let (greedy, other) = (Ipv4Addr::new(127, 0, 0, 2), Ipv4Addr::new(127, 0, 0, 3));
    let mut viewers = Vec::new();
    for _ in 0..2 {
        viewers.push(server.connect_from(greedy, STREAM).await);
    }
    until(|| server.hub.metrics.viewers.get() == 2).await;
    let answer = rest(server.connect_from(greedy, "").await).await;
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    for address in [other, Ipv4Addr::LOCALHOST] {
        let answer = rest(server.connect_from(address, STATE).await).await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{address}: {answer}");
    }
    for _ in 0..3 {
        viewers.push(server.connect(STREAM).await);
    }
    until(|| server.hub.metrics.viewers.get() == 5).await;
}

/// A viewer with little room, to whom so much was sent that no more goes.
async fn stuffed(server: &Running, len: usize) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(64 * 1024).unwrap();
    let mut viewer = socket.connect(server.address).await.unwrap();
    viewer.write_all(STREAM.as_bytes()).await.unwrap();
    until(|| server.hub.metrics.viewers.get() == 1).await;
    for sequence in 1..20_000_000 / len as u64 {
        server.publish(sequence, len);
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    viewer
}

#[tokio::test]
async fn viewer_that_never_reads_is_dropped_in_the_time_its_picture_would_take() {
    for (len, kept) in [(200_000, 90), (20_000, 27)] {
        let server = serve(|_| ());
        let _viewer = stuffed(&server, len).await;
        skip(seconds(kept)).await;
        assert_eq!(server.hub.metrics.viewers.get(), 1, "{len} bytes");
        // Longer where the kernel found room for a few more bytes meanwhile.
        for _ in 0..10 {
            skip(seconds(kept) / 3).await;
        }
        until(|| server.hub.metrics.viewers.get() == 0).await;
    }
}

#[tokio::test]
async fn slow_viewer_that_reads_is_never_dropped() {
    let server = serve(|_| ());
    let mut viewer = stuffed(&server, 200_000).await;
    let mut some = vec![0; 250_000];
    for sequence in 0..10 {
        skip(seconds(70)).await;
        server.publish(200 + sequence, 200_000);
        server.publish(300 + sequence, 200_000);
        // 250 kB in 70 s: 29 kbit/s.
        timeout(PATIENCE, viewer.read_exact(&mut some)).await.expect("nothing comes").expect("cut off");
    }
    settle().await;
    assert_eq!(server.hub.metrics.viewers.get(), 1);
}

#[tokio::test]
async fn viewer_that_sends_without_end_is_dropped() {
    let server = serve(|_| ());
    server.publish(1, 3);
    let address = server.address;
    // A thread of its own: it must not depend on the server's to write.
    let talk = std::thread::spawn(move || {
        let mut socket = std::net::TcpStream::connect(address).unwrap();
        socket.write_all(STREAM.as_bytes()).unwrap();
        while socket.write_all(&[b'x'; 65_536]).is_ok() {}
    });
    let ended = async {
        while !talk.is_finished() {
            assert!(server.ask(STATE).await.starts_with("HTTP/1.1 200 "));
        }
    };
    timeout(PATIENCE, ended).await.expect("still listened to");
    until(|| server.hub.metrics.viewers.get() == 0).await;
}

#[tokio::test]
async fn mutated_requests_are_answered_or_closed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("eyelet.sock");
    let listener = Listener::bind(&Bind::Unix(path.clone())).unwrap();
    let server = Running::on(listener, "127.0.0.1:0".parse().unwrap(), |_| ());
    // Snapshots need not wait for a camera that is lost.
    server.hub.status.lost("unplugged");
    let (jpeg, captured_at) = (bytes::Bytes::from_static(b"no signal"), Duration::ZERO);
    let kind = eyelet_core::feed::PictureKind::NoSignal;
    server.hub.feed.publish(eyelet_core::feed::Picture {
        jpeg,
        label: eyelet_core::feed::Label { run: eyelet_core::RunId::new(0), sequence: 1, captured_at },
        kind,
    });
    let seeds = [
        STREAM.to_owned(),
        STATE.to_owned(),
        format!("{STATE}{STREAM}"),
        "GET /?action=snapshot HTTP/1.0\r\n\r\n".to_owned(),
        "GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n".to_owned(),
        "POST /stream?fps=5 HTTP/1.1\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\nabc".to_owned(),
    ];
    let mut random = fastrand::Rng::with_seed(6);
    for number in 0..10_000 {
        let mut request = random.choice(&seeds).unwrap().clone().into_bytes();
        for _ in 0..random.usize(1..6) {
            let at = random.usize(0..request.len());
            match random.u8(0..4) {
                0 => request[at] = random.u8(..),
                1 => request.truncate(at.max(1)),
                2 => request.insert(at, *random.choice(b"\r\n :\0\xff").unwrap()),
                _ => request.extend_from_within(at..),
            }
        }
        let mut socket = UnixStream::connect(&path).await.unwrap();
        // The server may have seen enough, and closed.
        let _ = socket.write_all(&request).await;
        let _ = socket.shutdown().await;
        let mut answer = Vec::new();
        let read = async {
            // A stream has no end, not even for a client that has closed its side.
            while !String::from_utf8_lossy(&answer).contains("\r\n\r\n--frame\r\n")
                && socket.read_buf(&mut answer).await.is_ok_and(|read| read > 0)
            {}
        };
        let end = timeout(PATIENCE, read).await;
        assert!(end.is_ok(), "{number} hangs: {:?}", String::from_utf8_lossy(&request));
        let answered = answer.is_empty() || answer.starts_with(b"HTTP/1.");
        assert!(answered, "{number}: {:?}", String::from_utf8_lossy(&request));
    }
    until(|| server.connections() == 0).await;
    assert_eq!(server.hub.metrics.viewers.get(), 0);
}

#[tokio::test]
async fn burst_of_silent_peers_does_not_displace_one_with_a_request() {
    let server = serve(|server| server.limits.connections = Some(4));
    // All of them wait in the kernel before the server accepts the first.
    let mut good = std::net::TcpStream::connect(server.address).unwrap();
    good.write_all(STATE.as_bytes()).unwrap();
    let _silent: Vec<_> = (0..40).map(|_| std::net::TcpStream::connect(server.address).unwrap()).collect();
    good.set_nonblocking(true).unwrap();
    let mut good = TcpStream::from_std(good).unwrap();
    let answer = read_until(&mut good, "\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}

/// Asks for `path` without end on one connection, many at a time, and reads the answers. Comes again when it is closed.
#[cfg(target_os = "linux")]
async fn greedy(address: std::net::SocketAddr, from: Ipv4Addr, path: &str) {
    let many = format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").repeat(200);
    loop {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((from, 0).into()).unwrap();
        let Ok(socket) = socket.connect(address).await else { continue };
        let (mut reader, mut writer) = socket.into_split();
        let ask = async { while writer.write_all(many.as_bytes()).await.is_ok() {} };
        let read = async { while reader.read(&mut [0; 16 * 1024]).await.is_ok_and(|read| read > 0) {} };
        tokio::select! {
            () = ask => {}
            () = read => {}
        }
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn endless_requests_do_not_keep_others_out() {
    const EACH: usize = 8;
    for path in ["/snapshot", "/healthz", "/metrics"] {
        let server = serve(|server| {
            server.limits.connections = Some(8 * EACH);
            server.limits.connections_per_address = EACH;
            server.snapshot = eyelet_core::http::SnapshotPolicy::FreshOrNewest;
        });
        server.live();
        server.publish(1, 3);
        let mut hostile = tokio::task::JoinSet::new();
        for n in 0..8 * EACH {
            let (address, from) = (server.address, Ipv4Addr::new(127, 0, 9, 1 + (n % 8) as u8));
            hostile.spawn(async move { greedy(address, from, path).await });
        }
        until(|| server.connections() == 8 * EACH as i64).await;
        for n in 0..10 {
            for route in ["/healthz", "/snapshot", "/state", "/"] {
                let request = format!("GET {route} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
                let honest = Ipv4Addr::new(127, 0, 8, 1 + n);
                let answer = rest(server.connect_from(honest, &request).await).await;
                assert!(answer.starts_with("HTTP/1.1 200 "), "{route} while they ask for {path}: {answer:?}");
            }
        }
    }
}
