//! A process on a modelled board, as the encoder sees it.

use super::machine::{Machine, Opened};
use crate::sys::{Device, Mapping, Node, Notes, System, abi::Request};
use std::{fmt, io, sync::Arc, thread};

/// A process. It can be killed after any call, as by SIGKILL: the call had its effect, and nothing more happens.
pub struct Process {
    machine: Arc<Machine>,
    pid: u32,
}

impl fmt::Debug for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Process({})", self.pid)
    }
}

impl Process {
    pub(super) fn new(machine: Arc<Machine>, pid: u32) -> Self {
        Self { machine, pid }
    }

    /// Kills it now. A call that it waits in does not come back with a result.
    pub fn kill(&self) {
        self.machine.state().kill(self.pid);
        self.machine.wake();
    }

    /// Kills it after this many calls, counted from its beginning.
    pub fn kill_after(&self, calls: u64) {
        if let Some(life) = self.machine.state().processes.get_mut(&self.pid) {
            life.dies_after = Some(calls);
        }
    }

    /// How many calls it has made.
    pub fn calls(&self) -> u64 {
        self.machine.state().processes.get(&self.pid).map_or(0, |life| life.calls)
    }

    /// Whether it was killed.
    pub fn is_dead(&self) -> bool {
        self.machine.state().alive(self.pid).is_err()
    }

    fn file(&self, what: String, node: Option<Node>) -> File {
        let mut state = self.machine.state();
        state.opened += 1;
        let opened = Opened { process: self.pid, file: state.opened };
        if let Some(node) = node {
            if state.alive(self.pid).is_ok() {
                state.nodes.insert(opened.file, (self.pid, node));
            } else {
                // Killed in the moment of opening.
                state.driver.close(node);
            }
        }
        drop(state);
        File { machine: Arc::clone(&self.machine), what, node, opened }
    }
}

impl System for Process {
    fn open(&self, node: Node) -> io::Result<Box<dyn Device>> {
        let mut state = self.machine.state();
        state.alive(self.pid)?;
        let errno = state.driver.open(node);
        let called = state.called(self.pid);
        drop(state);
        // The file comes first: also that of a process that is killed in the moment of opening is closed.
        let file = (errno == 0).then(|| self.file(node.to_string(), Some(node)));
        called?;
        match file {
            Some(file) => Ok(Box::new(file)),
            None => Err(io::Error::from_raw_os_error(errno)),
        }
    }

    fn notes(&self) -> io::Result<Box<dyn Notes>> {
        let mut state = self.machine.state();
        state.alive(self.pid)?;
        state.called(self.pid)?;
        drop(state);
        Ok(Box::new(self.file("notes".to_owned(), None)))
    }

    fn boot_id(&self) -> io::Result<String> {
        let state = self.machine.state();
        state.alive(self.pid)?;
        Ok(format!("boot-{}", state.boot))
    }

    fn ion_summary(&self) -> Option<String> {
        let state = self.machine.state();
        state.alive(self.pid).ok()?;
        state.summary.then(|| state.driver.ion_summary())
    }

    fn block_signals(&self) -> io::Result<()> {
        let mut state = self.machine.state();
        state.alive(self.pid)?;
        if let Some(life) = state.processes.get_mut(&self.pid) {
            life.quiet.push(thread::current().id());
        }
        Ok(())
    }
}

struct File {
    machine: Arc<Machine>,
    what: String,
    node: Option<Node>,
    opened: Opened,
}

impl fmt::Debug for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl File {
    fn flock(&self) -> io::Result<bool> {
        let mut state = self.machine.state();
        state.alive(self.opened.process)?;
        let locked = state.flock(&self.what, self.opened);
        state.called(self.opened.process)?;
        Ok(locked)
    }
}

impl Drop for File {
    fn drop(&mut self) {
        self.machine.state().close(self.opened);
    }
}

impl Device for File {
    fn ioctl(&self, request: Request, argument: &mut [&mut [u8]]) -> io::Result<i32> {
        let node = self.node.ok_or(io::ErrorKind::Unsupported)?;
        self.machine.ioctl(self.opened.process, node, request, argument)
    }

    fn map(&self, physical: u64, len: usize) -> io::Result<Box<dyn Mapping>> {
        let mut state = self.machine.state();
        state.alive(self.opened.process)?;
        // As the kernel: what is its own memory, or none, is not for mapping.
        let there = state.memory.seen(physical, len as u64).is_some();
        state.called(self.opened.process)?;
        drop(state);
        if self.node != Some(Node::Mem) || !there || len == 0 {
            return Err(io::Error::from_raw_os_error(libc::EPERM));
        }
        let (machine, process) = (Arc::clone(&self.machine), self.opened.process);
        Ok(Box::new(Mapped { machine, process, physical, len }))
    }

    fn readable(&self) -> io::Result<bool> {
        let mut state = self.machine.state();
        state.alive(self.opened.process)?;
        let readable = match self.node {
            Some(Node::Channel(number)) => state.driver.readable(number),
            _ => true,
        };
        state.called(self.opened.process)?;
        Ok(readable)
    }

    fn try_lock(&self) -> io::Result<bool> {
        self.flock()
    }
}

impl Notes for File {
    fn try_lock(&self) -> io::Result<bool> {
        self.flock()
    }

    fn read(&self) -> io::Result<Vec<u8>> {
        let mut state = self.machine.state();
        state.alive(self.opened.process)?;
        let notes = state.notes.clone();
        state.called(self.opened.process)?;
        Ok(notes)
    }

    fn write(&self, content: &[u8]) -> io::Result<()> {
        let mut state = self.machine.state();
        state.alive(self.opened.process)?;
        state.notes = content.to_vec();
        state.called(self.opened.process)
    }
}

#[derive(Debug)]
struct Mapped {
    machine: Arc<Machine>,
    process: u32,
    physical: u64,
    len: usize,
}

impl Mapping for Mapped {
    fn look(&self, look: &mut dyn FnMut(&mut [u8])) {
        let mut state = self.machine.state();
        let alive = state.alive(self.process).is_ok();
        if alive {
            state.driver.looked_at(self.physical, self.len as u64);
        }
        match state.memory.seen(self.physical, self.len as u64) {
            Some(bytes) if alive => look(bytes),
            // What a dead process does has no effect.
            _ => look(&mut vec![0; self.len]),
        }
    }
}
