//! What a browser needs beside the bytes: types that it shows, addresses below another path, a page to log in.

use crate::support::{Running, read_until, serve};
use bytes::Bytes;
use eyelet_core::{
    feed::{Label, Picture, PictureKind, RunId},
    http::{Access, CredentialSources, Page, Token},
};
use std::time::Duration;

/// What an address bar sends.
const TYPED: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

/// The answer, in small letters: how headers are written is another subject.
async fn get(server: &Running, method: &str, path: &str, accept: &str) -> String {
    let request =
        format!("{method} {path} HTTP/1.1\r\nHost: x\r\nAccept: {accept}\r\nConnection: close\r\n\r\n");
    server.ask(&request).await.to_ascii_lowercase()
}

#[tokio::test]
async fn stream_for_scripts_has_a_type_that_webkit_reads() {
    let server = serve(|_| ());
    server.publish(7, 4);
    let request = "GET /stream HTTP/1.1\r\nHost: x\r\nAccept: application/octet-stream\r\n\r\n";
    let mut viewer = server.connect(request).await;
    let head = read_until(&mut viewer, "\r\n\r\n").await;
    assert!(head.contains("\r\nContent-Type: application/octet-stream\r\n"), "{head}");
    assert!(head.contains("\r\nX-Content-Type-Options: nosniff\r\n"), "{head}");
    assert!(!head.contains("multipart"), "{head}");
    let part = read_until(&mut viewer, "7777\r\n--frame\r\n").await;
    assert!(part.starts_with("--frame\r\nContent-Type: image/jpeg\r\nContent-Length: 4\r\n"), "{part}");
    let head = get(&server, "HEAD", "/stream", "application/octet-stream").await;
    assert!(head.contains("\r\ncontent-type: application/octet-stream\r\n"), "{head}");
}

#[tokio::test]
async fn stream_disables_proxy_buffering() {
    let server = serve(|_| ());
    server.publish(1, 3);
    for accept in ["*/*", "image/*", "application/octet-stream"] {
        let mut viewer =
            server.connect(&format!("GET /stream HTTP/1.1\r\nHost: x\r\nAccept: {accept}\r\n\r\n")).await;
        let head = read_until(&mut viewer, "\r\n\r\n").await;
        assert!(head.contains("\r\nX-Accel-Buffering: no\r\n"), "{accept}: {head}");
    }
    let head = get(&server, "HEAD", "/stream", "*/*").await;
    assert!(head.contains("\r\nx-accel-buffering: no\r\n"), "{head}");
}

#[tokio::test]
async fn no_signal_picture_is_marked_in_its_headers() {
    let server = serve(|_| ());
    let mut viewer = server.connect(crate::support::STREAM).await;
    server.publish(1, 3);
    let part = read_until(&mut viewer, "111\r\n--frame\r\n").await;
    assert!(!part.contains("X-Signal"), "{part}");
    let jpeg = Bytes::from_static(b"gone");
    let kind = PictureKind::NoSignal;
    server.hub.feed.publish(Picture {
        jpeg,
        label: Label { run: RunId::new(0), sequence: 2, captured_at: Duration::ZERO },
        kind,
    });
    let part = read_until(&mut viewer, "gone\r\n--frame\r\n").await;
    assert!(part.contains("\r\nX-Signal: none\r\n\r\ngone"), "{part}");
}

#[cfg(feature = "metrics")]
#[tokio::test]
async fn metrics_have_a_type_for_browsers_and_one_for_scrapers() {
    let server = serve(|_| ());
    let shown = get(&server, "GET", "/metrics", TYPED).await;
    assert!(shown.contains("\r\ncontent-type: text/plain; charset=utf-8\r\n"), "{shown}");
    let scraper = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
    for accept in ["*/*", scraper] {
        let scraped = get(&server, "GET", "/metrics", accept).await;
        assert!(scraped.contains("\r\ncontent-type: application/openmetrics-text"), "{scraped}");
        assert_eq!(scraped.split_once("\r\n\r\n").unwrap().1, shown.split_once("\r\n\r\n").unwrap().1);
    }
}

