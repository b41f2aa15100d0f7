//! From the start to the end of a server.

use crate::support::{Grey, get};
use eyelet_core::{
    Eyelet, JpegStreamer,
    feed::{Label, Picture, PictureKind, RunId},
    http::{Access, CredentialSources, Token},
};
use eyelet_hal::{
    Quality,
    clock::{Clock as _, SystemClock},
};
use std::{
    net::TcpStream,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

#[test]
fn server_without_a_runtime_streams_its_camera_until_dropped() {
    let closed = Arc::new(AtomicUsize::new(0));
    let mine = Arc::clone(&closed);
    let running = Eyelet::builder()
        .camera(move || Ok(Grey::open(&mine)))
        .quality(Quality::new(33).unwrap())
        .max_viewers(3)
        .html("<html>mine</html>")
        .bind("127.0.0.1:0")
        .start()
        .unwrap();
    let address = running.addresses()[0].clone();
    assert!(get(&address, "/snapshot").starts_with("HTTP/1.1 200 "));
    assert!(get(&address, "/").ends_with("<html>mine</html>"));
    let state = get(&address, "/state");
    for part in ["\"name\": \"grey\"", "\"quality\": 33", "\"width\": 16"] {
        assert!(state.contains(part), "{part}: {state}");
    }
    assert_eq!(closed.load(Ordering::SeqCst), 0);
    drop(running);
    assert_eq!(closed.load(Ordering::SeqCst), 1, "the camera is closed");
    let port = address.trim_end_matches('/').rsplit_once(':').unwrap().1;
    assert!(TcpStream::connect(("127.0.0.1", port.parse().unwrap())).is_err(), "the port is free");
}

/// A camera without stamps once gave 503 for ever: its pictures were captured before any request.
#[test]
fn snapshot_of_a_camera_with_wrong_stamps_is_judged_by_arrival() {
    type Stamp = fn(u64) -> Duration;
    let stamps: [(&str, Stamp); 4] = [
        ("none", |_| Duration::ZERO),
        ("since it was opened", |sequence| Duration::from_millis(10 * sequence)),
        ("of the wall clock", |_| SystemClock.unix()),
        ("of tomorrow", |_| SystemClock.monotonic() + Duration::from_secs(86_400)),
    ];
    for (name, stamp) in stamps {
        let open = move || {
            let mut camera = Grey::open(&Arc::default());
            camera.stamp = stamp;
            Ok(camera)
        };
        let running = Eyelet::builder().camera(open).bind("127.0.0.1:0").start().unwrap();
        let address = &running.addresses()[0];
        for _ in 0..3 {
            let asked = SystemClock.unix();
            let answer = get(address, "/snapshot");
            assert!(answer.starts_with("HTTP/1.1 200 "), "{name}: {answer}");
            let time = answer.lines().find_map(|line| line.strip_prefix("X-Timestamp: "));
            let time = Duration::from_secs_f64(time.unwrap().parse().unwrap());
            // Written with microseconds only.
            let earliest = asked - Duration::from_micros(1);
            assert!((earliest..=SystemClock.unix()).contains(&time), "{name}: {time:?}");
        }
        assert!(get(address, "/healthz").starts_with("HTTP/1.1 200 "), "{name}");
    }
}

#[test]
fn program_without_a_camera_publishes_into_the_hub() {
    let builder = Eyelet::builder().bind("127.0.0.1:0").bind("127.0.0.1:0");
    let feed = builder.hub().feed.clone();
    let running = builder.configure(|server| {
        server.snapshot = eyelet_core::http::SnapshotPolicy::FreshOrNewest;
        server.base_path = "/garden".parse().unwrap();
    });
    let running = running.start().unwrap();
    feed.publish(Picture {
        jpeg: b"\xff\xd8mine\xff\xd9"[..].into(),
        label: Label { run: RunId::new(1), sequence: 7, captured_at: Duration::ZERO },
        kind: PictureKind::Live,
    });
    assert_eq!(running.addresses().len(), 2);
    for address in running.addresses() {
        let (root, path) = address.trim_end_matches('/').rsplit_once('/').unwrap();
        assert_eq!(path, "garden");
        let answer = get(&format!("{root}/"), "/garden/snapshot");
        assert!(answer.contains("X-Sequence: 7\r\n") && answer.contains("mine"), "{answer}");
    }
}

#[test]
fn server_with_access_admits_only_its_credentials() {
    let token = Token::new("0123456789abcdef0123456789abcdef").unwrap();
    let mut sources = CredentialSources::default();
    sources.token = Some(token);
    let access = Access::only(sources).unwrap();
    let running = Eyelet::builder().access(access).bind("127.0.0.1:0").start().unwrap();
    let address = &running.addresses()[0];
    assert!(get(address, "/state").starts_with("HTTP/1.1 401 "));
    assert!(get(address, "/state?token=0123456789abcdef0123456789abcdef").starts_with("HTTP/1.1 200 "));
}

#[tokio::test]
async fn server_in_a_runtime_serves_until_the_future_is_dropped() {
    let closed = Arc::new(AtomicUsize::new(0));
    let mine = Arc::clone(&closed);
    let builder = Eyelet::builder().camera(move || Ok(Grey::open(&mine))).bind("127.0.0.1:0");
    let mut eyelet = builder.open().unwrap();
    let address = eyelet.addresses()[0].clone();
    let asking = tokio::task::spawn_blocking(move || get(&address, "/snapshot"));
    tokio::select! {
        ended = eyelet.serve() => panic!("{ended:?}"),
        answer = asking => assert!(answer.unwrap().starts_with("HTTP/1.1 200 ")),
    }
    drop(eyelet);
    assert_eq!(closed.load(Ordering::SeqCst), 1);
}

#[test]
fn streamer_started_again_has_its_port_again() {
    let mut streamer = JpegStreamer::new("127.0.0.1", 0, 4).unwrap();
    for _ in 0..2 {
        streamer.start().unwrap();
        let address = format!("http://127.0.0.1:{}/", streamer.port());
        assert!(get(&address, "/state").starts_with("HTTP/1.1 200 "));
        streamer.stop();
        assert!(TcpStream::connect(("127.0.0.1", streamer.port())).is_err());
    }
}
