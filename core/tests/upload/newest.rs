use crate::{
    sending::Sending,
    server::{LONG, Server, Then},
};
use bytes::Bytes;
use eyelet_core::{
    Backoff,
    feed::{Feed, Label, Picture, PictureKind, RunId},
    metrics::UploadCounters,
    upload::{Client, Sender, Timeouts},
};
use eyelet_hal::ErrorKind;
use std::{
    net::TcpListener,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

fn picture(sequence: u64) -> Picture {
    let jpeg = Bytes::from(format!("picture {sequence}"));
    let captured_at = Duration::from_secs(1_000 + sequence);
    Picture { jpeg, label: Label { run: RunId::new(0), sequence, captured_at }, kind: PictureKind::Live }
}

fn sender(url: &str, feed: &Feed) -> Sender {
    let mut timeouts = Timeouts::default();
    timeouts.response = LONG;
    let client = Client::with_timeouts(url.parse().unwrap(), timeouts);
    let rng = fastrand::Rng::with_seed(1);
    let backoff = Backoff::with_limits(Duration::from_millis(1), Duration::from_millis(20), rng);
    Sender::newest(client, backoff, UploadCounters::default(), feed.subscribe())
}

#[test]
fn newest_picture_wins_while_one_is_being_sent() {
    let (server, feed) = (Server::start(), Feed::new());
    feed.publish(picture(0));
    let sending = Sending::start(sender(&server.url(), &feed));
    let first = server.next();
    assert_eq!((first.sequence(), &first.body[..]), (0, &b"picture 0"[..]));
    assert_eq!(first.header("x-timestamp"), Some("1000.000000"));
    (1..10).for_each(|sequence| feed.publish(picture(sequence)));
    assert!(!sending.progress.status().connected);
    first.accept();
    let second = server.next();
    assert_eq!((second.sequence(), &second.body[..]), (9, &b"picture 9"[..]));
    assert_eq!(second.connection, 0, "kept alive");
    assert_eq!(sending.counts(), (1, 0, 8));
    second.accept();
    let status = sending.wait_for(|status| status.accepted == 2);
    assert!(status.connected && status.last_error.is_none(), "{status:?}");
}

#[test]
fn every_published_picture_is_accounted_for() {
    let (server, feed) = (Server::start(), Feed::new());
    let sending = Sending::start(sender(&server.url(), &feed));
    const LAST: u64 = 300;
    let publisher = thread::spawn(move || {
        for sequence in (0..=LAST).map(|i| i * 3) {
            feed.publish(picture(sequence)); // gaps in the camera's sequence are not ours
            thread::yield_now();
        }
        feed
    });
    let mut rng = fastrand::Rng::with_seed(7);
    let mut newest: Option<u64> = None;
    let (mut accepted, mut failed, mut again) = (0, 0, 0);
    while newest != Some(LAST * 3) || failed < 3 {
        let request = server.next();
        let sequence = request.sequence();
        assert!(newest <= Some(sequence), "{sequence} after {newest:?}");
        again += u64::from(newest == Some(sequence));
        newest = Some(sequence);
        if failed < 3 && (rng.bool() || sequence == LAST * 3) {
            failed += 1;
            request.answer("500 Oops", "", "");
        } else {
            accepted += 1;
            request.accept();
        }
    }
    let _feed = publisher.join().unwrap();
    // The last one may have failed; then it comes again.
    if sending.wait_for(|status| status.accepted + status.failed == accepted + failed).last_error.is_some() {
        server.next().accept();
        again += 1;
        accepted += 1;
    }
    sending.wait_for(|status| status.accepted == accepted);
    let (_, _, dropped) = sending.counts();
    assert_eq!(sending.counts(), (accepted, failed, dropped));
    assert_eq!(accepted + failed + dropped, LAST + 1 + again, "{again} pictures were sent again");
}

#[test]
fn failure_is_followed_by_the_newest_or_the_same_picture() {
    let (server, feed) = (Server::start(), Feed::new());
    feed.publish(picture(0));
    let sending = Sending::start(sender(&server.url(), &feed));
    let request = server.next();
    (1..=5).for_each(|sequence| feed.publish(picture(sequence)));
    request.answer("500 Oops", "", "<html>\n");
    let request = server.next();
    assert_eq!(request.sequence(), 5);
    assert_eq!(sending.counts(), (0, 1, 4));
    let why = sending.progress.status().last_error.unwrap();
    assert_eq!(why, "the server answered 500 Internal Server Error");
    drop(request);
    let request = server.next();
    assert_eq!(request.sequence(), 5, "nothing newer");
    request.accept();
    sending.wait_for(|status| status.connected);
    assert_eq!(sending.counts(), (1, 2, 4));
}

#[test]
fn every_kind_of_failure_counts_once_and_does_not_stop_it() {
    let (server, feed) = (Server::start(), Feed::new());
    let sending = Sending::start(sender(&server.url(), &feed));
    let answers = [
        ("HTTP/1.1 500 Oops\r\ncontent-length: 0\r\n\r\n", "the server answered 500 Internal Server Error"),
        (
            "HTTP/1.1 301 Moved\r\ncontent-length: 0\r\nlocation: http://x/\r\n\r\n",
            "the server answered 301 Moved Permanently and points to \"http://x/\"; upload to that address",
        ),
        (
            "HTTP/1.1 400 Bad Request\r\ncontent-length: 14\r\n\r\n\r\n\u{1b}[2Jnot a JPEG",
            "the server answered 400 Bad Request: [2Jnot a JP; does it take pictures in this form?",
        ),
        ("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nok", "the server answered 200 OK and broke off"),
        ("HTTP/1.1 2", "the server closed the connection before it had answered"),
        ("garbage\r\n\r\n", "the server does not answer in HTTP/1; should it be https://ADDRESS/upload?"),
    ];
    for (sequence, (answer, why)) in (0..).zip(answers) {
        feed.publish(picture(sequence));
        let request = server.next();
        assert_eq!(request.sequence(), sequence);
        request.raw(answer, Then::Close);
        let status = sending.wait_for(|status| status.failed == 2 * sequence + 1);
        assert!(!status.connected);
        let shown = status.last_error.unwrap();
        let shown = shown.replace(&server.address.to_string(), "ADDRESS");
        assert!(shown.ends_with(why), "{shown}");
        // Nothing newer: the same again, and once more before it is taken.
        server.next().answer("503 Busy", "", "");
        sending.wait_for(|status| status.failed == 2 * sequence + 2);
        server.next().accept();
        sending.wait_for(|status| status.accepted == sequence + 1 && status.connected);
    }
    assert_eq!(sending.counts(), (6, 12, 0));
}

#[test]
fn server_that_comes_back_is_found_again() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let feed = Feed::new();
    feed.publish(picture(0));
    let sending = Sending::start(sender(&format!("http://{address}/upload"), &feed));
    let status = sending.wait_for(|status| status.failed >= 3);
    assert!(status.last_error.unwrap().contains("connection refused"));
    feed.publish(picture(1));
    let server = Server::on(TcpListener::bind(address).unwrap());
    let request = server.next();
    assert_eq!(request.sequence(), 1);
    request.accept();
    sending.wait_for(|status| status.connected && status.last_error.is_none());
}

