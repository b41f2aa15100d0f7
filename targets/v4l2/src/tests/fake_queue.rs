//! A model of the kernel's side of a capture queue, for tests: who owns which buffer, what is mapped and
//! exported, and every way to fail.
//!
//! What a real kernel would punish later or never (reading what it owns, queueing twice, freeing what is
//! mapped) is noted as a violation at once.

use crate::queue::{CaptureQueue, Dequeued, Extent, Mapping, Readiness};
use eyelet_hal::clock::{Clock, ManualClock};
use rustix::io::Errno;
use std::{
    collections::{HashMap, VecDeque},
    io::{self, Read},
    os::{fd::OwnedFd, unix::net::UnixStream},
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

/// Bytes of each buffer.
pub(super) const LENGTH: u32 = 64;
/// A system call takes this long, so that a loop that makes no progress comes to its deadline.
const CALL: Duration = Duration::from_micros(10);

/// A system call, to make it fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Call {
    Request,
    Query,
    Map,
    Export,
    Queue,
    Dequeue,
    On,
    Off,
    Poll,
}

/// What the camera delivers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arrival {
    pub(super) flags: u32,
    pub(super) bytesused: u32,
    /// Frames that the driver counts and drops before this one.
    pub(super) lost: u32,
}

/// `V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC`.
pub(super) const MONOTONIC: u32 = 0x2000;
/// `V4L2_BUF_FLAG_ERROR`.
pub(super) const ERROR: u32 = 0x40;

impl Arrival {
    pub(super) const GOOD: Self = Self { flags: MONOTONIC, bytesused: LENGTH, lost: 0 };
    pub(super) const FLAGGED: Self = Self { flags: MONOTONIC | ERROR, bytesused: LENGTH, lost: 0 };
    pub(super) const EMPTY: Self = Self { flags: MONOTONIC, bytesused: 0, lost: 0 };
}

#[derive(Debug, Default)]
struct Buffer {
    kernel_owns: bool,
    mappings: u32,
    /// The other ends of what was exported, which show when it is closed.
    exports: Vec<UnixStream>,
}

#[derive(Debug, Default)]
struct Model {
    buffers: Vec<Buffer>,
    streaming: bool,
    unplugged: bool,
    /// After a fatal error, until `VIDIOC_STREAMOFF`.
    failed: bool,
    empty: VecDeque<u32>,
    filled: VecDeque<Dequeued>,
    sequence: u32,
    /// What the next calls of a kind shall do: `None` is to work.
    faults: HashMap<Call, VecDeque<Option<Errno>>>,
    calls: HashMap<Call, u32>,
    /// Frames that come during polls, each after this much more waiting.
    coming: VecDeque<(Duration, Arrival)>,
    limit: Option<u32>,
    /// Answers that no driver should give.
    lies: Option<Lies>,
    violations: Vec<String>,
}

/// How often answers are any number, and how often an error, of 100.
#[derive(Debug)]
struct Lies {
    random: fastrand::Rng,
    wild: u8,
    errors: u8,
}

impl Lies {
    /// `usual`, or any number.
    fn number(&mut self, usual: u32) -> u32 {
        if self.random.u8(0..100) >= self.wild {
            return usual;
        }
        let any = self.random.u32(..);
        self.random.choice([0, 1, usual.saturating_add(1), usual / 2, any, u32::MAX]).unwrap_or(any)
    }
}

/// The model's handle: the test keeps one, the ring another.
#[derive(Clone, Debug)]
pub(super) struct FakeQueue {
    model: Arc<Mutex<Model>>,
    clock: Arc<ManualClock>,
}

pub(super) struct FakeMapping {
    model: Arc<Mutex<Model>>,
    index: u32,
    bytes: Vec<u8>,
}

impl FakeQueue {
    pub(super) fn new(clock: Arc<ManualClock>) -> Self {
        Self { model: Arc::default(), clock }
    }

