//! Servers side by side: the same pictures at the same rate, in runs that take turns, so that whatever else the machine
//! does meets all of them; medians and ratios of what is seen.

mod server;
mod table;

pub use server::{Server, free_port};
pub use table::tables;

use crate::load::{Load, Report};
use std::{collections::BTreeMap, io, path::PathBuf, time::Duration};

/// What is measured.
#[derive(Clone, Debug)]
pub struct Comparison {
    /// The folder of pictures.
    pub pictures: PathBuf,
    /// The first one is what the others are related to.
    pub servers: Vec<Server>,
    /// How often each is measured.
    pub rounds: usize,
    /// Viewers of every server.
    pub viewers: Vec<usize>,
    /// Viewers of eyelet alone.
    pub crowds: Vec<usize>,
    /// How long one run is measured, and what comes before.
    pub duration: Duration,
    /// Before each measurement.
    pub warmup: Duration,
    /// How long one slow viewer among eight is measured; none, if zero.
    pub slow: Duration,
}

/// What a run is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Case {
    /// No viewers.
    Idle,
    /// So many viewers.
    Viewers(usize),
    /// Eight viewers, and one that reads 100 kB a second.
    Slow,
}

/// Every report, by the case and the server's place in the list, in the order of the rounds.
pub type Reports = BTreeMap<(Case, usize), Vec<Report>>;

impl Comparison {
    /// Runs all of it; `progress` is called with the name of each run before it starts.
    ///
    /// # Errors
    /// The system's, when a server does not start; what is wrong with a stream is in its report.
    pub fn run(&self, mut progress: impl FnMut(&str)) -> io::Result<Reports> {
        let cases = [Case::Idle].into_iter().chain(self.viewers.iter().map(|&count| Case::Viewers(count)));
        let mut cases: Vec<Case> = cases.collect();
        if !self.slow.is_zero() {
            cases.push(Case::Slow);
        }
        let crowds: Vec<Case> = self.crowds.iter().map(|&count| Case::Viewers(count)).collect();
        let mut reports = Reports::new();
        for round in 1..=self.rounds {
            for &case in cases.iter().chain(&crowds) {
                for (index, server) in self.servers.iter().enumerate() {
                    if crowds.contains(&case) && !server.is_eyelet() {
                        continue;
                    }
                    progress(&format!("round {round} of {}: {case:?}, {}", self.rounds, server.name));
                    reports.entry((case, index)).or_default().push(self.one(server, case)?);
                }
            }
        }
        Ok(reports)
    }

    /// A fresh server, one load, and what came of it.
    fn one(&self, server: &Server, case: Case) -> io::Result<Report> {
        let running = server.start(&self.pictures)?;
        let (viewers, slow, duration) = match case {
            Case::Idle => (0, 0, self.duration),
            Case::Viewers(count) => (count, 0, self.duration),
            Case::Slow => (8, 1, self.slow),
        };
        let load = Load {
            target: running.target()?,
            viewers,
            slow,
            slow_rate: 100_000.0,
            warmup: self.warmup,
            duration,
            server: Some(running.pid()),
        };
        load.run()
    }
}
