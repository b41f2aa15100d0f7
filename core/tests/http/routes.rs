//! Which request gets which answer.

use crate::support::{PATIENCE, serve};
use eyelet_core::http;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

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
    match cfg!(feature = "metrics") {
        true => assert!(metrics.contains("\neyelet_viewers 0\n"), "{metrics}"),
        false => assert!(metrics.starts_with("HTTP/1.1 404 "), "{metrics}"),
    }
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

#[cfg(not(feature = "control"))]
#[tokio::test]
async fn control_where_it_is_not_built_in_is_no_page() {
    let server = serve(|_| ());
    for (method, body) in [("GET", ""), ("POST", "quality=7")] {
        let len = body.len();
        let head =
            format!("{method} /control HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {len}");
        let answer = server.ask(&format!("{head}\r\n\r\n{body}")).await;
        assert!(answer.starts_with("HTTP/1.1 404 "), "{method}: {answer}");
    }
    let state = server.get("/state").await;
    assert!(state.contains("\"control\": false,") && state.contains("\"quality\": 80"), "{state}");
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
