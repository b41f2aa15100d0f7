//! Every route and every way around it, without, with wrong and with right credentials. What is not let in gets
//! the same answer to the byte, whatever it requests; what is let in gets the answer of a server without secrets.

// The figures of docs/reliability.md.
#![allow(clippy::print_stdout)]

use super::support::{Running, SECRET, TOKEN, basic, serve, somebody, sources, status};
use eyelet_core::http::{Access, ROUTES};
use std::sync::Arc;

const VERSIONS: [&str; 2] = ["HTTP/1.0", "HTTP/1.1"];
const METHODS: [&str; 9] = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "CONNECT", "BREW"];

/// Headers, and what is appended to the query.
struct Proof {
    header: String,
    query: String,
}

fn header(header: impl Into<String>) -> Proof {
    Proof { header: header.into(), query: String::new() }
}

fn query(query: &str) -> Proof {
    Proof { header: String::new(), query: query.to_owned() }
}

fn right() -> Vec<Proof> {
    vec![
        header(basic("ann", "open sesame")),
        header(basic("bob", "open sesame")),
        header(
            basic("ann", "open sesame").replace("Basic", "bAsIc ").replace("Authorization", "aUTHORIZATION"),
        ),
        header(format!("Authorization: Bearer {TOKEN}\r\n")),
        query(&format!("token={TOKEN}")),
        query(&format!("fps=9&token={}&t=1", TOKEN.replace('+', "%2b").replace('S', "%53"))),
        Proof { header: basic("ann", "open sesame"), query: "token=wrong".to_owned() },
    ]
}

fn wrong() -> Vec<Proof> {
    let (ann, bearer) = (basic("ann", "open sesame"), format!("Authorization: Bearer {TOKEN}\r\n"));
    let mut all = vec![
        header(""),
        header(basic("ann", "")),
        header(basic("ann", "wrong")),
        header(basic("bob", "open sesame\0")),
        header(basic("carol", "open sesame")),
        header(basic("", "")),
        header(basic("ann", TOKEN)),
        header(basic("ann:open sesame", "")),
        header("Authorization: Basic\r\n"),
        header("Authorization: Basic YW5u\r\n"),
        header("Authorization: Basic !!!!\r\n"),
        header(ann.trim_end_matches("\r\n").trim_end_matches('=').to_owned() + "A\r\n"),
        header(ann.replace("Basic", "Bearer")),
        header(ann.replace("Basic", "Digest")),
        header(ann.replace("Authorization", "Proxy-Authorization")),
        header(ann.replace("Authorization", "X-Authorization")),
        // Twice, in both orders.
        header(format!("{ann}{ann}")),
        header(format!("{ann}{bearer}")),
        header(format!("{}{bearer}", basic("ann", "wrong"))),
        header("Authorization: Bearer\r\n"),
        header("Authorization: Bearer \r\n"),
        header("Authorization: Bearer wrong\r\n"),
        header(format!("Authorization: {TOKEN}\r\n")),
        header(format!("Authorization: Bearer {}\r\n", TOKEN.to_lowercase())),
        header(format!("Authorization: Bearer {}\r\n", &TOKEN[1..])),
        header(format!("Authorization: Bearer {TOKEN}=\r\n")),
        header(format!("Authorization: Bearer {TOKEN}, Bearer {TOKEN}\r\n")),
        header(format!("Cookie: token={TOKEN}\r\n")),
        header("X-Forwarded-For: 127.0.0.1\r\nX-Original-URL: /healthz\r\nX-Rewrite-URL: /healthz\r\n"),
        header("Connection: Authorization\r\nX-Forwarded-User: ann\r\nRemote-User: ann\r\n"),
        query("token"),
        query("token="),
        query("token=wrong"),
        query(&format!("token=wrong&token={TOKEN}")),
        query(&format!("token={TOKEN}&token=wrong")),
        query(&format!("token={TOKEN}&token={TOKEN}")),
        query(&format!("token%3D{TOKEN}")),
        query(&format!("TOKEN={TOKEN}")),
        query(&format!("x;token={TOKEN}")),
        query(&format!("token[]={TOKEN}")),
        query(&format!("token={TOKEN}%00")),
        query(&format!("token={TOKEN}%0d%0a")),
        query("token=%"),
        query("action=stream&token=%ff"),
        Proof { header: basic("ann", "wrong"), query: format!("token={TOKEN}") },
    ];
    all.push(header(format!("Authorization: Basic {}\r\n", "A".repeat(8000))));
    all
}

