//! The thread that waits for the scaler's frames: the only one, without signals, and never for a short time, as the
//! driver's wait may not survive it otherwise.
//!
//! What stops the whole process, SIGSTOP or Ctrl-Z or a debugger, interrupts the wait all the same: no program can keep that
//! from one of its threads.

use super::{
    check::{self, Shape},
    shared::{Failure, Ready, Shared},
};
use crate::{
    csi::Held,
    sys::{Code, Device, Node, Scaler, System, abi::FrameInfo, in_words},
};
use eyelet_hal::{Error, ErrorKind, Result, monotonic};
use std::{
    io,
    sync::Arc,
    time::{Duration, Instant},
};

/// How long one wait is, in milliseconds: the vendor's own.
const PATIENCE: i32 = 1000;
/// How many such waits the first frame may take: sensor and exposure have to find themselves.
const FIRST: u32 = 5;
/// A time stamp farther from now than this is on another clock.
const NEAR: Duration = Duration::from_secs(1);

/// The scaler, opened and found to be as reported.
#[derive(Debug)]
pub(super) struct Opened {
    /// For giving frames back.
    pub(super) scaler: Box<dyn Device>,
    pub(super) shape: Shape,
}

/// The thread: opens the scaler, then takes a frame whenever one is wanted.
pub(super) fn run(system: &dyn System, held: &Held, shared: &Shared) {
    let mut waiter = match open(system, held, shared) {
        Ok((waiter, opened)) => {
            let mut state = shared.state();
            state.opened = Some(Ok(opened));
            if state.over {
                drop(state);
                shared.wake_camera();
                return;
            }
            waiter
        }
        Err(error) => {
            shared.state().opened = Some(Err(error));
            shared.wake_camera();
            return;
        }
    };
    shared.wake_camera();
    waiter.serve(shared);
}

fn open(system: &dyn System, held: &Held, shared: &Shared) -> Result<(Waiter, Opened)> {
    system.block_signals().map_err(|cause| {
        Error::new(ErrorKind::Other, format!("cannot block signals: {}", in_words(&cause))).with_source(cause)
    })?;
    let shape = Shape::of(held)?;
    let node = open_scaler(system)?;
    let (group, channel) = (held.group, held.channel);
    let scaler = Scaler(&*node);
    let depth = check::attrs(&shape, scaler.group_attr(group), scaler.channel_attr(group, channel))?;
    let interval = Duration::from_secs(1) / held.fps.max(1);
    let waiter = Waiter { scaler: node, group, channel, shape, interval, depth, late_stamps: false };
    let scaler = open_scaler(system)?;
    let frame = waiter.first(shared)?;
    // An address that is none of the driver's does not go back to it.
    let known = check::place(&shape, &frame, system.ion_summary().as_deref());
    if known.is_ok() {
        waiter.release(&frame);
    }
    if let Some(what) = shape.differs(&frame) {
        return Err(Error::new(ErrorKind::Unsupported, what));
    }
    known?;
    Ok((waiter, Opened { scaler, shape }))
}

fn open_scaler(system: &dyn System) -> Result<Box<dyn Device>> {
    system.open(Node::Scaler).map_err(|cause| {
        let (kind, remedy) = match cause.kind() {
            io::ErrorKind::NotFound => (ErrorKind::NotFound, "is this a MaixCAM, are its drivers loaded?"),
            io::ErrorKind::PermissionDenied => (ErrorKind::PermissionDenied, "run as root"),
            _ => (ErrorKind::Other, "are the board's drivers loaded?"),
        };
        let what = format!("cannot open {}: {}", Node::Scaler, in_words(&cause));
        Error::new(kind, what).with_remedy(remedy).with_source(cause)
    })
}

#[derive(Debug)]
struct Waiter {
    scaler: Box<dyn Device>,
    group: i32,
    channel: i32,
    shape: Shape,
    /// From frame to frame.
    interval: Duration,
    /// Frames that can wait in the channel.
    depth: u32,
    /// The time stamps are so late that no age follows from them.
    late_stamps: bool,
}

impl Waiter {
    /// The first frame.
    fn first(&self, shared: &Shared) -> Result<FrameInfo> {
        for _ in 0..FIRST {
            if shared.state().over {
                break;
            }
            if let Some(frame) = self.get()? {
                return Ok(frame);
            }
        }
        let what = "no frame came from the scaler: the process that holds the camera open gets none";
        Err(Error::new(ErrorKind::TimedOut, what))
    }

    fn get(&self) -> std::result::Result<Option<FrameInfo>, crate::sys::Refused> {
        match Scaler(&*self.scaler).get_frame(self.group, self.channel, PATIENCE) {
            Ok(frame) => Ok(Some(frame)),
            Err(refused) if refused.code == Code::BufferEmpty => Ok(None),
            Err(refused) => Err(refused),
        }
    }

