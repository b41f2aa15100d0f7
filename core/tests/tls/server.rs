//! What the server does with its certificate, and the stream over TLS.

use crate::support::{Authority, Client, PATIENCE, Running, aside, open, serve, serve_with};
use eyelet_core::http::{Bind, Listener};
use eyelet_hal::ErrorKind;
use std::{fs, io::Read as _, io::Write as _, net::TcpStream, sync::mpsc, time::Duration};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

const STREAM: &str = "GET /stream HTTP/1.1\r\nHost: cam\r\n\r\n";

#[tokio::test]
async fn pages_and_pictures_are_served_over_tls() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    let roots = authority.write(&folder.path().join("roots"));
    let server = serve(open(&authority.issue(folder.path(), "cam", |_| ())).unwrap());
    server.publish(1, 300_000);
    let address = server.address;
    aside(move || {
        let mut client = Client::connect(address, &roots, "cam");
        // One after the other on one connection, and the stream behind a page in one write.
        client.send("HEAD /state HTTP/1.1\r\nHost: cam\r\n\r\n");
        assert!(client.read_until("\r\n\r\n").starts_with("HTTP/1.1 200 OK\r\n"));
        client.send(&format!("GET / HTTP/1.1\r\nHost: cam\r\n\r\n{STREAM}"));
        assert!(client.read_until("</html>\n").starts_with("HTTP/1.1 200 OK\r\n"));
        assert!(client.read_until("\r\n\r\n").starts_with("HTTP/1.0 200 OK\r\n"));
        // The same one is repeated: the end of each is there before the next.
        for _ in 0..2 {
            assert!(client.read_until("\r\n\r\n").contains("Content-Length: 300000\r\n"));
            assert!(client.read(300_000).iter().all(|&byte| byte == b'1'));
            client.read_until("\r\n--frame\r\n");
        }
    })
    .await;
}

#[tokio::test]
async fn connection_beyond_the_limit_is_refused_inside_tls() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    let roots = authority.write(&folder.path().join("roots"));
    let tls = open(&authority.issue(folder.path(), "cam", |_| ())).unwrap();
    let server = serve_with(tls, |server| server.limits.connections = Some(1));
    server.publish(1, 10);
    let address = server.address;
    aside(move || {
        let mut viewer = Client::connect(address, &roots, "cam");
        viewer.send(STREAM);
        viewer.read_until("\r\n--frame\r\n");
        let mut other = TcpStream::connect(address).unwrap();
        other.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut answer = Vec::new();
        other.read_to_end(&mut answer).unwrap();
        // A fatal alert, internal_error, in a record of TLS 1.2.
        assert_eq!(answer, [21, 3, 3, 0, 2, 2, 80]);
    })
    .await;
}

#[tokio::test]
async fn slow_viewer_over_tls_skips_whole_pictures() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    let roots = authority.write(&folder.path().join("roots"));
    let server = serve(open(&authority.issue(folder.path(), "cam", |_| ())).unwrap());
    let (len, count, address) = (400_000, 60, server.address);
    let (published, wait) = mpsc::channel();
    let (connected, mut viewers) = tokio::sync::mpsc::channel(1);
    let slow = tokio::task::spawn_blocking(move || {
        let mut client = Client::connect(address, &roots, "cam");
        client.send(STREAM);
        client.read_until("\r\n\r\n--frame\r\n");
        connected.blocking_send(()).unwrap();
        wait.recv().unwrap();
        let mut seen: Vec<u64> = vec![];
        while seen.last() != Some(&count) {
            let head = client.read_until("\r\n\r\n");
            let sequence = head.split("X-Sequence: ").nth(1).unwrap().trim().parse().unwrap();
            assert!(seen.last() <= Some(&sequence), "{sequence} after {seen:?}");
            assert!(client.read(len).iter().all(|&byte| byte == b'0' + (sequence % 10) as u8), "torn");
            client.read_until("\r\n--frame\r\n");
            seen.push(sequence);
        }
        seen
    });
    viewers.recv().await.unwrap();
    for sequence in 1..=count {
        server.publish(sequence, len);
        // The server sends what it can before the next one comes.
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
    }
    published.send(()).unwrap();
    let seen = slow.await.unwrap();
    assert!(seen.len() < count as usize / 2, "nothing was skipped: {seen:?}");
}

#[tokio::test]
async fn peer_without_tls_does_not_delay_others() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    let roots = authority.write(&folder.path().join("roots"));
    let server = serve(open(&authority.issue(folder.path(), "cam", |_| ())).unwrap());
    let address = server.address;
    aside(move || {
        let silent = TcpStream::connect(address).unwrap();
        let mut plain = TcpStream::connect(address).unwrap();
        plain.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        plain.write_all(b"GET / HTTP/1.1\r\nHost: cam\r\n\r\n").unwrap();
        let mut answer = Vec::new();
        // An alert, or a reset.
        let _ = std::io::Read::read_to_end(&mut plain, &mut answer);
        assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
        let mut client = Client::connect(address, &roots, "cam");
        client.send("HEAD / HTTP/1.1\r\nHost: cam\r\n\r\n");
        assert!(client.read_until("\r\n\r\n").starts_with("HTTP/1.1 200 OK\r\n"));
        drop(silent);
    })
    .await;
}

