//! The rules: what the driver answers, and what a board does not survive.

use super::{
    channels::CreatedChannel,
    ion::{self, Ion},
    scaler::Scaler,
};
use crate::sys::{
    Node,
    abi::{self, CacheOp, FrameInfo, IonData, Plain, Request, ScalerChannelAttr},
};
use std::collections::{BTreeMap, BTreeSet};

/// Physical memory, as the unit sees it and as the CPU does.
pub trait Memory {
    /// What the unit reads at `physical`; `false` if there is no memory.
    fn read(&self, physical: u64, into: &mut [u8]) -> bool;
    /// What the unit writes to `physical`; `false` if there is no memory.
    fn write(&mut self, physical: u64, from: &[u8]) -> bool;
    /// The CPU's cache goes to memory.
    fn flush(&mut self, physical: u64, len: u64);
    /// The CPU's cache is dropped.
    fn invalidate(&mut self, physical: u64, len: u64);
}

/// What an ioctl does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It returns this.
    Done(i32),
    /// It fails with this `errno`.
    Errno(i32),
    /// It does not return. Ask again, with the same argument, when something has changed.
    Blocked,
    /// The kernel crashed in it: the process is gone and the unit is dead.
    Oops,
}

/// What must never be done to a board.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Violation {
    /// `CREATE_CHN` failed inside, for this reason: the driver writes through a null pointer.
    Oops(&'static str),
    /// A channel was created over another: one of the 8 units is lost.
    LeakedUnit,
    /// A channel with a frame in the unit was destroyed: the call waits for itself.
    SelfDeadlock,
    /// A JPEG was got that was not sent: 2 s of nothing, and the lock given away.
    GetWithoutSend,
    /// The unit read a picture that the CPU's cache had not been flushed for.
    NotFlushed,
    /// A JPEG, or a frame of the scaler, was read through the CPU's cache as it was before.
    NotInvalidated,
    /// The unit was sent to memory that was not taken.
    BadAddress,
    /// A channel that was not made was polled: some drivers follow a null pointer.
    PolledNothing,
    /// A call that waits in the driver was made on a thread that a signal may interrupt.
    SignalsNotBlocked,
    /// This was open while a camera started: the vendor's package may then load the drivers anew, and fails half-way.
    HeldAtStart(Node),
    /// The scaler was opened while no process held the camera: its first opener sets it up anew.
    OpenedFirst,
    /// A frame of the scaler came back with the driver's pointer in it, which the driver may follow.
    KernelPointer,
    /// A frame of the scaler was given back twice: the scaler may be at work on it.
    DoubleRelease,
    /// What was given back to the scaler was never its.
    ForeignRelease,
    /// A frame of the scaler was given back while the JPEG unit read it.
    ReleasedInUnit,
    /// The JPEG unit was sent to a block that the scaler has.
    SentUnderScaler,
    /// A second thread waited for a channel's frames.
    TwoWaiters,
    /// A wait for a frame was so short that its end meets a frame often, which the driver's list does not survive.
    ShortWait,
    /// More frames were lent than the channel can spare.
    TooManyLeases,
    /// The scaler lost a frame because too many were lent.
    Starved,
    /// The camera was closed while somebody waited for a frame.
    ClosedUnderWaiter,
    /// The camera was closed while frames were lent: their pool stays.
    ClosedWithLeases,
}

/// How a JPEG comes out wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Damage {
    /// No SOI.
    NoStart,
    /// No EOI.
    NoEnd,
    /// No bytes.
    Empty,
    /// The header has another size.
    OtherSize,
}

/// What goes wrong with this board.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs)] // The names say it.
pub struct Faults {
    /// `GET_STREAM` does not return as long as this is set.
    pub hang_in_get: bool,
    /// The unit does not finish: `GET_STREAM` fails and keeps the lock.
    pub time_out_in_get: bool,
    /// `SEND_FRAME` says that the unit is busy.
    pub busy_on_send: bool,
    /// `SET_JPEG_PARAM` fails.
    pub refuse_quality: bool,
    /// `RELEASE_STREAM` fails.
    pub refuse_release: bool,
    /// The JPEG comes out wrong.
    pub damage: Option<Damage>,
    /// So many bytes come before the JPEG in its pack.
    pub offset: u32,
    /// The JPEG comes in two packs.
    pub two_packs: bool,
    /// The nodes are gone under those who have them open: every call fails.
    pub gone: bool,
    /// The scaler knows none of the calls: they succeed and change nothing.
    pub scaler_unknown: bool,
    /// What the scaler says of a channel is changed by this.
    pub scaler_attr: Option<fn(&mut ScalerChannelAttr)>,
    /// Each frame that the scaler lends is changed by this.
    pub scaler_frame: Option<fn(&mut FrameInfo)>,
    /// The number of a camera's first frame.
    pub first_frame: u32,
    /// Opening these fails with this `errno`.
    pub closed: BTreeMap<String, i32>,
}

