//! A load generator: many viewers on one thread, which read a stream and check all of it.
//!
//! The thread is meant to cost little beside the server that it watches: pictures pass through one buffer and are
//! summed up (CRC-32), not kept. Its own time is part of every latency: with N viewers the last one's picture is read
//! after the N - 1 others.

mod audience;
mod body;
mod crowd;
mod parser;
mod process;
mod report;
mod target;
mod viewer;

pub use audience::Audience;
pub use process::Used;
pub use report::{Report, Slow, Spread, Tail};
pub use target::Target;

use crowd::Crowd;
use process::Usage;
use std::{
    io,
    time::{Duration, Instant},
};
use viewer::{Pace, Tally};

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
        let paces = std::iter::repeat_n(Pace::Fast, self.viewers)
            .chain(std::iter::repeat_n(Pace::Slow(self.slow_rate), self.slow));
        let mut crowd = Crowd::connect(&self.target, paces)?;
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
