//! The ring of buffers that go to the kernel empty and come back filled.

use crate::{
    driver::uninterrupted,
    error,
    queue::{CaptureQueue, Dequeued, Mapping, Readiness},
    sequence::Sequence,
};
use eyelet_hal::clock::Clock;
use eyelet_hal::{Error, ErrorKind, Requeue, Result};
use rustix::io::Errno;
use std::{
    cell::Cell,
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    time::Duration,
};

/// Who may touch a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Owner {
    /// Queued: the driver fills it.
    Kernel,
    /// A frame was made of it.
    Frame,
    /// Ours, since it has not been queued or could not be.
    Idle,
}

struct Slot<M> {
    mapping: M,
    length: usize,
    dma_buf: Option<OwnedFd>,
    owner: Cell<Owner>,
}

/// A good buffer, leased to the caller of [`Ring::next`] until [`Requeue::requeue`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Filled {
    pub(crate) index: u32,
    pub(crate) sequence: u64,
    pub(crate) captured_at: Option<Duration>,
    bytesused: u32,
}

/// The buffers of one device. They exist between [`start`](Self::start) and [`stop`](Self::stop).
pub(crate) struct Ring<Q: CaptureQueue> {
    name: String,
    queue: Q,
    slots: Vec<Slot<Q::Mapping>>,
    sequence: Sequence,
    damaged: u64,
    /// Errors of reading since the last good frame, of those that may pass.
    passing: u32,
    /// Why a buffer could not be given back, for the next call.
    failed: Cell<Option<Error>>,
}

/// The most buffers that are used; a driver may report more.
const MOST: u32 = 32;
/// So many times in a row reading may fail without the stream being given up. The API has the same error for a lost
/// signal and for a lost device.
const PASSING: u32 = 3;
/// So many times poll may report a buffer that is not there before it is called less often.
const FALSE_ALARMS: u32 = 4;
const PAUSE: Duration = Duration::from_millis(1);

