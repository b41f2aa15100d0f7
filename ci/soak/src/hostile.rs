//! Peers that mean no good, by the thousand, while honest viewers watch.
//!
//! All come from this machine; so that the server's limits for each address mean something, every sort has
//! addresses of its own in 127.0.0.0/8.

use crate::{
    http::connect,
    rate::{self, Rate},
    trial::Trial,
    viewer::{Place, Sort},
};
use fastrand::Rng;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::{
    cell::Cell,
    io,
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    rc::Rc,
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    task::JoinSet,
    time::{Instant, sleep, sleep_until, timeout},
};

/// Connections that send nothing: half of them from many addresses, 25 from each, half from one.
const SILENT: usize = 2000;
/// Connections that send a header, a byte a second, 25 from each address.
const SLOW: usize = 500;
/// Viewers that ask for the stream and never read, 10 from each address.
const DEAF: usize = 200;

const HONEST: u8 = 8;

/// The honest viewers are there first.
const QUIET: Duration = Duration::from_secs(3);

/// A peer that the server closed comes again after this.
const AGAIN: Duration = Duration::from_secs(5);

/// Files of this process: one for each peer, and some.
const FILES: u64 = 4096;

/// Attacks twice, each time for `length`; returns a line about what was seen.
pub(crate) async fn run(program: &Path, length: Duration, seed: u64) -> Result<String, String> {
    let mut rng = Rng::with_seed(seed);
    // Each peer is in the log.
    let flags = ["--fps", "30", "--max-viewers", "256", "--log", "debug"].map(str::to_owned);
    // The server has as many files as it would have without this program.
    let trial = Trial::start(program, &flags).await?;
    more_files()?;

    // What the allocator keeps after the first attack is no leak; what a second one adds would be.
    // During the first the log's reader stands still.
    trial.server.read_log(false);
    attack(&trial, length, &mut rng).await?;
    trial.server.read_log(true);
    let before = trial.server.at_rest().await?;
    let Attack { fps, most, summary } = attack(&trial, length, &mut rng).await?;
    let after = trial.server.returns_to(before, crate::SLACK_KIB).await?;
    let start = trial.start;
    if (before.files, before.threads) != (start.files, start.threads) {
        return Err(format!("a leak: {start} at the start, {before} after the first attack"));
    }
    let (seconds, requests) = (length.as_secs(), trial.end().await?);
    Ok(format!(
        "twice {seconds} s, seed {seed}: {summary}; {HONEST} honest viewers {fps}; \
         {requests} other requests answered; {most} files at most; at the start: {start}; after a first attack: \
         {before}; after the second: {after}; exit code 0"
    ))
}

struct Attack {
    /// What the honest viewers got.
    fps: String,
    /// Files that the server had open at once.
    most: usize,
    /// How many of whom there were.
    summary: String,
}

async fn attack(trial: &Trial, length: Duration, rng: &mut Rng) -> Result<Attack, String> {
    let Trial { server, book, questions, .. } = trial;
    let begin = Instant::now() + QUIET;
    let end = begin + length;
    let places: Vec<Place> =
        (1..=HONEST).map(|n| Place::new(Ipv4Addr::new(127, 0, 1, n), server.address, book.clone())).collect();
    let mut good = JoinSet::new();
    for place in &places {
        let (place, mut rng) = (place.clone(), rng.fork());
        good.spawn_local(async move { place.viewer(Sort::Honest, &mut rng, end).await });
    }
    good.spawn_local(questions.clone().run(rng.fork(), end));

    sleep_until(begin).await;
    let rates = || -> Vec<Rate> { places.iter().map(|place| place.rate.take()).collect() };
    rates();
    let waited = server.starved();
    let crowd = Crowd::new(server.address);
    let mut bad = crowd.spawn();
    let mut most = 0;
    while Instant::now() < end {
        most = most.max(server.resources()?.files);
        sleep(Duration::from_millis(200)).await;
    }
    let starved = server.starved().saturating_sub(waited).div_duration_f64(length);
    while let Some(done) = good.join_next().await {
        done.map_err(|e| e.to_string())?;
    }
    bad.shutdown().await;

    let fps = rate::kept(book, &rates(), &[], starved);
    Ok(Attack { fps, most, summary: crowd.summary() })
}

