//! The rules: what the driver answers, and what a board does not survive.

use super::{
    ion::{self, Ion},
    picture,
};
use crate::venc::sys::{
    Code, Node,
    abi::{
        self, CacheOp, ChannelAttr, ChannelStatus, FrameInfo, IonData, JpegParam, Pack, Plain, Stream, Timed,
    },
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
    /// A JPEG was given back without having dropped the CPU's cache over it.
    NotInvalidated,
    /// The unit was sent to memory that nobody took.
    BadAddress,
    /// A channel that was not made was polled: some drivers follow a null pointer.
    PolledNothing,
    /// An encoder call was made on a thread that a signal may interrupt.
    SignalsNotBlocked,
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
    /// The header tells another size.
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
    /// Opening these fails with this `errno`.
    pub closed: BTreeMap<String, i32>,
}

#[derive(Clone, Debug)]
struct Made {
    attr: ChannelAttr,
    buffer: u64,
    started: bool,
    quality: u32,
    /// Sent and not got.
    sent: Option<Vec<u8>>,
    /// Got and not released: what must be invalidated before.
    got: Option<Vec<(u64, u64)>>,
}

/// The driver.
#[derive(Clone, Debug)]
pub struct Driver {
    /// What goes wrong.
    pub faults: Faults,
    /// What `READ_CHIP_ID` says.
    pub chip_id: u32,
    nodes: u8,
    made: BTreeMap<u8, Made>,
    /// Whose frame is in the unit.
    lock: Option<u8>,
    units: usize,
    dead: bool,
    ion: Ion,
    flushed: BTreeSet<(u64, u64)>,
    violations: Vec<Violation>,
}

const EPERM: Answer = Answer::Errno(libc::EPERM);