/// The driver.
#[derive(Clone, Debug)]
pub struct Driver {
    /// What goes wrong.
    pub faults: Faults,
    /// What `READ_CHIP_ID` says.
    pub chip_id: u32,
    pub(super) nodes: u8,
    pub(super) made: BTreeMap<u8, CreatedChannel>,
    /// Whose frame is in the unit.
    pub(super) lock: Option<u8>,
    pub(super) units: usize,
    pub(super) dead: bool,
    pub(super) ion: Ion,
    pub(super) scaler: Scaler,
    /// How often nodes are open.
    open: BTreeMap<Node, u32>,
    pub(super) flushed: BTreeSet<(u64, u64)>,
    violations: Vec<Violation>,
    counts: BTreeMap<u32, u64>,
    pub(super) unread: u64,
}

pub(super) const EPERM: Answer = Answer::Errno(libc::EPERM);

impl Driver {
    /// With this many channel nodes and this carve-out.
    pub fn new(nodes: u8, base: u64, size: u64) -> Self {
        Self {
            faults: Faults::default(),
            chip_id: 18,
            nodes: nodes.min(Node::CHANNELS),
            made: BTreeMap::new(),
            lock: None,
            units: 0,
            dead: false,
            ion: Ion::new(base, size),
            scaler: Scaler::default(),
            open: BTreeMap::new(),
            flushed: BTreeSet::new(),
            violations: Vec::new(),
            counts: BTreeMap::new(),
            unread: 0,
        }
    }

