//! The thread that owns a spool: pictures come from the camera, and go to whoever sends them.

use super::{
    disk::Disk,
    options::Options,
    queue::{NotTaken, Spool, Stored},
    record::Label,
};
use crate::{
    RunId,
    feed::{Picture, Queue},
    metrics::SpoolCounters,
};
use eyelet_hal::{Error, ErrorKind, Result};
use std::{
    mem::Discriminant,
    mem::discriminant,
    sync::mpsc::{Receiver, channel},
    thread,
    time::Duration,
};
use tokio::{
    sync::{mpsc, oneshot},
    time::sleep,
};
use tracing::{error, info, warn};

/// How many pictures may wait in memory for the disk: a quarter of a second at 30 fps, while it is busy with itself.
pub const QUEUE_DEPTH: usize = 8;

/// Between attempts to read a picture while the process is short of something.
const PAUSE: Duration = Duration::from_secs(1);

/// How long a stop waits for the disk: a dead one may never answer.
const STOP: Duration = Duration::from_secs(5);

/// A spool at work. Dropping it takes what the camera has delivered already, then stops the thread.
#[derive(Debug)]
pub struct Keeper {
    /// There until dropped.
    requests: Option<mpsc::UnboundedSender<Request>>,
    options: Options,
    counters: SpoolCounters,
    /// Hears when the thread has ended.
    ended: Receiver<()>,
}

#[derive(Debug)]
enum Request {
    Oldest(oneshot::Sender<Stored>),
    Sent(u64),
    Refused(u64),
}

impl Keeper {
    /// Spools every picture of the queue, as from this run.
    ///
    /// # Errors
    /// `OutOfMemory` if the system has no thread to give.
    pub fn start<D: Disk>(spool: Spool<D>, pictures: Queue, run: RunId) -> Result<Self> {
        let failed = |e: std::io::Error| {
            let what = format!("cannot start the spool's thread: {e}; is the process limit reached?");
            Error::new(ErrorKind::OutOfMemory, what).with_source(e)
        };
        let (requests, asked) = mpsc::unbounded_channel();
        let (ending, ended) = channel();
        let (options, counters) = (spool.options(), spool.counters().clone());
        // Waits for channels only, and may block: it has the thread to itself.
        let runtime = tokio::runtime::Builder::new_current_thread().build().map_err(failed)?;
        let desk = Desk { spool, run, said: None, overflowed: 0, waits: None };
        let work = move || {
            let _ending = ending;
            runtime.block_on(desk.run(pictures, asked));
        };
        thread::Builder::new().name("spool".to_owned()).spawn(work).map_err(failed)?;
        Ok(Self { requests: Some(requests), options, counters, ended })
    }

    /// The oldest picture of the spool, as soon as there is one; the same again until it was [`sent`](Self::sent) or
    /// [`refused`](Self::refused). Cancel-safe. Needs a tokio runtime with time.
    pub async fn oldest(&self) -> Stored {
        loop {
            let (reply, answer) = oneshot::channel();
            self.ask(Request::Oldest(reply));
            match answer.await {
                Ok(stored) => return stored,
                Err(_) if self.requests.as_ref().is_some_and(|requests| !requests.is_closed()) => {
                    sleep(PAUSE).await; // it cannot be read now
                }
                Err(_) => {
                    error!("the spool's thread has ended; restart the program");
                    std::future::pending::<()>().await;
                }
            }
        }
    }

    /// The server has this picture.
    pub fn sent(&self, number: u64) {
        self.ask(Request::Sent(number));
    }

    /// The server will never take this picture.
    pub fn refused(&self, number: u64) {
        self.ask(Request::Refused(number));
    }

    /// The spool's limits.
    pub fn options(&self) -> Options {
        self.options
    }

    /// What the spool holds, and what became of its pictures.
    pub fn counters(&self) -> &SpoolCounters {
        &self.counters
    }

    fn ask(&self, request: Request) {
        if let Some(requests) = &self.requests {
            // Fails only when the thread is gone, which `oldest` tells.
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

/// What the thread has.
struct Desk<D: Disk> {
    spool: Spool<D>,
    run: RunId,
    /// The trouble that the log was told of; nothing again when the spool has emptied.
    said: Option<Trouble>,
    /// Pictures that came faster than they could be written.
    overflowed: u64,
    /// Who asked for a picture when there was none.
    waits: Option<oneshot::Sender<Stored>>,
}

#[derive(PartialEq)]
enum Trouble {
    Dropping,
    TooSlow,
    Unreadable,
    NotTaken(Discriminant<NotTaken>),
}

impl<D: Disk> Desk<D> {
    async fn run(mut self, mut pictures: Queue, mut requests: mpsc::UnboundedReceiver<Request>) {
        loop {
            tokio::select! {
                biased; // the sender asks rarely, and what it returns makes room
                request = requests.recv() => match request {
                    Some(request) => self.answer(request),
                    None => break,
                },
                picture = pictures.next() => self.take(&picture),
            }
            self.count_overflow(&pictures);
            self.hand_out();
        }
        while let Some(picture) = pictures.try_next() {
            self.take(&picture);
        }
        self.count_overflow(&pictures);
    }

    fn answer(&mut self, request: Request) {
        match request {
            Request::Oldest(reply) => self.waits = Some(reply),
            Request::Sent(number) => self.spool.sent(number),
            Request::Refused(number) => self.spool.refused(number),
        }
        if self.spool.is_empty() && self.said.take().is_some() {
            info!("the spool is empty again");
        }
    }

    fn hand_out(&mut self) {
        if self.waits.is_none() || self.spool.is_empty() {
            return;
        }
        let stored = self.spool.oldest();
        if stored.is_none() && !self.spool.is_empty() {
            self.waits = None; // who asked will ask again
            let what = "a spooled picture cannot be read: out of file descriptors or memory; trying again";
            self.say(Trouble::Unreadable, what);
        }
        if let Some(stored) = stored
            && let Some(reply) = self.waits.take()
        {
            // Who asked may have gone; the picture stays.
            let _ = reply.send(stored);
        }
    }

    fn take(&mut self, picture: &Picture) {
        let label = Label { run: self.run, sequence: picture.sequence, captured_at: picture.captured_at };
        let dropped = self.spool.counters().dropped.get();
        match self.spool.put(&picture.jpeg, &label) {
            Ok(()) if self.spool.counters().dropped.get() > dropped => {
                self.say(Trouble::Dropping, "the spool is full: the oldest pictures are dropped");
            }
            Ok(()) => {}
            Err(why) => {
                let trouble = Trouble::NotTaken(discriminant(&why));
                self.say(trouble, &format!("pictures are not spooled: {why}"));
            }
        }
    }

    fn count_overflow(&mut self, pictures: &Queue) {
        let overflowed = pictures.missed();
        if overflowed > self.overflowed {
            self.spool.counters().missed(overflowed - self.overflowed);
            self.overflowed = overflowed;
            let what = "pictures are not spooled: the disk of --spool is too slow; lower --fps or --quality";
            self.say(Trouble::TooSlow, what);
        }
    }

    fn say(&mut self, trouble: Trouble, what: &str) {
        if self.said.as_ref() != Some(&trouble) {
            warn!("{what}");
            self.said = Some(trouble);
        }
    }
}