/// A route as it is, and all that a careless server might take for it.
fn spellings(route: &str) -> Vec<String> {
    let (path, query) = route.split_once('?').map_or((route, String::new()), |(p, q)| (p, format!("?{q}")));
    let hex = |byte: u8| format!("%{byte:02x}");
    let first = path.as_bytes().get(1).map_or(String::new(), |&byte| hex(byte));
    let rest = path.get(2..).unwrap_or_default();
    let name = path.trim_start_matches('/');
    let mut all = vec![
        path.to_owned(),
        format!("/{path}"),
        format!("//{path}"),
        format!("/.{path}"),
        format!("/%2e{path}"),
        format!("/..{path}"),
        format!("/x/..{path}"),
        format!("/healthz/..{path}"),
        format!("/healthz/%2e%2e{path}"),
        format!("/healthz{path}"),
        format!("/healthz;{path}"),
        format!("/healthz%00{path}"),
        format!("/healthz%3f{path}"),
        format!("/healthz%23{path}"),
        format!("{path}/"),
        format!("{path}/."),
        format!("{path}/../{name}"),
        format!("{path}/..{}", "/healthz"),
        format!("{path};a=b"),
        format!("{path}%00"),
        format!("{path}%20"),
        format!("{path}."),
        format!("{path}~"),
        format!("{path}\\"),
        format!("/{first}{rest}"),
        format!("%2f{name}"),
        format!("/{}", name.bytes().map(hex).collect::<String>()),
        path.to_uppercase(),
        name.to_owned(),
        format!("http://x{path}"),
        format!("HTTP://x:1{path}"),
        format!("https://healthz{path}"),
        format!("http://u:p@x{path}"),
        format!("http://x/healthz/..{path}"),
        format!("{path}#/healthz"),
        format!("{path}?/healthz"),
    ];
    all.iter_mut().for_each(|target| target.push_str(&query));
    all
}

/// The targets that are not spellings of a route.
const OTHERS: [&str; 14] = [
    "*",
    "",
    "x:80",
    "http://x",
    "/nothing",
    "/favicon.ico",
    "/.git/config",
    "/../../etc/passwd",
    "/Healthz",
    "/healthz/",
    "/?action=stream&action=snapshot",
    "/?action=%73tream",
    "/?x=/healthz",
    "/stream?action=healthz",
];

fn request(method: &str, target: &str, version: &str, proof: &Proof) -> String {
    // A query stands in front of a fragment.
    let (target, fragment) = target.split_at(target.find('#').unwrap_or(target.len()));
    let mark = if target.contains('?') { '&' } else { '?' };
    let query = if proof.query.is_empty() { String::new() } else { format!("{mark}{}", proof.query) };
    let length = if method == "POST" || method == "PUT" { "Content-Length: 0\r\n" } else { "" };
    let header = &proof.header;
    format!(
        "{method} {target}{query}{fragment} {version}\r\nHost: x\r\nConnection: close\r\n{length}{header}\r\n"
    )
}

/// Whether a request is for the one thing that everybody may ask.
fn is_public(target: &str) -> bool {
    let path = target.split(['?', '#']).next().unwrap_or_default();
    let path = path.strip_prefix("http://x").or(path.strip_prefix("HTTP://x:1")).unwrap_or(path);
    let path = path.strip_prefix("https://healthz").or(path.strip_prefix("http://u:p@x")).unwrap_or(path);
    path == "/healthz"
}