#[tokio::test]
async fn replaced_certificate_is_shown_to_the_next_connection() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    let roots = authority.write(&folder.path().join("roots"));
    let files = authority.issue(folder.path(), "cam", |_| ());
    let server = serve(open(&files).unwrap());
    let address = server.address;
    let shown = move || {
        let mut client = Client::connect(address, &roots, "cam");
        client.send("HEAD / HTTP/1.1\r\nHost: cam\r\n\r\n");
        client.read_until("\r\n\r\n");
        client.certificate()
    };
    let first = aside(shown.clone()).await;
    // Damaged, the one of before stays.
    fs::write(&files[0], "nonsense").unwrap();
    assert_eq!(aside(shown.clone()).await, first);
    authority.issue(folder.path(), "cam", |_| ());
    assert_ne!(aside(shown).await, first);
}

#[test]
fn unusable_certificate_is_refused_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    let [cam, cam_key] = authority.issue(folder.path(), "cam", |_| ());
    let [_, other_key] = authority.issue(folder.path(), "other", |_| ());
    let missing = folder.path().join("missing");
    let damaged = folder.path().join("damaged");
    let text = fs::read_to_string(&cam).unwrap();
    fs::write(&damaged, text.replacen("MII", "????", 1)).unwrap();
    for (files, kind, end) in [
        ([missing.clone(), cam_key.clone()], ErrorKind::NotFound, "; name a readable file"),
        ([cam.clone(), missing], ErrorKind::NotFound, "; name a readable file"),
        ([cam_key.clone(), cam_key.clone()], ErrorKind::InvalidInput, "; name a PEM file"),
        ([cam.clone(), cam.clone()], ErrorKind::InvalidInput, "; name a PEM file"),
        ([damaged, cam_key.clone()], ErrorKind::InvalidInput, "; generate it again"),
        ([cam.clone(), other_key], ErrorKind::InvalidInput, "; name the two that belong together"),
    ] {
        let error = open(&files).unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        let text = error.to_string();
        assert!(text.ends_with(end) && !text.contains('\n') && !text.contains("PRIVATE"), "{text}");
    }
    assert!(open(&[cam, cam_key]).is_ok());
}

#[tokio::test(start_paused = true)]
async fn certificate_expiry_metric_follows_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    let issue = |year| {
        authority.issue(folder.path(), "cam", |params| params.not_after = rcgen::date_time_ymd(year, 1, 1))
    };
    let server = serve(open(&issue(2040)).unwrap());
    let ends = async |seconds: i64| {
        while server.hub.metrics.certificate_expiry.get() != seconds {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    };
    ends(2_208_988_800).await;
    // No client connects, and it is noticed all the same.
    issue(2041);
    ends(2_240_611_200).await;
    #[cfg(feature = "metrics")]
    {
        let text = server.hub.metrics.render();
        assert!(text.contains("\neyelet_tls_certificate_expiry_seconds 2240611200\n"), "{text}");
    }
}

/// Behind a Unix socket is a proxy, which a page may reach without TLS under any name.
#[cfg(feature = "control")]
#[tokio::test]
async fn name_of_the_web_changes_nothing_on_a_unix_socket_beside_tls() {
    const HEADERS: &str =
        "Connection: close\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 10";
    let post = |host, quality| {
        format!("POST /control HTTP/1.1\r\nHost: {host}\r\n{HEADERS}\r\n\r\nquality={quality}")
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("eyelet.sock");
    let authority = Authority::new();
    let roots = authority.write(&folder.path().join("roots"));
    let tls = open(&authority.issue(folder.path(), "cam.example", |_| ())).unwrap();
    let [tcp, unix] = [Bind::Tcp("127.0.0.1:0".parse().unwrap()), Bind::Unix(path.clone())]
        .map(|at| Listener::bind(&at).unwrap());
    let address = tcp.bound().unwrap();
    let server = Running::on(vec![tcp, unix], address, |server| server.tls = Some(tls));
    server.hub.settings.allow_changes();
    let quality = || server.hub.settings.quality().get();
    for (host, status, after) in [("cam.example", 403, 80), ("192.168.0.2", 200, 41)] {
        let mut socket = tokio::net::UnixStream::connect(&path).await.unwrap();
        socket.write_all(post(host, 41).as_bytes()).await.unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{host}: {answer}");
        assert_eq!(quality(), after, "{host}");
    }
    let request = post("cam.example", 42);
    aside(move || {
        let mut client = Client::connect(address, &roots, "cam.example");
        client.send(&request);
        assert!(client.read_until("\r\n\r\n").starts_with("HTTP/1.1 200 "));
    })
    .await;
    assert_eq!(quality(), 42);
}
