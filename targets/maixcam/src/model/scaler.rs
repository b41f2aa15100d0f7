//! The rules of the scaler: its channels, which belong to the whole system, and the blocks that its frames are in.

use super::{Answer, Driver, Memory, Violation, driver::EPERM, ion::Ion, port::Setting, scene::Still};
use crate::sys::{
    Code, Part,
    abi::{self, FrameInfo, Plain, ScalerChannelAttr, ScalerFrame, ScalerGroupAttr},
};
use std::{
    collections::{BTreeMap, VecDeque},
    ops::Range,
    time::Duration,
};

const GROUPS: i32 = 16;
const CHANNELS: i32 = 4;
/// How many frames wait in a channel, as MaixPy asks for it.
const DEPTH: usize = 2;
/// The frames that nobody can hold: those that wait, and the one in work.
const KEPT: usize = DEPTH + 1;
/// The shortest wait that is safe, in milliseconds. A frame that comes as a wait ends removes its waiter twice, and
/// short waits meet it often.
const SHORTEST_WAIT: i32 = 500;
/// A pointer of the kernel's, which it follows when it gets it back with an address that it does not know.
const KERNEL_POINTER: u64 = 0xffff_ffe0_0bad_0000;
/// Where the ticket of a waiter is in its struct: the padding at the end.
const TICKET: Range<usize> = 164..168;

fn refuse(code: Code) -> Answer {
    // Every code of the scaler has a number.
    Answer::Done(code.number(Part::Scaler).unwrap_or(-1))
}

/// A camera that a process holds open.
#[derive(Clone, Debug)]
pub(super) struct Camera {
    connection: u64,
    width: u32,
    height: u32,
    pub(super) fps: u32,
    pub(super) settings: Vec<Setting>,
    scene: Still,
    group: i32,
    channel: i32,
}

impl Camera {
    /// `None` for a size that it has not.
    pub(super) fn new(connection: u64, (width, height): (u32, u32), fps: u32) -> Option<Self> {
        let width = width.next_multiple_of(64);
        let scene = Still::new(width, height)?;
        Some(Self { connection, width, height, fps, settings: Vec::new(), scene, group: 0, channel: 0 })
    }
}

/// Who has a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Owner {
    Free,
    /// The scaler writes to it.
    Work,
    Queue,
    User,
}

#[derive(Clone, Debug)]
struct Block {
    owner: Owner,
    /// The CPU's cache over it may be older than its frame.
    stale: bool,
}

/// The blocks of a channel, one after the other.
#[derive(Clone, Debug)]
struct Pool {
    id: usize,
    physical: u64,
    len: u64,
    blocks: Vec<Block>,
}

impl Pool {
    fn range(&self) -> Range<u64> {
        self.physical..self.physical + self.len * self.blocks.len() as u64
    }

    fn block(&self, physical: u64) -> Option<usize> {
        let inside = self.range().contains(&physical);
        inside.then(|| ((physical - self.physical) / self.len) as usize)
    }

    fn count(&self, owner: Owner) -> usize {
        self.blocks.iter().filter(|block| block.owner == owner).count()
    }

    fn take(&mut self) -> Option<usize> {
        let index = self.blocks.iter().position(|block| block.owner == Owner::Free)?;
        self.blocks[index].owner = Owner::Work;
        Some(index)
    }
}

/// A channel.
#[derive(Clone, Debug)]
struct Channel {
    attr: ScalerChannelAttr,
    pool: usize,
    work: Option<usize>,
    waiting: VecDeque<FrameInfo>,
    /// The ticket of who waits for a frame.
    waiter: Option<u32>,
    next: u32,
}

/// The scaler.
#[derive(Clone, Debug, Default)]
pub(super) struct Scaler {
    pub(super) camera: Option<Camera>,
    groups: BTreeMap<i32, ScalerGroupAttr>,
    channels: BTreeMap<(i32, i32), Channel>,
    pools: Vec<Pool>,
    /// Where pools were.
    past: Vec<Range<u64>>,
    /// The block that the JPEG unit reads.
    in_unit: Option<u64>,
    pools_made: usize,
    tickets: u32,
    lost: u64,
}

impl Scaler {
    pub(super) fn held_by(&self, connection: u64) -> bool {
        self.camera.as_ref().is_some_and(|camera| camera.connection == connection)
    }

    pub(super) fn set(&mut self, setting: Setting) {
        if let Some(camera) = &mut self.camera {
            camera.settings.push(setting);
        }
    }

    pub(super) fn pools(&self) -> usize {
        self.pools.len()
    }

