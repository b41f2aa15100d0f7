//! The HTTP server, by the raw bytes on its socket.

use crate::support::{PATIENCE, read_until, serve, until};
use bytes::Bytes;
use eyelet_core::{
    feed::{Label, Picture, PictureKind, RunId},
    http::{self, SnapshotPolicy},
};
use eyelet_hal::clock::{Clock as _, ManualClock};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

const STREAM: &str = "GET /stream?t=1 HTTP/1.1\r\nHost: x\r\n\r\n";

#[tokio::test]
async fn plain_routes_answer_and_close() {
    let server = serve(|_| ());
    let page = server.get("/").await;
    assert!(page.starts_with("HTTP/1.1 200 OK\r\n"), "{page}");
    assert!(page.contains("Content-Length: ") && page.contains("Cache-Control: no-store"), "{page}");
    assert!(page.contains("<canvas id=\"picture\""));

    let missing = server.get("/favicon.ico").await;
    assert!(missing.starts_with("HTTP/1.1 404 "), "{missing}");
    let metrics = server.get("/metrics").await;
    assert!(metrics.contains("\neyelet_viewers 0\n"), "{metrics}");
    let state = server.get("/state").await;
    assert!(state.contains("\"connected\": false"), "{state}");
}

#[tokio::test]
async fn other_methods_answer_405_with_allow() {
    let server = serve(|_| ());
    for path in ["/", "/stream", "/snapshot", "/state"] {
        let answer = server
            .ask(&format!(
                "POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            ))
            .await;
        assert!(answer.starts_with("HTTP/1.1 405 "), "{answer}");
        assert!(answer.contains("Allow: GET, HEAD\r\n"), "{answer}");
    }
}

#[tokio::test]
async fn head_answers_like_get_without_a_body() {
    let server = serve(|_| ());
    for (path, wanted) in [("/", "text/html"), ("/stream", "multipart/x-mixed-replace; boundary=frame")] {
        let answer =
            server.ask(&format!("HEAD {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")).await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        assert!(answer.contains(wanted), "{answer}");
        assert!(answer.ends_with("\r\n\r\n"), "a body: {answer}");
    }
    assert_eq!(server.hub.metrics.viewers.get(), 0);
}

#[tokio::test]
async fn healthz_reports_health_with_the_reason() {
    let server = serve(|_| ());
    let answer = server.get("/healthz").await;
    assert!(answer.starts_with("HTTP/1.1 503 ") && answer.ends_with("no frame has come yet\n"), "{answer}");
    server.live();
    assert!(server.get("/healthz").await.starts_with("HTTP/1.1 200 "));
    server.hub.status.lost("unplugged");
    let answer = server.get("/healthz").await;
    assert!(answer.starts_with("HTTP/1.1 503 ") && answer.ends_with("unplugged\n"), "{answer}");
}

#[tokio::test]
async fn new_viewer_gets_the_newest_picture_and_its_boundary_at_once() {
    let server = serve(|_| ());
    server.publish(6, 3);
    server.publish(7, 4);
    let mut viewer = server.connect(STREAM).await;
    let head = read_until(&mut viewer, "\r\n\r\n").await;
    assert!(head.starts_with("HTTP/1.0 200 OK\r\n"), "{head}");
    assert!(head.contains("Content-Type: multipart/x-mixed-replace; boundary=frame\r\n"), "{head}");
    let lower = head.to_ascii_lowercase();
    assert!(!lower.contains("transfer-encoding") && !lower.contains("content-length"), "{head}");
    let part = read_until(&mut viewer, "7777\r\n--frame\r\n").await;
    assert!(part.starts_with("--frame\r\nContent-Type: image/jpeg\r\nContent-Length: 4\r\nX-Timestamp: "));
    assert!(part.contains("\r\nX-Sequence: 7\r\n\r\n7777"), "{part}");

    server.publish(8, 2);
    let part = read_until(&mut viewer, "88\r\n--frame\r\n").await;
    assert!(part.starts_with("Content-Type: image/jpeg\r\nContent-Length: 2\r\n"), "{part}");
}

#[tokio::test]
async fn browser_gets_the_next_part_headers_in_advance() {
    let server = serve(|_| ());
    server.publish(1, 3);
    let mut viewer = server
        .connect("GET /stream HTTP/1.1\r\nHost: x\r\nAccept: image/avif,image/webp,*/*;q=0.8\r\n\r\n")
        .await;
    read_until(&mut viewer, "\r\n\r\n").await;
    let part = read_until(&mut viewer, "111\r\n--frame\r\nContent-Type: image/jpeg\r\n\r\n").await;
    assert!(part.starts_with("--frame\r\nContent-Type: image/jpeg\r\n\r\n111\r\n"), "{part}");
}

#[tokio::test]
async fn still_picture_is_repeated() {
    let server = serve(|_| ());
    server.publish(1, 3);
    let mut viewer = server.connect(STREAM).await;
    for _ in 0..3 {
        read_until(&mut viewer, "111\r\n--frame\r\n").await;
    }
}

#[tokio::test]
async fn pipelined_request_before_the_stream_is_answered_whole() {
    let server = serve(|_| ());
    server.publish(1, 3);
    let mut viewer = server.connect(&format!("GET / HTTP/1.1\r\nHost: x\r\n\r\n{STREAM}")).await;
    let page = read_until(&mut viewer, "</html>\n").await;
    assert!(page.starts_with("HTTP/1.1 200 OK\r\n"), "{page}");
    let stream = read_until(&mut viewer, "111\r\n--frame\r\n").await;
    assert!(stream.starts_with("HTTP/1.0 200 OK\r\n"), "{stream}");
}

/// As `nc -N` and some proxies do.
#[tokio::test]
async fn half_closed_connection_gets_the_answer_and_the_stream() {
    let server = serve(|_| ());
    server.publish(1, 3);
    for path in ["/state", "/healthz", "/snapshot"] {
        // Also an answer that takes its time.
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n");
        let mut socket = server.connect(&request).await;
        socket.shutdown().await.unwrap();
        if path == "/snapshot" {
            until(|| server.hub.feed.wanted()).await;
            server.publish(2, 3);
        }
        let answer = crate::support::rest(socket).await;
        assert!(answer.starts_with("HTTP/1.1 "), "{path}: {answer}");
    }
    let mut early = server.connect(STREAM).await;
    early.shutdown().await.unwrap();
    let mut late = server.connect(STREAM).await;
    read_until(&mut late, "222\r\n--frame\r\n").await;
    late.shutdown().await.unwrap();
    read_until(&mut early, "222\r\n--frame\r\n").await;
    for sequence in 3..6 {
        server.publish(sequence, 3);
        let end = format!("{}\r\n--frame\r\n", sequence.to_string().repeat(3));
        read_until(&mut early, &end).await;
        read_until(&mut late, &end).await;
    }
    assert_eq!(server.hub.metrics.viewers.get(), 2);
    // Who goes on to close all of it is gone, without another picture.
    drop((early, late));
    until(|| server.hub.metrics.viewers.get() == 0).await;
}

#[tokio::test]
async fn request_without_exactly_one_host_is_refused() {
    let server = serve(|_| ());
    for (headers, status) in [
        ("1.1\r\n", 400),
        ("1.1\r\nHost: x\r\nHost: x\r\n", 400),
        ("1.1\r\nHost: x\r\nhost: y\r\n", 400),
        ("1.1\r\nHost: x/y\r\n", 400),
        ("1.0\r\nHost: x\r\nHost: x\r\n", 400),
        ("1.1\r\nHost:\r\n", 200),
        ("1.1\r\nHost: [::1]:8000\r\n", 200),
        ("1.0\r\n", 200),
    ] {
        let request = format!("GET /state HTTP/{headers}Connection: close\r\n\r\n");
        let answer = server.ask(&request).await;
        assert!(answer.split(' ').nth(1) == Some(&status.to_string()), "{request}: {answer}");
    }
    // What follows such a request gets no answer.
    let answer = server.ask("GET /state HTTP/1.1\r\n\r\nGET /state HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 400 ") && !answer.contains(" 200 "), "{answer}");
}

#[tokio::test]
async fn viewer_beyond_the_limit_gets_503_with_retry_after() {
    let server = serve(|server| server.max_viewers = 2);
    server.publish(1, 3);
    let first = server.connect(STREAM).await;
    let mut second = server.connect(STREAM).await;
    read_until(&mut second, "111\r\n--frame\r\n").await;
    until(|| server.hub.metrics.viewers.get() == 2).await;
    let answer = server.ask("GET /stream HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    assert!(answer.contains("\r\nRetry-After: "), "{answer}");

    drop(first);
    until(|| server.hub.metrics.viewers.get() == 1).await;
    let mut third = server.connect(STREAM).await;
    read_until(&mut third, "111\r\n--frame\r\n").await;
    server.publish(2, 3);
    read_until(&mut second, "222\r\n--frame\r\n").await;
}

#[tokio::test]
async fn slow_viewer_skips_whole_pictures_and_does_not_delay_others() {
    let server = serve(|_| ());
    let mut slow = server.connect(STREAM).await;
    let mut fast = server.connect(STREAM).await;
    until(|| server.hub.metrics.viewers.get() == 2).await;
    // More than the kernel's buffers hold for the one that does not read.
    let (len, count) = (400_000, 60);
    let mut bodies = vec![0; len];
    read_until(&mut fast, "\r\n\r\n--frame\r\n").await;
    for sequence in 1..=count {
        server.publish(sequence, len);
        let head = read_until(&mut fast, "\r\n\r\n").await;
        assert!(head.contains(&format!("X-Sequence: {sequence}\r\n")), "{head}");
        timeout(PATIENCE, fast.read_exact(&mut bodies)).await.expect("held up").unwrap();
        read_until(&mut fast, "\r\n--frame\r\n").await;
    }
    // Now the slow one reads: whole parts, numbers that grow, and the last one is the newest.
    read_until(&mut slow, "\r\n\r\n--frame\r\n").await;
    let mut seen = vec![];
    while seen.last() != Some(&count) {
        let head = read_until(&mut slow, "\r\n\r\n").await;
        let sequence: u64 = head.split("X-Sequence: ").nth(1).unwrap().trim().parse().unwrap();
        assert!(seen.last() < Some(&sequence), "{sequence} after {seen:?}");
        timeout(PATIENCE, slow.read_exact(&mut bodies)).await.expect("torn").unwrap();
        assert!(bodies.iter().all(|&b| b == b'0' + (sequence % 10) as u8), "torn");
        read_until(&mut slow, "\r\n--frame\r\n").await;
        seen.push(sequence);
    }
    assert!(seen.len() < count as usize / 2, "nothing was skipped: {seen:?}");
}

/// Reads parts up to number `last` and counts each in `arrived`; returns their numbers. Panics if one is torn.
async fn read_parts(mut viewer: TcpStream, len: usize, last: u64, arrived: Arc<AtomicU64>) -> Vec<u64> {
    read_until(&mut viewer, "\r\n\r\n--frame\r\n").await;
    let (mut seen, mut body) = (vec![], vec![0; len]);
    while seen.last() != Some(&last) {
        let head = read_until(&mut viewer, "\r\n\r\n").await;
        let sequence: u64 = head.split("X-Sequence: ").nth(1).unwrap().trim().parse().unwrap();
        assert!(seen.last() <= Some(&sequence), "{sequence} after {seen:?}");
        timeout(PATIENCE, viewer.read_exact(&mut body)).await.expect("torn").unwrap();
        assert!(body.iter().all(|&b| b == b'0' + (sequence % 10) as u8), "torn");
        read_until(&mut viewer, "\r\n--frame\r\n").await;
        // On a busy machine one may be repeated.
        if seen.last() != Some(&sequence) {
            seen.push(sequence);
            arrived.fetch_add(1, Ordering::Relaxed);
        }
    }
    seen
}

/// The same for a browser, whose parts have no numbers: `count` different ones.
async fn read_bare_parts(mut viewer: TcpStream, len: usize, count: u64, arrived: Arc<AtomicU64>) {
    const TAIL: &[u8] = b"\r\n--frame\r\nContent-Type: image/jpeg\r\n\r\n";
    read_until(&mut viewer, "\r\n\r\n--frame\r\nContent-Type: image/jpeg\r\n\r\n").await;
    let (mut last, mut part) = (0, vec![0; len + TAIL.len()]);
    while last < count {
        timeout(PATIENCE, viewer.read_exact(&mut part)).await.expect("torn").unwrap();
        assert!(part[..len].iter().all(|&b| b == part[0]) && part[len..] == *TAIL, "torn");
        if part[0] == b'0' + ((last + 1) % 10) as u8 {
            last += 1;
            arrived.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// So many viewers that they share one copy of each picture, which must stay as it is while a slow one has part
/// of it.
#[tokio::test]
async fn crowd_with_slow_readers_gets_whole_pictures() {
    let server = serve(|server| server.max_viewers = 100);
    let (len, count) = (150_000, 40);
    let arrived = Arc::new(AtomicU64::new(0));
    let mut fast = vec![];
    for _ in 0..40 {
        let viewer = server.connect(STREAM).await;
        fast.push(tokio::spawn(read_parts(viewer, len, count, Arc::clone(&arrived))));
    }
    let browser = STREAM.replace("Host: x", "Host: x\r\nAccept: image/*");
    let browser = server.connect(&browser).await;
    let browser = tokio::spawn(read_bare_parts(browser, len, count, Arc::clone(&arrived)));
    let mut slow = vec![];
    for _ in 0..3 {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        let mut socket = socket.connect(server.address).await.unwrap();
        socket.write_all(STREAM.as_bytes()).await.unwrap();
        slow.push(socket);
    }
    until(|| server.hub.metrics.viewers.get() == 44).await;
    for sequence in 1..=count {
        server.publish(sequence, len);
        // Viewers that read get every picture: they do not wait for the others.
        until(|| arrived.load(Ordering::Relaxed) == 41 * sequence).await;
    }
    for viewer in fast {
        assert_eq!(viewer.await.unwrap(), (1..=count).collect::<Vec<_>>());
    }
    browser.await.unwrap();
    for viewer in slow {
        let seen = read_parts(viewer, len, count, Arc::default()).await;
        assert!(seen.len() < count as usize / 2, "nothing was skipped: {seen:?}");
    }
}

#[tokio::test]
async fn rate_limited_stream_skips_pictures() {
    let server = serve(|_| ());
    server.publish(1, 3);
    let mut viewer = server.connect("GET /stream?fps=0.01 HTTP/1.1\r\nHost: x\r\n\r\n").await;
    read_until(&mut viewer, "111\r\n--frame\r\n").await;
    for sequence in 2..5 {
        server.publish(sequence, 3);
    }
    // The next one it would get is the repeat of the first.
    let part = read_until(&mut viewer, "\r\n--frame\r\n").await;
    assert!(part.contains("X-Sequence: 1\r\n"), "{part}");
    let answer = server.get("/stream?fps=many").await;
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
}

#[tokio::test]
async fn snapshot_is_captured_after_the_request() {
    let server = serve(|_| ());
    server.live();
    server.publish(1, 3);
    let ask = async { server.get("/snapshot?x=1").await };
    let publish = async {
        until(|| server.hub.feed.wanted()).await;
        server.publish(2, 5);
    };
    let (answer, ()) = tokio::join!(ask, publish);
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert!(answer.contains("X-Sequence: 2\r\n") && answer.ends_with("\r\n\r\n22222"), "{answer}");
    assert!(!server.hub.feed.wanted(), "the snapshot no longer asks for pictures");
}

#[tokio::test]
async fn snapshot_of_a_lost_camera_answers_503_with_the_reason() {
    let server = serve(|_| ());
    server.hub.status.lost("unplugged");
    let jpeg = Bytes::from_static(b"no signal");
    let kind = PictureKind::NoSignal;
    server.hub.feed.publish(Picture {
        jpeg,
        label: Label { run: RunId::new(0), sequence: 1, captured_at: Duration::ZERO },
        kind,
    });
    let answer = server.get("/?action=snapshot").await;
    assert!(answer.starts_with("HTTP/1.1 503 ") && answer.ends_with("\r\n\r\nunplugged\n"), "{answer}");
}

#[tokio::test]
async fn snapshot_with_an_impossible_timestamp_is_served() {
    let times: [fn(Duration) -> Duration; 3] =
        [|_| Duration::ZERO, |now| now - Duration::from_secs(190), |now| now + Duration::from_secs(60)];
    for time in times {
        let server = serve(|_| ());
        server.live();
        let publish = |sequence: u64| {
            let captured_at = time(eyelet_hal::clock::SystemClock.unix());
            let jpeg = Bytes::from(format!("[{sequence}]"));
            server.hub.feed.publish(Picture {
                jpeg,
                label: Label { run: RunId::new(0), sequence, captured_at },
                kind: PictureKind::Live,
            });
        };
        publish(1);
        let ask = async { server.get("/snapshot").await };
        let stream = async {
            until(|| server.hub.feed.wanted()).await;
            let mut sequence = 2;
            while server.hub.feed.wanted() {
                publish(sequence);
                sequence += 1;
                tokio::task::yield_now().await;
            }
        };
        let (answer, ()) = tokio::join!(ask, stream);
        assert!(answer.starts_with("HTTP/1.1 200 ") && !answer.ends_with("\r\n\r\n[1]"), "{answer}");
    }
}

#[tokio::test]
async fn snapshot_in_progress_when_the_camera_is_lost_answers_503() {
    let server = serve(|_| ());
    server.live();
    let ask = async { server.get("/snapshot").await };
    let lose = async {
        until(|| server.hub.feed.wanted()).await;
        server.hub.status.lost("unplugged");
        let (jpeg, captured_at) = (Bytes::from_static(b"no signal"), Duration::ZERO);
        server.hub.feed.publish(Picture {
            jpeg,
            label: Label { run: RunId::new(0), sequence: 1, captured_at },
            kind: PictureKind::NoSignal,
        });
    };
    let (answer, ()) = tokio::join!(ask, lose);
    assert!(answer.starts_with("HTTP/1.1 503 ") && answer.ends_with("\r\n\r\nunplugged\n"), "{answer}");
}

#[tokio::test]
async fn snapshot_of_a_picture_published_once_shows_it() {
    let server = serve(|server| server.snapshot = SnapshotPolicy::FreshOrNewest);
    server.publish(1, 3);
    let answer = server.get("/snapshot.jpg").await;
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("\r\n\r\n111"), "{answer}");
}

#[tokio::test]
async fn malformed_request_is_answered_or_closed() {
    let server = serve(|_| ());
    for request in ["\r\n\r\n\r\n\r\nGET\r\n\r\n", "BREW /pot HTCPCP/1.0\r\n\r\n", "\u{16}\u{3}\u{1}\u{2}"] {
        let mut socket = server.connect(request).await;
        socket.shutdown().await.unwrap();
        let mut answer = Vec::new();
        timeout(PATIENCE, socket.read_to_end(&mut answer)).await.expect("hangs").unwrap();
    }
    let long = format!("GET / HTTP/1.1\r\nCookie: {}\r\n\r\n", "x".repeat(100_000));
    let mut socket = TcpStream::connect(server.address).await.unwrap();
    let _ = socket.write_all(long.as_bytes()).await;
    let mut answer = Vec::new();
    let _ = timeout(PATIENCE, socket.read_to_end(&mut answer)).await.expect("hangs");
    assert!(server.get("/").await.starts_with("HTTP/1.1 200 "), "the next one is served");
}

#[tokio::test]
async fn port_in_use_is_reported_with_the_remedy() {
    let server = serve(|_| ());
    let error = http::listen(server.address).unwrap_err().to_string();
    assert!(error.starts_with(&format!("cannot listen on {}: ", server.address)), "{error}");
    assert!(error.ends_with("; stop the other server, or choose another port"), "{error}");
}

#[tokio::test]
async fn wall_clock_change_delays_no_viewer() {
    let clock = Arc::new(ManualClock::new(Duration::from_secs(1_700_000_000)));
    let server = serve(|server| server.clock = clock.clone());
    let publish = |sequence: u64| {
        let jpeg = Bytes::from(format!("[{sequence}]"));
        let captured_at = clock.unix();
        server.hub.feed.publish(Picture {
            jpeg,
            label: Label { run: RunId::new(0), sequence, captured_at },
            kind: PictureKind::Live,
        });
    };
    server.live();
    let mut viewer = server.connect("GET /stream?fps=1 HTTP/1.1\r\nHost: x\r\n\r\n").await;
    publish(1);
    read_until(&mut viewer, "[1]").await;
    // A second later, by every clock but the wall's.
    let back = clock.unix();
    clock.advance(Duration::from_secs(1));
    clock.set_unix(back - Duration::from_millis(400));
    publish(2);
    read_until(&mut viewer, "[2]").await;
    drop(viewer);
    until(|| !server.hub.feed.wanted()).await;

    // It is set back between the request for a snapshot and the frame.
    clock.advance(Duration::from_millis(33));
    let request = "GET /snapshot HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let mut snapshot = server.connect(request).await;
    until(|| server.hub.feed.wanted()).await;
    clock.advance(Duration::from_millis(33));
    clock.set_unix(back - Duration::from_secs(3600));
    publish(3);
    let answer = read_until(&mut snapshot, "[3]").await;
    assert!(answer.contains("X-Sequence: 3\r\n"), "{answer}");
}
