//! The SG2002's driver behind all its nodes: a message of the kernel in, answers out. It has no clock; times are those of
//! `CLOCK_MONOTONIC`.

use crate::{
    round::{Step, step},
    wire::{self, Ioctl, Operation},
};
use eyelet_maixcam::{
    model::{Answer, Driver, Memory},
    sys::{Node, abi},
};
use std::{fmt, ops::Range, time::Duration};

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
    /// When its time is over.
    until: Option<Duration>,
}

/// The driver.
#[derive(Debug)]
pub(crate) struct Unit<M> {
    driver: Driver,
    memory: M,
    waiting: Vec<Waiting>,
    /// Who polls and wants to be woken.
    polling: Vec<(Node, u64)>,
    /// When the camera that runs has its next frame.
    next_frame: Option<Duration>,
}

impl<M: Memory> Unit<M> {
    pub(crate) fn new(driver: Driver, memory: M) -> Self {
        Self { driver, memory, waiting: Vec::new(), polling: Vec::new(), next_frame: None }
    }

    #[cfg(test)]
    pub(crate) fn memory(&self) -> &M {
        &self.memory
    }

    /// Handles a message that was read from the device of `node`.
    pub(crate) fn handle(&mut self, node: Node, message: &[u8], now: Duration) -> Answers {
        let Some((unique, operation)) = wire::parse(message) else { return Vec::new() };
        let bytes = match operation {
            Operation::Init(minor) => wire::init(unique, minor, node.to_string().trim_start_matches("/dev/")),
            Operation::Open => match self.driver.open(node) {
                0 => wire::opened(unique),
                errno => wire::done(unique, errno),
            },
            Operation::Release => {
                self.driver.close(node);
                wire::done(unique, 0)
            }
            Operation::Poll(handle) => {
                let ready = matches!(node, Node::Channel(number) if self.driver.readable(number));
                self.polling.extend(handle.filter(|_| !ready).map(|handle| (node, handle)));
                wire::events(unique, if ready { POLLIN } else { 0 })
            }
            Operation::Ioctl(ioctl) => return self.ioctl(node, unique, &ioctl, now),
            Operation::Interrupt(of) => return self.interrupt(of),
            Operation::Other => wire::done(unique, ENOSYS),
        };
        vec![(node, bytes)]
    }

    /// A line of a connection to the camera port: the line that answers it, and what it changes for others.
    pub(crate) fn camera_line(&mut self, connection: u64, line: &str, now: Duration) -> (String, Answers) {
        let ran = self.driver.camera_fps().is_some();
        let reply = self.driver.camera_line(connection, line);
        match self.period() {
            None => self.next_frame = None,
            Some(period) if !ran => self.next_frame = Some(now + period),
            Some(_) => {}
        }
        (reply, self.settle())
    }

    /// A connection to the camera port has ended.
    pub(crate) fn camera_hung_up(&mut self, connection: u64) -> Answers {
        self.driver.camera_hung_up(connection);
        if self.period().is_none() {
            self.next_frame = None;
        }
        self.settle()
    }

    /// When [`tick`](Self::tick) has something to do; `None` if nothing waits for its time.
    pub(crate) fn deadline(&self) -> Option<Duration> {
        self.waiting.iter().filter_map(|waiting| waiting.until).chain(self.next_frame).min()
    }

    /// Does what is due: a frame of the camera, and the end of waits.
    pub(crate) fn tick(&mut self, now: Duration) -> Answers {
        if let (Some(due), Some(period)) = (self.next_frame, self.period())
            && due <= now
        {
            self.driver.deliver(now, &mut self.memory);
            // The host may be late. What it missed is not made up for: a sensor never has two frames at once.
            self.next_frame = Some((due + period).max(now));
        }
        let mut answers = self.settle();
        while let Some(index) =
            self.waiting.iter().position(|waiting| waiting.until.is_some_and(|until| until <= now))
        {
            let mut late = self.waiting.swap_remove(index);
            let answer = match late.chain.first_mut() {
                Some(argument) => self.driver.give_up(late.number, argument),
                None => Answer::Errno(EPERM),
            };
            answers.push((late.node, returned(&late, answer)));
        }
        answers
    }

    /// The time from frame to frame of the camera that runs.
    fn period(&self) -> Option<Duration> {
        self.driver.camera_fps().map(|fps| Duration::from_secs(1) / fps.max(1))
    }

    fn ioctl(&mut self, node: Node, unique: u64, ioctl: &Ioctl<'_>, now: Duration) -> Answers {
        let (chain, written) = match step(ioctl) {
            Step::Again(ins, outs) => return vec![(node, wire::again(unique, &ins, &outs))],
            Step::Call(chain, written) => (chain, written),
        };
        let patience = chain.first().and_then(|argument| Driver::patience(ioctl.number, argument));
        let until = patience.map(|patience| now + patience);
        self.waiting.push(Waiting { node, unique, number: ioctl.number, chain, written, until });
        self.settle()
    }

    /// The answers to all waiting calls that the driver lets return: what one changes may let another return.
    fn settle(&mut self) -> Answers {
        let mut answers = Vec::new();
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
            let Waiting { node, number, chain, .. } = &mut waiting[index];
            let mut structs: Vec<&mut [u8]> = chain.iter_mut().map(Vec::as_mut_slice).collect();
            let answer = driver.ioctl(*node, *number, &mut structs, memory);
            if answer != Answer::Blocked {
                let done = waiting.swap_remove(index);
                return Some((done.node, returned(&done, answer)));
            }
        }
        None
    }

    /// A signal ends a wait in the driver, with its only `errno`.
    fn interrupt(&mut self, of: u64) -> Answers {
        let Some(index) = self.waiting.iter().position(|waiting| waiting.unique == of) else {
            return Vec::new();
        };
        let Waiting { node, unique, number, mut chain, .. } = self.waiting.swap_remove(index);
        if let Some(argument) = chain.first_mut() {
            self.driver.give_up(number, argument);
        }
        vec![(node, wire::returned(unique, -EPERM, &[]))]
    }
}

/// The message that ends a call.
fn returned(call: &Waiting, answer: Answer) -> Vec<u8> {
    match answer {
        Answer::Done(result) => {
            let out: Vec<&[u8]> = call.chain[call.written.clone()].iter().map(Vec::as_slice).collect();
            wire::returned(call.unique, result, &out)
        }
        Answer::Errno(errno) => wire::returned(call.unique, -errno, &[]),
        // The violations tell; the process may live on.
        Answer::Oops | Answer::Blocked => wire::returned(call.unique, -EIO, &[]),
    }
}

/// What is held, and what was done that must not be.
impl<M> fmt::Display for Unit<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let driver = &self.driver;
        write!(
            f,
            "ion={} channels={} units={} locked={} pools={} leases={} waiters={} camera={} lost={} frames={} \
             flushes={} unread={} violations={:?}",
            driver.ion_slots(),
            driver.channels().len(),
            driver.units(),
            driver.locked(),
            driver.pools(),
            driver.leases(),
            self.waiting.len(),
            driver.camera_fps().is_some(),
            driver.frames_lost(),
            driver.count(abi::RELEASE_STREAM),
            driver.count(abi::CACHE_FLUSH),
            driver.unread(),
            driver.violations()
        )
    }
}