    fn leases(&self) -> usize {
        self.pools.iter().map(|pool| pool.count(Owner::User)).sum()
    }

    /// The drivers are loaded anew: nothing is left of a killed process.
    pub(super) fn clear(&mut self, ion: &mut Ion) {
        for pool in self.pools.drain(..) {
            ion.free(pool.physical);
            self.past.push(pool.range());
        }
        self.groups.clear();
        self.channels.clear();
    }

    /// Lets a camera run, with this many blocks for its channel. Returns the channel.
    ///
    /// # Errors
    /// Why it cannot.
    pub(super) fn start(&mut self, camera: Camera, buffers: u32, ion: &mut Ion) -> Result<i32, String> {
        let Camera { width, height, group, channel, .. } = camera;
        let len = u64::from(width) * u64::from(height) * 3 / 2;
        let Some(physical) = ion.alloc(len * u64::from(buffers), "VbPool0") else {
            return Err(format!("no memory for {buffers} buffers of {len} bytes"));
        };
        let block = Block { owner: Owner::Free, stale: false };
        self.pools_made += 1;
        let mut pool = Pool { id: self.pools_made, physical, len, blocks: vec![block; buffers as usize] };
        let attr = ScalerChannelAttr {
            width,
            height,
            pixel_format: abi::NV21,
            frame_rate: [-1, -1],
            depth: DEPTH as u32,
            ..ScalerChannelAttr::zeroed()
        };
        let work = pool.take();
        let (pool_id, waiting) = (pool.id, VecDeque::new());
        self.pools.push(pool);
        let made = Channel { attr, pool: pool_id, work, waiting, waiter: None, next: 0 };
        self.channels.insert((group, channel), made);
        let attr = ScalerGroupAttr {
            max_width: width,
            max_height: height,
            pixel_format: abi::NV21,
            frame_rate: [-1, -1],
            ..ScalerGroupAttr::zeroed()
        };
        self.groups.insert(group, attr);
        self.camera = Some(camera);
        Ok(channel)
    }

    /// The camera closes. A pool of which a block is lent stays. Returns what must not be meanwhile.
    pub(super) fn stop(&mut self, ion: &mut Ion) -> Vec<Violation> {
        let mut violations = Vec::new();
        let Some(camera) = self.camera.take() else { return violations };
        self.groups.remove(&camera.group);
        let Some(channel) = self.channels.remove(&(camera.group, camera.channel)) else { return violations };
        violations.extend(channel.waiter.map(|_| Violation::ClosedUnderWaiter));
        let Some(index) = self.pools.iter().position(|pool| pool.id == channel.pool) else {
            return violations;
        };
        if self.pools[index].count(Owner::User) > 0 {
            violations.push(Violation::ClosedWithLeases);
            return violations;
        }
        let pool = self.pools.remove(index);
        ion.free(pool.physical);
        self.past.push(pool.range());
        violations
    }

    /// The block at this address, and its beginning and end.
    fn block(&mut self, physical: u64) -> Option<(&mut Block, Range<u64>)> {
        self.pools.iter_mut().find_map(|pool| {
            let index = pool.block(physical)?;
            let from = pool.physical + pool.len * index as u64;
            let range = from..from + pool.len;
            Some((&mut pool.blocks[index], range))
        })
    }

    /// Whether the JPEG unit may read these bytes of a block: to the block's end, and the lines past it that round the
    /// picture's height up to whole blocks of pixels, `margin` bytes. `None` if there is no block.
    pub(super) fn holds(&mut self, physical: u64, len: u64, margin: u64) -> Option<bool> {
        let (_, range) = self.block(physical)?;
        Some(physical.saturating_add(len) <= range.end + margin)
    }

    /// A frame goes to the JPEG unit. `false` if it is in a block that nobody has.
    pub(super) fn sent(&mut self, physical: u64) -> bool {
        let Some((block, range)) = self.block(physical) else { return true };
        let lent = block.owner == Owner::User;
        self.in_unit = Some(range.start);
        lent
    }

    /// The JPEG unit is done.
    pub(super) fn got(&mut self) {
        self.in_unit = None;
    }

    /// The CPU looks at memory. `false` if its cache over a block there is older than the frame.
    pub(super) fn looked_at(&self, physical: u64, len: u64) -> bool {
        !self.pools.iter().any(|pool| {
            let from = (0..).map(|index| pool.physical + pool.len * index);
            pool.blocks.iter().zip(from).any(|(block, from)| {
                block.stale && from < physical.saturating_add(len) && physical < from + pool.len
            })
        })
    }

