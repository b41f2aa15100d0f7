//! A server without viewers rests, however the last ones have left: counted in times that its threads went to sleep.

use crate::support::{PATIENCE, Program, send};
use std::{
    fs,
    io::Read,
    net::{Shutdown, TcpStream},
    thread,
    time::{Duration, Instant},
};

/// Without viewers the threads sleep 8 times a second; with the camera awake, more than 30 times.
const RESTING: f64 = 20.0;

struct Server {
    program: Program,
    address: String,
}

impl Server {
    fn start() -> Self {
        let mut program = Program::serve(&["--scene", "detail"]);
        let address = program.address();
        Self { program, address }
    }

    fn ask(&self, request: &str) -> TcpStream {
        send(&self.address, request)
    }

    /// How often threads have gone to sleep of themselves. Being interrupted by others does not count.
    fn sleeps(&self) -> u64 {
        let threads = fs::read_dir(format!("/proc/{}/task", self.program.id())).unwrap();
        threads
            .map(|thread| {
                let status = fs::read_to_string(thread.unwrap().path().join("status")).unwrap();
                let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
                line.unwrap().trim().parse::<u64>().unwrap()
            })
            .sum()
    }

    #[track_caller]
    fn rests(&self, after: &str) {
        let start = Instant::now();
        loop {
            let (before, began) = (self.sleeps(), Instant::now());
            thread::sleep(Duration::from_secs(2));
            let rate = (self.sleeps() - before) as f64 / began.elapsed().as_secs_f64();
            if rate < RESTING {
                return;
            }
            assert!(start.elapsed() < PATIENCE, "after {after}: {rate:.0} a second");
        }
    }
}

const STREAM: &str = "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n";
const SNAPSHOT: &str = "GET /snapshot HTTP/1.1\r\nHost: x\r\n\r\n";

#[test]
fn server_without_viewers_rests_however_they_left() {
    let server = Server::start();
    let some = |socket: &mut TcpStream| socket.read_exact(&mut [0; 100_000]).unwrap();
    server.rests("the start");

    let mut reader = server.ask(STREAM);
    some(&mut reader);
    drop(reader);
    server.rests("a viewer that left in the middle of a picture");

    let mut full = server.ask(STREAM);
    some(&mut full);
    // Until the kernel holds all that it can.
    thread::sleep(Duration::from_secs(1));
    drop(full);
    server.rests("a viewer that did not read");

    let mut half = server.ask(STREAM);
    half.shutdown(Shutdown::Write).unwrap();
    some(&mut half);
    drop(half);
    server.rests("a viewer that closed one side, then the other");

    for request in [STREAM, SNAPSHOT, &format!("{SNAPSHOT}{STREAM}"), "GET /stream HTTP/1.1\r\nHost:"] {
        for _ in 0..8 {
            drop(server.ask(request));
        }
        server.rests(&format!("peers that left at once after {request:?}"));
    }
}
