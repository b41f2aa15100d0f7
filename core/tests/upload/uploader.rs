use crate::server::{Server, Then};
use eyelet_core::upload::{PostMeta, Response, Timeouts, Uploader};
use eyelet_hal::{ErrorKind, Result};
use std::{
    io::{Read as _, Write as _},
    net::TcpListener,
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

/// Posts in the background, so that the test can be the server.
fn post(mut uploader: Uploader, body: &[u8]) -> JoinHandle<(Uploader, Result<Response>)> {
    let body = body.to_vec();
    thread::spawn(move || {
        let result = uploader.post(body);
        (uploader, result)
    })
}

fn impatient(url: &str) -> Uploader {
    let mut timeouts = Timeouts::default();
    timeouts.response = Duration::from_millis(300);
    Uploader::with_timeouts(url, timeouts).unwrap()
}

#[test]
fn picture_arrives_byte_for_byte() {
    let server = Server::start();
    let picture: Vec<u8> = (0..1_000_000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let posting = post(Uploader::new(&server.url()).unwrap(), &picture);
    let request = server.next();
    assert!(request.head.starts_with("POST /upload?key=secret HTTP/1.1\r\n"), "{}", request.head);
    assert_eq!(request.header("host"), Some(server.address.to_string().as_str()));
    assert_eq!(request.header("user-agent"), Some(concat!("eyelet/", env!("CARGO_PKG_VERSION"))));
    assert_eq!(request.header("x-timestamp"), None);
    assert_eq!(request.header("x-sequence"), None);
    assert!(request.body == picture);
    request.answer("201 Created", "", "stored\n");
    let response = posting.join().unwrap().1.unwrap();
    assert_eq!((response.status(), response.text()), (201, "stored\n"));
    assert!(response.is_accepted());
}

#[test]
fn content_type_follows_from_the_first_bytes() {
    let server = Server::start();
    let mut uploader = Uploader::new(&server.url()).unwrap();
    for (body, want) in [
        (&b"\xff\xd8\xff\xe0"[..], "image/jpeg"),
        (b"\x89PNG\r\n\x1a\n....", "image/png"),
        (b"hello", "application/octet-stream"),
        (b"", "application/octet-stream"),
    ] {
        let posting = post(uploader, body);
        let request = server.next();
        assert_eq!(request.header("content-type"), Some(want));
        assert_eq!(request.header("content-length"), Some(body.len().to_string().as_str()));
        request.accept();
        uploader = posting.join().unwrap().0;
    }
}

#[test]
fn picture_metadata_is_sent_in_headers() {
    let server = Server::start();
    let mut uploader = Uploader::new(&server.url()).unwrap();
    let meta = PostMeta {
        captured_at: Some(Duration::new(1_795_000_000, 5_042)),
        sequence: Some(7),
        ..PostMeta::default()
    };
    let posting = thread::spawn(move || uploader.post_with(&b"x"[..], &meta));
    let request = server.next();
    assert_eq!(request.header("x-timestamp"), Some("1795000000.000005"));
    assert_eq!(request.header("x-sequence"), Some("7"));
    request.accept();
    posting.join().unwrap().unwrap();
}

#[test]
fn one_connection_serves_many_pictures() {
    let server = Server::start();
    let mut uploader = Uploader::new(&server.url()).unwrap();
    for _ in 0..5 {
        let posting = post(uploader, b"x");
        let request = server.next();
        assert_eq!(request.connection, 0, "kept alive");
        request.accept();
        uploader = posting.join().unwrap().0;
    }
}

#[test]
fn connection_closed_by_the_server_is_replaced() {
    let server = Server::start();
    let mut uploader = Uploader::new(&server.url()).unwrap();
    for (connection, answer) in [
        // The close is announced, or it is not: then the next picture meets a dead connection.
        "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.0 200 OK\r\n\r\nuntil the end",
        "HTTP/1.1 204 No Content\r\n\r\n",
    ]
    .into_iter()
    .enumerate()
    {
        let posting = post(uploader, b"x");
        let request = server.next();
        assert_eq!(request.connection, connection);
        request.raw(answer, Then::Close);
        let (again, result) = posting.join().unwrap();
        assert!(result.unwrap().is_accepted());
        uploader = again;
    }
}

#[test]
fn kept_connection_that_dies_without_an_answer_is_retried_once() {
    let server = Server::start();
    let posting = post(Uploader::new(&server.url()).unwrap(), b"first");
    server.next().accept();
    let uploader = posting.join().unwrap().0;

    let posting = post(uploader, b"second");
    let request = server.next();
    assert_eq!((request.connection, &request.body[..]), (0, &b"second"[..]));
    drop(request); // closed without an answer
    let request = server.next();
    assert_eq!((request.connection, &request.body[..]), (1, &b"second"[..]), "again, on a new connection");
    drop(request);
    let error = posting.join().unwrap().1.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Disconnected, "once only: {error}");
    let want = format!(
        "cannot upload to http://{}/upload: the server closed the connection before it had answered",
        server.address
    );
    assert_eq!(error.to_string(), want);
}

#[test]
fn connection_that_dies_in_its_answer_is_not_retried() {
    let server = Server::start();
    let posting = post(Uploader::new(&server.url()).unwrap(), b"first");
    server.next().accept();
    let uploader = posting.join().unwrap().0;

    let posting = post(uploader, b"second");
    server.next().raw("HTTP/1.1 20", Then::Close);
    let (uploader, result) = posting.join().unwrap();
    assert_eq!(result.unwrap_err().kind(), ErrorKind::Disconnected);

    let posting = post(uploader, b"third");
    let request = server.next();
    assert_eq!(request.body, b"third", "the second one was not sent twice");
    request.raw("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nok", Then::Close);
    let error = posting.join().unwrap().1.unwrap_err();
    assert!(error.to_string().ends_with("the server answered 200 OK and broke off"), "{error}");
}

#[test]
fn server_without_http_is_reported_as_such() {
    let server = Server::start();
    let posting = post(Uploader::new(&server.url()).unwrap(), b"x");
    server.next().raw("SSH-2.0-OpenSSH_9.6\r\n\r\n", Then::Close);
    let error = posting.join().unwrap().1.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Other);
    assert!(
        error.to_string().contains("the server does not answer in HTTP/1; should it be https://"),
        "{error}"
    );
}

