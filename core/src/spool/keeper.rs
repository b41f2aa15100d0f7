//! The thread that owns a spool: it receives pictures from the camera, and passes them to the sender.

use super::{
    disk::Disk,
    options::{Options, WhenFull},
    queue::{NotTaken, Spool, Stored},
    shortage::Shortage,
};
use crate::feed::{Picture, Queue, metrics::SpoolCounters};
use eyelet_hal::{Error, ErrorKind, Result};
use std::{
    io,
    sync::{
        Arc,
        mpsc::{Receiver, channel},
    },
    thread,
    time::Duration,
};
use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, sleep_until},
};
use tracing::{error, info, warn};

/// How many pictures may wait in memory for the disk: a quarter of a second at 30 fps, while the disk is busy.
pub const QUEUE_DEPTH: usize = 8;

/// The pause between attempts while the disk fails.
const PAUSE: Duration = Duration::from_secs(1);

/// How long a stop waits for the disk, which may never respond.
const STOP: Duration = Duration::from_secs(5);

/// A running spool. Dropping it stores what the camera has already delivered, then stops the thread.
#[derive(Debug)]
pub struct Keeper {
    /// `Some` until dropped.
    requests: Option<mpsc::UnboundedSender<Request>>,
    options: Options,
    counters: SpoolCounters,
    /// Notified when the thread has ended.
    ended: Receiver<()>,
}

#[derive(Debug)]
enum Request {
    Oldest(oneshot::Sender<Stored>),
    Sent(u64),
    Refused(u64),
}

impl Keeper {
    /// Spools every picture of the queue.
    ///
    /// # Errors
    /// `OutOfMemory` if the system cannot start a thread.
    pub fn start<D: Disk>(spool: Spool<D>, pictures: Queue) -> Result<Self> {
        Self::start_with(spool, pictures, Shortage::remedy)
    }

    /// [`start`](Self::start), for a program that knows better remedies, such as its flags.
    ///
    /// # Errors
    /// As `start`.
    pub fn start_with<D: Disk>(
        spool: Spool<D>,
        pictures: Queue,
        remedy: fn(Shortage) -> &'static str,
    ) -> Result<Self> {
        let failed = |e: std::io::Error| {
            let what = format!("cannot start the spool's thread: {e}");
            Error::new(ErrorKind::OutOfMemory, what)
                .with_remedy("is the process limit reached?")
                .with_source(e)
        };
        let (requests, received) = mpsc::unbounded_channel();
        let (ending, ended) = channel();
        let (options, counters) = (spool.options(), spool.counters().clone());
        // Waits only for channels and time, and may block: it has the thread to itself.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().map_err(failed)?;
        let disk = Outage::default();
        let thread =
            KeeperThread { spool, remedy, logged: None, overflowed: 0, waits: None, unwritten: None, disk };
        let work = move || {
            let _ending = ending;
            runtime.block_on(thread.run(pictures, received));
        };
        thread::Builder::new().name("spool".to_owned()).spawn(work).map_err(failed)?;
        Ok(Self { requests: Some(requests), options, counters, ended })
    }

    /// The oldest picture of the spool, as soon as there is one; the same one until it is [`sent`](Self::sent) or
    /// [`refused`](Self::refused). Waits while the disk fails. Cancel-safe.
    pub async fn oldest(&self) -> Stored {
        let (reply, answer) = oneshot::channel();
        self.request(Request::Oldest(reply));
        match answer.await {
            Ok(stored) => stored,
            Err(_) => {
                error!("the spool's thread has ended; restart the program");
                std::future::pending().await
            }
        }
    }

    /// The server has accepted this picture.
    pub fn sent(&self, number: u64) {
        self.request(Request::Sent(number));
    }

    /// The server will never accept this picture.
    pub fn refused(&self, number: u64) {
        self.request(Request::Refused(number));
    }

    /// The spool's limits.
    pub fn options(&self) -> Options {
        self.options
    }

    /// What the spool holds, and what became of its pictures.
    pub fn counters(&self) -> &SpoolCounters {
        &self.counters
    }

