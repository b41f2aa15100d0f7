//! A load generator: many viewers on one thread, which read a stream and check all of it.
//!
//! The thread is meant to cost little beside the server that it watches: pictures pass through one buffer and are
//! summed up (CRC-32), not kept. Its own time is part of every latency: with N viewers the last one's picture is read
//! after the N - 1 others.

mod body;
mod parser;
mod process;
mod report;
mod target;
mod viewer;

pub use process::Used;
pub use report::{Report, Slow, Spread, Tail};
pub use target::Target;

use process::Usage;
use rustix::{
    buffer::spare_capacity,
    event::{Timespec, epoll},
};
use std::{
    io,
    os::fd::OwnedFd,
    time::{Duration, Instant},
};
use viewer::{Pace, Tally, Viewer};

/// What one read may bring.
const BUFFER: usize = 256 << 10;

/// How often slow viewers read.
const SLOW_TICK: Duration = Duration::from_millis(10);

/// What to do to a server.
#[derive(Clone, Debug)]
pub struct Load {
    /// The stream.
    pub target: Target,
    /// Viewers that read all they get; all connect at once.
    pub viewers: usize,
    /// Viewers beside them that read slowly.
    pub slow: usize,
    /// How slowly: bytes a second.
    pub slow_rate: f64,
    /// Before the measurement.
    pub warmup: Duration,
    /// The measurement.
    pub duration: Duration,
    /// The server's process, to see what it uses.
    pub server: Option<u32>,
}

impl Load {
    /// Connects, waits, measures.
    ///
    /// # Errors
    /// The system's, when there are no sockets to be had or the server's process cannot be looked at. That viewers are
    /// refused or lost is in the report.
    pub fn run(&self) -> io::Result<Report> {
        let begun = Instant::now();
        let mut crowd = Crowd::connect(self)?;
        crowd.watch(begun + self.warmup)?;

        let before = self.server.map(Usage::of).transpose()?;
        crowd.viewers.iter_mut().for_each(|viewer| viewer.tally = Tally::default());
        let begun = Instant::now();
        crowd.watch(begun + self.duration)?;
        let elapsed = begun.elapsed();
        let after = self.server.map(Usage::of).transpose()?;

        let bytes = crowd.viewers.iter().map(|viewer| viewer.tally.bytes).sum();
        let used = before.zip(after).map(|(before, after)| before.until(&after, elapsed, bytes));
        Ok(Report::of(&crowd.viewers, elapsed, used))
    }
}

/// All viewers.
struct Crowd<'a> {
    target: &'a Target,
    viewers: Vec<Viewer>,
    epoll: OwnedFd,
    buffer: Vec<u8>,
    events: Vec<epoll::Event>,
}

impl<'a> Crowd<'a> {
    /// Begins all connections.
    fn connect(load: &'a Load) -> io::Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let paces = std::iter::repeat_n(Pace::Fast, load.viewers)
            .chain(std::iter::repeat_n(Pace::Slow(load.slow_rate), load.slow));
        let viewers: Vec<Viewer> =
            paces.map(|pace| Viewer::connect(&load.target, pace)).collect::<io::Result<_>>()?;
        for (index, viewer) in viewers.iter().enumerate() {
            let index = epoll::EventData::new_u64(index as u64);
            epoll::add(&epoll, &viewer.socket, index, epoll::EventFlags::OUT)?;
        }
        let events = Vec::with_capacity(256);
        Ok(Self { target: &load.target, viewers, epoll, buffer: vec![0; BUFFER], events })
    }

    /// Watches until `end`.
    fn watch(&mut self, end: Instant) -> io::Result<()> {
        let has_slow = self.viewers.iter().any(|viewer| viewer.pace != Pace::Fast);
        let mut tick = Instant::now();
        loop {
            let now = Instant::now();
            if now >= end {
                return Ok(());
            }
            if has_slow && now >= tick {
                tick = now + SLOW_TICK;
                self.read_slowly();
            }
            let wake = if has_slow { end.min(tick) } else { end };
            self.wait(wake.saturating_duration_since(now))?;
        }
    }

    fn read_slowly(&mut self) {
        for viewer in &mut self.viewers {
            if viewer.pace != Pace::Fast && viewer.ended.is_none() {
                viewer.read(&mut self.buffer);
            }
        }
    }

    fn wait(&mut self, timeout: Duration) -> io::Result<()> {
        let timeout = Timespec::try_from(timeout).map_err(|_| io::ErrorKind::InvalidInput)?;
        self.events.clear();
        match epoll::wait(&self.epoll, spare_capacity(&mut self.events), Some(&timeout)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(e) => return Err(e.into()),
        }
        for event in &self.events {
            let index = event.data;
            let viewer = &mut self.viewers[index.u64() as usize];
            if { event.flags }.contains(epoll::EventFlags::OUT) {
                viewer.ask(self.target);
                if viewer.pace == Pace::Fast {
                    epoll::modify(&self.epoll, &viewer.socket, index, epoll::EventFlags::IN)?;
                } else {
                    // It reads by the clock, not when something comes.
                    epoll::delete(&self.epoll, &viewer.socket)?;
                }
            } else {
                viewer.read(&mut self.buffer);
            }
            if viewer.ended.is_some() && viewer.pace == Pace::Fast {
                epoll::delete(&self.epoll, &viewer.socket)?;
            }
        }
        Ok(())
    }
}