#[test]
fn silent_server_is_given_up_after_the_timeout() {
    let server = Server::start();
    let posting = post(impatient(&server.url()), b"x");
    let held = server.next();
    let error = posting.join().unwrap().1.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    assert!(error.to_string().contains("no answer within 300ms"), "{error}");
    drop(held);

    // Also in the middle of the answer.
    let posting = post(impatient(&server.url()), b"x");
    server.next().raw("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nok", Then::Keep);
    assert_eq!(posting.join().unwrap().1.unwrap_err().kind(), ErrorKind::TimedOut);
}

/// A link that needs longer for a picture than all timeouts together: 1 MB in steps of 4 kB.
#[test]
fn slow_link_is_not_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    socket2::SockRef::from(&listener).set_recv_buffer_size(4096).unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let mut timeouts = Timeouts::default();
    timeouts.progress = Duration::from_secs(4);
    timeouts.response = Duration::from_secs(4);
    let posting = post(Uploader::with_timeouts(&url, timeouts).unwrap(), &[7; 1_000_000]);
    let (mut stream, _) = listener.accept().unwrap();
    let begun = Instant::now();
    let (mut got, mut some) = (Vec::new(), [0; 4096]);
    let whole = |got: &[u8]| {
        let head = got.windows(4).position(|four| four == b"\r\n\r\n");
        head.is_some_and(|head| got.len() == head + 4 + 1_000_000)
    };
    while !whole(&got) {
        let len = stream.read(&mut some).unwrap();
        assert!(len > 0, "the client gave up after {} bytes", got.len());
        got.extend_from_slice(&some[..len]);
        // This is the link.
        let due = Duration::from_secs(9).mul_f64(got.len() as f64 / 1e6);
        thread::sleep(due.saturating_sub(begun.elapsed()));
    }
    assert!(begun.elapsed() >= Duration::from_secs(9));
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").unwrap();
    posting.join().unwrap().1.unwrap();
}

#[test]
fn server_that_reads_nothing_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let mut timeouts = Timeouts::default();
    timeouts.progress = Duration::from_millis(300);
    let (_, result) =
        post(Uploader::with_timeouts(&url, timeouts).unwrap(), &vec![7; 20_000_000]).join().unwrap();
    let error = result.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    assert!(error.to_string().ends_with("no byte was taken for 300ms; is the server stuck?"), "{error}");
}

