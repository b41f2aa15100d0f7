//! A board in this process: the driver, memory behind a cache, and what the kernel keeps of processes.

use super::{
    Process,
    driver::{Answer, Driver, Memory, Violation},
};
use crate::sys::{
    Node,
    abi::{self, Request},
};
use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::{self, ThreadId},
    time::{Duration, Instant},
};

/// Where the carve-out begins.
pub(super) const BASE: u64 = 0x8b30_0000;

/// A board.
#[derive(Debug)]
pub struct Machine {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) driver: Driver,
    pub(super) memory: Cached,
    pub(super) notes: Vec<u8>,
    pub(super) boot: u32,
    pub(super) summary: bool,
    /// Who has the `flock` of what.
    pub(super) flocks: BTreeMap<String, Opened>,
    pub(super) processes: BTreeMap<u32, Life>,
    pub(super) opened: u64,
    /// The nodes that are open.
    pub(super) nodes: BTreeMap<u64, (u32, Node)>,
    connections: u64,
    /// How often time has run out for all calls that wait.
    expired: u64,
}

/// An open file of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Opened {
    pub(super) process: u32,
    pub(super) file: u64,
}

/// A process.
#[derive(Debug, Default)]
pub(super) struct Life {
    pub(super) calls: u64,
    pub(super) dies_after: Option<u64>,
    pub(super) dead: bool,
    pub(super) quiet: Vec<ThreadId>,
    /// The structs of the calls that it waits in: each as it was last shown to the driver.
    waits: Vec<(ThreadId, u32, Vec<u8>)>,
}

/// What is left on a board when nothing should be held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Leftovers {
    /// Allocations of the carve-out.
    pub ion_slots: usize,
    /// Channels that are made.
    pub channels: usize,
    /// Units that are taken.
    pub units: usize,
    /// Whether the unit is locked.
    pub locked: bool,
    /// Pools of a camera's frames.
    pub pools: usize,
    /// Frames that are lent.
    pub leases: usize,
}

impl Machine {
    /// A board with 9 channels and a carve-out of 16 MiB.
    pub fn new() -> Arc<Self> {
        Self::with_ion(16 << 20)
    }

    /// With a carve-out of this many bytes.
    pub fn with_ion(size: u32) -> Arc<Self> {
        let len = size as usize;
        let state = State {
            driver: Driver::new(9, BASE, size.into()),
            memory: Cached { base: BASE, ram: vec![0; len], cpu: vec![0; len] },
            notes: Vec::new(),
            boot: 1,
            summary: true,
            flocks: BTreeMap::new(),
            processes: BTreeMap::new(),
            opened: 0,
            nodes: BTreeMap::new(),
            connections: 0,
            expired: 0,
        };
        Arc::new(Self { state: Mutex::new(state), changed: Condvar::new() })
    }

    /// A new process on it.
    pub fn process(self: &Arc<Self>) -> Arc<Process> {
        let mut state = self.state();
        let pid = state.processes.len() as u32 + 1;
        state.processes.insert(pid, Life::default());
        drop(state);
        Arc::new(Process::new(Arc::clone(self), pid))
    }

    /// Looks at the driver, or changes what goes wrong with it.
    pub fn driver<T>(&self, look: impl FnOnce(&mut Driver) -> T) -> T {
        let answer = look(&mut self.state().driver);
        self.changed.notify_all();
        answer
    }

    /// A process that can hold the camera open.
    pub fn connect_camera(self: &Arc<Self>) -> CameraConnection {
        let mut state = self.state();
        state.connections += 1;
        CameraConnection { machine: Arc::clone(self), number: state.connections }
    }

    /// The camera that runs, if one does, has a frame more.
    pub fn deliver(&self) {
        self.deliver_at(eyelet_hal::monotonic());
    }

    /// The same, with this time of `CLOCK_MONOTONIC` on it.
    pub fn deliver_at(&self, time: Duration) {
        let State { driver, memory, .. } = &mut *self.state();
        driver.deliver(time, memory);
        self.changed.notify_all();
    }

    /// Lets every wait that has a time-out end now.
    pub fn expire(&self) {
        self.state().expired += 1;
        self.changed.notify_all();
    }

