//! The loop: messages of the kernel, questions about the status, lines for the camera, and what is due.

use crate::{
    carveout::{BASE, Carveout, SIZE},
    ports::Ports,
    unit::{Answers, Unit},
    wire,
};
use eyelet_hal::monotonic;
use eyelet_maixcam::{model::Driver, sys::Node};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fs::{Mode, OFlags, open},
    io::Errno,
};
use std::{
    fs,
    io::{self, Write},
    os::{fd::OwnedFd, unix::net::UnixListener},
};

/// Who connects is sent the status.
pub(crate) const STATUS: &str = "/run/eyelet-vsg2002.sock";
/// The camera port; `EYELET_MAIX_PORT` gives its name to the `maix` package.
const CAMERA: &str = "/run/eyelet-maix.sock";
/// As many as the board's driver makes.
const CHANNELS: u8 = 9;

/// Makes the nodes and serves them.
///
/// # Errors
/// If the kernel does not let it, with what to do.
pub(crate) fn run() -> io::Result<()> {
    let mut unit = Unit::new(Driver::new(CHANNELS, BASE, SIZE), Carveout::map()?);
    let mut nodes = Vec::new();
    for node in [Node::Base, Node::Sys, Node::Scaler].into_iter().chain((0..CHANNELS).map(Node::Channel)) {
        let flags = OFlags::RDWR | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let cuse = open("/dev/cuse", flags, Mode::empty()).map_err(|e| {
            let e = io::Error::from(e);
            io::Error::new(e.kind(), format!("cannot open /dev/cuse: {e}; load the module cuse as root"))
        })?;
        nodes.push((node, cuse));
    }
    let mut ports = Ports::new(listen(CAMERA)?)?;
    // Last: who gets the status finds all of it.
    let askers = listen(STATUS)?;
    let mut message = vec![0; wire::LONGEST];
    loop {
        let mut fds: Vec<_> = nodes.iter().map(|(_, cuse)| PollFd::new(cuse, PollFlags::IN)).collect();
        fds.push(PollFd::new(&askers, PollFlags::IN));
        fds.extend(ports.fds().map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN)));
        let due = unit.deadline().map(|due| due.saturating_sub(monotonic()));
        let due = due.and_then(|due| Timespec::try_from(due).ok());
        match poll(&mut fds, due.as_ref()) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(e) => return Err(e.into()),
        }
        let ready: Vec<bool> = fds.iter().map(|fd| !fd.revents().is_empty()).collect();
        deliver(&nodes, unit.tick(monotonic()))?;
        for ((node, cuse), _) in nodes.iter().zip(&ready).filter(|(_, ready)| **ready) {
            let len = match rustix::io::read(cuse, &mut message) {
                Ok(len) => len,
                // What had been there was taken back.
                Err(Errno::AGAIN | Errno::INTR | Errno::NOENT) => continue,
                Err(e) => return Err(explained(*node, e)),
            };
            deliver(&nodes, unit.handle(*node, &message[..len], monotonic()))?;
        }
        if ready[nodes.len()] {
            let (mut asker, _) = askers.accept()?;
            // One that is gone does not matter.
            let _ = writeln!(asker, "{unit}");
        }
        deliver(&nodes, ports.serve(&ready[nodes.len() + 1..], &mut unit))?;
    }
}

fn listen(path: &str) -> io::Result<UnixListener> {
    // One that was killed leaves its socket behind.
    let _ = fs::remove_file(path);
    UnixListener::bind(path).map_err(|e| io::Error::new(e.kind(), format!("cannot listen on {path}: {e}")))
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
