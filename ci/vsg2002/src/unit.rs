//! The JPEG unit behind all its nodes: a message of the kernel in, answers out.

use crate::{
    round::{Step, step},
    wire::{self, Ioctl, Operation},
};
use eyelet_maixcam::{
    model::{Answer, Driver, Memory},
    sys::{Node, abi},
};
use std::{fmt, ops::Range};

const POLLIN: u32 = 1;
const EPERM: i32 = 1;
const EIO: i32 = 5;
const ENOSYS: i32 = 38;

/// Bytes for the kernel, by the node they belong to.
pub(crate) type Answers = Vec<(Node, Vec<u8>)>;

/// An ioctl that the driver does not let return yet.
#[derive(Debug)]
struct Waiting {
    node: Node,
    unique: u64,
    number: u32,
    chain: Vec<Vec<u8>>,
    written: Range<usize>,
}

/// The unit.
#[derive(Debug)]
pub(crate) struct Unit<M> {
    driver: Driver,
    memory: M,
    waiting: Vec<Waiting>,
    /// Who polls and wants to be woken.
    polling: Vec<(Node, u64)>,
}

impl<M: Memory> Unit<M> {
    pub(crate) fn new(driver: Driver, memory: M) -> Self {
        Self { driver, memory, waiting: Vec::new(), polling: Vec::new() }
    }

    #[cfg(test)]
    pub(crate) fn memory(&self) -> &M {
        &self.memory
    }

    /// Answers a message about a node: to it, and to others that had to wait for it.
    pub(crate) fn handle(&mut self, node: Node, message: &[u8]) -> Answers {
        let Some((unique, operation)) = wire::parse(message) else { return Vec::new() };
        let bytes = match operation {
            Operation::Init(minor) => wire::init(unique, minor, node.to_string().trim_start_matches("/dev/")),
            Operation::Open => match self.driver.open(node) {
                0 => wire::opened(unique),
                errno => wire::done(unique, errno),
            },
            Operation::Release => wire::done(unique, 0),
            Operation::Poll(handle) => {
                let ready = matches!(node, Node::Channel(number) if self.driver.readable(number));
                self.polling.extend(handle.filter(|_| !ready).map(|handle| (node, handle)));
                wire::events(unique, if ready { POLLIN } else { 0 })
            }
            Operation::Ioctl(ioctl) => return self.ioctl(node, unique, &ioctl),
            Operation::Interrupt(of) => return self.interrupt(of),
            Operation::Other => wire::done(unique, ENOSYS),
        };
        vec![(node, bytes)]
    }

    fn ioctl(&mut self, node: Node, unique: u64, ioctl: &Ioctl<'_>) -> Answers {
        let (chain, written) = match step(ioctl) {
            Step::Again(ins, outs) => return vec![(node, wire::again(unique, &ins, &outs))],
            Step::Call(chain, written) => (chain, written),
        };
        self.waiting.push(Waiting { node, unique, number: ioctl.number, chain, written });
        let mut answers = Vec::new();
        // What one call changes may let another return.
        while let Some(answer) = self.next() {
            answers.push(answer);
        }
        // The poller asks again.
        answers.extend(self.polling.drain(..).map(|(node, handle)| (node, wire::wake(handle))));
        answers
    }

    /// The answer to one of the waiting calls, if the driver lets any return.
    fn next(&mut self) -> Option<(Node, Vec<u8>)> {
        for index in 0..self.waiting.len() {
            let Self { driver, memory, waiting, .. } = self;
            let Waiting { node, unique, number, chain, written } = &mut waiting[index];
            let mut structs: Vec<&mut [u8]> = chain.iter_mut().map(Vec::as_mut_slice).collect();
            let bytes = match driver.ioctl(*node, *number, &mut structs, memory) {
                Answer::Blocked => continue,
                Answer::Done(result) => {
                    let out: Vec<&[u8]> = chain[written.clone()].iter().map(Vec::as_slice).collect();
                    wire::returned(*unique, result, &out)
                }
                Answer::Errno(errno) => wire::returned(*unique, -errno, &[]),
                // The violations tell; the process may live on.
                Answer::Oops => wire::returned(*unique, -EIO, &[]),
            };
            return Some((waiting.swap_remove(index).node, bytes));
        }
        None
    }

    /// A signal ends a wait in the driver, with its only `errno`.
    fn interrupt(&mut self, of: u64) -> Answers {
        let Some(index) = self.waiting.iter().position(|waiting| waiting.unique == of) else {
            return Vec::new();
        };
        let Waiting { node, unique, .. } = self.waiting.swap_remove(index);
        vec![(node, wire::returned(unique, -EPERM, &[]))]
    }
}

/// What is held, and what was done that must not be.
impl<M> fmt::Display for Unit<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let driver = &self.driver;
        write!(
            f,
            "ion={} channels={} units={} locked={} frames={} unread={} violations={:?}",
            driver.ion_slots(),
            driver.channels().len(),
            driver.units(),
            driver.locked(),
            driver.count(abi::RELEASE_STREAM),
            driver.unread(),
            driver.violations()
        )
    }
}
