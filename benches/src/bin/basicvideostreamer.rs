//! `basicvideostreamer DIR`: the crate of this name, given the pictures that the others send.

use basicvideostreamer::{Server, ServerConfiguration};
use clap::Parser;
use eyelet_bench::{compare::free_port, pictures, stamp::restamp};
use eyelet_hal::clock::{Clock, SystemClock};
use std::{
    convert::Infallible,
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
    time::Duration,
};

/// Streams pictures with the crate basicvideostreamer
#[derive(Debug, Parser)]
struct Args {
    /// Pictures that the program `pictures` made
    dir: PathBuf,
    /// Pictures a second
    #[arg(long, default_value_t = 30.0)]
    fps: f64,
}

fn main() -> ExitCode {
    let Err(why) = run(Args::parse());
    let _ = writeln!(io::stderr(), "error: {why}");
    ExitCode::FAILURE
}

fn run(args: Args) -> io::Result<Infallible> {
    let mut pictures = pictures::read(&args.dir)?;
    let count = pictures.len();
    let port = free_port()?;
    let mut server = Server::new(ServerConfiguration::new(port, None, Some("/stream".to_owned())));
    server.start()?;
    let _ = writeln!(io::stdout(), "streaming on http://127.0.0.1:{port}/stream");
    let first = SystemClock.monotonic();
    let mut number = 0;
    loop {
        let due = first + Duration::from_secs_f64(number as f64 / args.fps);
        SystemClock.sleep_until(due);
        let picture = &mut pictures[number % count];
        restamp(picture, number as u64, SystemClock.to_unix(due));
        server.send(picture)?;
        number += 1;
    }
}
