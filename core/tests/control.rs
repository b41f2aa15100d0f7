//! A camera that is changed while it runs, by clients on real sockets.

#![cfg(feature = "control")]

use eyelet_core::{
    Eyelet,
    app::{Builder, Running},
    jpeg,
    pipeline::Mask,
};
use eyelet_hal::{
    CameraControls, CameraSource, Control, ControlKind, Error, ErrorKind, Frame, FrameMeta, Mode, Modes,
    PixelFormat, Plane, Result, StreamFormat,
};
use serde_json::{Value, json};
use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

/// Far longer than anything here takes: only a hang meets it.
const PATIENCE: Duration = Duration::from_secs(30);

/// Of this size the camera delivers nothing.
const SILENT: (u32, u32) = (48, 48);
/// With this one it does not start.
const REFUSED: (u32, u32) = (96, 96);

/// What a test sees and does of the camera that is open.
#[derive(Clone, Default)]
struct World {
    gain: Arc<AtomicU32>,
    opened: Arc<AtomicU32>,
    unplugged: Arc<AtomicBool>,
    /// Nothing can be set.
    shaky: Arc<AtomicBool>,
    sizes: Arc<Mutex<Vec<(u32, u32)>>>,
    /// How often its controls were listed.
    listed: Arc<AtomicU32>,
}

/// A grey camera of 100 frames a second.
struct Adjustable {
    world: World,
    mode: Mode,
    auto: bool,
    flipped: bool,
    started: bool,
    sequence: u64,
    pixels: Vec<u8>,
}

impl Adjustable {
    fn open(world: &World) -> Result<Self> {
        if world.unplugged.load(Ordering::Relaxed) {
            return Err(Error::new(ErrorKind::NotFound, "it is unplugged"));
        }
        world.opened.fetch_add(1, Ordering::Relaxed);
        world.gain.store(0, Ordering::Relaxed);
        let mode = Mode { size: (16, 16), fps: 100.0 };
        let (world, pixels) = (world.clone(), vec![7; 96 * 96]);
        Ok(Self { world, mode, auto: true, flipped: false, started: false, sequence: 0, pixels })
    }
}

impl CameraSource for Adjustable {
    fn name(&self) -> &str {
        "adjustable"
    }

    fn format(&self) -> StreamFormat {
        StreamFormat::new(PixelFormat::Grey, self.mode.size.0, self.mode.size.1).unwrap()
    }

    fn start(&mut self) -> Result<()> {
        if self.mode.size == REFUSED {
            return Err(Error::new(ErrorKind::Other, "no bandwidth"));
        }
        self.started = true;
        self.sequence = 0;
        Ok(())
    }

    fn next_frame(&mut self, timeout: Duration) -> Result<Frame<'_>> {
        assert!(self.started);
        thread::sleep(timeout.min(Duration::from_millis(10)));
        if self.world.unplugged.load(Ordering::Relaxed) {
            return Err(Error::new(ErrorKind::Disconnected, "it is unplugged"));
        }
        if self.mode.size == SILENT {
            return Err(Error::new(ErrorKind::TimedOut, "no frame"));
        }
        self.sequence += 1;
        let stride = self.mode.size.0 as usize;
        Frame::new(self.format(), FrameMeta::now(self.sequence), &[Plane::host(&self.pixels, stride)])
    }

    fn stop(&mut self) -> Result<()> {
        self.started = false;
        Ok(())
    }

    fn controls(&mut self) -> Option<&mut dyn CameraControls> {
        Some(self)
    }
}

impl CameraControls for Adjustable {
    fn list(&mut self) -> Result<Vec<Control>> {
        self.world.listed.fetch_add(1, Ordering::Relaxed);
        let integer = ControlKind::Integer { min: 0, max: 9, step: 1 };
        let mut gain =
            Control::new("gain", integer.clone(), 0, Some(self.world.gain.load(Ordering::Relaxed).into()));
        gain.inactive = self.auto;
        Ok(vec![
            Control::new("auto_gain", ControlKind::Boolean, 1, Some(self.auto.into())),
            gain,
            Control::new("stubborn", integer, 0, Some(0)),
            Control::new("vertical_flip", ControlKind::Boolean, 0, Some(self.flipped.into())),
        ])
    }