    /// Waits until a process waits for a frame, or `give_up` comes true.
    pub fn wait_until_wanted(&self, give_up: impl Fn() -> bool) {
        let mut state = self.state();
        while !state.driver.frame_wanted() && !give_up() {
            // Bounded, as what `give_up` looks at wakes nobody.
            let short = Duration::from_millis(10);
            state = self.changed.wait_timeout(state, short).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// What was done that must not be.
    pub fn violations(&self) -> Vec<Violation> {
        self.state().driver.violations().to_vec()
    }

    /// What is held at the moment.
    pub fn leftovers(&self) -> Leftovers {
        let driver = &self.state().driver;
        Leftovers {
            ion_slots: driver.ion_slots(),
            channels: driver.channels().len(),
            units: driver.units(),
            locked: driver.locked(),
            pools: driver.pools(),
            leases: driver.leases(),
        }
    }

    /// Whether the allocator's list can be read; it can at first.
    pub fn set_summary_readable(&self, readable: bool) {
        self.state().summary = readable;
    }

    /// Starts the board again: nothing is left but the notes, if their file outlives it.
    pub fn reboot(&self) {
        let mut state = self.state();
        let (size, faults) = (state.memory.ram.len() as u64, state.driver.faults.clone());
        state.processes.values_mut().for_each(|life| life.dead = true);
        state.flocks.clear();
        state.nodes.clear();
        state.driver = Driver::new(9, BASE, size);
        state.driver.faults = faults;
        state.boot += 1;
        drop(state);
        self.changed.notify_all();
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn wake(&self) {
        self.changed.notify_all();
    }

    /// An ioctl of a process, which waits in it as long as the driver says.
    pub(super) fn ioctl(
        &self,
        process: u32,
        node: Node,
        request: Request,
        argument: &mut [&mut [u8]],
    ) -> io::Result<i32> {
        let mut state = self.state();
        state.alive(process)?;
        let waits = matches!(node, Node::Channel(_)) || request == abi::VPSS_GET_CHN_FRAME;
        if waits && !state.is_quiet(process) {
            state.driver.note(Violation::SignalsNotBlocked);
        }
        let patience = argument.first().and_then(|first| Driver::patience(request.number, first));
        let until = patience.map(|patience| Instant::now() + patience);
        let expired = state.expired;
        loop {
            let State { driver, memory, .. } = &mut *state;
            let mut answer = driver.ioctl(node, request.number, argument, memory);
            let late = until.is_some_and(|until| Instant::now() >= until || state.expired != expired);
            if answer == Answer::Blocked && late {
                answer =
                    argument.first_mut().map_or(answer, |first| state.driver.give_up(request.number, first));
            }
            self.changed.notify_all();
            match answer {
                Answer::Blocked => {
                    let waits = argument.first().map(|first| (request.number, first.to_vec()));
                    state.waits(process, waits);
                    let left =
                        until.map_or(FOR_EVER, |until| until.saturating_duration_since(Instant::now()));
                    let woken = self.changed.wait_timeout(state, left);
                    state = woken.unwrap_or_else(PoisonError::into_inner).0;
                    state.waits(process, None);
                    state.alive(process)?;
                }
                Answer::Oops => {
                    state.kill(process);
                    return Err(gone());
                }
                Answer::Done(returned) => return state.called(process).map(|()| returned),
                Answer::Errno(errno) => {
                    state.called(process)?;
                    return Err(io::Error::from_raw_os_error(errno));
                }
            }
        }
    }
}

/// Longer than any call waits.
const FOR_EVER: Duration = Duration::from_secs(3600);

/// A process that can hold the camera open. Dropping it kills it.
#[derive(Debug)]
pub struct CameraConnection {
    machine: Arc<Machine>,
    number: u64,
}

impl CameraConnection {
    /// A line to the camera port, and its answer.
    pub fn line(&self, line: &str) -> String {
        let answer = self.machine.state().driver.camera_line(self.number, line);
        self.machine.wake();
        answer
    }
}

impl Drop for CameraConnection {
    fn drop(&mut self) {
        self.machine.state().driver.camera_hung_up(self.number);
        self.machine.wake();
    }
}

/// What the code of a dead process sees: it would not run at all.
fn gone() -> io::Error {
    io::Error::from_raw_os_error(libc::ESRCH)
}

impl State {
    /// Before a call: a dead process makes none.
    pub(super) fn alive(&self, process: u32) -> io::Result<()> {
        match self.processes.get(&process) {
            Some(life) if !life.dead => Ok(()),
            _ => Err(gone()),
        }
    }

    /// After a call: it had its effect, and the process may be killed before it sees that.
    pub(super) fn called(&mut self, process: u32) -> io::Result<()> {
        if let Some(life) = self.processes.get_mut(&process) {
            life.calls += 1;
            if life.dies_after.is_some_and(|most| life.calls >= most) {
                self.kill(process);
            }
        }
        self.alive(process)
    }

    pub(super) fn kill(&mut self, process: u32) {
        if let Some(life) = self.processes.get_mut(&process) {
            life.dead = true;
            // What the kernel does for those who die.
            for (_, request, mut argument) in std::mem::take(&mut life.waits) {
                self.driver.give_up(request, &mut argument);
            }
        }
        let nodes = std::mem::take(&mut self.nodes);
        for (file, (owner, node)) in nodes {
            if owner == process {
                self.driver.close(node);
            } else {
                self.nodes.insert(file, (owner, node));
            }
        }
        self.flocks.retain(|_, owner| owner.process != process);
    }

    fn waits(&mut self, process: u32, waits: Option<(u32, Vec<u8>)>) {
        if let Some(life) = self.processes.get_mut(&process) {
            let current = thread::current().id();
            life.waits.retain(|wait| wait.0 != current);
            life.waits.extend(waits.map(|(request, argument)| (current, request, argument)));
        }
    }

    /// A file is closed.
    pub(super) fn close(&mut self, opened: Opened) {
        self.flocks.retain(|_, owner| *owner != opened);
        if let Some((_, node)) = self.nodes.remove(&opened.file) {
            self.driver.close(node);
        }
    }

    fn is_quiet(&self, process: u32) -> bool {
        let current = thread::current().id();
        self.processes.get(&process).is_some_and(|life| life.quiet.contains(&current))
    }

    pub(super) fn flock(&mut self, what: &str, opened: Opened) -> bool {
        *self.flocks.entry(what.to_owned()).or_insert(opened) == opened
    }
}

/// Memory, and the CPU's view of it: they agree only after a flush or an invalidation.
#[derive(Debug)]
pub(super) struct Cached {
    base: u64,
    ram: Vec<u8>,
    cpu: Vec<u8>,
}

impl Cached {
    fn range(&self, physical: u64, len: u64) -> Option<std::ops::Range<usize>> {
        let from = physical.checked_sub(self.base)?;
        let to = from.checked_add(len)?;
        (to <= self.ram.len() as u64).then_some(from as usize..to as usize)
    }

    /// The bytes as the CPU sees them.
    pub(super) fn seen(&mut self, physical: u64, len: u64) -> Option<&mut [u8]> {
        let range = self.range(physical, len)?;
        self.cpu.get_mut(range)
    }
}

impl Memory for Cached {
    fn read(&self, physical: u64, into: &mut [u8]) -> bool {
        let range = self.range(physical, into.len() as u64);
        range.inspect(|range| into.copy_from_slice(&self.ram[range.clone()])).is_some()
    }

    fn write(&mut self, physical: u64, from: &[u8]) -> bool {
        let range = self.range(physical, from.len() as u64);
        range.inspect(|range| self.ram[range.clone()].copy_from_slice(from)).is_some()
    }

    fn flush(&mut self, physical: u64, len: u64) {
        if let Some(range) = self.range(physical, len) {
            self.ram[range.clone()].copy_from_slice(&self.cpu[range]);
        }
    }

    fn invalidate(&mut self, physical: u64, len: u64) {
        if let Some(range) = self.range(physical, len) {
            self.cpu[range.clone()].copy_from_slice(&self.ram[range]);
        }
    }
}