#[tokio::test]
async fn every_route_is_served_with_and_without_the_base_path() {
    let server = serve(|server| server.base_path = "/garden/cam".parse().unwrap());
    server.live();
    server.publish(1, 3);
    for base in ["/garden/cam", ""] {
        for (path, wanted) in [
            ("/", "<canvas"),
            ("/state", "\"connected\": true"),
            #[cfg(feature = "metrics")]
            ("/metrics", "eyelet_viewers"),
            ("/healthz", "ok"),
            ("/?t=1", "<canvas"),
        ] {
            let answer = server.get(&format!("{base}{path}")).await;
            assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains(wanted), "{base}{path}: {answer}");
        }
        for path in ["/stream", "/?action=stream"] {
            let mut viewer = server.connect(&format!("GET {base}{path} HTTP/1.1\r\nHost: x\r\n\r\n")).await;
            read_until(&mut viewer, "111\r\n--frame\r\n").await;
        }
    }
    for path in ["/garden/camera/state", "/garden/state", "/garden/cam/x", "/garden/cam//state"] {
        let answer = server.get(path).await;
        assert!(answer.starts_with("HTTP/1.1 404 "), "{path}: {answer}");
    }
    let answer = get(&server, "GET", "/garden/cam?token=a&fps=1", "*/*").await;
    assert!(answer.starts_with("http/1.1 308 "), "{answer}");
    assert!(answer.contains("\r\nlocation: /garden/cam/?token=a&fps=1\r\n"), "{answer}");
}

#[tokio::test]
async fn missing_token_gets_a_page_in_a_browser_and_a_line_elsewhere() {
    let sources = || {
        let mut sources = CredentialSources::default();
        sources.token = Some(Token::new("right").unwrap());
        sources
    };
    let server = serve(|server| server.access = Access::only(sources()).unwrap());
    let page = get(&server, "GET", "/", TYPED).await;
    assert!(page.starts_with("http/1.1 401 "), "{page}");
    assert!(page.contains("\r\ncontent-type: text/html") && page.contains("<body data-login>"), "{page}");
    assert!(
        page.contains("\r\ncontent-security-policy: ") && page.contains("\r\nwww-authenticate: "),
        "{page}"
    );
    let line = get(&server, "GET", "/", "*/*").await;
    assert!(line.starts_with("http/1.1 401 ") && line.contains("\r\ncontent-type: text/plain"), "{line}");
    let page = get(&server, "GET", "/?token=right", TYPED).await;
    assert!(page.starts_with("http/1.1 200 ") && !page.contains("<body data-login>"), "{page}");

    let server = serve(|server| {
        server.access = Access::only(sources()).unwrap();
        server.page = Page::new("<body>secret");
    });
    let line = get(&server, "GET", "/", TYPED).await;
    assert!(line.starts_with("http/1.1 401 ") && !line.contains("secret"), "{line}");
}

#[tokio::test]
async fn page_is_compressed_for_those_who_accept_it() {
    let server = serve(|_| ());
    let ask = |headers: &'static str| {
        let server = &server;
        async move {
            let request = format!("GET / HTTP/1.1\r\nHost: x\r\n{headers}Connection: close\r\n\r\n");
            let mut viewer = server.connect(&request).await;
            read_until(&mut viewer, "\r\n\r\n").await.to_ascii_lowercase()
        }
    };
    let length = |head: &str| -> usize {
        let (_, rest) = head.split_once("\r\ncontent-length: ").unwrap();
        rest.split_once("\r\n").unwrap().0.parse().unwrap()
    };
    let (plain, gzip) = (ask("").await, ask("Accept-Encoding: br, gzip\r\n").await);
    assert!(gzip.contains("\r\ncontent-encoding: gzip\r\n") && !plain.contains("content-encoding"), "{gzip}");
    assert!(length(&gzip) < length(&plain) / 2, "{gzip}{plain}");
    for head in [plain, gzip] {
        assert!(head.contains("\r\nvary: accept-encoding\r\n"), "a cache must not mix them up: {head}");
    }
}
