//! Who asks behind a proxy, and the access log.

use crate::support::{PATIENCE, STATE, read_until, rest, serve, until};
use eyelet_core::http::{Access, AccessLog, CredentialSources, Token};
use std::{fs, net::Ipv4Addr};

const PROXY: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 9);

fn get(path: &str, headers: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\n")
}

fn forwarded(client: &str) -> String {
    format!("X-Forwarded-For: {client}\r\n")
}

#[tokio::test]
async fn viewer_behind_a_trusted_proxy_has_its_forwarded_address() {
    let server = serve(|server| server.proxies = vec!["127.0.0.9".parse().unwrap()].into());
    server.publish(1, 3);
    let mut viewers = vec![];
    for (from, line) in [(PROXY, "6.6.6.6, 192.0.2.1"), (Ipv4Addr::new(127, 0, 0, 8), "192.0.2.2")] {
        let mut viewer = server.connect_from(from, &get("/stream", &forwarded(line))).await;
        read_until(&mut viewer, "--frame\r\n").await;
        viewers.push(viewer);
    }
    let state = server.ask(STATE).await;
    assert!(state.contains("\"address\": \"192.0.2.1\""), "{state}");
    assert!(state.contains("\"address\": \"127.0.0.8:") && !state.contains("192.0.2.2"), "{state}");
    assert!(!state.contains("6.6.6.6"), "{state}");
}

#[tokio::test]
async fn each_client_of_a_proxy_has_its_own_share() {
    let server = serve(|server| {
        server.proxies = vec!["127.0.0.0/8".parse().unwrap()].into();
        server.limits.connections_per_address = 2;
    });
    server.publish(1, 3);
    let ask = |path: &'static str, client: &'static str| {
        let server = &server;
        async move { server.connect_from(PROXY, &get(path, &forwarded(client))).await }
    };
    let mut viewers = vec![];
    for _ in 0..2 {
        let mut viewer = ask("/stream", "192.0.2.1").await;
        read_until(&mut viewer, "--frame\r\n").await;
        viewers.push(viewer);
    }
    let refused = rest(ask("/state", "192.0.2.1").await).await;
    assert!(refused.starts_with("HTTP/1.1 503 ") && refused.contains("your address"), "{refused}");
    for _ in 0..5 {
        assert!(rest(ask("/state", "192.0.2.2").await).await.starts_with("HTTP/1.1 200 "));
    }
    drop(viewers);
    until(|| server.connections() == 0).await;
    assert!(rest(ask("/state", "192.0.2.1").await).await.starts_with("HTTP/1.1 200 "));
}

#[tokio::test]
async fn guesser_behind_a_proxy_is_throttled_alone() {
    let server = serve(|server| {
        server.proxies = vec!["127.0.0.9".parse().unwrap()].into();
        let mut sources = CredentialSources::default();
        sources.token = Some(Token::new("short").unwrap());
        server.access = Access::only(sources).unwrap();
    });
    let ask = async |client: &str, token: &str| {
        let headers = format!("{}Authorization: Bearer {token}\r\n", forwarded(client));
        server.connect_from(PROXY, &get("/state", &headers)).await
    };
    // So many at once that one more would be turned away.
    let mut guesses = vec![];
    for guess in 0..20 {
        guesses.push(ask("192.0.2.1", &format!("guess{guess}")).await);
    }
    let refused = rest(ask("192.0.2.1", "another").await).await;
    assert!(refused.starts_with("HTTP/1.1 429 "), "{refused}");
    for (token, status) in [("wrong", "401"), ("short", "200")] {
        let answer = rest(ask("192.0.2.2", token).await).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{token}: {answer}");
    }
}

#[tokio::test]
async fn access_log_has_a_line_per_request_and_for_a_stream_at_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("access.log");
    let log = AccessLog::append(&path).unwrap();
    let server = serve(|server| {
        server.access_log = Some(log.clone());
        server.proxies = vec!["127.0.0.9".parse().unwrap()].into();
    });
    server.publish(1, 1000);
    let lines = || {
        log.flush(PATIENCE).unwrap();
        fs::read_to_string(&path).unwrap().lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let mut viewer = server.connect_from(PROXY, &get("/stream?token=hunter2", &forwarded("192.0.2.1"))).await;
    read_until(&mut viewer, "1\r\n--frame\r\n").await;
    let agent = "User-Agent: a\"b\\c\r\n";
    assert!(server.ask(&get("/nothing", agent)).await.starts_with("HTTP/1.1 404 "));
    assert!(server.ask("HEAD /state HTTP/1.0\r\n\r\n").await.starts_with("HTTP/1.0 200 "));
    let seen = lines();
    assert_eq!(seen.len(), 2, "{seen:?}");
    assert!(seen[0].contains("\"GET /nothing HTTP/1.1\" 404 13 \"-\" \"a\\x22b\\x5cc\" 0."), "{}", seen[0]);
    assert!(seen[0].starts_with("127.0.0.1 - - ["), "{}", seen[0]);
    assert!(seen[1].contains("\"HEAD /state HTTP/1.0\" 200 0 \"-\" \"-\" 0."), "{}", seen[1]);
    drop(viewer);
    until(|| server.connections() == 0).await;
    let stream = lines().pop().unwrap();
    assert!(stream.starts_with("192.0.2.1 - - ["), "{stream}");
    let end = stream.split("\"GET /stream?token=*** HTTP/1.1\" 200 ").nth(1).expect(&stream);
    // Each time that it was sent, the picture and what is around it.
    let bytes: u64 = end.split(' ').next().unwrap().parse().unwrap();
    assert!((1000..1_000_000).contains(&bytes), "{stream}");
    assert!(!stream.contains("hunter2"));
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn blocked_access_log_delays_no_request() {
    let server = serve(|server| server.access_log = Some(AccessLog::append("/dev/full".as_ref()).unwrap()));
    for _ in 0..3 {
        assert!(server.ask(STATE).await.starts_with("HTTP/1.1 200 "));
    }
}