#[test]
fn header_names_are_in_title_case() {
    let server = Server::start();
    let posting = post(Uploader::new(&server.url()).unwrap(), b"x");
    let request = server.next();
    for line in request.head.lines().skip(1).filter(|line| !line.is_empty()) {
        let name = line.split(':').next().unwrap();
        assert!(name.split('-').all(|word| word.starts_with(|c: char| c.is_ascii_uppercase())), "{line}");
    }
    request.accept();
    posting.join().unwrap().1.unwrap();
}

/// Whether it comes with the first answer, right behind it, or while the next picture is on its way.
#[test]
fn unsolicited_answer_is_not_the_next_pictures() {
    const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
    for round in 0..20 {
        let server = Server::start();
        let posting = post(Uploader::new(&server.url()).unwrap(), b"first");
        let first = server.next();
        if round % 2 == 0 {
            first.raw(&format!("{OK}{OK}"), Then::Keep);
        } else {
            first.raw_pieces(&[OK, OK]);
        }
        let (uploader, result) = posting.join().unwrap();
        assert!(result.unwrap().is_accepted());
        if round % 2 == 1 {
            server.wait_until_written();
        }
        let posting = post(uploader, b"second");
        let second = server.next();
        assert_eq!(second.connection, 1, "on another connection, round {round}");
        second.answer("500 Oops", "", "");
        assert_eq!(posting.join().unwrap().1.unwrap().status(), 500);
    }
}

#[test]
fn answer_before_the_whole_picture_was_sent_does_not_count() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let posting = post(Uploader::new(&url).unwrap(), &vec![7; 20_000_000]);
    let (mut stream, _) = listener.accept().unwrap();
    stream.read_exact(&mut [0; 1000]).unwrap();
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").unwrap();
    let error = posting.join().unwrap().1.unwrap_err();
    assert!(error.to_string().ends_with("the server answered before it had the whole picture"), "{error}");
}

#[test]
fn refusal_is_an_answer_and_redirects_are_not_followed() {
    let server = Server::start();
    let mut uploader = Uploader::new(&server.url()).unwrap();
    for (status, headers) in
        [("500 Oops", ""), ("404 Not Found", ""), ("302 Found", "location: http://127.0.0.1:1/\r\n")]
    {
        let posting = post(uploader, b"x");
        server.next().answer(status, headers, "no");
        let (again, result) = posting.join().unwrap();
        let response = result.unwrap();
        assert_eq!(response.status().to_string(), status[..3]);
        assert_eq!(response.text(), "no");
        assert!(!response.is_accepted());
        uploader = again;
    }
}

#[test]
fn endless_answer_is_cut_off() {
    let server = Server::start();
    let posting = post(Uploader::new(&server.url()).unwrap(), b"x");
    let body = "é".repeat(500_000);
    server.next().answer("200 OK", "", &body);
    let (uploader, result) = posting.join().unwrap();
    assert_eq!(result.unwrap().text(), &body[..64 * 1024]);

    let posting = post(uploader, b"y");
    let request = server.next();
    assert_eq!(request.connection, 1, "the rest is not waited for");
    request.accept();
    posting.join().unwrap().1.unwrap();
}

#[test]
fn unreachable_server_is_reported() {
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error = Uploader::new(&format!("http://{gone}/upload")).unwrap().post(&b"x"[..]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Disconnected);
    let want = format!("cannot upload to http://{gone}/upload: connection refused; is the server running?");
    assert_eq!(error.to_string(), want);

    let error = Uploader::new("http://no-such-host.invalid/upload").unwrap().post(&b"x"[..]).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::NotFound | ErrorKind::TimedOut), "{error}");
    assert!(error.to_string().contains("no-such-host.invalid"), "{error}");

    assert_eq!(Uploader::new("http:///x").unwrap_err().kind(), ErrorKind::InvalidInput);
}

#[test]
fn blocking_call_in_async_code_is_refused() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let mut uploader = Uploader::new("http://127.0.0.1:1/").unwrap();
        assert_eq!(uploader.post(&b"x"[..]).unwrap_err().kind(), ErrorKind::Unsupported);
    });
}
