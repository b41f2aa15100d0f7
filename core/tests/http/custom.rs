//! Routes of an application's own: they are behind the same rules as all others.

use crate::support::{Running, read_until, rest, serve, skip, until};
use eyelet_core::http::{Access, CredentialSources, Limits, Reply, Request, Routes, Server, Token};
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{io::AsyncWriteExt, sync::Notify};

/// A threshold that can be read and set.
fn threshold(routes: &mut Routes) {
    let threshold = Arc::new(Mutex::new(0.5));
    let same = Arc::clone(&threshold);
    routes.get("/threshold", move |_| Reply::json(&*threshold.lock().unwrap()));
    routes.post("/threshold", move |request| {
        let new: f64 = request.json()?;
        *same.lock().unwrap() = new;
        Ok::<_, Reply>(())
    });
}

fn with_threshold(change: impl FnOnce(&mut Server)) -> Running {
    serve(|server| {
        threshold(&mut server.routes);
        change(server);
    })
}

fn post(path: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nHost: x\r\n{headers}Connection: close\r\nContent-Length: {length}\r\n\r\n{body}"
    )
}

#[tokio::test]
async fn handlers_answer_get_head_and_post() {
    let server = with_threshold(|_| ());
    let answer = server.get("/threshold").await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("\r\n\r\n0.5"), "{answer}");
    for line in
        ["Content-Type: application/json", "Cache-Control: no-store", "X-Content-Type-Options: nosniff"]
    {
        assert!(answer.contains(&format!("\r\n{line}\r\n")), "{line} is not in {answer}");
    }
    let answer = server.ask(&post("/threshold", "", "0.75")).await;
    assert!(answer.starts_with("HTTP/1.1 204 ") && answer.ends_with("\r\n\r\n"), "{answer}");
    let head = server.ask("HEAD /threshold HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
    assert!(head.contains("Content-Length: 4\r\n") && head.ends_with("\r\n\r\n"), "{head}");
    assert!(server.get("/threshold?t=1").await.ends_with("0.75"));
    let answer = server.ask(&post("/threshold", "", "much")).await;
    assert!(answer.starts_with("HTTP/1.1 400 ") && answer.contains("the body is not"), "{answer}");
    for missing in ["/threshold/", "/Threshold", "//threshold", "/x/threshold"] {
        assert!(server.get(missing).await.starts_with("HTTP/1.1 404 "), "{missing}");
    }
}

