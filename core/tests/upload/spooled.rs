//! A spool's pictures against servers of every mood.

use crate::{
    sending::Sending,
    server::{LONG, Request, Server, Then},
};
use bytes::Bytes;
use eyelet_core::{
    Backoff, RunId,
    feed::{Feed, Label, Picture, PictureKind, UploadStatus},
    metrics::Metrics,
    spool::{Folder, Keeper, Options, Spool},
    upload::{Client, Sender, Timeouts},
};
use std::{
    net::TcpListener,
    path::Path,
    time::{Duration, Instant},
};
use tempfile::TempDir;

const RUN: RunId = RunId::new(0xe1e);

struct Camera {
    run: RunId,
    feed: Feed,
    metrics: Metrics,
    sending: Sending,
}

impl Camera {
    fn start(url: &str, dir: &Path, run: RunId, response: Duration) -> Self {
        let (feed, metrics) = (Feed::new(), Metrics::new());
        let spool =
            Spool::open(Folder::open(dir).unwrap(), Options::default(), metrics.spool.clone()).unwrap();
        let keeper = Keeper::start(spool, feed.queue(1000)).unwrap();
        let mut timeouts = Timeouts::default();
        timeouts.response = response;
        let client = Client::with_timeouts(url.parse().unwrap(), timeouts);
        let rng = fastrand::Rng::with_seed(1);
        let backoff = Backoff::with_limits(Duration::from_micros(100), Duration::from_millis(1), rng);
        let sender = Sender::spooled(client, backoff, metrics.upload.clone(), keeper);
        Self { run, feed, metrics, sending: Sending::start(sender) }
    }

    fn take(&self, sequences: impl Iterator<Item = u64>) {
        for sequence in sequences {
            let jpeg = Bytes::from(format!("picture {sequence}"));
            let captured_at = Duration::from_secs(1_000 + sequence);
            self.feed.publish(Picture {
                jpeg,
                label: Label { run: self.run, sequence, captured_at },
                kind: PictureKind::Live,
            });
        }
    }
}

fn start(server: &Server) -> (TempDir, Camera) {
    let dir = tempfile::tempdir().unwrap();
    let camera = Camera::start(&server.url(), dir.path(), RUN, LONG);
    (dir, camera)
}

fn check(request: &Request, sequence: u64) {
    assert_eq!(request.sequence(), sequence);
    assert_eq!(request.body, format!("picture {sequence}").as_bytes());
    assert_eq!(request.header("x-timestamp").unwrap(), format!("{}.000000", 1_000 + sequence));
}

/// The file of a picture goes a moment after its answer has come.
fn is_empty(status: &UploadStatus) -> bool {
    status.spool.as_ref().unwrap().pictures == 0
}

#[test]
fn pictures_reach_a_misbehaving_server_in_order() {
    const LAST: u64 = 300;
    let server = Server::start();
    let dir = tempfile::tempdir().unwrap();
    let camera = Camera::start(&server.url(), dir.path(), RUN, Duration::from_millis(50));
    camera.take(0..=LAST);
    let mut rng = fastrand::Rng::with_seed(7);
    let (mut wanted, mut repeats, mut held) = (0, 0, Vec::new());
    while wanted <= LAST {
        let request = server.next();
        if request.sequence() < wanted {
            repeats += 1; // the server had it, but its answer did not come through, or it gave up an attempt
        } else {
            check(&request, wanted);
        }
        assert_eq!(request.header("x-run").unwrap(), RUN.to_string());
        let got = |wanted: &mut u64| *wanted = (request.sequence() + 1).max(*wanted);
        match rng.u8(0..16) {
            0 => request.answer("500 Oops", "", ""),
            1 => request.answer("429 Too Many", "retry-after: 0\r\n", ""),
            2 => request.answer("503 Busy", "retry-after: Sun, 22 Nov 2026 10:00:00 GMT\r\n", "<html>"),
            3 => request.answer("302 Found", "location: http://127.0.0.1:1/\r\n", ""),
            4 => request.answer("401 Unauthorized", "", ""),
            5 => drop(request), // closed without an answer
            6 => {
                got(&mut wanted);
                request.raw("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nok", Then::Close);
            }
            7 => {
                got(&mut wanted);
                drop(request);
            }
            8 if held.len() < 5 => held.push(request), // no answer at all, until the client has had enough
            9 => request.raw("garbage\r\n\r\n", Then::Close),
            _ => {
                got(&mut wanted);
                request.accept();
            }
        }
    }
    // The last answer may have been cut off; then that one comes once more.
    let status = camera.sending.wait_for(|status| {
        if let Some(request) = server.try_next() {
            request.accept();
        }
        status.accepted == LAST + 1
    });
    assert!(status.connected && repeats > 0, "{repeats} repeats, {status:?}");
    drop(camera);
    let left: Vec<_> = std::fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left, ["lock"]);
}

