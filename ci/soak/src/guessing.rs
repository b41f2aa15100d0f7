//! Wrong passwords and tokens: from people who guess, and, behind the owner's own address, from an old tab and from a page
//! of another site. The owner comes in, wherever he is.

use crate::{
    http::{connect, get_with},
    server::Server,
    trial::until,
};
use std::{
    cell::Cell,
    fs, io,
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

/// "open sesame", with the cost that htpasswd's manual calls reasonable.
const USERS: &str = "ann:$2y$10$R7WeKpOBUaKMseXYRp2B5eEcPjDwVGdRc4RcvOm96eMaQmr6QTjzm\n";
const TOKEN: &str = "0123456789abcdef0123456789abcdef";
/// `ann:open sesame`
const RIGHT: &str = "Authorization: Basic YW5uOm9wZW4gc2VzYW1l\r\n";

/// People who guess, each from an address of his own, on so many connections.
const GUESSERS: u8 = 8;
const EACH: usize = 4;

/// How long they may take to begin.
const START: Duration = Duration::from_secs(30);

const HOME: Ipv4Addr = Ipv4Addr::new(127, 0, 1, 1);

#[derive(Clone, Debug)]
struct Crowd {
    server: SocketAddr,
    guesses: Rc<Cell<u64>>,
    at_home: Rc<Cell<u64>>,
}

/// Lets all of them guess for `length`; returns a line about what was seen.
pub(crate) async fn run(program: &Path, length: Duration) -> Result<String, String> {
    let folder = std::env::temp_dir().join(format!("eyelet-guessing-{}", std::process::id()));
    let outcome = guarded(program, &folder, length).await;
    let _ = fs::remove_dir_all(&folder);
    outcome
}

async fn guarded(program: &Path, folder: &Path, length: Duration) -> Result<String, String> {
    let (users, token) = (folder.join("users"), folder.join("token"));
    let write = || {
        fs::create_dir_all(folder)?;
        fs::write(&users, USERS)?;
        fs::write(&token, TOKEN)
    };
    write().map_err(|e| format!("cannot write to {}: {e}", folder.display()))?;
    let flags = [
        "--auth-file".into(),
        users.display().to_string(),
        "--token-file".into(),
        token.display().to_string(),
    ];
    let server = Server::start(program, &flags).await?;
    let crowd = Crowd { server: server.address, guesses: Rc::default(), at_home: Rc::default() };
    let mut all = JoinSet::new();
    for n in 0..usize::from(GUESSERS) * EACH {
        let (crowd, from) = (crowd.clone(), Ipv4Addr::new(127, 0, 8, 1 + (n / EACH) as u8));
        all.spawn_local(async move { crowd.guess(from).await });
    }
    for header in ["Authorization: Bearer last-years\r\n", "Authorization: Basic YW5uOm9wZW4g\r\n", ""] {
        let crowd = crowd.clone();
        all.spawn_local(async move { crowd.at_home(header).await });
    }
    until(START, "no guesses", || crowd.guesses.get() >= u64::from(GUESSERS)).await?;

    let (end, mut owners, mut later, mut slowest) = (Instant::now() + length, 0, 0, Duration::ZERO);
    while Instant::now() < end {
        // At home, and the first time from somewhere else.
        let elsewhere = Ipv4Addr::new(127, 0, 9 + (owners / 250) as u8, 1 + (owners % 250) as u8);
        let with_token = format!("/state?token={TOKEN}");
        for (from, path, headers) in
            [(HOME, "/state", RIGHT), (HOME, &with_token, ""), (elsewhere, "/state", RIGHT)]
        {
            let sent = Instant::now();
            // Where many passwords wait to be checked, a new one may get a 429: once.
            let mut answer = get_with(from, server.address, path, headers).await;
            if matches!(answer, Ok((429, _))) {
                later += 1;
                sleep(Duration::from_secs(1)).await;
                answer = get_with(from, server.address, path, headers).await;
            }
            match answer {
                Ok((200, _)) => slowest = slowest.max(sent.elapsed()),
                other => {
                    return Err(format!("the owner at {from} got {:?}", other.map(|(status, _)| status)));
                }
            }
        }
        owners += 1;
        sleep(Duration::from_millis(100)).await;
    }
    all.shutdown().await;
    server.stop().await?;
    let (seconds, guesses, at_home) = (length.as_secs(), crowd.guesses.get(), crowd.at_home.get());
    Ok(format!(
        "{seconds} s: {guesses} guesses from {GUESSERS} addresses, {at_home} wrong tries behind the owner's; the owner was \
         let in {} of {} times, {later} of them at the second try, the slowest after {:.1} s; exit code 0",
        3 * owners,
        3 * owners,
        slowest.as_secs_f64()
    ))
}

impl Crowd {
    /// Passwords, one after another.
    async fn guess(&self, from: Ipv4Addr) {
        loop {
            let number = self.guesses.get();
            self.guesses.set(number + 1);
            // "ann:open " and digits that are as good as any other base64.
            let headers = format!("Authorization: Basic YW5uOm9wZW4g{number:08}\r\n");
            self.ask(from, "/state", &headers).await;
        }
    }

    /// The same wrong proof again and again; without one, another token each time, as from a page.
    async fn at_home(&self, header: &str) {
        loop {
            let number = self.at_home.get();
            self.at_home.set(number + 1);
            match header {
                "" => self.ask(HOME, &format!("/?token={number}"), "Sec-Fetch-Site: cross-site\r\n").await,
                header => self.ask(HOME, "/state", header).await,
            }
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// What is answered is of no interest, as long as it opens nothing.
    async fn ask(&self, from: Ipv4Addr, path: &str, headers: &str) {
        if let Ok(answer) = self.answer(from, path, headers).await {
            assert!(!answer.starts_with(b"HTTP/1.1 2"), "{path} {headers} was let in");
        }
    }

    async fn answer(&self, from: Ipv4Addr, path: &str, headers: &str) -> io::Result<Vec<u8>> {
        let mut socket = connect(from, self.server).await?;
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\n");
        socket.write_all(request.as_bytes()).await?;
        let mut answer = Vec::new();
        socket.read_to_end(&mut answer).await?;
        Ok(answer)
    }
}