/// Sends all requests, by several clients at once, and has the answers judged. Gives how many.
async fn all(
    mut cases: Vec<String>,
    server: &Arc<Running>,
    judge: impl Fn(&str, &str) + Send + Sync + 'static,
) -> usize {
    // Emulated they take minutes; there some of all kinds are enough.
    if cfg!(target_arch = "riscv64") {
        cases = cases.into_iter().step_by(17).collect();
    }
    let (count, judge) = (cases.len(), Arc::new(judge));
    let cases = Arc::new(std::sync::Mutex::new(cases));
    let mut clients = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let (cases, server, judge) = (Arc::clone(&cases), Arc::clone(server), Arc::clone(&judge));
        clients.spawn(async move {
            loop {
                let Some(request) = cases.lock().unwrap().pop() else { return };
                let answer = server.ask(somebody(), &request).await;
                judge(&request, &answer);
            }
        });
    }
    while let Some(done) = clients.join_next().await {
        done.unwrap();
    }
    count
}

fn targets() -> Vec<String> {
    ROUTES.iter().flat_map(|route| spellings(route)).chain(OTHERS.map(str::to_owned)).collect()
}

/// The answer without its date.
fn undated(answer: &str) -> String {
    answer.split("\r\n").filter(|line| !line.starts_with("date: ")).collect::<Vec<_>>().join("\r\n")
}