fn refuse(code: Code) -> Answer {
    // Every code of the encoder has a number.
    Answer::Done(code.number().unwrap_or(-1))
}

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
            flushed: BTreeSet::new(),
            violations: Vec::new(),
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
            _ => return None,
        })
    }

    /// What opening a node says: 0 or an `errno`.
    pub fn open(&self, node: Node) -> i32 {
        match (self.faults.closed.get(&node.to_string()), node) {
            (Some(&errno), _) => errno,
            (_, Node::Channel(number)) if number >= self.nodes => libc::ENOENT,
            _ => 0,
        }
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

    /// Stretches of the carve-out that are taken.
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
        let unknown = if matches!(node, Node::Channel(_)) { EPERM } else { Answer::Errno(libc::ENOTTY) };
        let Some(sizes) = Self::sizes(request) else { return unknown };
        if argument.len() < sizes.len() || argument.iter().zip(sizes).any(|(bytes, &size)| bytes.len() < size)
        {
            return Answer::Errno(libc::EFAULT);
        }
        match node {
            Node::Channel(number) => self.encoder(number, request, argument, memory).unwrap_or(EPERM),
            Node::Sys => self.allocator(request, argument[0], memory).unwrap_or(unknown),
            Node::Base if request == abi::READ_CHIP_ID.number => {
                argument[0][..4].copy_from_slice(&self.chip_id.to_ne_bytes());
                Answer::Done(0)
            }
            Node::Base | Node::Mem => unknown,
        }
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
            let end = op.physical.saturating_add(op.size);
            for got in self.made.values_mut().filter_map(|made| made.got.as_mut()) {
                got.retain(|&(from, to)| from < op.physical || to > end);
            }
        } else {
            return None;
        }
        Some(Answer::Done(0))
    }

    fn encoder(
        &mut self,
        number: u8,
        request: u32,
        argument: &mut [&mut [u8]],
        memory: &mut dyn Memory,
    ) -> Option<Answer> {
        if self.dead {
            return Some(Answer::Blocked);
        }
        if request == abi::CREATE_CHN.number {
            return Some(self.create(number, &ChannelAttr::read(argument[0])?));
        }
        let lock = self.lock;
        let Some(made) = self.made.get_mut(&number) else { return Some(refuse(Code::NullPointer)) };
        let ok = Some(Answer::Done(0));
        match request {
            n if n == abi::DESTROY_CHN.number => {
                if lock.is_some() {
                    if lock == Some(number) {
                        self.note(Violation::SelfDeadlock);
                    }
                    return Some(Answer::Blocked);
                }
                self.ion.free(made.buffer);
                self.made.remove(&number);
                self.units -= 1;
                ok
            }
            n if n == abi::RESET_CHN.number && made.started => Some(refuse(Code::Busy)),
            n if n == abi::RESET_CHN.number => ok,
            n if n == abi::START_RECV_FRAME.number => {
                made.started = true;
                ok
            }
            n if n == abi::STOP_RECV_FRAME.number => {
                made.started = false;
                ok
            }
            n if n == abi::GET_CHN_ATTR.number => {
                argument[0][..112].copy_from_slice(made.attr.bytes());
                ok
            }
            n if n == abi::GET_JPEG_PARAM.number => {
                let param = JpegParam { quality: made.quality, ..JpegParam::zeroed() };
                argument[0][..200].copy_from_slice(param.bytes());
                ok
            }
            n if n == abi::SET_JPEG_PARAM.number => {
                let quality = JpegParam::read(argument[0])?.quality;
                let refused = match quality {
                    _ if self.faults.refuse_quality => Some(Code::IllegalParam),
                    50 => Some(Code::NotSupported),
                    100.. => Some(Code::IllegalParam),
                    _ => None,
                };
                if refused.is_none() {
                    made.quality = quality;
                }
                refused.map_or(ok, |code| Some(refuse(code)))
            }
            n if n == abi::QUERY_STATUS.number => {
                let left_frames = made.sent.is_some().into();
                let status = ChannelStatus { left_frames, current_packs: 1, ..ChannelStatus::zeroed() };
                argument[0][..88].copy_from_slice(status.bytes());
                ok
            }
            n if n == abi::SEND_FRAME.number => {
                let patience = Timed::read(argument[0])?.milliseconds;
                Some(self.send(number, patience, &FrameInfo::read(argument[1])?, memory))
            }
            n if n == abi::GET_STREAM.number => {
                let [_, stream, packs] = argument else { return None };
                Some(self.get(number, stream, packs, memory))
            }
            n if n == abi::RELEASE_STREAM.number => {
                if self.faults.refuse_release {
                    return Some(EPERM);
                }
                match made.got.take() {
                    Some(left) if !left.is_empty() => self.note(Violation::NotInvalidated),
                    Some(_) => {}
                    None => return Some(EPERM),
                }
                ok
            }
            _ => None,
        }
    }

    fn create(&mut self, number: u8, attr: &ChannelAttr) -> Answer {
        if ![abi::PT_JPEG, abi::PT_MJPEG].contains(&attr.payload_type) {
            // The other codecs are not in this model.
            return refuse(Code::NotSupported);
        }
        if self.lock.is_some() {
            return Answer::Blocked;
        }
        if self.made.remove(&number).is_some() {
            // Its unit and its buffer stay taken for ever.
            self.note(Violation::LeakedUnit);
        }
        let side = 16..=32_768;
        let buffer_size = if attr.buffer_size == 0 { 9 << 20 } else { attr.buffer_size };
        let why = if !side.contains(&attr.width) || !side.contains(&attr.height) {
            Some("a side out of range")
        } else if buffer_size > 16 << 20 || buffer_size % 1024 != 0 {
            Some("a buffer size out of range")
        } else if self.units >= 8 {
            Some("no free unit")
        } else {
            None
        };
        let buffer = match why {
            None => self.ion.alloc(buffer_size.into(), "jpeg-bitstream").ok_or("no ION memory"),
            Some(why) => Err(why),
        };
        match buffer {
            Ok(buffer) => {
                self.units += 1;
                let quality = 51;
                let made = Made { attr: *attr, buffer, started: false, quality, sent: None, got: None };
                self.made.insert(number, made);
                Answer::Done(0)
            }
            Err(why) => {
                self.note(Violation::Oops(why));
                self.dead = true;
                Answer::Oops
            }
        }
    }

    fn send(&mut self, number: u8, patience: i32, frame: &FrameInfo, memory: &dyn Memory) -> Answer {
        let Some(made) = self.made.get(&number) else { return refuse(Code::NullPointer) };
        let (attr, quality) = (made.attr, made.quality);
        if !made.started {
            return refuse(Code::NotReady);
        }
        if self.lock.is_some() || self.faults.busy_on_send {
            return if patience < 0 { Answer::Blocked } else { refuse(Code::Busy) };
        }
        let flushed = |from: u64, to: u64| self.flushed.iter().any(|&(a, b)| a <= from && to <= b);
        let planes = if [abi::NV12, abi::NV21].contains(&frame.pixel_format) { 2 } else { 3 };
        let stretches = || frame.physical.into_iter().zip(frame.length).take(planes);
        if !stretches().all(|(physical, len)| flushed(physical, physical.saturating_add(len.into()))) {
            self.note(Violation::NotFlushed);
        }
        self.flushed.clear();
        if !stretches().all(|(physical, len)| self.ion.holds(physical, len.into())) {
            self.note(Violation::BadAddress);
        }
        let Some(jpeg) = picture::encode(frame, (attr.width, attr.height), quality, memory) else {
            self.note(Violation::BadAddress);
            return refuse(Code::IllegalParam);
        };
        self.lock = Some(number);
        if let Some(made) = self.made.get_mut(&number) {
            made.sent = Some(jpeg);
        }
        Answer::Done(0)
    }

    fn get(&mut self, number: u8, stream: &mut [u8], packs: &mut [u8], memory: &mut dyn Memory) -> Answer {
        let Some(made) = self.made.get_mut(&number) else { return refuse(Code::NullPointer) };
        if self.faults.hang_in_get {
            return Answer::Blocked;
        }
        if self.faults.time_out_in_get {
            return refuse(Code::Busy);
        }
        let Some(mut jpeg) = made.sent.take() else {
            self.note(Violation::GetWithoutSend);
            return refuse(Code::Busy);
        };
        if let Some(damage) = self.faults.damage {
            picture::damage(&mut jpeg, damage);
        }
        let offset = self.faults.offset;
        // What the buffer holds before the JPEG is none of it.
        memory.write(made.buffer, &vec![0xee; offset as usize]);
        memory.write(made.buffer + u64::from(offset), &jpeg);
        let half = if self.faults.two_packs { jpeg.len() / 2 } else { jpeg.len() };
        let mut got = Vec::new();
        let mut count = 0;
        for (at, end) in [(0, half), (half, jpeg.len())] {
            let (at, end) = (at as u64, end as u64);
            if at == end && count > 0 {
                continue;
            }
            let physical = made.buffer + at;
            let pack = Pack {
                physical,
                kernel_address: 0xffff_ffe0_0bad_0000,
                // The length counts from the pack's beginning, its offset included.
                len: offset + (end - at) as u32,
                offset,
                frame_end: u8::from(end == jpeg.len() as u64),
                ..Pack::zeroed()
            };
            got.extend(
                (end > at).then_some((physical + u64::from(offset), physical + u64::from(offset) + end - at)),
            );
            let Some(place) = packs.chunks_exact_mut(144).nth(count) else { break };
            place.copy_from_slice(pack.bytes());
            count += 1;
        }
        made.got = Some(got);
        self.lock = None;
        // The pointer to the packs stays the caller's.
        let told = Stream { pack_count: count as u32, ..Stream::zeroed() };
        stream[8..384].copy_from_slice(&told.bytes()[8..]);
        Answer::Done(0)
    }

    /// How many stretches the allocator has.
    pub const ION_SLOTS: usize = ion::SLOTS;
}
