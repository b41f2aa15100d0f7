//! Mutated requests by the thousand: each is answered or its connection closed, and the server goes on.

use crate::{
    http::{Manner, Stream, connect, get},
    server::Server,
};
use eyelet_soak::mutation::mutated;
use fastrand::Rng;
use std::{
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    task::{JoinError, JoinSet},
    time::{Instant, timeout},
};

/// So many are under way at once; after each such batch the server must answer a good one.
const BATCH: usize = 100;

/// A peer that has closed its side is done with at once, but for a snapshot that waits for a frame (5 s); one that
/// keeps it open and sends nothing more gets its time.
const CLOSED: Duration = Duration::from_secs(20);
const OPEN: Duration = Duration::from_secs(40);

/// Of so many peers, one keeps its side open.
const OPEN_ONE_IN: usize = 20;

/// What a peer reads before it leaves: a stream has no end.
const ENOUGH: usize = 256 * 1024;

const GOOD: [&str; 14] = [
    "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "GET /stream HTTP/1.1\r\nHost: x\r\nAccept: */*\r\n\r\n",
    "GET /stream?fps=5 HTTP/1.0\r\nAccept: image/avif,image/webp,*/*;q=0.8\r\n\r\n",
    "GET /snapshot HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    "HEAD /snapshot.jpg HTTP/1.1\r\nHost: x\r\nConnection: keep-alive\r\n\r\n",
    "GET /?action=stream&fps=0.5 HTTP/1.1\r\nHost: x\r\n\r\n",
    "GET http://camera.example:8000/state?a=b#c HTTP/1.1\r\nHost: [::1]:8000\r\n\r\n",
    "GET /metrics HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\n\r\nGET /state HTTP/1.1\r\nHost: x\r\n\r\n",
    "POST /state HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\nhello",
    "PUT /upload HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nTrailer: x\r\n\r\n",
    "OPTIONS * HTTP/1.1\r\nHost: x\r\nOrigin: http://evil.example\r\n\r\n",
    "GET /healthz\r\n",
    "GET //stream/../%73tate HTTP/1.1\r\nHost: x\r\nUpgrade: h2c, websocket\r\nConnection: upgrade\r\n\r\n",
    "GET /stream?token=a HTTP/1.1\r\nHost: x\r\nAuthorization: Basic YTpi\r\nCookie: a=b\r\n X-Folded: 1\r\n\r\n",
];

/// Sends `count` of them; returns a line about the answers.
pub(crate) async fn run(program: &Path, count: usize, seed: u64) -> Result<String, String> {
    let flags = ["--fps", "30", "--max-viewers", "1000"].map(str::to_owned);
    let server = Server::start(program, &flags).await?;
    let corpus: Vec<Vec<u8>> = GOOD.iter().map(|good| good.as_bytes().to_vec()).collect();
    let mut rng = Rng::with_seed(seed);
    let mut tally = Tally::default();
    let mut before = None;
    // These last until the server's timeout, which is not waited for.
    let mut open = JoinSet::new();
    for begin in (0..count).step_by(BATCH) {
        let mut batch = JoinSet::new();
        for index in begin..count.min(begin + BATCH) {
            let request = mutated(&mut rng, &corpus);
            let from = Ipv4Addr::new(127, 0, 3, 1 + (index % 100) as u8);
            let side = if rng.usize(..OPEN_ONE_IN) == 0 { Side::Open } else { Side::Closed };
            let set = if side == Side::Open { &mut open } else { &mut batch };
            set.spawn_local(send(from, server.address, request, side, rng.fork()));
        }
        while let Some(done) = batch.join_next().await {
            tally.add(done)?;
        }
        while let Some(done) = open.try_join_next() {
            tally.add(done)?;
        }
        if before.is_none() && begin >= count / 4 {
            // The allocator has by now what it ever needs.
            while let Some(done) = open.join_next().await {
                tally.add(done)?;
            }
            before = Some(server.at_rest().await?);
        }
        alive(server.address).await.map_err(|e| format!("after {} mutated requests: {e}", begin + BATCH))?;
    }
    while let Some(done) = open.join_next().await {
        tally.add(done)?;
    }
    let before = before.ok_or("no requests, no figures")?;
    let after = server.returns_to(before, crate::SLACK_KIB).await?;
    server.stop().await?;
    let Tally { answered, closed, slowest } = tally;
    let slowest = slowest.as_secs_f64();
    Ok(format!(
        "{count} mutated requests, seed {seed}: {answered} answered, {closed} closed without a word, the slowest \
         after {slowest:.1} s; after a quarter: {before}; after all: {after}; exit code 0"
    ))
}

