//! The application with a simulated camera.

use eyelet_core::app::Running;
use eyelet_hal::{clock::SystemClock, jpeg};
use eyelet_sim::{
    camera::{SimCamera, SimConfig},
    fault::{FaultConfig, Faults},
};
use std::{
    io::{Read, Write},
    net::TcpStream,
    num::NonZeroU64,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

/// The application, on a free port, with a camera that has these faults.
fn start(faults: FaultConfig) -> Running {
    let clock = Arc::new(SystemClock);
    let faults = Faults::new(faults, 1, clock.clone());
    let open = move || faults.open(|| SimCamera::open(SimConfig::default(), clock.clone()));
    ::my_camera::app().camera(open).bind("127.0.0.1:0").start().unwrap()
}

/// The status and the body of `GET path`.
fn get(app: &Running, path: &str) -> (u16, Vec<u8>) {
    let address = app.addresses()[0].trim_start_matches("http://").trim_end_matches('/');
    let mut socket = TcpStream::connect(address).unwrap();
    write!(socket, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").unwrap();
    let mut reply = Vec::new();
    socket.read_to_end(&mut reply).unwrap();
    let head = reply.windows(4).position(|end| end == b"\r\n\r\n").unwrap() + 4;
    let status = str::from_utf8(&reply[9..12]).unwrap().parse().unwrap();
    (status, reply.split_off(head))
}

/// Asks again and again until `path` answers with `status`, and returns the body.
fn until(app: &Running, path: &str, status: u16) -> Vec<u8> {
    let start = Instant::now();
    loop {
        let (got, body) = get(app, path);
        if got == status {
            return body;
        }
        assert!(start.elapsed() < Duration::from_secs(20), "{path} answers {got}, not {status}");
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn snapshot_is_a_picture_of_the_camera() {
    let app = start(FaultConfig::default());
    let picture = until(&app, "/snapshot", 200);
    assert_eq!(jpeg::size(&picture), Some((640, 480)));
}

#[test]
fn camera_that_is_unplugged_comes_back() {
    let mut faults = FaultConfig::default();
    faults.unplug_after = NonZeroU64::new(30);
    faults.unplug_for = Duration::from_secs(1);
    let app = start(faults);
    for status in [200, 503, 200] {
        until(&app, "/healthz", status);
    }
}
