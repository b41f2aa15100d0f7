//! `viewers URL`: many viewers of one stream, and what they and the server's process say of it.

use clap::Parser;
use eyelet_bench::{
    limit,
    load::{Load, Target},
};
use std::{
    io::{self, Write},
    process::ExitCode,
    time::Duration,
};

/// Watches a stream with many viewers and checks every picture
#[derive(Debug, Parser)]
struct Args {
    /// The stream, such as http://127.0.0.1:8000/stream
    url: Target,
    /// Viewers that read all they get; all connect at once
    #[arg(long, default_value_t = 8)]
    viewers: usize,
    /// Viewers beside them that read slowly
    #[arg(long, default_value_t = 0)]
    slow: usize,
    /// How slowly, in bytes a second
    #[arg(long, default_value_t = 100_000.0)]
    slow_rate: f64,
    /// How long to measure
    #[arg(long, default_value_t = 8.0)]
    seconds: f64,
    /// Seconds before the measurement
    #[arg(long, default_value_t = 1.5)]
    warmup: f64,
    /// The server's process, to see what it uses
    #[arg(long)]
    pid: Option<u32>,
    /// Print one line of JSON
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    eyelet_bench::ended(run(Args::parse()))
}

/// Prints the report, then fails if the stream was faulty.
fn run(args: Args) -> Result<(), String> {
    let seconds =
        |seconds| Duration::try_from_secs_f64(seconds).map_err(|e| format!("{seconds} seconds: {e}"));
    let load = Load {
        target: args.url,
        viewers: args.viewers,
        slow: args.slow,
        slow_rate: args.slow_rate,
        warmup: seconds(args.warmup)?,
        duration: seconds(args.seconds)?,
        server: args.pid,
    };
    limit::raise_open_files().map_err(|e| e.to_string())?;
    let report = load.run().map_err(|e| e.to_string())?;
    let text = if args.json {
        serde_json::to_string(&report).map_err(|e| e.to_string())? + "\n"
    } else {
        report.to_string()
    };
    // A closed pipe is not an error.
    let _ = io::stdout().write_all(text.as_bytes());
    report.wrong().map_or(Ok(()), Err)
}
