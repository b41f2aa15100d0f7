//! The headers for browsers: which pages of other servers may read the answers, and what our own page may do.

use crate::support::{Running, read_until, serve};
use eyelet_core::http::Page;

const EVERY_ROUTE: [&str; 7] =
    ["/", "/snapshot", "/state", "/metrics", "/healthz", "/nowhere", "/stream?fps=0"];

fn allowing(origins: &[&str]) -> Running {
    let origins: Vec<_> = origins.iter().map(|origin| origin.parse().unwrap()).collect();
    let server = serve(|server| {
        server.origins = origins.into();
        server.snapshot = eyelet_core::http::SnapshotPolicy::FreshOrNewest;
    });
    server.publish(1, 3);
    server
}

/// The head of an answer, in lower case.
async fn head(server: &Running, method: &str, path: &str, headers: &str) -> String {
    let request = format!("{method} {path} HTTP/1.1\r\nHost: x\r\n{headers}Connection: close\r\n\r\n");
    read_until(&mut server.connect(&request).await, "\r\n\r\n").await.to_ascii_lowercase()
}

#[tokio::test]
async fn foreign_page_may_not_read_unless_allowed() {
    let server = allowing(&[]);
    for path in EVERY_ROUTE.into_iter().chain(["/stream"]) {
        let head = head(&server, "GET", path, "Origin: http://a.example\r\n").await;
        assert!(!head.contains("access-control") && !head.contains("vary: origin"), "{path}: {head}");
    }
    let preflight = "Origin: http://a.example\r\nAccess-Control-Request-Method: GET\r\n";
    assert!(head(&server, "OPTIONS", "/state", preflight).await.starts_with("http/1.1 405 "));
}

#[tokio::test]
async fn allowed_origins_are_named_and_others_are_not() {
    let server = allowing(&["https://b.example", "http://a.example:3000"]);
    for path in EVERY_ROUTE.into_iter().chain(["/stream"]) {
        let answer = head(&server, "GET", path, "Origin: http://a.example:3000\r\n").await;
        assert!(
            answer.contains("\r\naccess-control-allow-origin: http://a.example:3000\r\n"),
            "{path}: {answer}"
        );
        assert!(answer.contains("\r\nvary: origin\r\n"), "{path}: {answer}");
        for other in ["http://a.example", "http://a.example:30000", "https://b.example.c", "null", "*"] {
            let answer = head(&server, "GET", path, &format!("Origin: {other}\r\n")).await;
            assert!(!answer.contains("access-control"), "{path} for {other}: {answer}");
            assert!(answer.contains("\r\nvary: origin\r\n"), "{path}: {answer}");
        }
    }
    let answer = head(&server, "GET", "/state", "").await;
    assert!(!answer.contains("access-control") && answer.contains("\r\nvary: origin\r\n"), "{answer}");
}

#[tokio::test]
async fn wildcard_allows_all_origins() {
    let server = allowing(&["*"]);
    for path in EVERY_ROUTE.into_iter().chain(["/stream"]) {
        let answer = head(&server, "GET", path, "Origin: http://a.example\r\n").await;
        assert!(answer.contains("\r\naccess-control-allow-origin: *\r\n"), "{path}: {answer}");
        assert!(!answer.contains("vary: origin"), "{path}: {answer}");
    }
}

/// An `<img>` asks without an origin; in a page that isolates itself it is shown only with this header.
#[tokio::test]
async fn isolated_pages_may_embed_pictures_where_origins_are_allowed() {
    for allowed in [&["*"][..], &["https://b.example"]] {
        let server = allowing(allowed);
        for path in EVERY_ROUTE.into_iter().chain(["/stream"]) {
            let answer = head(&server, "GET", path, "").await;
            assert!(
                answer.contains("\r\ncross-origin-resource-policy: cross-origin\r\n"),
                "{path}: {answer}"
            );
        }
    }
    assert!(!head(&allowing(&[]), "GET", "/stream", "").await.contains("cross-origin"));
}

#[tokio::test]
async fn preflight_request_is_answered() {
    let server = allowing(&["https://b.example"]);
    let preflight = "Origin: https://b.example\r\nAccess-Control-Request-Method: GET\r\n";
    let answer = head(&server, "OPTIONS", "/stream", preflight).await;
    assert!(answer.starts_with("http/1.1 204 "), "{answer}");
    for line in [
        "access-control-allow-origin: https://b.example",
        "access-control-allow-methods: get, head",
        "access-control-allow-headers: authorization",
    ] {
        assert!(answer.contains(&format!("\r\n{line}\r\n")), "{line} is not in {answer}");
    }
    for other in [
        "Origin: https://c.example\r\nAccess-Control-Request-Method: GET\r\n",
        "Origin: https://b.example\r\n",
        "",
    ] {
        let answer = head(&server, "OPTIONS", "/stream", other).await;
        assert!(answer.starts_with("http/1.1 405 "), "{answer}");
    }
}

#[tokio::test]
async fn every_answer_forbids_sniffing() {
    let server = allowing(&[]);
    for path in EVERY_ROUTE {
        let answer = head(&server, "GET", path, "").await;
        assert!(answer.contains("\r\nx-content-type-options: nosniff\r\n"), "{path}: {answer}");
    }
    for method in ["GET", "HEAD"] {
        let answer = head(&server, method, "/stream", "").await;
        assert!(
            !answer.contains("nosniff"),
            "browsers may refuse to show it on other servers' pages: {answer}"
        );
    }
}

#[tokio::test]
async fn built_in_page_has_a_policy_and_a_custom_one_has_none() {
    let server = allowing(&[]);
    let answer = head(&server, "GET", "/", "").await;
    assert!(
        answer.contains("\r\ncontent-security-policy: default-src 'none'; script-src 'sha256-"),
        "{answer}"
    );
    let server = serve(|server| server.page = Page::new("<script src='//elsewhere.example'></script>"));
    assert!(!head(&server, "GET", "/", "").await.contains("content-security-policy"));
}

#[tokio::test]
async fn request_text_is_never_echoed_as_html() {
    let server = allowing(&["https://b.example"]);
    let evil = "<script>alert(1)</script>";
    for path in
        [format!("/?{evil}"), format!("/{evil}"), format!("/stream?fps={evil}"), format!("/state?{evil}")]
    {
        let headers = format!("Origin: {evil}\r\nReferer: {evil}\r\nUser-Agent: {evil}\r\n");
        let request = format!("GET {path} HTTP/1.1\r\nHost: {evil}\r\n{headers}Connection: close\r\n\r\n");
        assert!(!server.ask(&request).await.contains("alert(1)"), "{path}");
    }
}
