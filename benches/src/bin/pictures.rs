//! `pictures DIR`: the pictures that servers are compared with.

use clap::Parser;
use eyelet_bench::pictures;
use std::{
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
};

/// Makes JPEGs of natural scenes, each with a number and a checksum inside
#[derive(Debug, Parser)]
struct Args {
    /// Where they go, for `--camera replay:DIR`
    dir: PathBuf,
    /// How many
    #[arg(long, default_value_t = 16)]
    count: u64,
    /// Bytes of each, as near as its quality allows
    #[arg(long, default_value_t = 53_000)]
    bytes: usize,
}

fn main() -> ExitCode {
    let args = Args::parse();
    match pictures::write(&args.dir, &pictures::make(args.count, (640, 480), args.bytes)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            let _ = writeln!(io::stderr(), "error: cannot write {}: {why}", args.dir.display());
            ExitCode::FAILURE
        }
    }
}