#[test]
fn retry_after_is_obeyed() {
    let (server, feed) = (Server::start(), Feed::new());
    feed.publish(picture(0));
    let _sending = Sending::start(sender(&server.url(), &feed));
    let refused = Instant::now();
    server.next().answer("503 Busy", "retry-after: 1\r\n", "");
    let again = server.next();
    assert!(refused.elapsed() >= Duration::from_secs(1), "{:?}", refused.elapsed());
    again.accept();
}

#[test]
fn upload_with_a_count_stops_when_enough_were_accepted() {
    let (server, feed) = (Server::start(), Feed::new());
    let mut sending = Sending::start(sender(&server.url(), &feed).limit(2));
    for (sequence, status) in [(0, "200 OK"), (1, "500 Oops"), (2, "204 No Content")] {
        feed.publish(picture(sequence));
        let request = server.next();
        request.answer(status, "", "");
        sending.wait_for(|status| status.accepted + status.failed == sequence + 1);
    }
    sending.end().unwrap();
    assert_eq!(sending.counts().0, 2);
    assert!(!feed.wanted(), "the subscription is gone");
}

/// `upload --count 3` to a path that is not there has no end otherwise.
#[test]
fn upload_with_a_count_ends_at_a_permanent_refusal() {
    for (answer, kind, why) in [
        (
            "404 Not Found",
            ErrorKind::Unsupported,
            "the server answered 404 Not Found: no; are path and method right?",
        ),
        (
            "401 Unauthorized",
            ErrorKind::PermissionDenied,
            "the server answered 401 Unauthorized: no; write USER:PASSWORD@ before the host of the address",
        ),
        (
            "413 Large",
            ErrorKind::Unsupported,
            "the server answered 413 Payload Too Large: no; send smaller pictures",
        ),
    ] {
        let (server, feed) = (Server::start(), Feed::new());
        feed.publish(picture(0));
        let mut sending = Sending::start(sender(&server.url(), &feed).limit(3));
        server.next().answer("429 Too Many", "", "");
        server.next().answer("503 Busy", "", "");
        server.next().answer("408 Timeout", "", "");
        server.next().accept();
        feed.publish(picture(1));
        server.next().answer(answer, "", "no\n");
        let error = sending.end().unwrap_err();
        assert_eq!(error.kind(), kind);
        assert_eq!(error.to_string(), format!("cannot upload to http://{}/upload: {why}", server.address));
        assert_eq!(sending.counts(), (1, 4, 0));
    }
    let (server, feed) = (Server::start(), Feed::new());
    feed.publish(picture(0));
    let mut sending = Sending::start(sender(&server.url(), &feed).limit(3));
    server.next().raw("SSH-2.0-OpenSSH_9.6\r\n\r\n", Then::Close);
    let error = sending.end().unwrap_err().to_string();
    assert!(error.contains("the server does not answer in HTTP/1; should it be https://"), "{error}");
}

