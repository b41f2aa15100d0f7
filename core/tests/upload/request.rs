//! How requests look on the wire.

use crate::server::{Request, Server};
use bytes::Bytes;
use eyelet_core::{
    RunId,
    multipart::Reader,
    upload::{Client, PostMeta, RequestStyle, UploadMethod},
};
use std::{thread, time::Duration};

const JPEG: &[u8] = b"\xff\xd8\xff\xe0 a picture\r\n \xff\xd9";

const META: PostMeta =
    PostMeta { captured_at: Some(Duration::new(1_795_000_000, 5_042)), sequence: Some(7), run: None };

/// The request that a client with this style and address makes.
fn request(target: &str, style: RequestStyle) -> Request {
    let server = Server::start();
    let url = format!("http://{}{target}", server.address).parse().unwrap();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let meta = PostMeta { run: Some(RunId::new(0xe1e)), ..META };
        let _ = runtime.block_on(Client::new(url).style(style).post(Bytes::from_static(JPEG), &meta));
    });
    server.next()
}

#[test]
fn put_to_a_signed_address_keeps_its_query() {
    let query = "X-Amz-Credential=a%2Fb&X-Amz-Signature=0f%2F+=&x=/?:@";
    let style = RequestStyle::new(UploadMethod::Put).header("x-ms-blob-type: BlockBlob").unwrap();
    let request = request(&format!("/bucket/{{run}}/{{sequence}}-{{timestamp}}.jpg?{query}"), style);
    let want = format!("PUT /bucket/0000000000000e1e/7-1795000000.000005.jpg?{query} HTTP/1.1\r\n");
    assert!(request.head.starts_with(&want), "{}", request.head);
    assert_eq!(request.body, JPEG);
    assert_eq!(request.header("content-type"), Some("image/jpeg"));
    assert_eq!(request.header("x-ms-blob-type"), Some("BlockBlob"));
    assert_eq!(request.header("x-run"), Some("0000000000000e1e"));
}

#[test]
fn form_has_one_field_with_the_picture() {
    let style = RequestStyle::new(UploadMethod::Form).field("photo").unwrap();
    let request = request("/upload", style);
    assert!(request.head.starts_with("POST /upload HTTP/1.1\r\n"), "{}", request.head);
    let content_type = request.header("content-type").unwrap();
    assert!(content_type.starts_with("multipart/form-data; boundary="), "{content_type}");
    let text = String::from_utf8_lossy(&request.body).into_owned();
    assert!(
        text.contains("\r\nContent-Disposition: form-data; name=\"photo\"; filename=\"7.jpg\"\r\n"),
        "{text}"
    );
    let mut reader = Reader::new(content_type).unwrap();
    reader.push(&request.body);
    let part = reader.next_part().unwrap().unwrap();
    assert_eq!((&part.body[..], part.content_type.as_deref()), (JPEG, Some("image/jpeg")));
    assert!(reader.next_part().unwrap().is_none() && reader.is_finished());
}

#[test]
fn custom_headers_replace_and_repeat() {
    let mut style = RequestStyle::default();
    for line in ["User-Agent: roof", "Content-Type: image/x-mine", "X-Tag:a", "X-Tag: b"] {
        style = style.header(line).unwrap();
    }
    let request = request("/upload", style);
    assert_eq!(request.header("user-agent"), Some("roof"));
    assert_eq!(request.header("content-type"), Some("image/x-mine"));
    let lines =
        |name: &str| request.head.lines().filter(|line| line.to_ascii_lowercase().starts_with(name)).count();
    assert_eq!(
        (lines("user-agent:"), lines("content-type:"), lines("x-tag:")),
        (1, 1, 2),
        "{}",
        request.head
    );
}
