//! A camera server put together by a program: what its builder is given is what a client meets.

// Some tests are run again as programs of their own, which print a line and end with a code.
#![allow(clippy::exit, clippy::print_stdout)]

use eyelet_core::{
    Eyelet, JpegStreamer,
    app::{Builder, Running},
    encode::ReferenceEncoder,
    feed::{Label, Picture, PictureKind, RunId},
    http::{Access, CredentialSources, Reply, Token},
    pipeline::FrameInHand,
};
use eyelet_hal::{
    CameraSource, Error, ErrorKind, Frame, FrameMeta, PixelFormat, Plane, Quality, Result, StreamFormat,
    clock::{Clock as _, SystemClock},
};
use rustix::process::{Pid, Signal, kill_process};
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

/// A grey picture, a hundred times a second.
struct Grey {
    pixels: Vec<u8>,
    sequence: u64,
    /// When a frame with this number was captured, as the camera has it.
    stamp: fn(u64) -> Duration,
    /// Counts the cameras that were closed.
    closed: Arc<AtomicUsize>,
}

impl Grey {
    fn open(closed: &Arc<AtomicUsize>) -> Self {
        let stamp = |_| SystemClock.monotonic();
        Self { pixels: vec![128; 16 * 16], sequence: 0, stamp, closed: Arc::clone(closed) }
    }
}

impl Drop for Grey {
    fn drop(&mut self) {
        self.closed.fetch_add(1, Ordering::SeqCst);
    }
}

impl CameraSource for Grey {
    fn name(&self) -> &str {
        "grey"
    }
    fn format(&self) -> StreamFormat {
        StreamFormat::new(PixelFormat::Grey, 16, 16).unwrap()
    }
    fn start(&mut self) -> Result<()> {
        Ok(())
    }
    fn stop(&mut self) -> Result<()> {
        Ok(())
    }
    fn next_frame(&mut self, timeout: Duration) -> Result<Frame<'_>> {
        std::thread::sleep(timeout.min(Duration::from_millis(10)));
        self.sequence += 1;
        let meta = FrameMeta::new(self.sequence, (self.stamp)(self.sequence));
        Frame::new(self.format(), meta, &[Plane::host(&self.pixels, 16)])
    }
}

/// The status line and everything after it.
fn get(address: &str, path: &str) -> String {
    let host = address.strip_prefix("http://").unwrap().trim_end_matches('/');
    let mut socket = TcpStream::connect(host).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    write!(socket, "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

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
fn camera_that_cannot_be_opened_is_an_error_at_the_start() {
    let open = || Err::<Grey, _>(Error::new(ErrorKind::NotFound, "no such camera"));
    let error = Eyelet::builder().camera(open).bind("127.0.0.1:0").start().unwrap_err();
    assert_eq!((error.kind(), error.message()), (ErrorKind::NotFound, "no such camera"));
}

#[test]
fn address_that_is_none_is_an_error_with_examples() {
    let error = Eyelet::builder().bind("camera.lan").start().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert_eq!(error.message(), "cannot listen on \"camera.lan\"");
    assert!(error.remedy().unwrap().contains("127.0.0.1:8000"), "{error}");
}

#[test]
fn port_in_use_is_an_error_that_closes_the_camera() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let closed = Arc::new(AtomicUsize::new(0));
    let mine = Arc::clone(&closed);
    let builder = Eyelet::builder().camera(move || Ok(Grey::open(&mine)));
    let error = builder.bind(&taken.local_addr().unwrap().to_string()).start().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Busy);
    assert_eq!(closed.load(Ordering::SeqCst), 1);
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

#[test]
fn routes_of_the_application_are_answered_below_the_base_path() {
    let running = Eyelet::builder()
        .get("/hello", |_| Reply::text("hello\n"))
        .post("/echo", |request| Reply::bytes("text/plain", request.body().clone()))
        .routes(|routes| _ = routes.get_async("/later", |_| async { Reply::json(&[1, 2]) }))
        .configure(|server| server.base_path = "/garden".parse().unwrap())
        .bind("127.0.0.1:0")
        .start()
        .unwrap();
    let address = running.addresses()[0].strip_suffix("garden/").unwrap();
    assert!(get(address, "/garden/hello").ends_with("\r\n\r\nhello\n"));
    assert!(get(address, "/later").ends_with("\r\n\r\n[1,2]"));
    assert!(get(address, "/echo").starts_with("HTTP/1.1 405 "));
}

#[test]
fn route_that_begins_as_the_base_path_is_found_with_and_without_that() {
    let running = Eyelet::builder()
        .get("/garden/hello", |_| Reply::text("hello\n"))
        .configure(|server| server.base_path = "/garden".parse().unwrap())
        .bind("127.0.0.1:0")
        .start()
        .unwrap();
    let address = running.addresses()[0].strip_suffix("garden/").unwrap();
    for path in ["/garden/garden/hello", "/garden/hello"] {
        assert!(get(address, path).ends_with("\r\n\r\nhello\n"), "{path}");
    }
    assert!(get(address, "/garden/nothing").starts_with("HTTP/1.1 404 "));
}

#[test]
fn route_that_cannot_be_is_an_error_that_names_it() {
    let closed = Arc::new(AtomicUsize::new(0));
    for path in ["/stream", "/front/hello", "hello", "/"] {
        let closed = Arc::clone(&closed);
        let builder = Eyelet::builder().named_camera("front", move || Ok(Grey::open(&closed)));
        let error = builder.get(path, |_| ()).bind("127.0.0.1:0").start().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.message().contains(&format!("GET {path:?}")), "{error}");
    }
    assert_eq!(closed.load(Ordering::SeqCst), 4, "the cameras are closed");
}