    fn model(&self) -> MutexGuard<'_, Model> {
        self.model.lock().unwrap()
    }

    /// The next `call` fails so.
    pub(super) fn fail(&self, call: Call, errno: Errno) {
        self.fail_after(0, call, errno);
    }

    /// The next `call` fails so, once it has worked `turns` times.
    pub(super) fn fail_after(&self, turns: u32, call: Call, errno: Errno) {
        let mut model = self.model();
        let faults = model.faults.entry(call).or_default();
        faults.extend((0..turns).map(|_| None));
        faults.push_back(Some(errno));
    }

    pub(super) fn unplug(&self) {
        let mut model = self.model();
        model.unplugged = true;
        model.filled.clear();
    }

    /// `vb2_queue_error`, as vivid injects it.
    pub(super) fn fatal_error(&self) {
        self.model().failed = true;
    }

    /// No more than this many buffers.
    pub(super) fn limit(&self, buffers: u32) {
        self.model().limit = Some(buffers);
    }

    /// From now on, so many of 100 answers are any number, and so many an error.
    pub(super) fn lie(&self, seed: u64, wild: u8, errors: u8) {
        self.model().lies = Some(Lies { random: fastrand::Rng::with_seed(seed), wild, errors });
    }

    /// A frame comes, and with lies any buffer, of any length, flags and time.
    pub(super) fn deliver(&self) {
        let now = self.clock.monotonic();
        let mut model = self.model();
        if model.arrive(Arrival::GOOD, now).is_none() {
            return;
        }
        let Some(mut buffer) = model.filled.pop_back() else { return };
        if let Some(lies) = &mut model.lies {
            // With the flags that say which clock it is.
            let micros = u32::try_from(now.as_micros()).unwrap_or(u32::MAX);
            buffer.timestamp = Duration::from_micros(lies.number(micros).into());
            buffer.bytesused = lies.number(LENGTH);
            buffer.flags = lies.number(MONOTONIC);
            buffer.sequence = lies.number(buffer.sequence);
            buffer.index = lies.number(buffer.index);
        }
        model.filled.push_back(buffer);
    }

    /// The next buffer that comes is said to be `index`.
    pub(super) fn misname(&self, index: u32) {
        if let Some(buffer) = self.model().filled.front_mut() {
            buffer.index = index;
        }
    }

    /// The last of those that wait is said to be `index`.
    pub(super) fn misname_last(&self, index: u32) {
        if let Some(buffer) = self.model().filled.back_mut() {
            buffer.index = index;
        }
    }

    /// Stamps what waits for the caller with this time.
    pub(super) fn stamp(&self, timestamp: Duration) {
        self.model().filled.iter_mut().for_each(|buffer| buffer.timestamp = timestamp);
    }

    /// The driver's next sequence number.
    pub(super) fn set_sequence(&self, sequence: u32) {
        self.model().sequence = sequence;
    }

    pub(super) fn calls(&self, call: Call) -> u32 {
        self.model().calls.get(&call).copied().unwrap_or(0)
    }

    /// A frame comes now. It is lost where there is no empty buffer, as in real life. Returns its sequence
    /// number if it was delivered.
    pub(super) fn arrive(&self, arrival: Arrival) -> Option<u32> {
        self.model().arrive(arrival, self.clock.monotonic())
    }

    /// A frame comes when a poll has waited for `after` more.
    pub(super) fn arrive_after(&self, after: Duration, arrival: Arrival) {
        self.model().coming.push_back((after, arrival));
    }

    /// Buffers that wait for the caller.
    pub(super) fn filled(&self) -> usize {
        self.model().filled.len()
    }

    /// What the ring did wrong so far.
    pub(super) fn violations(&self) -> Vec<String> {
        self.model().violations.clone()
    }

    /// Mappings and open exports.
    pub(super) fn held(&self) -> (u32, usize) {
        let mut model = self.model();
        let mappings = model.buffers.iter().map(|b| b.mappings).sum();
        (mappings, model.buffers.iter_mut().map(Buffer::open_exports).sum())
    }

    /// Buffers that are allocated.
    pub(super) fn allocated(&self) -> usize {
        self.model().buffers.len()
    }
}