    fn release(&self, frame: &FrameInfo) {
        // Without an address it is no frame.
        if frame.physical[0] == 0 {
            return;
        }
        if let Err(refused) = Scaler(&*self.scaler).release_frame(self.group, self.channel, frame) {
            tracing::debug!("while giving a frame back: {refused}");
        }
    }

    fn serve(&mut self, shared: &Shared) {
        let mut state = shared.state();
        loop {
            if state.over {
                break;
            }
            let to_do = state.running && state.failed.is_none();
            if let Some(ready) = state.ready.filter(|_| to_do) {
                // The camera is late. Only one frame may be lent, and that is to be the newest.
                let until = Instant::now() + (ready.at + self.interval).saturating_sub(monotonic());
                let (back, in_time) = shared.waiter_waits(state, Some(until));
                state = back;
                if in_time || state.ready.is_none() {
                    continue;
                }
                state.ready = None;
                state.wanted = true;
                state.busy = true;
                drop(state);
                self.release(&ready.frame);
            } else if to_do && state.wanted {
                state.busy = true;
                drop(state);
            } else {
                state = shared.waiter_waits(state, None).0;
                continue;
            }
            let taken = self.newest();
            state = shared.state();
            match taken {
                Ok(Some(ready)) if state.running && !state.over => {
                    state.ready = Some(ready);
                    state.wanted = false;
                }
                Ok(Some(ready)) => {
                    drop(state);
                    self.release(&ready.frame);
                    state = shared.state();
                }
                Ok(None) => {}
                Err(failure) => state.failed = Some(failure),
            }
            state.busy = false;
            if state.ready.is_some() || state.failed.is_some() || !state.running || state.over {
                shared.wake_camera();
            }
        }
    }

    /// Waits for a frame and takes the newest. `None` if none came in time.
    fn newest(&mut self) -> std::result::Result<Option<Ready>, Failure> {
        let gone = |what: String| Failure::disconnected(format!("the camera's frames are lost: {what}"));
        for left in (0..=self.depth).rev() {
            let before = monotonic();
            let frame = match self.get() {
                Ok(Some(frame)) => frame,
                Ok(None) => {
                    self.unchanged().map_err(gone)?;
                    return Ok(None);
                }
                Err(refused) => {
                    let text = match refused.code {
                        Code::Unexist | Code::NotReady => {
                            format!("{refused}: its process has ended, or another took it")
                        }
                        _ => refused.to_string(),
                    };
                    return Err(gone(text));
                }
            };
            if let Some(what) = self.shape.differs(&frame) {
                self.release(&frame);
                return Err(gone(format!("{what}: another program has changed the channel")));
            }
            // One that had waited, and for so long that a newer one has come.
            if !self.late_stamps && age(&frame, before).is_some_and(|age| age > self.interval) {
                if left > 0 {
                    self.release(&frame);
                    continue;
                }
                // None of them had waited.
                tracing::debug!("the scaler's time stamps are late");
                self.late_stamps = true;
            }
            return Ok(Some(Ready { frame, at: monotonic() }));
        }
        Ok(None)
    }

    /// That nobody has changed the channel.
    fn unchanged(&self) -> std::result::Result<(), String> {
        let scaler = Scaler(&*self.scaler);
        let (group, channel) = (self.group, self.channel);
        check::attrs(&self.shape, scaler.group_attr(group), scaler.channel_attr(group, channel))
            .map(drop)
            .map_err(|error| error.message().to_owned())
    }
}

/// How old a frame is, if its time stamp is on the monotonic clock.
pub(super) fn age(frame: &FrameInfo, now: Duration) -> Option<Duration> {
    let stamp = Duration::from_micros(frame.pts);
    let near = stamp.abs_diff(now) <= NEAR;
    near.then(|| now.saturating_sub(stamp))
}

/// The thread's name.
pub(super) const NAME: &str = "csi";

/// Starts the thread.
///
/// # Errors
/// `OutOfMemory` if there can be no thread more.
pub(super) fn spawn(
    system: Arc<dyn System>,
    held: Held,
    shared: Arc<Shared>,
) -> Result<std::thread::JoinHandle<()>> {
    // What the thread logs goes where its owner's log goes.
    let log = tracing::dispatcher::get_default(Clone::clone);
    let thread = move || tracing::dispatcher::with_default(&log, || run(&*system, &held, &shared));
    std::thread::Builder::new().name(NAME.to_owned()).spawn(thread).map_err(|cause| {
        Error::new(ErrorKind::OutOfMemory, format!("cannot start the camera's thread: {}", in_words(&cause)))
            .with_remedy("is the process limit reached?")
            .with_source(cause)
    })
}