fn more_files() -> Result<(), String> {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    let current = maximum.map_or(FILES, |maximum| maximum.min(FILES));
    if current < FILES {
        return Err(format!("{FILES} open files are needed and {current} allowed; raise it with ulimit -n"));
    }
    let limit = Rlimit { current: Some(current), maximum };
    setrlimit(Resource::Nofile, limit).map_err(|e| format!("cannot have {FILES} files open: {e}"))
}

/// All who mean no good, and how often they came.
#[derive(Clone, Debug)]
struct Crowd {
    server: SocketAddr,
    silent: Rc<Cell<usize>>,
    slow: Rc<Cell<usize>>,
    deaf: Rc<Cell<usize>>,
}

impl Crowd {
    fn new(server: SocketAddr) -> Self {
        Self { server, silent: Rc::default(), slow: Rc::default(), deaf: Rc::default() }
    }

    fn spawn(&self) -> JoinSet<()> {
        let mut all = JoinSet::new();
        for n in 0..SILENT {
            let from = if n % 2 == 0 { address(4, n / 50) } else { address(5, 0) };
            let crowd = self.clone();
            all.spawn_local(async move { crowd.again(&crowd.silent, || crowd.silent(from)).await });
        }
        for n in 0..SLOW {
            let (from, crowd) = (address(6, n / 25), self.clone());
            all.spawn_local(async move { crowd.again(&crowd.slow, || crowd.slow(from)).await });
        }
        for n in 0..DEAF {
            let (from, crowd) = (address(7, n / 10), self.clone());
            all.spawn_local(async move { crowd.again(&crowd.deaf, || crowd.deaf(from)).await });
        }
        all
    }

    fn summary(&self) -> String {
        let (silent, slow, deaf) = (self.silent.get(), self.slow.get(), self.deaf.get());
        format!(
            "{SILENT} silent peers (came {silent} times), {SLOW} slow ones ({slow}), {DEAF} that never read \
             ({deaf})"
        )
    }

    /// For ever; the server may close as often as it likes.
    async fn again<F: Future<Output = io::Result<()>>>(&self, count: &Cell<usize>, peer: impl Fn() -> F) {
        loop {
            count.set(count.get() + 1);
            // Refused, closed or reset: all the same.
            let _ = peer().await;
            sleep(AGAIN).await;
        }
    }

    async fn silent(&self, from: Ipv4Addr) -> io::Result<()> {
        closed(&mut connect(from, self.server).await?).await
    }

    async fn slow(&self, from: Ipv4Addr) -> io::Result<()> {
        let mut socket = connect(from, self.server).await?;
        for byte in b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ".iter().chain(b"abcdefghij".iter().cycle()) {
            socket.write_all(&[*byte]).await?;
            if timeout(Duration::from_secs(1), closed(&mut socket)).await.is_ok() {
                break;
            }
        }
        Ok(())
    }

    async fn deaf(&self, from: Ipv4Addr) -> io::Result<()> {
        let socket = TcpSocket::new_v4()?;
        socket.set_recv_buffer_size(4096)?;
        socket.bind((from, 0).into())?;
        let mut socket = socket.connect(self.server).await?;
        socket.write_all(b"GET /stream HTTP/1.1\r\nHost: x\r\n\r\n").await?;
        // Never reading, it learns of its end only by writing.
        loop {
            sleep(AGAIN).await;
            socket.write_all(b"x").await?;
        }
    }
}

fn address(sort: u8, n: usize) -> Ipv4Addr {
    Ipv4Addr::new(127, 0, sort, 1 + n as u8)
}

/// Until the server closes.
async fn closed(socket: &mut TcpStream) -> io::Result<()> {
    let mut ignored = [0; 512];
    while socket.read(&mut ignored).await? > 0 {}
    Ok(())
}