    fn request(&self, request: Request) {
        if let Some(requests) = &self.requests {
            // Fails only when the thread is gone, which `oldest` reports.
            let _ = requests.send(request);
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.requests = None;
        let _ = self.ended.recv_timeout(STOP);
    }
}

/// The state of the thread.
struct KeeperThread<D: Disk> {
    spool: Spool<D>,
    remedy: fn(Shortage) -> &'static str,
    /// The shortage that was logged last; cleared when the spool has emptied.
    logged: Option<Shortage>,
    /// Pictures that arrived faster than they could be written.
    overflowed: u64,
    /// The requests for a picture that arrived when there was none.
    waits: Option<oneshot::Sender<Stored>>,
    /// The picture that could not be written: the next one to be written.
    unwritten: Option<Arc<Picture>>,
    disk: Outage,
}

/// Whether the disk fails.
#[derive(Debug, Default)]
struct Outage {
    reading: bool,
    logged: bool,
    /// When to try again.
    again: Option<Instant>,
}

impl<D: Disk> KeeperThread<D> {
    async fn run(mut self, mut pictures: Queue, mut requests: mpsc::UnboundedReceiver<Request>) {
        loop {
            let again = self.disk.again;
            let pause = async {
                match again {
                    Some(again) => sleep_until(again).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased; // the sender's requests are rare, and what it returns makes room
                request = requests.recv() => match request {
                    Some(request) => self.answer(request),
                    None => break,
                },
                () = pause => self.try_again(),
                // Pictures that wait for the disk come first.
                picture = pictures.next(), if self.unwritten.is_none() => self.take(picture),
            }
            self.count_overflow(&pictures);
            self.hand_out();
            self.watch_disk();
        }
        self.try_again();
        // The last of them, each once.
        let rest = self.unwritten.take().into_iter().chain(std::iter::from_fn(|| pictures.try_next()));
        for picture in rest {
            self.take(picture);
            if self.unwritten.take().is_some() {
                self.spool.counters().missed(1);
            }
        }
        self.count_overflow(&pictures);
    }

    fn answer(&mut self, request: Request) {
        match request {
            Request::Oldest(reply) => self.waits = Some(reply),
            Request::Sent(number) => self.spool.sent(number),
            Request::Refused(number) => self.spool.refused(number),
        }
        if self.spool.is_empty() && self.logged.take().is_some() {
            info!("the spool is empty again");
        }
    }

    fn try_again(&mut self) {
        self.disk.again = None;
        if self.spool.trouble().is_some() {
            self.spool.tidy();
        }
        if let Some(picture) = self.unwritten.take() {
            self.take(picture);
        }
    }

    fn hand_out(&mut self) {
        let paused = self.disk.reading && self.disk.again.is_some();
        if self.waits.is_none() || self.spool.is_empty() || paused {
            return;
        }
        match self.spool.oldest() {
            Ok(stored) => {
                self.disk.reading = false;
                if let Some(stored) = stored
                    && let Some(reply) = self.waits.take()
                {
                    // The requester may have gone; the picture stays.
                    let _ = reply.send(stored);
                }
            }
            Err(e) => {
                self.disk.reading = true;
                self.disk.fails(&e);
            }
        }
    }

    fn take(&mut self, picture: Arc<Picture>) {
        let dropped = self.spool.counters().dropped.get();
        match self.spool.try_put(&picture.jpeg, &picture.label) {
            Ok(()) if self.spool.counters().dropped.get() > dropped => {
                self.log(Shortage::Dropping);
            }
            Ok(()) => {}
            Err(NotTaken::Disk(e)) => {
                self.disk.fails(&e);
                self.unwritten = Some(picture);
            }
            Err(NotTaken::TooLarge) => self.log(Shortage::TooLarge),
            Err(NotTaken::Full) => self.log(match self.spool.options().when_full {
                WhenFull::Hold => Shortage::Full,
                WhenFull::DropOldest => Shortage::TooSmall,
            }),
        }
    }

    /// Logs once that the disk works again; until then everything is retried.
    fn watch_disk(&mut self) {
        if let Some(e) = self.spool.trouble() {
            self.disk.fails(e);
        } else if self.unwritten.is_none() && !self.disk.reading && std::mem::take(&mut self.disk.logged) {
            self.disk.again = None;
            info!("the spool's disk works again");
        }
    }

    fn count_overflow(&mut self, pictures: &Queue) {
        let overflowed = pictures.missed();
        if overflowed > self.overflowed {
            self.spool.counters().missed(overflowed - self.overflowed);
            self.overflowed = overflowed;
            if !self.disk.logged {
                self.log(Shortage::TooSlow);
            }
        }
    }

    fn log(&mut self, shortage: Shortage) {
        if self.logged != Some(shortage) {
            warn!("{shortage}; {}", (self.remedy)(shortage));
            self.logged = Some(shortage);
        }
    }
}

impl Outage {
    fn fails(&mut self, error: &io::Error) {
        if !std::mem::replace(&mut self.logged, true) {
            let remedy = "is the disk full or gone?";
            warn!("the spool's disk fails, trying again until it works: {error}; {remedy}");
        }
        self.again.get_or_insert_with(|| Instant::now() + PAUSE);
    }
}