#[derive(Debug, Default)]
struct Tally {
    answered: usize,
    closed: usize,
    slowest: Duration,
}

impl Tally {
    fn add(&mut self, done: Result<Sent, JoinError>) -> Result<(), String> {
        let (answered, took) = done.map_err(|e| e.to_string())??;
        *if answered { &mut self.answered } else { &mut self.closed } += 1;
        self.slowest = self.slowest.max(took);
        Ok(())
    }
}

/// Whether an answer came, and how long it took until it or the end of the connection did.
type Sent = Result<(bool, Duration), String>;

/// What a peer does with its side of the connection once everything is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Closed,
    Open,
}

async fn send(from: Ipv4Addr, to: SocketAddr, request: Vec<u8>, side: Side, mut rng: Rng) -> Sent {
    let shown = || request[..request.len().min(300)].escape_ascii().to_string();
    let mut socket = connect(from, to).await.map_err(|e| format!("no connection: {e}"))?;
    let begun = Instant::now();
    let exchange = async {
        let (first, rest) = request.split_at(rng.usize(..=request.len()));
        // A server that has read enough may close before all is written.
        let _ = socket.write_all(first).await;
        tokio::task::yield_now().await;
        let _ = socket.write_all(rest).await;
        if side == Side::Closed {
            let _ = socket.shutdown().await;
        }
        let (mut answer, mut buffer) = (Vec::new(), vec![0; 16 * 1024]);
        let mut first = None;
        while answer.len() < ENOUGH && !is_stream(&answer) {
            match socket.read(&mut buffer).await {
                Ok(read) if read > 0 => answer.extend_from_slice(&buffer[..read]),
                // Closed, or reset because it had not read all of it.
                _ => break,
            }
            first.get_or_insert_with(|| begun.elapsed());
            if side == Side::Open {
                break;
            }
        }
        (answer, first)
    };
    let limit = if side == Side::Open { OPEN } else { CLOSED };
    let Ok((answer, first)) = timeout(limit, exchange).await else {
        return Err(format!("neither answered nor closed within {limit:?} ({side:?}): {}", shown()));
    };
    if !answer.is_empty() && !answer.starts_with(b"HTTP/1.") {
        return Err(format!(
            "a strange answer, {:?}, to {}",
            answer[..answer.len().min(20)].escape_ascii().to_string(),
            shown()
        ));
    }
    Ok((!answer.is_empty(), first.unwrap_or_else(|| begun.elapsed())))
}

/// A stream continues for a client that has closed its side, and at a slow rate for as long as it cares to wait.
fn is_stream(answer: &[u8]) -> bool {
    // All its kinds have the same first part.
    const FIRST: &[u8] = b"\r\n\r\n--frame\r\n";
    answer.windows(FIRST.len()).any(|window| window == FIRST)
}

/// A good peer is served.
async fn alive(server: SocketAddr) -> Result<(), String> {
    let from = Ipv4Addr::new(127, 0, 1, 1);
    let (status, _) = get(from, server, "/state").await.map_err(|e| e.to_string())?;
    if status != 200 {
        return Err(format!("/state: status {status}"));
    }
    let picture = async {
        let mut stream = Stream::open(from, server, Manner::default()).await?;
        stream.next(&mut Vec::new()).await
    };
    picture.await.map(drop).map_err(|e| format!("/stream: {e}"))
}