    /// The CPU's cache over this memory is dropped.
    pub(super) fn invalidated(&mut self, physical: u64, len: u64) {
        for pool in &mut self.pools {
            for (index, block) in pool.blocks.iter_mut().enumerate() {
                let from = pool.physical + pool.len * index as u64;
                block.stale &= !(physical <= from && from + pool.len <= physical.saturating_add(len));
            }
        }
    }

    /// The frame of the oldest block that waits, which is lent from now on.
    fn lend(&mut self, key: (i32, i32)) -> Option<FrameInfo> {
        let frame = self.channels.get_mut(&key)?.waiting.pop_front()?;
        if let Some((block, _)) = self.block(frame.physical[0]) {
            block.owner = Owner::User;
        }
        Some(frame)
    }
}

impl Driver {
    pub(super) fn scaler(&mut self, request: u32, argument: &mut [u8]) -> Option<Answer> {
        if self.faults.scaler_unknown {
            // As every number that it does not know.
            return None;
        }
        let known = [
            abi::VPSS_GET_GRP_ATTR,
            abi::VPSS_GET_CHN_ATTR,
            abi::VPSS_GET_CHN_FRAME,
            abi::VPSS_RELEASE_CHN_FRAME,
        ];
        known.iter().find(|known| known.number == request)?;
        let group = i32::from_ne_bytes(*argument.first_chunk()?);
        if request == abi::VPSS_GET_GRP_ATTR.number {
            let Some(attr) = self.scaler.groups.get(&group) else { return Some(self.no_group(group)) };
            argument[..28].copy_from_slice(ScalerGroupAttr { group, ..*attr }.bytes());
            return Some(Answer::Done(0));
        }
        let channel = i32::from_ne_bytes(*argument.get(4..)?.first_chunk()?);
        let key = (group, channel);
        if request == abi::VPSS_RELEASE_CHN_FRAME.number {
            return Some(self.release_frame(&ScalerFrame::read(argument)?.frame));
        }
        if !self.scaler.groups.contains_key(&group) {
            return Some(self.no_group(group));
        }
        if !(0..CHANNELS).contains(&channel) {
            return Some(refuse(Code::IllegalParam));
        }
        let Some(made) = self.scaler.channels.get(&key) else { return Some(refuse(Code::NotReady)) };
        if request == abi::VPSS_GET_CHN_ATTR.number {
            let mut attr = ScalerChannelAttr { group, channel, ..made.attr };
            if let Some(change) = self.faults.scaler_attr {
                change(&mut attr);
            }
            argument[..100].copy_from_slice(attr.bytes());
            return Some(Answer::Done(0));
        }
        Some(self.get_frame(key, argument))
    }

    fn no_group(&self, group: i32) -> Answer {
        refuse(if (0..GROUPS).contains(&group) { Code::Unexist } else { Code::IllegalParam })
    }

    fn get_frame(&mut self, key: (i32, i32), argument: &mut [u8]) -> Answer {
        let Some(asked) = ScalerFrame::read(argument) else { return EPERM };
        let Some(made) = self.scaler.channels.get_mut(&key) else { return refuse(Code::NotReady) };
        let again = made.waiter.is_some_and(|ticket| ticket == asked.pad_164);
        if !again {
            if made.waiter.is_some() {
                self.note(Violation::TwoWaiters);
                return EPERM;
            }
            if (0..SHORTEST_WAIT).contains(&asked.milliseconds) {
                self.note(Violation::ShortWait);
            }
        }
        if self.scaler.channels[&key].waiting.is_empty() {
            if !again {
                self.scaler.tickets = self.scaler.tickets.wrapping_add(1).max(1);
                let ticket = self.scaler.tickets;
                self.set_waiter(key, Some(ticket));
                argument[TICKET].copy_from_slice(&ticket.to_ne_bytes());
            }
            return Answer::Blocked;
        }
        self.set_waiter(key, None);
        let Some(mut frame) = self.scaler.lend(key) else { return refuse(Code::BufferEmpty) };
        if let Some(change) = self.faults.scaler_frame {
            change(&mut frame);
        }
        let pool = self.scaler.channels[&key].pool;
        let lent = self.scaler.pools.iter().find(|of| of.id == pool);
        if lent.is_some_and(|pool| pool.count(Owner::User) > pool.blocks.len().saturating_sub(KEPT).max(1)) {
            self.note(Violation::TooManyLeases);
        }
        let answer = ScalerFrame { frame, pad_164: 0, ..asked };
        argument[..168].copy_from_slice(answer.bytes());
        Answer::Done(0)
    }

