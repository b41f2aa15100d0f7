//! The upload server: keeps a list of what came, and is in a bad mood as often as not.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Mood {
    Well,
    /// Refuses, hangs up and stays silent at random.
    Erratic,
    /// Refuses everything.
    Down,
}

/// One picture that the server kept.
#[derive(Clone)]
pub(crate) struct Arrival {
    pub(crate) life: u64,
    pub(crate) sequence: u64,
    pub(crate) body: Vec<u8>,
    /// Whether the server confirmed it.
    pub(crate) answered: bool,
}

#[derive(Clone)]
pub(crate) struct Server {
    address: String,
    open: Arc<AtomicUsize>,
    state: Arc<Mutex<State>>,
}

struct State {
    rng: fastrand::Rng,
    mood: Mood,
    arrivals: Vec<Arrival>,
}

impl Server {
    pub(crate) fn start(rng: fastrand::Rng) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let state = State { rng, mood: Mood::Well, arrivals: Vec::new() };
        let server = Self { address, open: Arc::default(), state: Arc::new(Mutex::new(state)) };
        let shared = server.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let server = shared.clone();
                server.open.fetch_add(1, Ordering::SeqCst);
                thread::spawn(move || {
                    // An error is a client that has died.
                    let _ = server.serve(stream.unwrap());
                    server.open.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        server
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    pub(crate) fn mood(&self, mood: Mood) {
        self.state.lock().unwrap().mood = mood;
    }

    pub(crate) fn arrivals(&self) -> Vec<Arrival> {
        self.state.lock().unwrap().arrivals.clone()
    }

    /// Until every connection has ended: those of dead clients do.
    pub(crate) fn wait_until_quiet(&self) {
        // Once this one is answered, those that came before it are no longer in the listener's queue.
        let mut probe = TcpStream::connect(&self.address).unwrap();
        probe.shutdown(Shutdown::Write).unwrap();
        assert_eq!(probe.read(&mut [0]).unwrap(), 0);
        let begun = Instant::now();
        while self.open.load(Ordering::SeqCst) > 0 {
            assert!(begun.elapsed() < Duration::from_secs(30), "a connection of a dead client stays open");
            thread::sleep(Duration::from_micros(200));
        }
    }

    fn serve(&self, mut stream: TcpStream) -> io::Result<()> {
        let mut reader = BufReader::new(stream.try_clone()?);
        loop {
            let mut head = String::new();
            while !head.ends_with("\r\n\r\n") {
                if reader.read_line(&mut head)? == 0 {
                    return Ok(());
                }
            }
            let header = |name: &str| {
                let mut lines = head.lines().filter_map(|line| line.split_once(": "));
                lines.find(|(key, _)| key.eq_ignore_ascii_case(name)).unwrap().1
            };
            let mut body = vec![0; header("content-length").parse().unwrap()];
            reader.read_exact(&mut body)?;
            let life = u64::from_str_radix(header("x-run"), 16).unwrap();
            let sequence = header("x-sequence").parse().unwrap();
            match self.decide(Arrival { life, sequence, body, answered: true }) {
                Some(answer) => stream.write_all(answer.as_bytes())?,
                None => return Ok(()),
            }
        }
    }

    /// Keeps the picture or not, and returns the answer for the client; nothing hangs up.
    fn decide(&self, arrival: Arrival) -> Option<&'static str> {
        let mut state = self.state.lock().unwrap();
        let roll = match state.mood {
            Mood::Well => u8::MAX,
            Mood::Erratic => state.rng.u8(0..24),
            Mood::Down => 0,
        };
        let (kept, answer) = match roll {
            0 => (false, Some("HTTP/1.1 500 Oops\r\ncontent-length: 0\r\n\r\n")),
            1 => (false, Some("HTTP/1.1 429 Slow\r\nretry-after: 0\r\ncontent-length: 0\r\n\r\n")),
            2 => (false, None),
            3 => (true, None),
            4 => (true, Some("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\ncut")), // and then silence
            _ => (true, Some("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")),
        };
        if kept {
            state.arrivals.push(Arrival { answered: roll > 4, ..arrival });
        }
        answer
    }
}
