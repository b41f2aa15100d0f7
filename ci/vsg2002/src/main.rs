//! `eyelet-vsg2002`: the SG2002's JPEG unit made of software, for the virtual board. A process that opens its nodes
//! meets the driver's model of `eyelet-maixcam`, through the kernel's CUSE.

#![forbid(unsafe_code)]

mod carveout;
mod round;
#[cfg(test)]
mod tests;
mod unit;
mod wire;

use carveout::{BASE, Carveout, SIZE};
use eyelet_maixcam::{model::Driver, sys::Node};
use rustix::{
    event::{PollFd, PollFlags, poll},
    fs::{Mode, OFlags, open},
    io::Errno,
};
use std::{
    env, fs,
    io::{self, Read, Write},
    os::{
        fd::OwnedFd,
        unix::net::{UnixListener, UnixStream},
    },
    process::ExitCode,
};
use unit::{Answers, Unit};

const USAGE: &str = "usage: eyelet-vsg2002 run     make the nodes of the SG2002's JPEG unit and serve them
       eyelet-vsg2002 status  tell what is held of it, and what was done that must not be";
const SOCKET: &str = "/run/eyelet-vsg2002.sock";
/// As many as the board's driver makes.
const CHANNELS: u8 = 9;

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
    let mut socket = UnixStream::connect(SOCKET)
        .map_err(|e| io::Error::new(e.kind(), format!("cannot reach {SOCKET}: {e}; is the unit running?")))?;
    socket.read_to_string(&mut line)?;
    io::stdout().write_all(line.as_bytes())
}

fn run() -> io::Result<()> {
    let mut unit = Unit::new(Driver::new(CHANNELS, BASE, SIZE), Carveout::map()?);
    let mut nodes = Vec::new();
    for node in [Node::Base, Node::Sys].into_iter().chain((0..CHANNELS).map(Node::Channel)) {
        let flags = OFlags::RDWR | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let cuse = open("/dev/cuse", flags, Mode::empty()).map_err(|e| {
            let e = io::Error::from(e);
            io::Error::new(e.kind(), format!("cannot open /dev/cuse: {e}; load the module cuse as root"))
        })?;
        nodes.push((node, cuse));
    }
    // One that was killed leaves its socket behind.
    let _ = fs::remove_file(SOCKET);
    let askers = UnixListener::bind(SOCKET)
        .map_err(|e| io::Error::new(e.kind(), format!("cannot listen on {SOCKET}: {e}")))?;
    let mut message = vec![0; wire::LONGEST];
    loop {
        let mut fds: Vec<_> = nodes.iter().map(|(_, cuse)| PollFd::new(cuse, PollFlags::IN)).collect();
        fds.push(PollFd::new(&askers, PollFlags::IN));
        poll(&mut fds, None)?;
        let ready: Vec<bool> = fds.iter().map(|fd| !fd.revents().is_empty()).collect();
        for ((node, cuse), _) in nodes.iter().zip(&ready).filter(|(_, ready)| **ready) {
            let len = match rustix::io::read(cuse, &mut message) {
                Ok(len) => len,
                // What had been there was taken back.
                Err(Errno::AGAIN | Errno::INTR | Errno::NOENT) => continue,
                Err(e) => return Err(explained(*node, e)),
            };
            deliver(&nodes, unit.handle(*node, &message[..len]))?;
        }
        if ready[nodes.len()] {
            let (mut asker, _) = askers.accept()?;
            // One that is gone does not matter.
            let _ = writeln!(asker, "{unit}");
        }
    }
}

fn deliver(nodes: &[(Node, OwnedFd)], answers: Answers) -> io::Result<()> {
    for (node, bytes) in answers {
        let Some((_, cuse)) = nodes.iter().find(|(of, _)| *of == node) else { continue };
        match rustix::io::write(cuse, &bytes) {
            // The process that waited for it, or polled, is gone.
            Ok(_) | Err(Errno::NOENT) => {}
            Err(e) => return Err(explained(node, e)),
        }
    }
    Ok(())
}

fn explained(node: Node, e: Errno) -> io::Error {
    let e = io::Error::from(e);
    io::Error::new(e.kind(), format!("cannot serve {node}: {e}; does another process serve it?"))
}
