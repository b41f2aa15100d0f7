//! `floor DIR`: what sending pictures to viewers costs at the least.

use clap::Parser;
use eyelet_bench::{
    floor::{Floor, Way},
    pictures,
};
use std::{
    io::{self, Write},
    net::SocketAddr,
    path::PathBuf,
    process::ExitCode,
};

/// Sends the same bytes to every viewer from one thread, and does nothing else
#[derive(Debug, Parser)]
struct Args {
    /// Pictures that the program `pictures` made
    dir: PathBuf,
    /// Where to listen; port 0 picks a free one
    #[arg(long, default_value = "127.0.0.1:0")]
    bind: SocketAddr,
    /// Pictures a second
    #[arg(long, default_value_t = 30.0)]
    fps: f64,
    /// Send from a memfd that holds the part, not from memory
    #[arg(long)]
    sendfile: bool,
}

fn main() -> ExitCode {
    let Err(why) = run(Args::parse());
    let _ = writeln!(io::stderr(), "error: {why}");
    ExitCode::FAILURE
}

fn run(args: Args) -> io::Result<std::convert::Infallible> {
    let way = if args.sendfile { Way::Sendfile } else { Way::Writev };
    let floor = Floor::bind(args.bind, pictures::read(&args.dir)?, args.fps, way)?;
    let _ = writeln!(io::stdout(), "streaming on http://{}/stream", floor.address()?);
    floor.run()
}