impl<Q: CaptureQueue> Ring<Q> {
    /// A stopped ring. `name` is the device's in messages.
    pub(crate) fn new(name: String, queue: Q) -> Self {
        let sequence = Sequence::default();
        Self { name, queue, slots: Vec::new(), sequence, damaged: 0, passing: 0, failed: Cell::new(None) }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn is_started(&self) -> bool {
        !self.slots.is_empty()
    }

    /// How many buffers came back without a picture: marked damaged by the driver, or empty.
    pub(crate) fn damaged(&self) -> u64 {
        self.damaged
    }

    /// Bytes of the shortest buffer; 0 of a stopped ring.
    pub(crate) fn shortest(&self) -> usize {
        self.slots.iter().map(|slot| slot.length).min().unwrap_or(0)
    }

    fn error(&self, operation: &str, error: io::Error) -> Error {
        error::system(operation, &self.name, error)
    }

    /// Allocates about `count` buffers, maps and queues them, and starts the stream. On an error everything
    /// is given back.
    pub(crate) fn start(&mut self, count: u32) -> Result<()> {
        if self.is_started() {
            return Ok(());
        }
        self.sequence = Sequence::default();
        self.passing = 0;
        self.failed.set(None);
        let started = self.allocate(count).and_then(|()| {
            (0..self.len()).try_for_each(|index| self.give(index))?;
            uninterrupted(|| self.queue.stream_on())
        });
        started.map_err(|e| {
            // The first error is the cause; those of cleaning up after it add nothing.
            let _ = self.release();
            self.error("start", e)
        })
    }

    fn allocate(&mut self, count: u32) -> io::Result<()> {
        let count = uninterrupted(|| self.queue.request_buffers(count))?;
        if count == 0 {
            return Err(Errno::NOMEM.into());
        }
        let count = count.min(MOST);
        for index in 0..count {
            let extent = uninterrupted(|| self.queue.query_buffer(index))?;
            if extent.length == 0 {
                return Err(io::Error::other("its driver gives empty buffers"));
            }
            let mapping = uninterrupted(|| self.queue.map(extent))?;
            let length = extent.length as usize;
            self.slots.push(Slot { mapping, length, dma_buf: None, owner: Cell::new(Owner::Idle) });
        }
        // Not every driver can, and none must: without it frames are in host memory only.
        for (index, slot) in (0..count).zip(&mut self.slots) {
            match uninterrupted(|| self.queue.export_buffer(index)) {
                Ok(fd) => slot.dma_buf = Some(fd),
                Err(_) => break,
            }
        }
        Ok(())
    }

    /// Stops the stream and frees every buffer. The ring is stopped afterwards, whatever the device returns.
    pub(crate) fn stop(&mut self) -> Result<()> {
        if !self.is_started() {
            return Ok(());
        }
        self.release().map_err(|e| self.error("stop", e))
    }

    fn release(&mut self) -> io::Result<()> {
        let off = uninterrupted(|| self.queue.stream_off());
        // Before the buffers are freed: older kernels refuse to free what is mapped or exported.
        self.slots.clear();
        self.failed.set(None);
        let freed = uninterrupted(|| self.queue.request_buffers(0)).map(drop);
        off.and(freed)
    }

    /// Waits up to `timeout` for a good buffer and leases the newest; older ones go back at once.
    ///
    /// Errors: `TimedOut`, `CorruptFrame` when only damaged ones came, `Busy` when the kernel has no buffer
    /// to fill, `Disconnected`, and what an earlier `requeue` met. To be called on a started ring.
    pub(crate) fn next(&mut self, timeout: Duration, clock: &dyn Clock) -> Result<Filled> {
        self.report_failure()?;
        self.give_idle()?;
        let deadline = clock.monotonic().saturating_add(timeout);
        let damaged_before = self.damaged;
        let mut false_alarms = 0;
        loop {
            let damaged_until_now = self.damaged;
            let remaining = deadline.saturating_sub(clock.monotonic());
            let readiness = match self.queue.poll(remaining) {
                // The deadline stays.
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                result => result.map_err(|e| self.error("wait for", e))?,
            };
            if readiness != Readiness::TimedOut {
                if let Some(filled) = self.drain(readiness)? {
                    self.passing = 0;
                    return Ok(filled);
                }
                // A damaged buffer that could not go back may have been the kernel's last.
                self.report_failure()?;
            }
            if readiness == Readiness::Failed {
                return Err(self.gone());
            }
            let now = clock.monotonic();
            if readiness == Readiness::TimedOut || now >= deadline {
                return Err(self.nothing(self.damaged - damaged_before));
            }
            if self.damaged == damaged_until_now {
                false_alarms += 1;
                if false_alarms > FALSE_ALARMS {
                    clock.sleep_until(deadline.min(now + PAUSE));
                }
            }
        }
    }

    fn report_failure(&self) -> Result<()> {
        self.failed.take().map_or(Ok(()), Err)
    }

    /// Queues what could not be queued before; after it the kernel has a buffer to fill.
    fn give_idle(&self) -> Result<()> {
        for index in 0..self.len() {
            if self.owner(index) == Some(Owner::Idle) {
                self.give(index).map_err(|e| self.error("give a buffer back to", e))?;
            }
        }
        if self.slots.iter().any(|slot| slot.owner.get() == Owner::Kernel) {
            return Ok(());
        }
        let what = format!("cannot read from {}: every buffer is leased", self.name);
        Err(Error::new(ErrorKind::Busy, what).with_remedy("drop a frame first"))
    }

    /// Takes all that is filled and keeps the newest good one.
    fn drain(&mut self, readiness: Readiness) -> Result<Option<Filled>> {
        let mut newest: Option<Filled> = None;
        // A camera faster than this loop must not hold it for ever.
        for _ in 0..self.slots.len() {
            let buffer = match uninterrupted(|| self.queue.dequeue_buffer()) {
                Ok(buffer) => buffer,
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => break,
                // What was good before the error is still good; the error will come again.
                Err(_) if newest.is_some() => break,
                Err(e)
                    if Errno::from_io_error(&e) == Some(Errno::IO)
                        && readiness == Readiness::Filled
                        && self.passing < PASSING =>
                {
                    self.passing += 1;
                    self.damaged += 1;
                    break;
                }
                Err(e) => return Err(self.error("read a frame from", e)),
            };
            let good = match self.take(buffer) {
                Ok(Some(good)) => good,
                Ok(None) => continue,
                Err(error) => {
                    // The caller gets the error in its place.
                    if let Some(old) = newest {
                        self.requeue(old.index);
                    }
                    return Err(error);
                }
            };
            if let Some(old) = newest.replace(good) {
                self.requeue(old.index);
            }
        }
        Ok(newest)
    }

    /// Notes that a buffer is ours; a damaged one goes straight back.
    fn take(&mut self, buffer: Dequeued) -> Result<Option<Filled>> {
        let slot = self.slots.get(buffer.index as usize);
        let Some(slot) = slot.filter(|slot| slot.owner.get() == Owner::Kernel) else {
            let what = format!(
                "cannot read a frame from {}: its driver returned a buffer that it did not have",
                self.name
            );
            return Err(Error::new(ErrorKind::Other, what).with_remedy("open it again"));
        };
        slot.owner.set(Owner::Frame);
        // Also of damaged ones, so that they show as a gap.
        let sequence = buffer.is_counted().then(|| self.sequence.extend(buffer.sequence));
        match sequence {
            Some(sequence) if !buffer.is_damaged() => {
                let (index, bytesused) = (buffer.index, buffer.bytesused);
                Ok(Some(Filled { index, sequence, captured_at: buffer.captured_at(), bytesused }))
            }
            _ => {
                self.damaged += 1;
                self.requeue(buffer.index);
                Ok(None)
            }
        }
    }

    /// Payload and dma-buf of a leased buffer. Empty if it is not leased.
    pub(crate) fn buffer(&self, filled: &Filled) -> (&[u8], Option<BorrowedFd<'_>>) {
        match self.slots.get(filled.index as usize) {
            Some(slot) if slot.owner.get() == Owner::Frame => {
                let bytes = slot.mapping.bytes();
                let used = bytes.len().min(filled.bytesused as usize);
                (&bytes[..used], slot.dma_buf.as_ref().map(AsFd::as_fd))
            }
            _ => (&[], None),
        }
    }

    fn len(&self) -> u32 {
        self.slots.len() as u32
    }

    fn owner(&self, index: u32) -> Option<Owner> {
        self.slots.get(index as usize).map(|slot| slot.owner.get())
    }

    /// Queues a buffer that is ours.
    fn give(&self, index: u32) -> io::Result<()> {
        if let Some(slot) = self.slots.get(index as usize) {
            uninterrupted(|| self.queue.queue_buffer(index))?;
            slot.owner.set(Owner::Kernel);
        }
        Ok(())
    }

    fn gone(&self) -> Error {
        let what = format!("cannot read a frame from {}: the device is gone", self.name);
        Error::new(ErrorKind::Disconnected, what).with_remedy("plug the camera in again")
    }

    fn nothing(&self, damaged: u64) -> Error {
        let name = &self.name;
        if damaged > 0 {
            let what = format!("{damaged} frames from {name} came damaged");
            Error::new(ErrorKind::CorruptFrame, what).with_remedy("check cable and power")
        } else {
            let what = format!("no frame from {name} in time");
            Error::new(ErrorKind::TimedOut, what).with_remedy("does the camera deliver?")
        }
    }
}

impl<Q: CaptureQueue> Requeue for Ring<Q> {
    fn requeue(&self, index: u32) {
        // The second time, or after a stop, the buffer is not leased.
        if self.owner(index) != Some(Owner::Frame) {
            return;
        }
        if let Some(slot) = self.slots.get(index as usize) {
            slot.owner.set(Owner::Idle);
        }
        if let Err(error) = self.give(index) {
            let first = self.failed.take();
            self.failed.set(Some(first.unwrap_or_else(|| self.error("give a buffer back to", error))));
        }
    }
}

impl<Q: CaptureQueue> Drop for Ring<Q> {
    fn drop(&mut self) {
        // There is no caller left to take the error.
        let _ = self.stop();
    }
}
