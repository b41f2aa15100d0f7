//! The program under test, as a process: its log, what it holds, and how it ends.

use rustix::process::{Pid, Signal, kill_process};
use std::{
    cell::RefCell, collections::VecDeque, fmt, fs, net::SocketAddr, path::Path, process::Stdio, rc::Rc,
    time::Duration,
};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, BufReader},
    process::{Child, Command},
    time::{Instant, sleep, timeout},
};

/// How long it may take to start, and to end.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long it may take to let go of what it held for peers that are gone.
const RETURN: Duration = Duration::from_secs(90);

/// As many lines of its log are shown when something went wrong.
const SHOWN: usize = 20;

/// What a process holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Resources {
    pub(crate) files: usize,
    pub(crate) threads: u64,
    pub(crate) rss_kib: u64,
}

impl fmt::Display for Resources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mib = self.rss_kib as f64 / 1024.0;
        write!(f, "{} files, {} threads, {mib:.1} MiB", self.files, self.threads)
    }
}

/// A running `eyelet-sim serve`; killed when dropped.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    pid: Pid,
    pub(crate) address: SocketAddr,
    log: Rc<RefCell<Log>>,
}

/// How long the threads of a process have been ready to run and had no processor.
fn waited(process: &str) -> Duration {
    let threads = fs::read_dir(format!("/proc/{process}/task"));
    let waited = threads.into_iter().flatten().flatten().filter_map(|thread| {
        let statistics = fs::read_to_string(thread.path().join("schedstat")).ok()?;
        statistics.split(' ').nth(1)?.parse::<u64>().ok()
    });
    Duration::from_nanos(waited.sum())
}

/// How long each processor of this machine, if that is a virtual one, has been taken from it: the average.
fn stolen() -> Duration {
    let statistics = fs::read_to_string("/proc/stat").unwrap_or_default();
    let mut processors = statistics.lines().filter(|line| line.starts_with("cpu"));
    let all = processors.next().and_then(|line| line.split_whitespace().nth(8)?.parse::<u64>().ok());
    // In hundredths of a second.
    let count = u64::try_from(processors.count()).unwrap_or(1).max(1);
    Duration::from_millis(10 * all.unwrap_or(0) / count)
}

#[derive(Debug, Default)]
struct Log {
    last: VecDeque<String>,
    /// How often the simulated camera was pulled out.
    unplugged: usize,
    panicked: bool,
    /// It is not read: its pipe fills up.
    unread: bool,
}

impl Server {
    /// Starts it on a free port and waits until it listens.
    pub(crate) async fn start(program: &Path, flags: &[String]) -> Result<Self, String> {
        let cannot = |e: std::io::Error| format!("cannot start {}: {e}; is it built?", program.display());
        let mut child = Command::new(program)
            .args(["serve", "--bind", "127.0.0.1:0", "--camera", "sim"])
            .args(flags)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(cannot)?;
        let pid =
            child.id().and_then(|id| Pid::from_raw(id.try_into().ok()?)).ok_or("it has no process id")?;
        let log = Rc::default();
        if let Some(stderr) = child.stderr.take() {
            tokio::task::spawn_local(keep(stderr, Rc::clone(&log)));
        }
        let stdout = child.stdout.take().ok_or("it has no stdout")?;
        let mut lines = BufReader::new(stdout).lines();
        let first = timeout(PATIENCE, lines.next_line()).await;
        let line = first.ok().and_then(Result::ok).flatten().unwrap_or_default();
        let address = line
            .strip_prefix("streaming on http://")
            .and_then(|rest| rest.trim_end_matches('/').parse().ok())
            .ok_or_else(|| format!("it does not say where it streams: {line:?}{}", log.borrow()))?;
        Ok(Self { child, pid, address, log })
    }

    /// Whether its log is read. While it is not, the pipe is soon full, and the server must go on.
    pub(crate) fn read_log(&self, read: bool) {
        self.log.borrow_mut().unread = !read;
    }

