//! Several cameras.

use crate::support::{Grey, get};
use eyelet_core::{Eyelet, app::Running};
use eyelet_hal::{CameraSource, Error, ErrorKind, Frame, Result, StreamFormat};
use std::{
    io::{BufRead, BufReader, Write},
    net::TcpStream,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

/// Two cameras, the second of which is lost after its first frames and stays away.
fn two(lost: &'static AtomicBool) -> Running {
    let closed = Arc::new(AtomicUsize::new(0));
    let (front, back) = (Arc::clone(&closed), closed);
    let open = move || match lost.load(Ordering::SeqCst) {
        true => Err(Error::new(ErrorKind::NotFound, "unplugged")),
        false => Ok(until_lost(Grey::open(&back), lost)),
    };
    let builder = Eyelet::builder().named_camera("front", move || Ok(Grey::open(&front)));
    builder.named_camera("back", open).bind("127.0.0.1:0").start().unwrap()
}

/// A grey camera whose frames come by a detour.
struct Detour<T> {
    grey: Grey,
    by: T,
    frame: for<'a> fn(&'a mut Grey, &'a mut T, Duration) -> Result<Frame<'a>>,
}

impl<T: Send> CameraSource for Detour<T> {
    fn name(&self) -> &str {
        "detour"
    }
    fn format(&self) -> StreamFormat {
        self.grey.format()
    }
    fn start(&mut self) -> Result<()> {
        Ok(())
    }
    fn stop(&mut self) -> Result<()> {
        Ok(())
    }
    fn next_frame(&mut self, timeout: Duration) -> Result<Frame<'_>> {
        (self.frame)(&mut self.grey, &mut self.by, timeout)
    }
}

/// A camera until it is lost.
fn until_lost(grey: Grey, lost: &'static AtomicBool) -> impl CameraSource {
    Detour {
        grey,
        by: lost,
        frame: |grey, lost, timeout| match lost.load(Ordering::SeqCst) {
            true => Err(Error::new(ErrorKind::Disconnected, "unplugged")),
            false => grey.next_frame(timeout),
        },
    }
}

/// A camera that attaches its own number to each frame.
fn numbered(grey: Grey) -> impl CameraSource {
    Detour {
        grey,
        by: String::new(),
        frame: |grey, data, timeout| {
            let frame = grey.next_frame(timeout)?;
            *data = frame.meta().sequence.to_string();
            Ok(frame.with_data(data))
        },
    }
}

/// The next sequence numbers of a stream.
fn numbers(stream: &mut impl BufRead, count: usize) -> Vec<u64> {
    let number = |line: String| line.strip_prefix("X-Sequence: ").map(|number| number.parse().unwrap());
    let lines = std::iter::from_fn(|| {
        let mut line = Vec::new();
        (stream.read_until(b'\n', &mut line).unwrap() > 0)
            .then(|| String::from_utf8_lossy(&line).trim_end().to_owned())
    });
    lines.filter_map(number).take(count).collect()
}

#[test]
fn lost_camera_costs_the_viewers_of_the_other_no_frame() {
    static LOST: AtomicBool = AtomicBool::new(false);
    let running = two(&LOST);
    let address = running.addresses()[0].clone();
    let host = address.strip_prefix("http://").unwrap().trim_end_matches('/');
    let watch = |camera| {
        let mut socket = TcpStream::connect(host).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        write!(socket, "GET /{camera}/stream HTTP/1.1\r\nHost: {host}\r\n\r\n").unwrap();
        BufReader::new(socket)
    };
    let (mut stream, mut back) = (watch("front"), watch("back"));
    let mut seen = numbers(&mut stream, 10);
    numbers(&mut back, 10);
    LOST.store(true, Ordering::SeqCst);
    while !get(&address, "/healthz").starts_with("HTTP/1.1 503 ") {
        seen.extend(numbers(&mut stream, 1));
    }
    seen.extend(numbers(&mut stream, 100));
    seen.dedup(); // a picture is repeated when no new one comes for a second
    let first = seen[0];
    assert_eq!(seen, (first..first + seen.len() as u64).collect::<Vec<_>>());
    assert!(
        get(&address, "/healthz").ends_with("\r\n\r\nback: unplugged\n"),
        "{}",
        get(&address, "/healthz")
    );
    assert!(get(&address, "/front/healthz").starts_with("HTTP/1.1 200 "));
    assert!(get(&address, "/back/snapshot").starts_with("HTTP/1.1 503 "));
    // It comes back alone, and its viewer has stayed: the pictures so far fit into the socket.
    let lost = running.hubs()[1].feed.newest().unwrap().label.sequence;
    LOST.store(false, Ordering::SeqCst);
    while !get(&address, "/healthz").starts_with("HTTP/1.1 200 ") {
        seen.extend(numbers(&mut stream, 1));
    }
    while numbers(&mut back, 1)[0] <= lost {}
    seen.dedup();
    assert_eq!(seen, (first..first + seen.len() as u64).collect::<Vec<_>>());
}

