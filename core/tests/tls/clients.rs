//! Uploads and `watch` over TLS: whom they trust.

use crate::support::{Authority, aside, open, serve, signed_by_itself};
use eyelet_core::{
    upload::{Client, PostMeta, UploadUrl},
    watch::{self, Options, StreamUrl},
};
use eyelet_hal::{ErrorKind, Result, clock::SystemClock};
use std::{net::SocketAddr, path::Path, time::Duration};

async fn post(address: &str, roots: &Path) -> Result<u16> {
    let url: UploadUrl = format!("https://me:hunter2@{address}/upload").parse().unwrap();
    let mut client = Client::new(url.with_roots(roots.to_owned()));
    client.post("picture".into(), &PostMeta::default()).await.map(|response| response.status())
}

async fn refused(address: &str, roots: &Path) -> (ErrorKind, String) {
    let error = post(address, roots).await.unwrap_err();
    let text = error.to_string();
    assert!(text.starts_with(&format!("cannot upload to https://{address}/upload: ")), "{text}");
    assert!(!text.contains('\n') && !text.contains("hunter2"), "{text}");
    (error.kind(), text)
}

#[tokio::test]
async fn certificate_of_a_known_authority_is_trusted_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let (authority, stranger) = (Authority::new(), Authority::new());
    let roots = authority.write(&folder.path().join("roots"));
    let others = stranger.write(&folder.path().join("others"));
    let by_address = serve(open(&authority.issue(folder.path(), "127.0.0.1", |_| ())).unwrap());
    let by_name = serve(open(&authority.issue(folder.path(), "localhost", |_| ())).unwrap());
    let expired = serve(
        open(&authority.issue(folder.path(), "::1", |params| {
            params.subject_alt_names = vec![rcgen::SanType::IpAddress("127.0.0.1".parse().unwrap())];
            params.not_after = (std::time::SystemTime::now() - Duration::from_secs(86_400)).into();
        }))
        .unwrap(),
    );
    let at = |address: SocketAddr| address.to_string();

    // eyelet takes no pictures: its refusal came over TLS.
    assert_eq!(post(&at(by_address.address), &roots).await.unwrap(), 404);
    assert_eq!(post(&format!("localhost:{}", by_name.address.port()), &roots).await.unwrap(), 404);
    for (address, roots, end) in [
        (
            by_address.address,
            &others,
            "is signed by an unknown authority; trust that authority, or the certificate itself",
        ),
        (by_name.address, &roots, "its certificate is for another name; use that name in the address"),
        (expired.address, &roots, "its certificate has expired; renew it, or set this clock"),
    ] {
        let (kind, text) = refused(&at(address), roots).await;
        assert!(kind == ErrorKind::PermissionDenied && text.ends_with(end), "{text}");
    }
    let empty = folder.path().join("empty");
    std::fs::write(&empty, "").unwrap();
    let (kind, text) = refused(&at(by_address.address), &empty).await;
    assert!(kind == ErrorKind::InvalidInput && text.ends_with("; name a PEM file"), "{text}");
    let (_, text) = refused(&at(by_address.address), &folder.path().join("missing")).await;
    assert!(text.ends_with("; name a readable file"), "{text}");
}

#[tokio::test]
async fn server_without_tls_is_reported() {
    let folder = tempfile::tempdir().unwrap();
    let roots = Authority::new().write(&folder.path().join("roots"));
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = aside(move || {
        std::thread::spawn(move || {
            let (mut socket, _) = listener.accept().unwrap();
            std::io::Write::write_all(&mut socket, b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
            // Until the client has gone: no reset may overtake the answer.
            let _ = std::io::copy(&mut socket, &mut std::io::sink());
        })
    })
    .await;
    let (_, text) = refused(&address.to_string(), &roots).await;
    assert!(text.ends_with("it does not speak TLS; write http:// if it is meant to be open"), "{text}");
    aside(move || server.join().unwrap()).await;
}

#[tokio::test]
async fn stream_is_watched_over_tls() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    let roots = authority.write(&folder.path().join("roots"));
    let server = serve(open(&authority.issue(folder.path(), "127.0.0.1", |_| ())).unwrap());
    server.publish(1, 100_000);
    let url: StreamUrl = format!("https://{}/stream", server.address).parse().unwrap();
    let mut options = Options::default();
    options.frames = Some(2);
    let report = watch::watch(&url.with_roots(roots), &options, &SystemClock, |_| ()).await.unwrap();
    assert_eq!(report.frames, 2);
}