    /// What it holds now.
    pub(crate) fn resources(&self) -> Result<Resources, String> {
        let folder = format!("/proc/{}", self.pid.as_raw_nonzero());
        let gone = |e| format!("{folder}: {e}; has it ended?{}", self.log.borrow());
        let status = fs::read_to_string(format!("{folder}/status")).map_err(gone)?;
        let number = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            line.and_then(|rest| rest.split_whitespace().next()?.parse().ok())
                .ok_or_else(|| format!("no {name} in {folder}/status; has it ended?{}", self.log.borrow()))
        };
        let files = fs::read_dir(format!("{folder}/fd")).map_err(gone)?.count();
        Ok(Resources { files, threads: number("Threads:")?, rss_kib: number("VmRSS:")? })
    }

    /// How long its threads and those of its viewers, which are ours, have been ready to run and had no processor: busy
    /// machines have no time for them. It shrinks where a thread ends, which takes its count along.
    pub(crate) fn starved(&self) -> Duration {
        waited(&self.pid.as_raw_nonzero().to_string()) + waited("self") + stolen()
    }

    /// What it holds at rest: once this has not changed for a second.
    pub(crate) async fn at_rest(&self) -> Result<Resources, String> {
        let end = Instant::now() + RETURN;
        let (mut last, mut same) = (self.resources()?, 0);
        while same < 5 {
            if Instant::now() > end {
                return Err(format!("it does not come to rest: {last}"));
            }
            sleep(Duration::from_millis(200)).await;
            let now = self.resources()?;
            same = if (now.files, now.threads) == (last.files, last.threads) { same + 1 } else { 0 };
            last = now;
        }
        Ok(last)
    }

    /// Waits until it holds what it held before, but for `slack_kib` of memory; returns what it then holds.
    pub(crate) async fn returns_to(&self, before: Resources, slack_kib: u64) -> Result<Resources, String> {
        let end = Instant::now() + RETURN;
        loop {
            let now = self.resources()?;
            if now.files <= before.files
                && now.threads <= before.threads
                && now.rss_kib <= before.rss_kib + slack_kib
            {
                return Ok(now);
            }
            if Instant::now() > end {
                let slack = slack_kib / 1024;
                return Err(format!("a leak: {before} before, {now} after (memory may grow by {slack} MiB)"));
            }
            sleep(Duration::from_millis(200)).await;
        }
    }

    /// How often its camera was pulled out.
    pub(crate) fn unplugged(&self) -> usize {
        self.log.borrow().unplugged
    }

    /// Ends it by SIGTERM: it must exit with 0, and have panicked nowhere.
    pub(crate) async fn stop(mut self) -> Result<(), String> {
        let pid = self.pid;
        kill_process(pid, Signal::TERM)
            .map_err(|e| format!("it has ended early ({e}){}", self.log.borrow()))?;
        match timeout(PATIENCE, self.child.wait()).await {
            Err(_) => Err(format!("it did not end within {PATIENCE:?} of SIGTERM{}", self.log.borrow())),
            Ok(Ok(status)) if status.success() && !self.log.borrow().panicked => Ok(()),
            Ok(Ok(status)) => Err(format!("it ended with {status}{}", self.log.borrow())),
            Ok(Err(e)) => Err(format!("cannot wait for it: {e}")),
        }
    }
}

async fn keep(stderr: impl AsyncRead + Unpin, log: Rc<RefCell<Log>>) {
    let mut lines = BufReader::new(stderr).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        while log.borrow().unread {
            sleep(Duration::from_millis(100)).await;
        }
        let mut log = log.borrow_mut();
        log.unplugged += usize::from(line.contains("unplugged; plug it in again"));
        log.panicked |= line.contains("panicked");
        if log.last.len() == SHOWN {
            log.last.pop_front();
        }
        log.last.push_back(line);
    }
}

impl fmt::Display for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("; its log:")?;
        self.last.iter().try_for_each(|line| write!(f, "\n  {line}"))
    }
}