#[test]
fn streamer_has_routes_of_the_application_from_its_next_start() {
    let mut streamer = JpegStreamer::new("127.0.0.1", 0, 4).unwrap();
    let address = format!("http://127.0.0.1:{}/", streamer.port());
    streamer.routes().get("/hello", |_| Reply::text("hello\n"));
    streamer.start().unwrap();
    assert!(get(&address, "/hello").ends_with("hello\n"));
    streamer.stop();
    streamer.routes().get("/state", |_| ());
    assert_eq!(streamer.start().unwrap_err().kind(), ErrorKind::InvalidInput);
}

/// Two cameras, the second of which is lost after its first frames and stays away.
fn two(lost: &'static AtomicBool) -> Running {
    let closed = Arc::new(AtomicUsize::new(0));
    let (front, back) = (Arc::clone(&closed), closed);
    let open = move || match lost.load(Ordering::SeqCst) {
        true => Err(Error::new(ErrorKind::NotFound, "unplugged")),
        false => Ok(Lost { grey: Grey::open(&back), lost }),
    };
    let builder = Eyelet::builder().named_camera("front", move || Ok(Grey::open(&front)));
    builder.named_camera("back", open).bind("127.0.0.1:0").start().unwrap()
}

/// A camera until it is lost.
struct Lost {
    grey: Grey,
    lost: &'static AtomicBool,
}

impl CameraSource for Lost {
    fn name(&self) -> &str {
        "lost"
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
        match self.lost.load(Ordering::SeqCst) {
            true => Err(Error::new(ErrorKind::Disconnected, "unplugged")),
            false => self.grey.next_frame(timeout),
        }
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
    assert_eq!(state["cameras"][1]["source"]["name"], "lost");
    assert_eq!(json("/back/state")["source"]["name"], "lost");
    let metrics = get(address, "/metrics");
    for line in ["eyelet_viewers{camera=\"front\"} 0", "eyelet_viewers{camera=\"back\"} 0"] {
        assert!(metrics.contains(line), "{metrics}");
    }
    assert!(!get(address, "/back/metrics").contains("front"));
}

/// A camera that attaches its own number to each frame.
struct Numbered {
    grey: Grey,
    data: String,
}

impl CameraSource for Numbered {
    fn name(&self) -> &str {
        "numbered"
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
        let frame = self.grey.next_frame(timeout)?;
        self.data = frame.meta().sequence.to_string();
        Ok(frame.with_data(&self.data))
    }
}

#[test]
fn data_of_a_frame_is_delivered_with_its_number_by_its_camera_alone() {
    let closed = Arc::new(AtomicUsize::new(0));
    let (front, back) = (Arc::clone(&closed), closed);
    let builder = Eyelet::builder().named_camera("front", move || Ok(Grey::open(&front)));
    let open = move || Ok(Numbered { grey: Grey::open(&back), data: String::new() });
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
fn encoder_or_function_without_its_camera_is_an_error() {
    let closed = Arc::new(AtomicUsize::new(0));
    let grey = |builder: Builder| {
        let closed = Arc::clone(&closed);
        builder.camera(move || Ok(Grey::open(&closed)))
    };
    let builder = || Eyelet::builder().bind("127.0.0.1:0");
    let twice = |builder: Builder| builder.each_frame(|_| Ok(())).each_frame(|_| Ok(()));
    for (builder, message) in [
        (builder().each_frame(|_| Ok(())), "each_frame has no camera"),
        (builder().encoder(|| Ok(ReferenceEncoder::new())), "encoder has no camera"),
        (twice(grey(builder())), "two functions are to have each frame of one camera"),
        (grey(twice(builder())), "two functions are to have each frame of one camera"),
    ] {
        let error = builder.start().unwrap_err();
        assert_eq!((error.kind(), error.message()), (ErrorKind::InvalidInput, message));
    }
    let one = grey(builder()).each_frame(|_| Ok(())).encoder(|| Ok(ReferenceEncoder::new()));
    one.start().unwrap();
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

/// The test of this name in a process of its own, with `EYELET_TEST_CHILD` set; and its first lines, up to the one that
/// begins with `ready`. `None` under user-mode emulation: the kernel cannot start another such program.
fn child(test: &str) -> Option<Child> {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--nocapture"]).env("EYELET_TEST_CHILD", "1").stdout(Stdio::piped());
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(e) => {
            assert_eq!(e.raw_os_error(), Some(rustix::io::Errno::NOEXEC.raw_os_error()), "{e}");
            println!("SKIPPED: no program of this processor can be started here by another");
            return None;
        }
    };
    let lines = BufReader::new(child.stdout.as_mut().unwrap()).lines();
    assert!(lines.map(|line| line.unwrap()).any(|line| line.ends_with("ready")), "{test}");
    Some(child)
}

fn is_child() -> bool {
    std::env::var_os("EYELET_TEST_CHILD").is_some()
}

fn send(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).unwrap();
}

/// Whether this process ignores the signal.
fn is_ignored(signal: Signal) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).unwrap();
    let mask = u64::from_str_radix(mask.trim(), 16).unwrap();
    mask & (1 << (signal.as_raw() - 1)) != 0
}