    /// The sizes of what an ioctl's argument points at: the argument, what its first pointer points at, and so on.
    /// For `GET_STREAM` the last one is a single pack; there is room for `pack_count` of them. `None` for an
    /// unknown number.
    pub fn sizes(request: u32) -> Option<&'static [usize]> {
        Some(match request {
            n if n == abi::CREATE_CHN.number || n == abi::GET_CHN_ATTR.number => &[112],
            n if n == abi::DESTROY_CHN.number || n == abi::RESET_CHN.number => &[],
            n if n == abi::STOP_RECV_FRAME.number => &[],
            n if n == abi::START_RECV_FRAME.number || n == abi::READ_CHIP_ID.number => &[4],
            n if n == abi::QUERY_STATUS.number => &[88],
            n if n == abi::GET_STREAM.number => &[16, 384, 144],
            n if n == abi::RELEASE_STREAM.number => &[384],
            n if n == abi::SEND_FRAME.number => &[16, 152],
            n if n == abi::SET_JPEG_PARAM.number || n == abi::GET_JPEG_PARAM.number => &[200],
            n if n == abi::ION_ALLOC.number || n == abi::ION_FREE.number => &[56],
            n if n == abi::CACHE_FLUSH.number || n == abi::CACHE_INVALIDATE.number => &[32],
            n if n == abi::VPSS_GET_GRP_ATTR.number => &[28],
            n if n == abi::VPSS_GET_CHN_ATTR.number => &[100],
            n if n == abi::VPSS_GET_CHN_FRAME.number => &[168],
            n if n == abi::VPSS_RELEASE_CHN_FRAME.number => &[168],
            _ => return None,
        })
    }

    /// Opens a node: 0, or an `errno`. What was opened is to be [closed](Self::close), by the kernel if need be.
    pub fn open(&mut self, node: Node) -> i32 {
        match (self.faults.closed.get(&node.to_string()), node) {
            (Some(&errno), _) => errno,
            (_, Node::Channel(number)) if number >= self.nodes => libc::ENOENT,
            _ => {
                // One that was killed has set the scaler up, and left it so.
                if node == Node::Scaler && self.scaler.camera.is_none() && self.scaler.pools() == 0 {
                    self.note(Violation::OpenedFirst);
                }
                *self.open.entry(node).or_default() += 1;
                0
            }
        }
    }

    /// A node is closed that was opened.
    pub fn close(&mut self, node: Node) {
        if let Some(count) = self.open.get_mut(&node) {
            *count = count.saturating_sub(1);
        }
    }

    pub(super) fn is_open(&self, node: Node) -> bool {
        self.open.get(&node).is_some_and(|&count| count > 0)
    }

    /// The open nodes of those modules that the vendor's package may load anew.
    pub(super) fn held_nodes(&self) -> Vec<Node> {
        let reloaded = |node: &Node| matches!(node, Node::Base | Node::Scaler | Node::Channel(_));
        self.open.keys().copied().filter(reloaded).filter(|&node| self.is_open(node)).collect()
    }

    /// Whether `poll` says that a channel has a JPEG.
    pub fn readable(&mut self, channel: u8) -> bool {
        match self.made.get(&channel) {
            Some(made) => made.sent.is_some(),
            None => {
                self.note(Violation::PolledNothing);
                false
            }
        }
    }

    /// What was done that must not be.
    pub fn violations(&self) -> &[Violation] {
        &self.violations
    }

    pub(super) fn note(&mut self, violation: Violation) {
        self.violations.push(violation);
    }

    /// Channels that are made.
    pub fn channels(&self) -> Vec<u8> {
        self.made.keys().copied().collect()
    }

    /// Units that are taken, lost ones included.
    pub fn units(&self) -> usize {
        self.units
    }

    /// Whether a frame is in the unit, or was lost in it.
    pub fn locked(&self) -> bool {
        self.lock.is_some()
    }

    /// Allocations of the carve-out that are taken.
    pub fn ion_slots(&self) -> usize {
        self.ion.len()
    }

    /// The allocator's list.
    pub fn ion_summary(&self) -> String {
        self.ion.summary()
    }

    /// The driver is loaded anew: channels, lock and units are as at boot, the carve-out stays as it is.
    pub fn reload(&mut self) {
        self.made.clear();
        (self.lock, self.units, self.dead) = (None, 0, false);
    }

    /// An ioctl. `argument` is what its argument points at, then what the pointer at that one's byte 0 points at,
    /// and so on, of at least the [sizes](Self::sizes) that this number takes.
    pub fn ioctl(
        &mut self,
        node: Node,
        request: u32,
        argument: &mut [&mut [u8]],
        memory: &mut dyn Memory,
    ) -> Answer {
        let unknown = match node {
            Node::Channel(_) => EPERM,
            // The scaler takes every number, and does nothing.
            Node::Scaler => Answer::Done(0),
            _ => Answer::Errno(libc::ENOTTY),
        };
        let Some(sizes) = Self::sizes(request) else { return unknown };
        if argument.len() < sizes.len() || argument.iter().zip(sizes).any(|(bytes, &size)| bytes.len() < size)
        {
            return Answer::Errno(libc::EFAULT);
        }
        *self.counts.entry(request).or_default() += 1;
        if self.faults.gone {
            return Answer::Errno(libc::ENODEV);
        }
        match node {
            Node::Channel(number) => self.encoder(number, request, argument, memory).unwrap_or(EPERM),
            Node::Scaler => {
                argument.first_mut().and_then(|argument| self.scaler(request, argument)).unwrap_or(unknown)
            }
            Node::Sys => self.allocator(request, argument[0], memory).unwrap_or(unknown),
            Node::Base if request == abi::READ_CHIP_ID.number => {
                argument[0][..4].copy_from_slice(&self.chip_id.to_ne_bytes());
                Answer::Done(0)
            }
            Node::Base | Node::Mem => unknown,
        }
    }

    /// The CPU looks at memory: at a JPEG only after its cache over it was dropped.
    pub fn looked_at(&mut self, physical: u64, len: u64) {
        let stale = |&(from, to): &(u64, u64)| from < physical.saturating_add(len) && physical < to;
        let jpeg = self.made.values().filter_map(|made| made.got.as_ref()).flatten().any(stale);
        if jpeg || !self.scaler.looked_at(physical, len) {
            self.note(Violation::NotInvalidated);
        }
    }

    /// JPEGs that were given back without having dropped the CPU's cache over them: they cannot have been read.
    pub fn unread(&self) -> u64 {
        self.unread
    }

    /// How often a call was made.
    pub fn count(&self, request: Request) -> u64 {
        self.counts.get(&request.number).copied().unwrap_or_default()
    }

    fn allocator(&mut self, request: u32, argument: &mut [u8], memory: &mut dyn Memory) -> Option<Answer> {
        if request == abi::ION_ALLOC.number {
            let mut data = IonData::read(argument)?;
            let name = String::from_utf8_lossy(&data.name);
            let name = name.trim_end_matches('\0');
            let Some(physical) = self.ion.alloc(data.size.into(), name) else {
                return Some(Answer::Errno(libc::ENOMEM));
            };
            data.physical = physical;
            // A number that is open nowhere: the dma-buf is not part of this.
            data.dmabuf_fd = 900 + self.ion.len() as u32;
            argument[..56].copy_from_slice(data.bytes());
        } else if request == abi::ION_FREE.number {
            if !self.ion.free(IonData::read(argument)?.physical) {
                return Some(Answer::Errno(libc::ENOMEM));
            }
        } else if request == abi::CACHE_FLUSH.number {
            let op = CacheOp::read(argument)?;
            memory.flush(op.physical, op.size);
            self.flushed.insert((op.physical, op.physical.saturating_add(op.size)));
        } else if request == abi::CACHE_INVALIDATE.number {
            let op = CacheOp::read(argument)?;
            memory.invalidate(op.physical, op.size);
            self.scaler.invalidated(op.physical, op.size);
            let end = op.physical.saturating_add(op.size);
            for got in self.made.values_mut().filter_map(|made| made.got.as_mut()) {
                got.retain(|&(from, to)| from < op.physical || to > end);
            }
        } else {
            return None;
        }
        Some(Answer::Done(0))
    }

    /// How many allocations the allocator has.
    pub const ION_SLOTS: usize = ion::SLOTS;
}
