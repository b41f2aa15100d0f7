//! `compare`: eyelet, the floor and the peers side by side, as tables in Markdown. `benches/compare.sh` builds them all
//! and starts it.

use clap::Parser;
use eyelet_bench::{
    compare::{Comparison, Server, tables},
    limit, machine, marks, pictures,
};
use std::{
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
    time::Duration,
};

/// Measures servers side by side
#[derive(Debug, Parser)]
struct Args {
    /// Where the programs `floor` and `basicvideostreamer` are
    #[arg(long)]
    programs: PathBuf,
    /// `NAME=PATH` of an eyelet-sim; may be given several times
    #[arg(long)]
    eyelet: Vec<String>,
    /// What `peers/camera.c` became; without it ustreamer is left out
    #[arg(long)]
    camera: Option<PathBuf>,
    /// Rounds
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Viewers of every server
    #[arg(long, value_delimiter = ',', default_value = "1,8,64")]
    viewers: Vec<usize>,
    /// Viewers of eyelet alone
    #[arg(long, value_delimiter = ',', default_value = "256,1000")]
    crowds: Vec<usize>,
    /// Length of a measurement
    #[arg(long, default_value_t = 8.0)]
    seconds: f64,
    /// Seconds before each
    #[arg(long, default_value_t = 2.0)]
    warmup: f64,
    /// Length of a measurement with a slow viewer; 0 leaves it out
    #[arg(long, default_value_t = 25.0)]
    slow_seconds: f64,
    /// Put the tables into this file, between its marks
    #[arg(long)]
    into: Option<PathBuf>,
}

fn main() -> ExitCode {
    eyelet_bench::ended(run(Args::parse()))
}

fn run(args: Args) -> io::Result<()> {
    limit::raise_open_files()?;
    let dir = tempfile::tempdir()?;
    pictures::write(dir.path(), &pictures::make(16, (640, 480), 53_000))?;

    let mut servers = vec![
        Server::printing("floor, writev", &args.programs.join("floor"), &[]),
        Server::printing("floor, sendfile", &args.programs.join("floor"), &["--sendfile"]),
    ];
    for eyelet in &args.eyelet {
        let (name, path) = eyelet.split_once('=').unwrap_or(("eyelet", eyelet));
        servers.push(Server::eyelet(name, path.as_ref()));
    }
    let crate_peer = args.programs.join("basicvideostreamer");
    if crate_peer.exists() {
        servers.push(Server::printing("basicvideostreamer", &crate_peer, &[]));
    }
    servers.extend(args.camera.as_deref().map(Server::ustreamer));

    let comparison = Comparison {
        pictures: dir.path().to_owned(),
        servers,
        rounds: args.rounds,
        viewers: args.viewers,
        crowds: args.crowds,
        duration: Duration::from_secs_f64(args.seconds),
        warmup: Duration::from_secs_f64(args.warmup),
        slow: Duration::from_secs_f64(args.slow_seconds),
    };
    let before = machine::load_average()?;
    let reports = comparison.run(|what| {
        let _ = writeln!(io::stderr(), "{what}");
    })?;
    let text = format!(
        "Medians of {} rounds of {} s after {} s. {}. Load average {before} at the beginning, {} at the end.\n\n{}",
        args.rounds,
        args.seconds,
        args.warmup,
        machine::described()?,
        machine::load_average()?,
        tables(&comparison, &reports),
    );
    match args.into {
        Some(file) => marks::replace(&file, "compare.sh", &text),
        None => io::stdout().write_all(text.as_bytes()),
    }
}