#[test]
fn signal_stops_the_server_and_closes_its_camera() {
    if is_child() {
        let closed = Arc::new(AtomicUsize::new(0));
        let mine = Arc::clone(&closed);
        let builder = Eyelet::builder().camera(move || Ok(Grey::open(&mine))).bind("127.0.0.1:0");
        let running = builder.stop_on_signals().start().unwrap();
        println!("ready");
        running.wait();
        std::process::exit(if closed.load(Ordering::SeqCst) == 1 { 7 } else { 8 });
    }
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        // What is started with nohup ignores SIGHUP, and so does what it starts.
        if signal == Signal::HUP && is_ignored(signal) {
            continue;
        }
        let Some(mut child) = child("signal_stops_the_server_and_closes_its_camera") else { return };
        send(&child, signal);
        assert_eq!(child.wait().unwrap().code(), Some(7), "{signal:?}");
    }
}

#[test]
fn signal_while_a_camera_is_being_opened_gives_that_up() {
    if is_child() {
        let opening = || {
            println!("ready");
            std::thread::sleep(Duration::from_millis(10));
            Err::<Grey, _>(Error::new(ErrorKind::Opening, "not yet"))
        };
        let builder = Eyelet::builder().camera(opening).bind("127.0.0.1:0").stop_on_signals();
        builder.start().unwrap().wait();
        std::process::exit(7);
    }
    let Some(mut child) = child("signal_while_a_camera_is_being_opened_gives_that_up") else { return };
    // It is read to its end, so that its lines do not fill the pipe.
    send(&child, Signal::TERM);
    std::io::copy(child.stdout.as_mut().unwrap(), &mut std::io::sink()).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(7));
}

#[test]
fn second_signal_ends_a_program_that_does_not_end_by_the_first() {
    if is_child() {
        let each = |_: &mut FrameInHand<'_>| {
            println!("ready");
            loop {
                std::thread::park();
            }
        };
        let closed = Arc::default();
        let builder = Eyelet::builder().camera(move || Ok(Grey::open(&closed))).each_frame(each);
        let running = builder.bind("127.0.0.1:0").stop_on_signals().start().unwrap();
        let _wanted = running.hubs()[0].feed.subscribe();
        running.wait();
        std::process::exit(8);
    }
    let Some(mut child) = child("second_signal_ends_a_program_that_does_not_end_by_the_first") else {
        return;
    };
    let begun = Instant::now();
    let ended = loop {
        // Two that come at once count as one.
        send(&child, Signal::TERM);
        match child.try_wait().unwrap() {
            Some(ended) => break ended,
            None if begun.elapsed() > Duration::from_secs(20) => {
                break child.kill().and(child.wait()).unwrap();
            }
            None => std::thread::sleep(Duration::from_millis(10)),
        }
    };
    assert_eq!(ended.code(), Some(128 + 15), "{ended}");
}

#[test]
fn name_that_a_camera_cannot_have_is_an_error() {
    let closed = Arc::new(AtomicUsize::new(0));
    let start = |names: &[&str]| {
        let builder = Eyelet::builder().bind("127.0.0.1:0");
        let add = |builder: Builder, name: &&str| {
            let closed = Arc::clone(&closed);
            let open = move || Ok(Grey::open(&closed));
            if name.is_empty() { builder.camera(open) } else { builder.named_camera(name, open) }
        };
        names.iter().fold(builder, add).start().map(drop)
    };
    for names in [&["stream"][..], &["Front"], &["a", "a"], &["a", ""], &["", ""]] {
        assert_eq!(start(names).unwrap_err().kind(), ErrorKind::InvalidInput, "{names:?}");
    }
    start(&["", "b"]).unwrap();
}
