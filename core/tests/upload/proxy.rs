//! An HTTP proxy on the way.

use crate::server::Server;
use eyelet_core::upload::{Proxy, UploadUrl, Uploader};
use std::thread;

#[test]
fn upload_through_a_proxy_requests_the_whole_address() {
    let server = Server::start();
    let proxy: Proxy = format!("http://me:secret@{}", server.address).parse().unwrap();
    let url: UploadUrl = "http://store.invalid:8080/upload?camera=1".parse().unwrap();
    assert!(!format!("{proxy} {proxy:?}").contains("secret"));
    let mut uploader = Uploader::to(url.through(proxy)).unwrap();
    let posting = thread::spawn(move || uploader.post(&b"x"[..]));
    let request = server.next();
    assert!(
        request.head.starts_with("POST http://store.invalid:8080/upload?camera=1 HTTP/1.1\r\n"),
        "{}",
        request.head
    );
    assert_eq!(request.header("host"), Some("store.invalid:8080"));
    assert_eq!(request.header("proxy-authorization"), Some("Basic bWU6c2VjcmV0"));
    assert_eq!(request.header("authorization"), None);
    request.accept();
    posting.join().unwrap().unwrap();
}

#[test]
fn unreachable_proxy_is_named() {
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let proxy: Proxy = format!("me:secret@{gone}").parse().unwrap();
    let url: UploadUrl = "http://store.invalid/".parse().unwrap();
    let error = Uploader::to(url.through(proxy)).unwrap().post(&b"x"[..]).unwrap_err();
    let want = format!(
        "cannot connect through the proxy http://{gone}/: connection refused; is the server running?"
    );
    assert_eq!(error.to_string(), want);
}