/// No secret, and the same words to all.
fn turned_away(request: &str, answer: &str) {
    assert!(!answer.contains(SECRET) && !answer.contains("eyelet_"), "{request:?} gave {answer:?}");
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    match status(answer) {
        401 => {
            let words = "authentication required; log in, or add ?token=TOKEN to the address\n";
            let wanted = if request.starts_with("HEAD") { "" } else { words };
            assert_eq!(body, wanted, "{request:?}");
            let head = undated(answer).replace("HTTP/1.0", "HTTP/1.1").replace("connection: close\r\n", "");
            let wanted = format!(
                "HTTP/1.1 401 Unauthorized\r\ncontent-type: text/plain; charset=utf-8\r\ncache-control: no-store\r\n\
                 referrer-policy: no-referrer\r\nwww-authenticate: Basic realm=\"eyelet\", charset=\"UTF-8\"\r\n\
                 www-authenticate: Bearer realm=\"eyelet\"\r\nx-content-type-options: nosniff\r\ncontent-length: {}\r\n\r\n{wanted}",
                words.len()
            );
            assert_eq!(head, wanted, "{request:?}");
        }
        // Not a request at all: the parser's answer has no body.
        400 | 414 | 431 => assert_eq!(body, "", "{request:?}"),
        0 => assert_eq!(answer, "", "{request:?}"),
        code => panic!("{code} for {request:?}: {answer:?}"),
    }
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

#[tokio::test]
async fn request_without_the_right_credentials_is_rejected() {
    let folder = folder();
    let server = Arc::new(serve(Access::only(sources(folder.path())).unwrap()));
    // Somebody was let in before: what is remembered must not let others in.
    for proof in right() {
        let answer = server.ask(somebody(), &request("GET", "/state", "HTTP/1.1", &proof)).await;
        assert_eq!(status(&answer), 200, "{answer}");
    }
    let (targets, wrong) = (targets(), wrong());
    let mut cases = vec![];
    for target in targets.iter().filter(|target| !is_public(target)) {
        for version in VERSIONS {
            // Every method without a proof, every wrong proof with the methods that could show something.
            cases.extend(METHODS.map(|method| request(method, target, version, &wrong[0])));
            cases.extend(wrong[1..].iter().map(|proof| request("GET", target, version, proof)));
            if ROUTES.contains(&target.as_str()) {
                let others = METHODS[1..].iter().flat_map(|method| {
                    wrong[1..].iter().map(move |proof| request(method, target, version, proof))
                });
                cases.extend(others);
            }
        }
    }
    let count = all(cases, &server, turned_away).await;
    println!("{count} requests without the right credentials: {} targets, none let in", targets.len());
}

#[tokio::test]
async fn request_with_the_right_credentials_sees_what_an_open_server_shows() {
    let folder = folder();
    let (open, guarded) =
        (Arc::new(serve(Access::open())), Arc::new(serve(Access::only(sources(folder.path())).unwrap())));
    let mut cases = vec![];
    for target in targets() {
        for version in VERSIONS {
            for proof in right() {
                let methods = if ROUTES.contains(&target.as_str()) { &METHODS[..] } else { &METHODS[..2] };
                cases.extend(methods.iter().map(|method| request(method, &target, version, &proof)));
            }
        }
    }
    let seen = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let statuses = Arc::new(std::sync::Mutex::new(std::collections::HashMap::new()));
    let (write, counter) = (Arc::clone(&statuses), Arc::clone(&seen));
    all(cases.clone(), &open, move |request, answer| {
        write.lock().unwrap().insert(request.to_owned(), (status(answer), answer.contains(SECRET)));
    })
    .await;
    let count = all(cases, &guarded, move |request, answer| {
        let wanted = statuses.lock().unwrap()[request];
        assert_eq!((status(answer), answer.contains(SECRET)), wanted, "{request:?} gave {answer:?}");
        counter.fetch_add(usize::from(wanted.1), std::sync::atomic::Ordering::Relaxed);
    })
    .await;
    let seen = seen.load(std::sync::atomic::Ordering::Relaxed);
    assert!(seen * 20 > count, "only {seen} of {count} saw a secret");
    println!(
        "{count} requests with the right credentials: all as without a guard, {seen} of them saw a secret"
    );
}

#[tokio::test]
async fn healthz_without_credentials_answers() {
    let folder = folder();
    let server = Arc::new(serve(Access::only(sources(folder.path())).unwrap()));
    let mut cases = vec![];
    for target in targets().iter().filter(|target| is_public(target)) {
        for version in VERSIONS {
            for proof in wrong().iter().chain(&right()) {
                cases.extend(["GET", "HEAD"].map(|method| request(method, target, version, proof)));
            }
        }
    }
    assert!(!cases.is_empty());
    let count = all(cases, &server, |request, answer| {
        assert!(matches!(status(answer), 200 | 400), "{request:?} gave {answer:?}");
        assert!(!answer.contains(SECRET));
    })
    .await;
    println!("{count} requests for /healthz: answered with any credentials");
}

#[tokio::test]
async fn each_request_on_a_connection_needs_credentials() {
    let folder = folder();
    let server = Arc::new(serve(Access::only(sources(folder.path())).unwrap()));
    let (plain, close) = ("HTTP/1.1\r\nHost: x\r\n", "Connection: close\r\n\r\n");
    let ann = basic("ann", "open sesame");
    let mut count = 0;
    for route in ROUTES.iter().filter(|route| !is_public(route)) {
        // What is sent in front of the request that must not get in, on the same connection and in one write.
        for before in [
            format!("GET /healthz {plain}\r\n"),
            format!("HEAD /state {plain}{ann}\r\n"),
            format!("POST /healthz {plain}Content-Length: 5\r\n\r\nabcde"),
            format!("POST /state {plain}Content-Length: 4\r\n{ann}\r\nabcd"),
            format!("POST /healthz {plain}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"),
            format!("HEAD /healthz {plain}Upgrade: h2c\r\nConnection: Upgrade\r\n\r\n"),
        ] {
            let answer = server.ask(somebody(), &format!("{before}GET {route} {plain}{close}")).await;
            assert!(!answer.contains(SECRET), "{before:?} and {route}: {answer:?}");
            // A request with a body is answered and closed, and what is behind it is not read.
            let closed = before.starts_with("POST") && answer.contains("connection: close\r\n");
            assert!(answer.contains("HTTP/1.1 401 ") || closed, "{before:?} and {route}: {answer:?}");
            count += 1;
        }
    }
    let preface = server.ask(somebody(), "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
    assert!(!preface.contains(SECRET) && status(&preface) != 200, "{preface:?}");
    println!("{} requests behind others on one connection: none let in", count + 1);
}
