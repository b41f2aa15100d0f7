//! `criterion-tables`: what `cargo bench` measured last, as tables in Markdown.

use clap::Parser;
use eyelet_bench::{machine, marks, measured};
use std::{
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
};

/// Prints what criterion measured as tables in Markdown
#[derive(Debug, Parser)]
struct Args {
    /// Criterion's folder
    #[arg(default_value = "target/criterion")]
    folder: PathBuf,
    /// Put the tables into this file, between its marks
    #[arg(long)]
    into: Option<PathBuf>,
}

fn main() -> ExitCode {
    eyelet_bench::ended(run(Args::parse()))
}

fn run(args: Args) -> io::Result<()> {
    let (machine, load) = (machine::described()?, machine::load_average()?);
    let tables = measured::tables(measured::read(&args.folder)?);
    let tables = format!("Medians. {machine}. Load average {load} at the end.\n\n{tables}");
    match args.into {
        Some(file) => marks::replace(&file, "criterion.sh", &tables),
        None => io::stdout().write_all(tables.as_bytes()),
    }
}
