//! `eyelet-vsg2002`: the SG2002's JPEG unit and scaler made of software, for the virtual board. A process that opens
//! their nodes meets the driver's model of `eyelet-maixcam`, through the kernel's CUSE. The camera that the scaler's
//! frames come from is started and stopped through a socket, the camera port.

#![forbid(unsafe_code)]

mod carveout;
mod ports;
mod round;
mod serve;
#[cfg(test)]
mod tests;
mod unit;
mod wire;

use serve::{STATUS, run};
use std::{
    env,
    io::{self, Read, Write},
    os::unix::net::UnixStream,
    process::ExitCode,
};

const USAGE: &str =
    "usage: eyelet-vsg2002 run     make the nodes of the SG2002's JPEG unit and scaler and serve them
       eyelet-vsg2002 status  print what is held of them, and what was done that must not be";

fn main() -> ExitCode {
    let words: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let done = match words[..] {
        ["run"] => run(),
        ["status"] => status(),
        _ => {
            let _ = writeln!(io::stderr(), "{USAGE}");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            let _ = writeln!(io::stderr(), "error: {e}");
            ExitCode::FAILURE
        }
    }
}

fn status() -> io::Result<()> {
    let mut line = String::new();
    let mut socket = UnixStream::connect(STATUS).map_err(|e| {
        io::Error::new(e.kind(), format!("cannot reach {STATUS}: {e}; is eyelet-vsg2002 running?"))
    })?;
    socket.read_to_string(&mut line)?;
    io::stdout().write_all(line.as_bytes())
}