    fn set(&mut self, name: &str, value: i64) -> Result<()> {
        self.find(name, value)?;
        if self.world.shaky.load(Ordering::Relaxed) {
            return Err(Error::new(ErrorKind::Other, "a bad contact"));
        }
        match name {
            "gain" if self.auto => return Err(Error::new(ErrorKind::Busy, "the gain is automatic")),
            "gain" => self.world.gain.store(value as u32, Ordering::Relaxed),
            "auto_gain" => self.auto = value == 1,
            "vertical_flip" => self.flipped = value == 1,
            _ => return Err(Error::new(ErrorKind::Other, "the device refuses")),
        }
        Ok(())
    }

    fn modes(&mut self) -> Result<Option<Modes>> {
        let sizes = vec![(16, 16), (32, 32), SILENT, REFUSED];
        Ok(Some(Modes::new(self.mode, sizes, (1.0, 100.0))))
    }

    fn set_mode(&mut self, mode: Mode) -> Result<()> {
        assert!(!self.started, "it is to be stopped first");
        self.mode = mode;
        self.world.sizes.lock().unwrap().push(mode.size);
        Ok(())
    }
}

fn serve() -> (Running, World, String) {
    serve_with(|builder| builder)
}

fn serve_with(with: impl FnOnce(Builder) -> Builder) -> (Running, World, String) {
    serve_in(World::default(), with)
}

fn serve_in(world: World, with: impl FnOnce(Builder) -> Builder) -> (Running, World, String) {
    let camera = world.clone();
    let builder = Eyelet::builder()
        .camera(move || Adjustable::open(&camera))
        .allow_control()
        .max_viewers(40)
        .bind("127.0.0.1:0");
    let running = with(builder).start().unwrap();
    let address = running.addresses()[0].trim_start_matches("http://").trim_end_matches('/').to_owned();
    until(|| get(&address, "/state")["source"]["connected"] == true);
    (running, world, address)
}

fn until(condition: impl Fn() -> bool) {
    let began = Instant::now();
    while !condition() {
        assert!(began.elapsed() < PATIENCE, "it did not come to that");
        thread::sleep(Duration::from_millis(5));
    }
}

