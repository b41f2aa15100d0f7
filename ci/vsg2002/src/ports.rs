//! The camera port's connections: each is the camera of one process.

use crate::unit::{Answers, Unit};
use eyelet_hal::monotonic;
use eyelet_maixcam::model::Memory;
use std::{
    io::{self, Read, Write},
    os::{
        fd::{AsFd, BorrowedFd},
        unix::net::{UnixListener, UnixStream},
    },
};

/// No line is as long.
const LONGEST: usize = 1024;

/// The listener and its connections.
#[derive(Debug)]
pub(crate) struct Ports {
    listener: UnixListener,
    connections: Vec<Connection>,
    accepted: u64,
}

#[derive(Debug)]
struct Connection {
    number: u64,
    socket: UnixStream,
    /// What has come of a line.
    begun: Vec<u8>,
}

impl Ports {
    pub(crate) fn new(listener: UnixListener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        Ok(Self { listener, connections: Vec::new(), accepted: 0 })
    }

    /// What to poll for reading.
    pub(crate) fn fds(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        let connections = self.connections.iter().map(|connection| connection.socket.as_fd());
        std::iter::once(self.listener.as_fd()).chain(connections)
    }

    /// Serves those of the [`fds`](Self::fds) that are ready.
    pub(crate) fn serve<M: Memory>(&mut self, ready: &[bool], unit: &mut Unit<M>) -> Answers {
        let mut answers = Vec::new();
        let Some((new, ready)) = ready.split_first() else { return answers };
        let mut ready = ready.iter();
        self.connections.retain_mut(|connection| {
            let lives = ready.next() != Some(&true) || connection.serve(unit, &mut answers).is_ok();
            if !lives {
                answers.extend(unit.camera_hung_up(connection.number));
            }
            lives
        });
        if *new && let Ok((socket, _)) = self.listener.accept() {
            self.accepted += 1;
            self.connections.push(Connection { number: self.accepted, socket, begun: Vec::new() });
        }
        answers
    }
}

impl Connection {
    /// Reads what is there and answers its lines. An error is the end of the connection.
    fn serve<M: Memory>(&mut self, unit: &mut Unit<M>, answers: &mut Answers) -> io::Result<()> {
        let mut chunk = [0; LONGEST];
        let len = self.socket.read(&mut chunk)?;
        if len == 0 || self.begun.len() > LONGEST {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.begun.extend_from_slice(&chunk[..len]);
        while let Some(end) = self.begun.iter().position(|&byte| byte == b'\n') {
            let line: Vec<u8> = self.begun.drain(..=end).collect();
            let line = String::from_utf8_lossy(&line);
            let (reply, changed) = unit.camera_line(self.number, line.trim_end(), monotonic());
            answers.extend(changed);
            self.socket.write_all(format!("{reply}\n").as_bytes())?;
        }
        Ok(())
    }
}