#[tokio::test]
async fn self_signed_certificate_is_trusted_where_it_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let (own, other) =
        (signed_by_itself(folder.path(), "127.0.0.1"), signed_by_itself(folder.path(), "localhost"));
    let (server, elsewhere) = (serve(open(&own).unwrap()), serve(open(&other).unwrap()));
    let address = server.address.to_string();
    assert_eq!(post(&address, &own[0]).await.unwrap(), 404);
    let (kind, text) = refused(&address, &other[0]).await;
    assert!(
        kind == ErrorKind::PermissionDenied && text.contains("signed by an unknown authority; "),
        "{text}"
    );
    // Named, but for another host.
    let (_, text) = refused(&elsewhere.address.to_string(), &other[0]).await;
    assert!(text.ends_with("its certificate is for another name; use that name in the address"), "{text}");
}

/// A proxy's request and answer, and then a tunnel through it.
fn proxy(
    answer: &'static str,
    server: std::net::SocketAddr,
) -> (std::net::SocketAddr, std::sync::mpsc::Receiver<String>) {
    use std::io::{Read as _, Write as _};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (sender, heads) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let (mut client, _) = listener.accept().unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            client.read_exact(&mut byte).unwrap();
            head.extend(byte);
        }
        sender.send(String::from_utf8(head).unwrap()).unwrap();
        client.write_all(answer.as_bytes()).unwrap();
        let mut upstream = std::net::TcpStream::connect(server).unwrap();
        let (mut from, mut to) = (client.try_clone().unwrap(), upstream.try_clone().unwrap());
        std::thread::spawn(move || std::io::copy(&mut from, &mut to));
        let _ = std::io::copy(&mut upstream, &mut client);
    });
    (address, heads)
}

#[tokio::test]
async fn proxy_sees_no_more_than_the_name() {
    let (dir, authority) = (tempfile::tempdir().unwrap(), Authority::new());
    let roots = authority.write(&dir.path().join("roots.pem"));
    let server = serve(open(&authority.issue(dir.path(), "localhost", |_| ())).unwrap());
    let post = async |answer: &'static str| {
        let (address, heads) = proxy(answer, server.address);
        let url: UploadUrl = format!("https://localhost:{}/healthz", server.address.port()).parse().unwrap();
        let through = format!("http://me:secret@{address}").parse().unwrap();
        let mut client = Client::new(url.with_roots(roots.clone()).through(through));
        let answer = client.post(b"x".as_slice().into(), &PostMeta::default()).await;
        (answer.map(|response| response.status()), heads.recv().unwrap())
    };
    let (answer, head) = post("HTTP/1.1 200 Connection established\r\nX-Y: z\r\n\r\n").await;
    assert_eq!(answer.unwrap(), 405);
    let port = server.address.port();
    assert!(
        head.starts_with(&format!("CONNECT localhost:{port} HTTP/1.1\r\nHost: localhost:{port}\r\n")),
        "{head}"
    );
    assert!(head.contains("\r\nProxy-Authorization: Basic bWU6c2VjcmV0\r\n"), "{head}");
    let (answer, _) = post("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n").await;
    let error = answer.unwrap_err().to_string();
    assert!(
        error.ends_with(
            "it answered HTTP/1.1 407 Proxy Authentication Required; write USER:PASSWORD@ before its host"
        ),
        "{error}"
    );
    assert!(!error.contains("secret"), "{error}");
}