    fn set_waiter(&mut self, key: (i32, i32), waiter: Option<u32>) {
        if let Some(made) = self.scaler.channels.get_mut(&key) {
            made.waiter = waiter;
        }
    }

    fn release_frame(&mut self, frame: &FrameInfo) -> Answer {
        if frame.private_data != 0 {
            self.note(Violation::KernelPointer);
        }
        let physical = frame.physical[0];
        let in_unit = self.scaler.in_unit;
        let Some((block, range)) = self.scaler.block(physical) else {
            if !self.scaler.past.iter().any(|past| past.contains(&physical)) {
                self.note(Violation::ForeignRelease);
            }
            return refuse(Code::IllegalParam);
        };
        if block.owner != Owner::User || range.start != physical {
            self.note(Violation::DoubleRelease);
            return Answer::Done(0);
        }
        block.owner = Owner::Free;
        if in_unit == Some(physical) {
            self.note(Violation::ReleasedInUnit);
        }
        Answer::Done(0)
    }

    /// How long a call that is [blocked](Answer::Blocked) waits; `None` for ever. `argument` is the call's first
    /// struct.
    pub fn patience(request: u32, argument: &[u8]) -> Option<Duration> {
        if request != abi::VPSS_GET_CHN_FRAME.number {
            return None;
        }
        let milliseconds = ScalerFrame::read(argument)?.milliseconds;
        u64::try_from(milliseconds).ok().map(Duration::from_millis)
    }

    /// A call that is blocked waits no longer: its time is over, or its process is gone. `argument` is the call's
    /// first struct; the answer is the one of a time-out.
    pub fn give_up(&mut self, request: u32, argument: &mut [u8]) -> Answer {
        if request != abi::VPSS_GET_CHN_FRAME.number {
            return EPERM;
        }
        let Some(asked) = ScalerFrame::read(argument) else { return EPERM };
        let key = (asked.group, asked.channel);
        if let Some(made) = self.scaler.channels.get_mut(&key) {
            made.waiter = made.waiter.filter(|&ticket| ticket != asked.pad_164);
        }
        argument[TICKET].fill(0);
        refuse(Code::BufferEmpty)
    }

    /// The camera that runs has a frame more, at this time of `CLOCK_MONOTONIC`. Does nothing while none runs.
    pub fn deliver(&mut self, now: Duration, memory: &mut dyn Memory) {
        let Some(camera) = &mut self.scaler.camera else { return };
        let Some(made) = self.scaler.channels.get_mut(&(camera.group, camera.channel)) else { return };
        let Some(pool) = self.scaler.pools.iter_mut().find(|pool| pool.id == made.pool) else { return };
        let number = self.faults.first_frame.wrapping_add(made.next);
        made.next = made.next.wrapping_add(1);
        let Some(index) = made.work.take().or_else(|| pool.take()) else {
            self.scaler.lost += 1;
            if pool.count(Owner::User) + KEPT > pool.blocks.len() {
                self.note(Violation::Starved);
            }
            return;
        };
        let physical = pool.physical + pool.len * index as u64;
        let luma = u64::from(made.attr.width) * u64::from(made.attr.height);
        // The pool is in memory.
        memory.write(physical, camera.scene.numbered(number));
        pool.blocks[index] = Block { owner: Owner::Queue, stale: true };
        let stride = made.attr.width;
        made.waiting.push_back(FrameInfo {
            width: made.attr.width,
            height: made.attr.height,
            pixel_format: abi::NV21,
            stride: [stride, stride, 0],
            physical: [physical, physical + luma, 0],
            length: [luma as u32, luma as u32 / 2, 0],
            time_ref: number,
            pts: now.as_micros() as u64,
            private_data: KERNEL_POINTER | index as u64,
            ..FrameInfo::zeroed()
        });
        if made.waiting.len() > DEPTH
            && let Some(oldest) = made.waiting.pop_front()
            && let Some(index) = pool.block(oldest.physical[0])
        {
            pool.blocks[index].owner = Owner::Free;
        }
        made.work = pool.take();
    }

    /// Pools of frames that there are.
    pub fn pools(&self) -> usize {
        self.scaler.pools()
    }

    /// Frames that are lent.
    pub fn leases(&self) -> usize {
        self.scaler.leases()
    }

    /// Frames that the scaler had no block for.
    pub fn frames_lost(&self) -> u64 {
        self.scaler.lost
    }

    /// Whether a process waits for a frame and there is none.
    pub fn frame_wanted(&self) -> bool {
        self.scaler.channels.values().any(|made| made.waiter.is_some() && made.waiting.is_empty())
    }
}