impl Buffer {
    fn open_exports(&mut self) -> usize {
        self.exports.retain_mut(|other| !matches!(other.read(&mut [0]), Ok(0)));
        self.exports.len()
    }
}

impl Model {
    /// Accounts for a system call, and fails it if it shall.
    fn enter(&mut self, call: Call, clock: &ManualClock) -> io::Result<()> {
        clock.advance(CALL);
        *self.calls.entry(call).or_default() += 1;
        if let Some(Some(errno)) = self.faults.get_mut(&call).and_then(VecDeque::pop_front) {
            return Err(errno.into());
        }
        if self.unplugged && !matches!(call, Call::Poll) {
            return Err(Errno::NODEV.into());
        }
        if let Some(lies) = &mut self.lies
            && lies.random.u8(0..100) < lies.errors
        {
            return Err(Errno::from_raw_os_error(lies.random.i32(1..134)).into());
        }
        Ok(())
    }

    fn violation(&mut self, what: impl Into<String>) {
        self.violations.push(what.into());
    }

    fn arrive(&mut self, arrival: Arrival, now: Duration) -> Option<u32> {
        if !self.streaming || self.failed || self.unplugged {
            return None;
        }
        self.sequence = self.sequence.wrapping_add(arrival.lost);
        let sequence = self.sequence;
        self.sequence = self.sequence.wrapping_add(1);
        let index = self.empty.pop_front()?;
        let Arrival { flags, bytesused, .. } = arrival;
        self.filled.push_back(Dequeued { index, bytesused, flags, sequence, timestamp: now });
        Some(sequence)
    }

    fn buffer(&mut self, index: u32) -> io::Result<&mut Buffer> {
        self.buffers.get_mut(index as usize).ok_or_else(|| Errno::INVAL.into())
    }
}

impl CaptureQueue for FakeQueue {
    type Mapping = FakeMapping;

    fn request_buffers(&self, count: u32) -> io::Result<u32> {
        let mut model = self.model();
        model.enter(Call::Request, &self.clock)?;
        // Older kernels answer EBUSY, newer ones leave orphans.
        if model.buffers.iter_mut().any(|b| b.mappings > 0 || b.open_exports() > 0) {
            model.violation("freed what is mapped or exported");
            return Err(Errno::BUSY.into());
        }
        if model.streaming {
            model.violation("freed what streams");
            return Err(Errno::BUSY.into());
        }
        let count = count.min(model.limit.unwrap_or(32));
        model.buffers = (0..count).map(|_| Buffer::default()).collect();
        model.empty.clear();
        // Of 0 buffers there are none.
        Ok(model.lies.as_mut().filter(|_| count > 0).map_or(count, |lies| lies.number(count)))
    }

    fn query_buffer(&self, index: u32) -> io::Result<Extent> {
        let mut model = self.model();
        model.enter(Call::Query, &self.clock)?;
        model.buffer(index)?;
        let length = model.lies.as_mut().map_or(LENGTH, |lies| lies.number(LENGTH).min(2 * LENGTH));
        Ok(Extent { offset: index * LENGTH, length })
    }

    fn map(&self, extent: Extent) -> io::Result<FakeMapping> {
        let mut model = self.model();
        model.enter(Call::Map, &self.clock)?;
        let index = extent.offset / LENGTH;
        model.buffer(index)?.mappings += 1;
        let bytes = vec![index as u8; extent.length as usize];
        Ok(FakeMapping { model: Arc::clone(&self.model), index, bytes })
    }

