//! `eyelet-soak`: treats a real `eyelet-sim` badly, and prints a line about how it held up. `ci/check.sh soak` and
//! `ci/check.sh hostile` run it.

#![forbid(unsafe_code)]

mod book;
mod greedy;
mod guessing;
mod hostile;
mod http;
mod questions;
mod rate;
mod requests;
mod server;
mod soak;
mod trial;
mod uploads;
mod viewer;

use clap::{Parser, Subcommand};
use std::{
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
    time::Duration,
};
use tokio::task::LocalSet;

#[derive(Debug, Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
    /// The eyelet-sim to treat badly
    #[arg(long, global = true, default_value = "target/tools/eyelet-sim")]
    program: PathBuf,
    /// The same seed gives the same viewers, faults and requests
    #[arg(long, global = true, default_value_t = 1)]
    seed: u64,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Viewers coming and going, a camera that is pulled out, uploads that fail
    Soak {
        /// For how long
        #[arg(default_value_t = 120)]
        seconds: u64,
    },
    /// Peers that mean no good while honest ones watch
    Hostile {
        /// For how long, twice
        #[arg(default_value_t = 45)]
        seconds: u64,
    },
    /// Eight addresses that ask without end, on every connection they can have, while somebody else asks
    Greedy {
        /// For how long
        #[arg(default_value_t = 15)]
        seconds: u64,
    },
    /// Old tabs, pages and people that show wrong passwords and tokens, while the owner wants in
    Guessing {
        /// For how long
        #[arg(default_value_t = 15)]
        seconds: u64,
    },
    /// Requests gone wrong
    Requests {
        /// How many
        #[arg(default_value_t = 10_000)]
        count: usize,
    },
}

/// Memory that may stay when all peers are gone: freed pieces that the allocator keeps.
const SLACK_KIB: u64 = 4 * 1024;

fn main() -> ExitCode {
    let Arguments { command, program, seed } = Arguments::parse();
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return ended(Err(format!("cannot start: {error}"))),
    };
    ended(LocalSet::new().block_on(&runtime, async {
        match command {
            Command::Soak { seconds } => soak::run(&program, Duration::from_secs(seconds), seed).await,
            Command::Hostile { seconds } => hostile::run(&program, Duration::from_secs(seconds), seed).await,
            Command::Greedy { seconds } => greedy::run(&program, Duration::from_secs(seconds), seed).await,
            Command::Guessing { seconds } => guessing::run(&program, Duration::from_secs(seconds)).await,
            Command::Requests { count } => requests::run(&program, count, seed).await,
        }
    }))
}

fn ended(outcome: Result<String, String>) -> ExitCode {
    match outcome {
        Ok(figures) => {
            let _ = writeln!(io::stdout(), "{figures}");
            ExitCode::SUCCESS
        }
        Err(why) => {
            let _ = writeln!(io::stderr(), "error: {why}");
            ExitCode::FAILURE
        }
    }
}
