//! `/stream`: pictures for viewers, fast and slow ones.

use crate::support::{PATIENCE, read_until, serve, until};
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
    let slow = server.connect(STREAM).await;
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
    let seen = read_parts(slow, len, count, Arc::default()).await;
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
async fn wall_clock_change_delays_no_viewer() {
    let clock = Arc::new(ManualClock::new(Duration::from_secs(1_700_000_000)));
    let server = serve(|server| server.clock = clock.clone());
    let publish = |sequence| server.publish_at(sequence, clock.unix());
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