/// `upload --count 3` at a camera that delivers nothing has no end otherwise.
#[test]
fn upload_with_a_deadline_ends_without_pictures() {
    let (server, feed) = (Server::start(), Feed::new());
    feed.publish(picture(0));
    let counted = sender(&server.url(), &feed).limit(3).patience(Duration::from_millis(200));
    let mut sending = Sending::start(counted);
    let request = server.next();
    // An upload may take longer than that, and failures are another matter.
    thread::sleep(Duration::from_millis(300));
    request.answer("503 Busy", "", "");
    server.next().accept();
    sending.wait_for(|status| status.accepted == 1);
    feed.publish(Picture { kind: PictureKind::NoSignal, ..picture(1) });
    let error = sending.end().unwrap_err();
    assert_eq!((error.kind(), &*error.to_string()), (ErrorKind::TimedOut, "no picture to upload for 200ms"));
    assert_eq!(sending.counts(), (1, 1, 0));
}

/// When a process goes on that was stopped, as by Ctrl-Z, its timers are over before its camera has delivered.
#[tokio::test]
async fn stop_of_the_whole_process_is_no_silence_of_the_camera() {
    let (server, feed) = (Server::start(), Feed::new());
    let patience = Duration::from_millis(400);
    let counted = sender(&server.url(), &feed).limit(1).patience(patience);
    let accepts = thread::spawn(move || server.next().accept());
    // On this thread, beside the upload.
    let goes_on = tokio::spawn(async move {
        thread::sleep(patience * 3 / 2);
        // Lets the timers go off.
        tokio::task::yield_now().await;
        feed.publish(picture(0));
    });
    counted.run().await.unwrap();
    goes_on.await.unwrap();
    accepts.join().unwrap();
}

