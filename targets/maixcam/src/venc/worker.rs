//! The thread that makes the driver's calls, and the watch over it.
//!
//! Any call may hang, and a signal would break the driver's waits for its locks: so the calls have a thread of their
//! own, without signals, and its caller waits so long and no longer.

use super::{
    layout::{PictureLayout, Place},
    unit::Unit,
};
use crate::sys::{Mapping, System};
use eyelet_hal::{Error, ErrorKind, Quality, Result};
use std::{
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    },
    thread,
    time::Duration,
};
use tracing::dispatcher;

/// What the thread is asked.
#[derive(Debug)]
enum Job {
    /// Memory for a picture.
    Stage(PictureLayout),
    /// A JPEG, appended to `out`.
    Encode { layout: PictureLayout, source: Source, quality: Quality, out: Vec<u8> },
}

/// Where the picture is.
#[derive(Debug)]
pub(super) enum Source {
    /// In the staged memory.
    Staged,
    /// Somewhere else in physical memory.
    At(Place),
}

/// What the thread answers.
#[derive(Debug)]
enum Done {
    Probed,
    Staged(Arc<dyn Mapping>),
    Encoded(Vec<u8>),
}

/// The unit on its thread. Dropping this gives everything back and waits for it, as long as the watchdog says.
#[derive(Debug)]
pub(super) struct Worker {
    /// `None` once the thread is not to be asked any more.
    jobs: Option<SyncSender<Job>>,
    replies: Receiver<Result<Done>>,
    /// The memory that was staged. Its mapping goes before the thread gives it back.
    staged: Option<(PictureLayout, Arc<dyn Mapping>)>,
    thread: Option<thread::JoinHandle<()>>,
    watchdog: Duration,
}

impl Worker {
    /// Starts the thread and waits until it has probed the unit.
    ///
    /// # Errors
    /// Why the unit cannot be used.
    pub(super) fn start(system: Arc<dyn System>, watchdog: Duration) -> Result<Self> {
        let (jobs, asked) = sync_channel(1);
        let (answers, replies) = sync_channel(1);
        let builder = thread::Builder::new().name("sg2002".to_owned());
        // What the thread logs goes where its owner's log goes.
        let log = dispatcher::get_default(Clone::clone);
        let thread = move || dispatcher::with_default(&log, || run(system, &asked, &answers));
        let thread = builder.spawn(thread).map_err(|cause| {
            Error::new(ErrorKind::OutOfMemory, format!("cannot start the JPEG unit's thread: {cause}"))
                .with_remedy("is the process limit reached?")
                .with_source(cause)
        })?;
        let mut worker = Self { jobs: Some(jobs), replies, staged: None, thread: Some(thread), watchdog };
        match worker.answer()? {
            Done::Probed => Ok(worker),
            _ => Err(out_of_step()),
        }
    }

    /// Memory of the unit for pictures of this layout; the same until another layout is staged.
    ///
    /// # Errors
    /// As [`encode`](Self::encode).
    pub(super) fn stage(&mut self, layout: PictureLayout) -> Result<Arc<dyn Mapping>> {
        if let Some((staged, mapping)) = &self.staged
            && *staged == layout
        {
            return Ok(Arc::clone(mapping));
        }
        self.staged = None;
        match self.ask(Job::Stage(layout))? {
            Done::Staged(mapping) => {
                self.staged = Some((layout, Arc::clone(&mapping)));
                Ok(mapping)
            }
            _ => Err(out_of_step()),
        }
    }

    /// Appends the JPEG to `out`, which is gone if this fails.
    ///
    /// # Errors
    /// Any surprise. The unit was then given back or is hanging, and must not be asked again.
    pub(super) fn encode(
        &mut self,
        layout: PictureLayout,
        source: Source,
        quality: Quality,
        out: Vec<u8>,
    ) -> Result<Vec<u8>> {
        match self.ask(Job::Encode { layout, source, quality, out })? {
            Done::Encoded(out) => Ok(out),
            _ => Err(out_of_step()),
        }
    }

    fn ask(&mut self, job: Job) -> Result<Done> {
        match &self.jobs {
            Some(jobs) if jobs.send(job).is_ok() => self.answer(),
            _ => Err(Error::new(ErrorKind::Disconnected, "the JPEG unit's thread has ended")),
        }
    }

    fn answer(&mut self) -> Result<Done> {
        match self.replies.recv_timeout(self.watchdog) {
            Ok(answer) => answer,
            Err(RecvTimeoutError::Timeout) => {
                self.jobs = None;
                // Left behind: whenever its call returns it gives everything back and ends.
                self.thread = None;
                let what = format!("the JPEG driver did not return within {:?}", self.watchdog);
                Err(Error::new(ErrorKind::TimedOut, what).with_remedy("start the board again if it stays so"))
            }
            Err(RecvTimeoutError::Disconnected) => {
                Err(Error::new(ErrorKind::Disconnected, "the JPEG unit's thread has panicked"))
            }
        }
    }
}

fn out_of_step() -> Error {
    Error::new(ErrorKind::Other, "the JPEG unit's thread answered something else")
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.staged = None;
        self.jobs = None;
        let Some(thread) = self.thread.take() else { return };
        loop {
            match self.replies.recv_timeout(self.watchdog) {
                Ok(_) => {}
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {
                    tracing::warn!("the JPEG driver does not return; its channel is left to the next run");
                    return;
                }
            }
        }
        if thread.join().is_err() {
            tracing::error!("the JPEG unit's thread panicked");
        }
    }
}

/// The thread.
fn run(system: Arc<dyn System>, jobs: &Receiver<Job>, replies: &SyncSender<Result<Done>>) {
    let blocked = system.block_signals().map_err(|cause| {
        Error::new(ErrorKind::Other, format!("cannot block signals: {cause}")).with_source(cause)
    });
    let mut unit = match blocked.and_then(|()| Unit::probe(system)) {
        Ok(unit) => unit,
        Err(error) => {
            // Fails when the worker has stopped waiting; then there is no reader.
            let _ = replies.send(Err(error));
            return;
        }
    };
    let mut reply = Ok(Done::Probed);
    let surprised = loop {
        let surprised = reply.is_err();
        if replies.send(reply).is_err() || surprised {
            break surprised;
        }
        reply = match jobs.recv() {
            Ok(Job::Stage(layout)) => unit.stage(&layout).map(Done::Staged),
            Ok(Job::Encode { layout, source, quality, mut out }) => {
                let place = match source {
                    Source::Staged => unit.staged(&layout),
                    Source::At(place) => Ok(place),
                };
                place
                    .and_then(|place| unit.encode(&layout, &place, quality, &mut out))
                    .map(|()| Done::Encoded(out))
            }
            Err(_) => break false,
        };
    };
    match unit.release() {
        Ok(()) => {}
        // The encoder has logged the surprise itself: one fault, one line.
        Err(error) if surprised => tracing::debug!("cannot give the JPEG unit back: {error}"),
        Err(error) => tracing::warn!("cannot give the JPEG unit back: {error}; the next run will try"),
    }
}
