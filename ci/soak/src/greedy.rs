//! Eight addresses that have every place, and are always at work: one request after another, many in one packet.

use crate::{
    http::connect,
    trial::{Trial, until},
};
use fastrand::Rng;
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
    task::JoinSet,
    time::{Instant, sleep},
};

const ADDRESSES: u8 = 8;
/// How long they may take to come.
const START: Duration = Duration::from_secs(30);
/// From each: as many as the server lets one address have.
const EACH: usize = 32;

const PATHS: [&str; 2] = ["/snapshot", "/healthz"];

/// Sends requests from elsewhere for `length` while all places are taken; returns a line about what was seen.
pub(crate) async fn run(program: &Path, length: Duration, seed: u64) -> Result<String, String> {
    let mut rng = Rng::with_seed(seed);
    let trial = Trial::start(program, &[]).await?;
    let address = trial.server.address;

    let came = Rc::<Cell<usize>>::default();
    let mut greedy = JoinSet::new();
    for n in 0..usize::from(ADDRESSES) * EACH {
        let from = Ipv4Addr::new(127, 0, 8, 1 + (n % usize::from(ADDRESSES)) as u8);
        let (came, path, to) = (Rc::clone(&came), PATHS[n / EACH % PATHS.len()], address);
        greedy.spawn_local(async move {
            loop {
                came.set(came.get() + 1);
                // Closed or refused: it comes again, as soon as others have had their turn.
                if ask(from, to, path).await.is_err() {
                    sleep(Duration::from_millis(10)).await;
                }
            }
        });
    }
    // All places are taken from here on.
    let connections = usize::from(ADDRESSES) * EACH;
    until(START, "not all places are taken", || came.get() >= connections).await?;
    trial.questions.clone().run(rng.fork(), Instant::now() + length).await;
    greedy.shutdown().await;
    let refused = trial.questions.refused.borrow().len();
    if refused > 0 {
        return Err(format!("{refused} requests were refused"));
    }
    trial.server.returns_to(trial.start, 4 * crate::SLACK_KIB).await?;
    let (seconds, requests, came) = (length.as_secs(), trial.end().await?, came.get());
    Ok(format!(
        "{seconds} s, seed {seed}: {ADDRESSES} addresses with {EACH} connections each ask without end (came {came} \
         times); {requests} requests of another one answered; exit code 0"
    ))
}

/// Until the server closes.
async fn ask(from: Ipv4Addr, to: SocketAddr, path: &str) -> io::Result<()> {
    let (mut reader, mut writer) = connect(from, to).await?.into_split();
    let many = format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").repeat(100);
    let ask = async {
        loop {
            writer.write_all(many.as_bytes()).await?;
        }
    };
    let read = async {
        let mut ignored = vec![0; 64 * 1024];
        while reader.read(&mut ignored).await? > 0 {}
        Err(io::ErrorKind::UnexpectedEof.into())
    };
    tokio::select! {
        ended = ask => ended,
        ended = read => ended,
    }
}