#[test]
fn day_without_a_server_is_waited_out() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let dir = tempfile::tempdir().unwrap();
    let camera = Camera::start(&format!("http://{address}/upload"), dir.path(), RUN, LONG);
    camera.take(0..20);
    // As many attempts as a day has at 30 s each; waited for in parts, for slow machines.
    for hour in 1..=24 {
        camera.sending.wait_for(|status| status.failed >= hour * 120);
    }
    let status = camera.sending.progress.status();
    assert!(status.last_error.unwrap().contains("connection refused"));
    let spool = status.spool.unwrap();
    assert_eq!((spool.pictures, spool.taken, spool.oldest), (20, 20, Some(1_000.0)));
    let server = Server::on(TcpListener::bind(address).unwrap());
    for sequence in 0..20 {
        let request = server.next();
        check(&request, sequence);
        request.accept();
    }
    let status = camera.sending.wait_for(|status| status.accepted == 20 && is_empty(status));
    let spool = status.spool.unwrap();
    assert_eq!((spool.pictures, spool.bytes, spool.oldest, status.dropped), (0, 0, None, 0));
}

#[test]
fn unknown_host_is_looked_up_again() {
    let dir = tempfile::tempdir().unwrap();
    let camera = Camera::start("http://no-such-host.invalid/upload", dir.path(), RUN, LONG);
    camera.take(0..3);
    let all = |status: &UploadStatus| status.spool.as_ref().unwrap().pictures == 3;
    let status = camera.sending.wait_for(|status| status.failed >= 2 && all(status));
    assert_eq!(status.accepted, 0);
}

#[test]
fn pictures_of_an_earlier_run_go_first_under_its_name() {
    let server = Server::start();
    let (dir, camera) = start(&server);
    camera.take(0..3);
    let request = server.next();
    check(&request, 0);
    camera.sending.wait_for(|status| status.spool.as_ref().unwrap().taken == 3);
    drop(camera); // while the first one is under way
    drop(request);

    let camera = Camera::start(&server.url(), dir.path(), RunId::new(2), LONG);
    camera.take(0..2);
    for (sequence, run) in [(0, RUN), (1, RUN), (2, RUN), (0, RunId::new(2)), (1, RunId::new(2))] {
        let request = server.next();
        check(&request, sequence);
        assert_eq!(request.header("x-run").unwrap(), run.to_string());
        request.accept();
    }
}

#[test]
fn picture_that_is_always_refused_stops_only_itself() {
    let server = Server::start();
    let (dir, camera) = start(&server);
    camera.take(0..3);
    for (sequence, status) in
        [(0, "413 Large"), (0, "500 Oops"), (0, "413 Large"), (0, "400 Bad"), (1, "200 OK")]
    {
        let request = server.next();
        check(&request, sequence);
        request.answer(status, "", "");
    }
    // What is about the address or the rights is never the picture's fault.
    for status in ["401 No", "403 No", "404 No", "405 No", "410 No"].repeat(3) {
        let request = server.next();
        check(&request, 2);
        request.answer(status, "", "");
    }
    server.next().accept();
    let status = camera.sending.wait_for(|status| status.accepted == 2 && is_empty(status));
    let spool = status.spool.unwrap();
    assert_eq!((spool.refused, spool.pictures, status.dropped), (1, 0, 0));
    assert!(dir.path().join("00000000000000000000.refused.jpg").exists());
}

#[test]
fn retry_after_as_a_date_is_obeyed() {
    let server = Server::start();
    let (_dir, camera) = start(&server);
    camera.take(0..1);
    let now = "date: Sun, 22 Nov 2026 10:00:00 GMT\r\n";
    for ask in
        ["retry-after: 1\r\n".to_owned(), format!("{now}retry-after: Sun, 22 Nov 2026 10:00:01 GMT\r\n")]
    {
        let request = server.next();
        let refused = Instant::now();
        request.answer("429 Too Many", &ask, "");
        camera.sending.wait_for(|status| !status.connected && status.failed > 0);
        let again = server.next();
        assert!(refused.elapsed() >= Duration::from_secs(1), "{:?}", refused.elapsed());
        again.answer("500 Oops", "", "");
    }
}

#[test]
fn every_picture_is_accounted_for() {
    let server = Server::start();
    let (_dir, camera) = start(&server);
    camera.take(0..40);
    for _ in 0..25 {
        server.next().accept();
    }
    // One that is accepted is counted a moment before it leaves the spool.
    camera.sending.wait_for(|status| {
        let spool = status.spool.as_ref().unwrap();
        status.accepted == 25 && spool.taken == 40 && spool.pictures == 15
    });
    let Metrics { upload, spool, .. } = &camera.metrics;
    assert_eq!((upload.accepted.get(), upload.dropped.get()), (25, 0));
    assert_eq!((spool.taken.get(), spool.missed.get(), spool.pictures.get()), (40, 0, 15));
    assert_eq!(spool.oldest.get().floor(), 1025.0);
}