#[tokio::test]
async fn other_methods_answer_405_with_those_of_the_path() {
    let server = with_threshold(|server| {
        server.routes.get("/read", |_| ()).post("/write", |_| ());
    });
    for (method, path, allow) in [
        ("PUT", "/threshold", "GET, HEAD, POST"),
        ("POST", "/read", "GET, HEAD"),
        ("GET", "/write", "POST"),
        ("HEAD", "/write", "POST"),
        ("OPTIONS", "/write", "POST"),
    ] {
        let request = format!("{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        let answer = server.ask(&request).await;
        assert!(answer.starts_with("HTTP/1.1 405 "), "{method} {path}: {answer}");
        assert!(answer.contains(&format!("\r\nAllow: {allow}\r\n")), "{method} {path}: {answer}");
    }
}

#[tokio::test]
async fn handler_is_given_path_query_headers_body_and_client() {
    let seen = Arc::new(Mutex::new(None));
    let into = Arc::clone(&seen);
    let server = serve(|server| {
        server.base_path = "/cam".parse().unwrap();
        server.proxies = vec!["127.0.0.1".parse().unwrap()].into();
        server.routes.post("/api/v1", move |request: &Request| *into.lock().unwrap() = Some(request.clone()));
    });
    let headers = "X-Forwarded-For: 192.0.2.7\r\nX-Model: small\r\n";
    let answer = server.ask(&post("/cam/api/v1?name=a%20b", headers, "\u{0}body")).await;
    assert!(answer.starts_with("HTTP/1.1 204 "), "{answer}");
    let request = seen.lock().unwrap().take().unwrap();
    assert_eq!((request.path(), &request.body()[..]), ("/api/v1", &b"\0body"[..]));
    assert_eq!((request.query("name").as_deref(), request.header("x-model")), (Some("a b"), Some("small")));
    assert_eq!(request.client(), Some("192.0.2.7".parse().unwrap()));
}

#[tokio::test]
async fn client_without_credentials_reaches_no_handler() {
    let mut sources = CredentialSources::default();
    sources.token = Some(Token::new("0123456789abcdef0123456789abcdef").unwrap());
    let access = Access::only(sources).unwrap();
    let server = with_threshold(|server| server.access = access);
    for request in [post("/threshold", "", "1"), post("/nowhere", "", "1")] {
        assert!(server.ask(&request).await.starts_with("HTTP/1.1 401 "), "{request}");
    }
    assert!(server.get("/threshold").await.starts_with("HTTP/1.1 401 "));
    let bearer = "Authorization: Bearer 0123456789abcdef0123456789abcdef\r\n";
    assert!(server.ask(&post("/threshold", bearer, "1")).await.starts_with("HTTP/1.1 204 "));
}

#[tokio::test]
async fn page_of_another_site_may_not_post_unless_its_origin_is_named() {
    let server = with_threshold(|server| server.origins = vec!["http://b.example".parse().unwrap()].into());
    for headers in [
        "Origin: http://a.example\r\nContent-Type: text/plain\r\n",
        "Origin: null\r\n",
        "Sec-Fetch-Site: cross-site\r\n",
    ] {
        let answer = server.ask(&post("/threshold", headers, "1")).await;
        assert!(answer.starts_with("HTTP/1.1 403 "), "{headers}: {answer}");
    }
    assert!(server.get("/threshold").await.ends_with("0.5"), "it was changed");
    for headers in ["Origin: http://x\r\n", "Origin: http://b.example\r\n", ""] {
        let answer = server.ask(&post("/threshold", headers, "1")).await;
        assert!(answer.starts_with("HTTP/1.1 204 "), "{headers}: {answer}");
    }
    let preflight = "OPTIONS /threshold HTTP/1.1\r\nHost: x\r\nOrigin: http://b.example\r\n\
                     Access-Control-Request-Method: POST\r\nConnection: close\r\n\r\n";
    let answer = server.ask(preflight).await;
    for line in [
        "Access-Control-Allow-Methods: GET, HEAD, POST",
        "Access-Control-Allow-Headers: Authorization, Content-Type",
    ] {
        assert!(answer.contains(&format!("\r\n{line}\r\n")), "{line} is not in {answer}");
    }
}

#[tokio::test]
async fn body_over_the_limit_is_refused_before_it_is_read() {
    let server = with_threshold(|server| server.limits.body = 10);
    assert!(server.ask(&post("/threshold", "", "0.12345678")).await.starts_with("HTTP/1.1 204 "));
    let announced = "POST /threshold HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\n\r\n";
    let chunked = "POST /threshold HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n\
                   5\r\n0.123\r\n6\r\n456789\r\n";
    for request in [announced, chunked] {
        let answer = server.ask(request).await;
        assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
        assert!(answer.contains("\r\nConnection: close\r\n") && answer.contains("10 bytes"), "{answer}");
    }
    let get = "GET /threshold HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n1";
    assert!(server.ask(get).await.starts_with("HTTP/1.1 413 "), "only a POST has a body");
    assert_eq!(Limits::default().body, 64 * 1024);
}

#[tokio::test]
async fn malformed_body_answers_400_and_is_not_read_on() {
    let server = with_threshold(|_| ());
    let answer = server
        .ask(
            "POST /threshold HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n0.1\r\n0\r\n\r\n",
        )
        .await;
    assert!(answer.starts_with("HTTP/1.1 400 ") && answer.ends_with("the body is malformed\n"), "{answer}");
    assert!(answer.contains("\r\nConnection: close\r\n"), "{answer}");
}

const HALF: &str = "POST /threshold HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n0.1";

#[tokio::test]
async fn body_that_comes_too_slowly_ends_the_connection() {
    let server = with_threshold(|_| ());
    let slow = server.connect(HALF).await;
    until(|| server.connections() == 1).await;
    skip(Duration::from_secs(40)).await;
    let answer = rest(slow).await;
    assert!(answer.starts_with("HTTP/1.1 408 ") && answer.contains("Connection: close\r\n"), "{answer}");
}

#[tokio::test]
async fn connection_whose_body_has_not_come_gives_way_to_another() {
    let server = with_threshold(|server| server.limits.connections = Some(1));
    let slow = server.connect(HALF).await;
    until(|| server.connections() == 1).await;
    skip(Duration::ZERO).await;
    assert!(server.get("/threshold").await.ends_with("0.5"));
    assert_eq!(rest(slow).await, "", "it was evicted");
}

#[tokio::test]
async fn handler_that_panics_answers_500_and_harms_no_other() {
    let server = with_threshold(|server| {
        server.routes.get("/now", |_| -> () { panic!("as it must") });
        server.routes.get_async("/later", |_| async { panic!("as it must") as () });
        server.routes.get_async("/before", |_| -> std::future::Ready<()> { panic!("as it must") });
    });
    let mut kept = server.connect("GET /now HTTP/1.1\r\nHost: x\r\n\r\n").await;
    let answer = read_until(&mut kept, "answer\n").await;
    assert!(answer.starts_with("HTTP/1.1 500 "), "{answer}");
    kept.write_all(b"GET /threshold HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
    assert!(rest(kept).await.ends_with("0.5"), "the same connection");
    for path in ["/later", "/before"] {
        assert!(server.get(path).await.starts_with("HTTP/1.1 500 "), "{path}");
    }
}

#[tokio::test]
async fn others_are_answered_while_a_handler_waits() {
    let go = Arc::new(Notify::new());
    let wait = Arc::clone(&go);
    let server = with_threshold(|server| {
        server.routes.post_async("/slow", move |request| {
            let wait = Arc::clone(&wait);
            async move {
                wait.notified().await;
                Reply::bytes("text/plain", request.body().clone())
            }
        });
    });
    let slow = server.connect(&post("/slow", "", "echo")).await;
    until(|| server.connections() == 1).await;
    assert!(server.get("/threshold").await.ends_with("0.5"));
    go.notify_one();
    assert!(rest(slow).await.ends_with("\r\n\r\necho"));
}

#[tokio::test]
async fn handler_that_never_answers_is_given_up() {
    let server = with_threshold(|server| {
        server.routes.get_async("/never", |_| std::future::pending::<()>());
    });
    let never = server.connect("GET /never HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
    until(|| server.connections() == 1).await;
    skip(Duration::from_secs(31)).await;
    assert!(rest(never).await.starts_with("HTTP/1.1 503 "));
}