fn ask(address: &str, request: &str) -> (u16, String) {
    let mut socket = TcpStream::connect(address).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

fn get(address: &str, path: &str) -> Value {
    let (_, body) = ask(address, &format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"));
    serde_json::from_str(&body).unwrap()
}

fn post(address: &str, wanted: &Value) -> (u16, String) {
    let body = wanted.to_string();
    let head = "POST /control HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json";
    ask(address, &format!("{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len()))
}

/// What clients read of this control.
fn control(address: &str, name: &str) -> Value {
    let document = get(address, "/control");
    let controls = document["controls"].as_array().unwrap();
    controls.iter().find(|control| control["name"] == name).cloned().unwrap_or_default()
}

fn value(address: &str, name: &str) -> Value {
    control(address, name)["value"].clone()
}

#[test]
fn camera_that_is_opened_again_keeps_what_was_changed() {
    let (_running, world, address) = serve();
    assert_eq!(control(&address, "gain")["inactive"], true);
    // The automatic mode first, whatever the order.
    let (status, body) =
        post(&address, &json!({ "gain": 5, "auto_gain": false, "size": "32x32", "fps": 50 }));
    assert_eq!(status, 200, "{body}");
    assert_eq!(world.gain.load(Ordering::Relaxed), 5);
    assert_eq!((value(&address, "size"), value(&address, "fps")), ("32x32".into(), 50.into()));
    assert_eq!(control(&address, "gain")["inactive"], Value::Null);
    assert_eq!(get(&address, "/state")["source"]["width"], 32);

    world.unplugged.store(true, Ordering::Relaxed);
    until(|| get(&address, "/state")["source"]["connected"] == false);
    let (status, body) = post(&address, &json!({ "gain": 6 }));
    assert_eq!((status, body.as_str()), (503, "it is unplugged\n"));
    assert_eq!(control(&address, "gain"), Value::Null, "it cannot be changed now");
    world.unplugged.store(false, Ordering::Relaxed);
    until(|| get(&address, "/state")["source"]["connected"] == true);
    assert_eq!((world.opened.load(Ordering::Relaxed), world.gain.load(Ordering::Relaxed)), (2, 5));
    assert_eq!((value(&address, "size"), value(&address, "gain")), ("32x32".into(), 5.into()));
}

#[test]
fn value_that_the_camera_changed_itself_is_read_by_the_next_client_and_sent_to_listeners() {
    let (_running, world, address) = serve();
    let mut socket = TcpStream::connect(&address).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket.write_all(b"GET /events HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    let mut lines = BufReader::new(socket).lines().map(std::result::Result::unwrap);
    let mut gain_is = |gain: u32| {
        let document = lines.find(|line| line.starts_with("data: {\"controls\":")).unwrap();
        let (document, wanted) = (document.replace(' ', ""), format!("\"value\":{gain}"));
        document.split("\"name\":\"gain\"").nth(1).unwrap().split('}').next().unwrap().contains(&wanted)
    };
    assert!(gain_is(0));
    world.gain.store(3, Ordering::Relaxed);
    // Nobody else asks for it.
    while !gain_is(3) {}
    world.gain.store(4, Ordering::Relaxed);
    until(|| value(&address, "gain") == 4);
}

#[test]
fn clients_that_keep_asking_have_the_camera_list_its_values_once_a_second_at_most() {
    let (_running, world, address) = serve();
    let (began, before) = (Instant::now(), world.listed.load(Ordering::Relaxed));
    for _ in 0..20 {
        assert_eq!(value(&address, "gain"), 0);
    }
    let listed = world.listed.load(Ordering::Relaxed) - before;
    assert!(u64::from(listed) <= began.elapsed().as_secs() + 2, "{listed} times in {:?}", began.elapsed());
}

#[test]
fn what_is_set_back_is_left_to_the_flags_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("control.json");
    let after = |all: &[Value]| -> Value {
        let (running, _, address) = serve_with(|builder| builder.save_control(&path));
        for wanted in all {
            let (status, body) = post(&address, wanted);
            assert_eq!(status, 200, "{body}");
        }
        drop(running);
        serde_json::from_slice(&fs::read(&path).unwrap()).unwrap()
    };
    let saved = after(&[json!({ "size": "32x32" })]);
    assert_eq!(saved, json!({ "camera": { "size": [32, 32] } }), "the rate stays with the flags");
    let saved = after(&[json!({ "auto_gain": false, "gain": 5, "fps": 50, "quality": 30 })]);
    let controls = json!({ "auto_gain": 0, "gain": 5 });
    let all = json!({ "size": [32, 32], "fps": 50.0, "quality": 30, "controls": controls });
    assert_eq!(saved, json!({ "camera": all }));
    let defaults = json!({ "auto_gain": true, "size": "16x16", "fps": 100, "quality": 80 });
    assert_eq!(after(&[json!({ "gain": 0 }), defaults]), json!({}));
}

fn replug(world: &World, address: &str) {
    world.unplugged.store(true, Ordering::Relaxed);
    until(|| get(address, "/state")["source"]["connected"] == false);
    world.unplugged.store(false, Ordering::Relaxed);
    until(|| get(address, "/state")["source"]["connected"] == true);
}

#[test]
fn saved_value_is_forgotten_if_the_camera_does_not_take_it_and_not_if_it_fails() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("control.json");
    let controls = json!({ "auto_gain": 0, "gain": 5, "stubborn": 10, "hue": 3 });
    fs::write(&path, json!({ "camera": { "controls": controls } }).to_string()).unwrap();
    let world = World::default();
    world.shaky.store(true, Ordering::Relaxed);
    let (running, world, address) = serve_in(world, |builder| builder.save_control(&path));
    assert_eq!(value(&address, "gain"), 0);
    assert_eq!(get(&address, "/state")["control_saved"], true);
    world.shaky.store(false, Ordering::Relaxed);
    replug(&world, &address);
    assert_eq!((value(&address, "auto_gain"), value(&address, "gain")), (false.into(), 5.into()));
    drop(running);
    let saved: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    // What it does not list now it may list the next time.
    assert_eq!(saved, json!({ "camera": { "controls": { "auto_gain": 0, "gain": 5, "hue": 3 } } }));
}

#[test]
fn saved_size_and_rate_that_the_camera_does_not_list_are_each_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("control.json");
    for (size, fps, shown) in [
        ([5, 5], 1000.0, ("16x16", 100.0)),
        ([5, 5], 50.0, ("16x16", 50.0)),
        ([32, 32], 0.5, ("32x32", 100.0)),
        ([32, 32], 50.0, ("32x32", 50.0)),
    ] {
        fs::write(&path, json!({ "camera": { "size": size, "fps": fps } }).to_string()).unwrap();
        let (running, world, address) = serve_with(|builder| builder.save_control(&path));
        assert_eq!(value(&address, "size"), shown.0);
        assert_eq!(value(&address, "fps").as_f64().unwrap(), shown.1);
        assert!(!world.sizes.lock().unwrap().contains(&(5, 5)), "it was not even tried");
        drop(running);
        let saved = &serde_json::from_slice::<Value>(&fs::read(&path).unwrap()).unwrap()["camera"];
        assert_eq!(saved["size"], if size == [5, 5] { Value::Null } else { json!(size) });
        assert_eq!(saved["fps"], if fps == 50.0 { json!(fps) } else { Value::Null });
    }
}

#[test]
fn refused_value_takes_back_the_ones_before_it() {
    let (_running, world, address) = serve();
    let wanted = json!({ "gain": 5, "auto_gain": false, "stubborn": 1, "size": "32x32", "quality": 30 });
    let (status, body) = post(&address, &wanted);
    let errors: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((status, errors), (400, json!({ "errors": { "stubborn": "the device refuses" } })));
    assert_eq!(world.gain.load(Ordering::Relaxed), 0);
    let values = ["gain", "auto_gain", "size", "quality"].map(|name| value(&address, name));
    assert_eq!(values, [json!(0), json!(true), json!("16x16"), json!(80)]);
}

#[test]
fn size_that_does_not_work_is_taken_back_with_the_reason() {
    let (_running, world, address) = serve();
    for (size, reason) in [(REFUSED, "no bandwidth"), (SILENT, "no frame of 48x48 at 100 fps came for 3s")] {
        let wanted = json!({ "size": format!("{}x{}", size.0, size.1), "auto_gain": false });
        let (status, body) = post(&address, &wanted);
        let errors: Value = serde_json::from_str(&body).unwrap();
        assert_eq!((status, errors), (400, json!({ "errors": { "size": reason } })));
        assert_eq!((value(&address, "size"), value(&address, "auto_gain")), ("16x16".into(), true.into()));
        assert_eq!(*world.sizes.lock().unwrap().last().unwrap(), (16, 16));
    }
    let state = get(&address, "/state");
    assert_eq!((&state["source"]["width"], &state["source"]["connected"]), (&16.into(), &true.into()));
    assert_eq!(world.opened.load(Ordering::Relaxed), 1, "it is the same camera");
}

#[test]
fn size_that_the_masks_are_not_for_is_not_offered_and_stops_nothing() {
    let mask = Mask::new([0, 0, 4, 4], (16, 16)).unwrap();
    let (_running, world, address) = serve_with(|builder| builder.mask(mask));
    assert_eq!(control(&address, "size"), Value::Null, "there is one");
    let (status, body) = post(&address, &json!({ "size": "32x32" }));
    let errors: Value = serde_json::from_str(&body).unwrap();
    let what = "16x16 alone: the camera has no other, or the masks are for this one";
    assert_eq!((status, errors), (400, json!({ "errors": { "size": what } })));
    assert_eq!(*world.sizes.lock().unwrap(), []);
    assert_eq!(post(&address, &json!({ "fps": 50 })).0, 200);
}

/// Whoever could change the camera could see what is under a mask.
#[test]
fn control_that_moves_the_picture_from_under_a_mask_is_read_only() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("control.json");
    let controls = json!({ "camera": { "controls": { "vertical_flip": 1 } } });
    fs::write(&path, controls.to_string()).unwrap();
    let mask = Mask::new([0, 0, 4, 4], (16, 16)).unwrap();
    let (running, _, address) = serve_with(|builder| builder.mask(mask).save_control(&path));
    assert_eq!(control(&address, "vertical_flip")["read_only"], true);
    assert_eq!(post(&address, &json!({ "vertical_flip": true })).0, 400);
    assert_eq!(value(&address, "vertical_flip"), false, "not even if it was saved");
    drop(running);
    assert_eq!(serde_json::from_slice::<Value>(&fs::read(&path).unwrap()).unwrap(), controls, "it waits");
    let (_running, _, address) = serve();
    assert_eq!(post(&address, &json!({ "vertical_flip": true })).0, 200);
}

/// Reads the stream until `stop`; how many pictures of each width came. Each is whole.
fn watch(address: &str, stop: &AtomicBool, seen: &AtomicU32) -> [u32; 2] {
    let mut socket = TcpStream::connect(address).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket.write_all(b"GET /stream HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    let (mut stream, mut line, mut widths) = (BufReader::new(socket), String::new(), [0, 0]);
    let mut len = None;
    while !stop.load(Ordering::Relaxed) {
        line.clear();
        assert!(stream.read_line(&mut line).unwrap() > 0, "the viewer was disconnected");
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            len = Some(value.trim().parse::<usize>().unwrap());
        }
        if line == "\r\n"
            && let Some(len) = len.take()
        {
            let mut picture = vec![0; len];
            stream.read_exact(&mut picture).unwrap();
            let mut whole = Vec::new();
            let info = jpeg::repair(&picture, &mut whole).unwrap();
            assert!(picture.ends_with(&[0xff, 0xd9]) && info.width == info.height);
            match info.width {
                16 => widths[0] += 1,
                32 => widths[1] += 1,
                other => panic!("a picture of {other} columns"),
            }
            seen.fetch_add(1, Ordering::Relaxed);
        }
    }
    widths
}

#[test]
fn change_of_size_tears_nothing_and_disconnects_no_viewer() {
    const VIEWERS: usize = 32;
    let (_running, _, address) = serve();
    let (stop, seen) = (AtomicBool::new(false), [const { AtomicU32::new(0) }; VIEWERS]);
    thread::scope(|scope| {
        let viewers: Vec<_> = seen.iter().map(|seen| scope.spawn(|| watch(&address, &stop, seen))).collect();
        let more = |since: &[u32]| {
            until(|| seen.iter().zip(since).all(|(seen, since)| seen.load(Ordering::Relaxed) > since + 2));
        };
        for size in ["32x32", "16x16", "32x32", "16x16", "32x32"] {
            let since: Vec<_> = seen.iter().map(|seen| seen.load(Ordering::Relaxed)).collect();
            more(&since);
            let (status, body) = post(&address, &json!({ "size": size }));
            assert_eq!(status, 200, "{body}");
        }
        let since: Vec<_> = seen.iter().map(|seen| seen.load(Ordering::Relaxed)).collect();
        more(&since);
        stop.store(true, Ordering::Relaxed);
        for viewer in viewers {
            let [small, large] = viewer.join().unwrap();
            assert!(small > 0 && large > 0, "{small} {large}");
        }
    });
}