    fn export_buffer(&self, index: u32) -> io::Result<OwnedFd> {
        let mut model = self.model();
        model.enter(Call::Export, &self.clock)?;
        let (ours, theirs) = UnixStream::pair()?;
        ours.set_nonblocking(true)?;
        model.buffer(index)?.exports.push(ours);
        Ok(theirs.into())
    }

    fn queue_buffer(&self, index: u32) -> io::Result<()> {
        let mut model = self.model();
        model.enter(Call::Queue, &self.clock)?;
        if std::mem::replace(&mut model.buffer(index)?.kernel_owns, true) {
            model.violation(format!("queued buffer {index}, which the kernel owns"));
            return Err(Errno::INVAL.into());
        }
        model.empty.push_back(index);
        Ok(())
    }

    fn dequeue_buffer(&self) -> io::Result<Dequeued> {
        let mut model = self.model();
        model.enter(Call::Dequeue, &self.clock)?;
        if !model.streaming {
            return Err(Errno::INVAL.into());
        }
        if model.failed {
            return Err(Errno::IO.into());
        }
        let buffer = model.filled.pop_front().ok_or(Errno::AGAIN)?;
        if let Ok(named) = model.buffer(buffer.index) {
            named.kernel_owns = false;
        }
        Ok(buffer)
    }

    fn stream_on(&self) -> io::Result<()> {
        let mut model = self.model();
        model.enter(Call::On, &self.clock)?;
        if model.buffers.is_empty() {
            return Err(Errno::INVAL.into());
        }
        model.streaming = true;
        Ok(())
    }

    fn stream_off(&self) -> io::Result<()> {
        let mut model = self.model();
        let result = model.enter(Call::Off, &self.clock);
        // Also on an error: nothing more comes from a device that is gone.
        if !matches!(&result, Err(e) if e.kind() == io::ErrorKind::Interrupted) {
            model.streaming = false;
            model.failed = false;
            model.filled.clear();
            model.empty.clear();
            model.buffers.iter_mut().for_each(|b| b.kernel_owns = false);
        }
        result
    }

    fn poll(&self, timeout: Duration) -> io::Result<Readiness> {
        let mut model = self.model();
        match model.enter(Call::Poll, &self.clock) {
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {
                // The signal came in the middle.
                self.clock.advance(timeout / 2);
                return Err(e);
            }
            result => result?,
        }
        if !model.streaming || !model.buffers.iter().any(|b| b.kernel_owns) {
            model.violation("polled a queue that cannot fill a buffer");
        }
        if model.unplugged || model.failed {
            return Ok(Readiness::Failed);
        }
        let mut left = timeout;
        while model.filled.is_empty() {
            let Some((after, arrival)) = model.coming.pop_front() else { break };
            if let Some(more) = after.checked_sub(left).filter(|more| !more.is_zero()) {
                model.coming.push_front((more, arrival));
                break;
            }
            left -= after;
            self.clock.advance(after);
            model.arrive(arrival, self.clock.monotonic());
        }
        if model.filled.is_empty() {
            self.clock.advance(left);
            return Ok(Readiness::TimedOut);
        }
        Ok(Readiness::Filled)
    }
}

impl Mapping for FakeMapping {
    fn bytes(&self) -> &[u8] {
        let mut model = self.model.lock().unwrap();
        let index = self.index;
        if model.buffers.get(index as usize).is_none_or(|b| b.kernel_owns) {
            model.violation(format!("read buffer {index}, which the kernel owns"));
        }
        &self.bytes
    }
}

impl Drop for FakeMapping {
    fn drop(&mut self) {
        let mut model = self.model.lock().unwrap();
        let index = self.index as usize;
        match model.buffers.get_mut(index) {
            Some(buffer) if buffer.mappings > 0 && !buffer.kernel_owns => buffer.mappings -= 1,
            Some(_) => model.violation("unmapped what the kernel fills, or twice"),
            None => model.violation("unmapped what was freed"),
        }
    }
}