/// A camera would be encoding at its full rate all night for a server that is down.
#[test]
fn long_wait_needs_no_pictures_and_then_a_new_one() {
    let (server, feed) = (Server::start(), Feed::new());
    feed.publish(picture(0));
    let sending = Sending::start(sender(&server.url(), &feed));
    server.next().answer("503 Busy", "retry-after: 1\r\n", "");
    let begun = Instant::now();
    let becomes = |wanted| {
        while feed.wanted() != wanted {
            assert!(begun.elapsed() < LONG, "wanted is not {wanted}");
            thread::sleep(Duration::from_millis(1));
        }
    };
    becomes(false);
    assert_eq!(sending.counts(), (0, 1, 0));
    becomes(true);
    assert!(begun.elapsed() >= Duration::from_millis(900), "{:?}", begun.elapsed());
    feed.publish(picture(1));
    let request = server.next();
    assert_eq!(request.sequence(), 1);
    request.accept();
    sending.wait_for(|status| status.accepted == 1);
}

/// Small receivers write their headers by hand.
#[test]
fn answer_with_careless_headers_counts() {
    let (server, feed) = (Server::start(), Feed::new());
    let sending = Sending::start(sender(&server.url(), &feed));
    let careless =
        ["Server : small\r\n", "X-Note: one\r\n and more\r\n", "just words\r\n", "X-\u{e4}: 1\r\n"];
    for (sequence, header) in (0..).zip(careless) {
        feed.publish(picture(sequence));
        server.next().answer("200 OK", header, "");
        sending.wait_for(|status| status.accepted + status.failed == sequence + 1);
        assert_eq!(sending.progress.status().last_error, None, "{header:?}");
    }
}

#[test]
fn html_page_is_not_quoted_as_a_message() {
    let (server, feed) = (Server::start(), Feed::new());
    feed.publish(picture(0));
    let sending = Sending::start(sender(&server.url(), &feed));
    server.next().answer(
        "502 Bad",
        "content-type: Text/HTML; charset=x\r\n",
        "Sorry! <p><script>alert(1)</script>",
    );
    let status = sending.wait_for(|status| status.failed == 1);
    assert_eq!(status.last_error.as_deref(), Some("the server answered 502 Bad Gateway"));
}

#[test]
fn no_signal_picture_is_not_uploaded() {
    let (server, feed) = (Server::start(), Feed::new());
    let no_signal = |sequence| Picture { kind: PictureKind::NoSignal, ..picture(sequence) };
    feed.publish(no_signal(0));
    let sending = Sending::start(sender(&server.url(), &feed));
    feed.publish(no_signal(1));
    feed.publish(picture(2));
    let request = server.next();
    assert_eq!(request.sequence(), 2);
    // Nor after a failure, and the failed one is not repeated when the camera is gone.
    feed.publish(no_signal(3));
    request.answer("500 Oops", "", "");
    sending.wait_for(|status| status.failed == 1);
    server.assert_quiet();
    feed.publish(picture(4));
    let request = server.next();
    assert_eq!(request.sequence(), 4);
    request.accept();
    sending.wait_for(|status| status.accepted == 1);
    assert_eq!(sending.counts(), (1, 1, 0));
}

#[test]
fn dropped_upload_closes_the_connection() {
    let (server, feed) = (Server::start(), Feed::new());
    feed.publish(picture(0));
    let sending = Sending::start(sender(&server.url(), &feed));
    let progress = Arc::clone(&sending.progress);
    let request = server.next(); // under way
    drop(sending);
    assert!(!feed.wanted());
    let status = progress.status();
    assert_eq!((status.accepted, status.failed, status.dropped), (0, 0, 0));
    drop(request);
}