#[test]
fn two_cameras_have_routes_state_and_metrics_by_name() {
    static LOST: AtomicBool = AtomicBool::new(false);
    let running = two(&LOST);
    let address = &running.addresses()[0];
    for path in ["/snapshot", "/front/snapshot", "/back/snapshot.jpg", "/?action=snapshot_1"] {
        assert!(get(address, path).starts_with("HTTP/1.1 200 "), "{path}");
    }
    assert!(get(address, "/back").contains("Location: /back/\r\n"));
    assert!(get(address, "/side/snapshot").starts_with("HTTP/1.1 404 "));
    let page = get(address, "/");
    assert!(page.contains("src=\"front/stream\"") && page.contains("src=\"back/stream\""), "{page}");
    assert!(get(address, "/back/").contains("<canvas"));
    let json = |path| -> serde_json::Value {
        serde_json::from_str(get(address, path).split_once("\r\n\r\n").unwrap().1).unwrap()
    };
    let state = json("/state");
    assert_eq!(state["source"]["name"], "grey");
    let names: Vec<_> = state["cameras"].as_array().unwrap().iter().map(|camera| &camera["name"]).collect();
    assert_eq!(names, ["front", "back"]);
    assert_eq!(state["cameras"][1]["source"]["name"], "detour");
    assert_eq!(json("/back/state")["source"]["name"], "detour");
    #[cfg(feature = "metrics")]
    {
        let metrics = get(address, "/metrics");
        for line in ["eyelet_viewers{camera=\"front\"} 0", "eyelet_viewers{camera=\"back\"} 0"] {
            assert!(metrics.contains(line), "{metrics}");
        }
        assert!(!get(address, "/back/metrics").contains("front"));
    }
}

#[test]
fn data_of_a_frame_is_delivered_with_its_number_by_its_camera_alone() {
    let closed = Arc::new(AtomicUsize::new(0));
    let (front, back) = (Arc::clone(&closed), closed);
    let builder = Eyelet::builder().named_camera("front", move || Ok(Grey::open(&front)));
    let open = move || Ok(numbered(Grey::open(&back)));
    let running = builder.named_camera("back", open).bind("127.0.0.1:0").start().unwrap();
    let address = &running.addresses()[0];
    let events = |path| {
        let mut socket =
            TcpStream::connect(address.strip_prefix("http://").unwrap().trim_end_matches('/')).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        write!(socket, "GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        BufReader::new(socket).lines().map(|line| line.unwrap())
    };
    let mut data = events("/back/events").filter(|line| line.starts_with("data: {\"sequence\":"));
    let mut last = 0;
    for _ in 0..20 {
        let json: serde_json::Value = serde_json::from_str(&data.next().unwrap()["data: ".len()..]).unwrap();
        let sequence = json["sequence"].as_u64().unwrap();
        assert!(json["data"] == sequence && sequence > last, "{json} after {last}");
        last = sequence;
    }
    let state = events("/events").find(|line| line.starts_with("data: ")).unwrap();
    assert!(state.contains("\"grey\""), "the first camera's: {state}");
    assert_eq!(running.hubs()[1].metrics.frames_encoded.get(), 0, "nobody wants pictures");
}

#[test]
fn threads_of_cameras_have_their_names() {
    static LOST: AtomicBool = AtomicBool::new(false);
    let _running = two(&LOST);
    let names = || {
        let threads = std::fs::read_dir("/proc/self/task").unwrap();
        // A thread of another test may be gone meanwhile.
        let name = |thread: std::io::Result<std::fs::DirEntry>| {
            std::fs::read_to_string(thread.unwrap().path().join("comm")).unwrap_or_default()
        };
        threads.map(name).collect::<Vec<_>>()
    };
    let begun = Instant::now();
    for name in ["camera front\n", "camera back\n"] {
        // Each thread names itself.
        while !names().iter().any(|thread| thread == name) {
            assert!(begun.elapsed() < Duration::from_secs(20), "{name}: {:?}", names());
            std::thread::yield_now();
        }
    }
}
