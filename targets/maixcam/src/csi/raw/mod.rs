//! The frames of the built-in camera where they are: in the scaler's memory.
//!
//! `opening` opens it step by step, `waiter` is the thread that waits for them, `shared` what the camera shares with it, `check` what must be true of the
//! scaler before its frames are used.

mod check;
mod opening;
mod shared;
mod waiter;

use super::Held;
use crate::sys::{Code, Device, Scaler, System, abi::FrameInfo};
use check::Shape;
use eyelet_hal::{
    CameraSource, Error, ErrorKind, Frame, FrameMeta, Lease, Memory, Plane, Requeue, Result, StreamFormat,
    monotonic,
};
pub(super) use opening::Opening;
pub(super) use shared::InUse;
use shared::Shared;
use std::{
    cell::{Cell, RefCell},
    sync::Arc,
    thread::JoinHandle,
    time::{Duration, Instant},
};
use waiter::age;

/// How long opening may take: longer than the first frame does. Beyond it the driver counts as hanging.
const OPENING: Duration = Duration::from_secs(10);
/// How long a call of the driver may take to end: three of its waits.
const ENDING: Duration = Duration::from_secs(3);

/// The frames of a camera that another process holds open, taken from the kernel's scaler: NV21 in physical memory,
/// without a copy and without bytes for the CPU.
///
/// One frame at a time is taken and lent, which a channel of four buffers can spare. What is held of it is not written
/// down for the case of a kill: the vendor's package clears the pools when it opens the camera, and to give a frame of
/// pools that are gone back to pools that lie in the same place would take it from under the scaler.
///
/// When the process that holds the camera dies, frames do not come any more: that is [`TimedOut`](ErrorKind::TimedOut).
/// When another program takes the scaler's group or changes the channel, it is
/// [`Disconnected`](ErrorKind::Disconnected), with the reason.
#[derive(Debug)]
pub struct RawCamera {
    shape: Shape,
    // Before the thread is waited for in `drop`, the frame has gone back.
    desk: Desk,
    thread: Option<JoinHandle<()>>,
    /// The driver has not returned in time.
    hangs: bool,
    clock: FrameClock,
    started: bool,
    counts: Counts,
}

/// What a camera has done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// Frames that were lent.
    pub frames: u64,
    /// How often the thread that took them was woken in [`next_frame`](CameraSource::next_frame).
    pub wake_ups: u64,
}

/// Where frames go back to.
#[derive(Debug)]
struct Desk {
    shared: Arc<Shared>,
    scaler: Box<dyn Device>,
    group: i32,
    channel: i32,
    lent: Cell<Option<FrameInfo>>,
    error: RefCell<Option<Error>>,
}

impl Desk {
    fn release(&self, frame: &FrameInfo) {
        match Scaler(&*self.scaler).release_frame(self.group, self.channel, frame) {
            Ok(()) => {}
            // Its pool is gone, with the process that held the camera.
            Err(refused) if refused.code == Code::IllegalParam => tracing::debug!("{refused}"),
            Err(refused) => {
                let what = format!("cannot give a frame back: {refused}");
                *self.error.borrow_mut() =
                    Some(Error::new(ErrorKind::Disconnected, what).with_source(refused));
            }
        }
    }
}

impl Requeue for Desk {
    fn requeue(&self, _: u32) {
        let Some(frame) = self.lent.take() else { return };
        self.release(&frame);
        self.shared.state().wanted = true;
        self.shared.wake_waiter();
    }
}

impl RawCamera {
    /// Its name.
    pub const NAME: &'static str = "csi";

    /// Opens the scaler, makes sure that it is as the process reported it, and takes a first frame, which may take
    /// 5 s. To be called only while that process holds the camera open; until this is dropped it must not close it.
    ///
    /// # Errors
    /// `Unsupported` if the driver or the channel is another than this knows, `TimedOut` if no frame comes, or what
    /// the system says: why frames cannot be taken this way.
    pub fn open(system: Arc<dyn System>, held: &Held) -> Result<Self> {
        let mut opening = Opening::start(system, held)?;
        loop {
            if let Some(camera) = opening.wait(OPENING)? {
                return Ok(camera);
            }
        }
    }

    /// What it has done so far.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Waits until the thread is at no call; `false` if it hangs in one. For that it is waited once only.
    fn quiet(&mut self) -> bool {
        let patience = if self.hangs { Duration::ZERO } else { ENDING };
        let deadline = Some(Instant::now() + patience);
        let mut state = self.desk.shared.state();
        let mut in_time = true;
        while state.busy && in_time {
            (state, in_time) = self.desk.shared.camera_waits(state, deadline);
        }
        self.hangs = state.busy;
        !self.hangs
    }
}

impl CameraSource for RawCamera {
    fn name(&self) -> &str {
        Self::NAME
    }

    fn format(&self) -> StreamFormat {
        self.shape.format
    }

    fn start(&mut self) -> Result<()> {
        if self.started {
            return Ok(());
        }
        let mut state = self.desk.shared.state();
        if let Some(failure) = &state.failed {
            return Err(failure.into());
        }
        (state.running, state.wanted) = (true, true);
        drop(state);
        self.desk.shared.wake_waiter();
        self.clock = FrameClock::default();
        self.started = true;
        Ok(())
    }

    fn next_frame(&mut self, timeout: Duration) -> Result<Frame<'_>> {
        if !self.started {
            return Err(super::not_started());
        }
        if let Some(error) = self.desk.error.borrow_mut().take() {
            return Err(error);
        }
        let deadline = Instant::now().checked_add(timeout);
        let mut state = self.desk.shared.state();
        let ready = loop {
            if let Some(ready) = state.ready.take() {
                break ready;
            }
            if let Some(failure) = &state.failed {
                return Err(failure.into());
            }
            let (back, in_time) = self.desk.shared.camera_waits(state, deadline);
            state = back;
            if !in_time {
                let what = format!("csi: no frame within {timeout:?}");
                return Err(Error::new(ErrorKind::TimedOut, what));
            }
            self.counts.wake_ups += 1;
        };
        drop(state);
        self.desk.lent.set(Some(ready.frame));
        let lease = Lease::new(&self.desk, 0);
        self.counts.frames += 1;
        let meta = self.clock.meta(&ready.frame, ready.at);
        let stride = self.shape.stride as usize;
        let [luma, chroma, _] = ready.frame.physical;
        let plane = |physical| Plane { bytes: &[], stride, memory: Memory::Physical(physical) };
        Frame::leased(self.shape.format, meta, &[plane(luma), plane(chroma)], lease)
    }

    fn stop(&mut self) -> Result<()> {
        if !std::mem::take(&mut self.started) {
            return Ok(());
        }
        {
            let mut state = self.desk.shared.state();
            (state.running, state.wanted) = (false, false);
        }
        self.desk.shared.wake_waiter();
        if !self.quiet() {
            let what = "the scaler's driver does not return";
            return Err(
                Error::new(ErrorKind::TimedOut, what).with_remedy("start the board again if it stays so")
            );
        }
        let ready = self.desk.shared.state().ready.take();
        if let Some(ready) = ready {
            self.desk.release(&ready.frame);
        }
        self.desk.error.borrow_mut().take().map_or(Ok(()), Err)
    }
}

impl Drop for RawCamera {
    fn drop(&mut self) {
        if let Err(error) = self.stop() {
            tracing::debug!("while the camera's frames end: {error}");
        }
        self.desk.shared.state().over = true;
        self.desk.shared.wake_waiter();
        let Some(thread) = self.thread.take() else { return };
        if !self.quiet() {
            tracing::warn!("the scaler's driver does not return; its node stays open");
        } else if thread.join().is_err() {
            tracing::error!("the camera's thread panicked");
        }
    }
}

/// Numbers and times of frames, from what the driver says of them.
#[derive(Debug, Default)]
struct FrameClock {
    last: Option<(u32, FrameMeta)>,
}

impl FrameClock {
    /// The driver's number of a frame wraps around, and its time counts only if it is on the monotonic clock.
    fn meta(&mut self, frame: &FrameInfo, taken_at: Duration) -> FrameMeta {
        let number = frame.time_ref;
        let stamp = age(frame, taken_at).map_or(taken_at, |age| taken_at - age);
        let meta = match self.last {
            None => FrameMeta::new(0, stamp),
            Some((before, last)) => {
                // What does not count upwards is no number of frames.
                let step = Some(number.wrapping_sub(before)).filter(|step| (1..1 << 31).contains(step));
                let sequence = last.sequence + u64::from(step.unwrap_or(1));
                FrameMeta::new(
                    sequence,
                    stamp.max(last.captured_at + Duration::from_nanos(1)).min(monotonic()),
                )
            }
        };
        self.last = Some((number, meta));
        meta
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::abi::Plain;

    const AT: Duration = Duration::from_secs(1_000);

    fn clock(frames: &[(u32, Duration)]) -> Vec<FrameMeta> {
        let mut clock = FrameClock::default();
        let info = |number, stamp: Duration| FrameInfo {
            time_ref: number,
            pts: stamp.as_micros() as u64,
            ..FrameInfo::zeroed()
        };
        frames.iter().map(|&(number, stamp)| clock.meta(&info(number, stamp), AT.min(monotonic()))).collect()
    }

    #[test]
    fn number_that_wraps_around_goes_on() {
        let sequences = |numbers: &[u32]| {
            let frames: Vec<_> = numbers.iter().map(|&number| (number, Duration::ZERO)).collect();
            clock(&frames).iter().map(|meta| meta.sequence).collect::<Vec<_>>()
        };
        assert_eq!(sequences(&[u32::MAX - 1, u32::MAX, 0, 3]), [0, 1, 2, 5]);
        assert_eq!(sequences(&[7, 7, 7, 3, 4]), [0, 1, 2, 3, 4], "what does not count is counted here");
    }

    #[test]
    fn time_stamp_counts_only_near_the_present() {
        let now = monotonic();
        let mut clock = FrameClock::default();
        let mut time = |stamp: Duration, taken_at: Duration| {
            let frame = FrameInfo { pts: stamp.as_micros() as u64, ..FrameInfo::zeroed() };
            clock.meta(&frame, taken_at).captured_at
        };
        let ms = Duration::from_millis;
        let micros = |time: Duration| Duration::from_micros(time.as_micros() as u64);
        let near = |a: Duration, b: Duration| a.abs_diff(b) <= ms(0) + Duration::from_micros(1);
        assert!(near(time(micros(now - ms(90)), now - ms(80)), now - ms(90)));
        assert!(near(time(now + Duration::from_secs(5), now - ms(70)), now - ms(70)), "another clock");
        assert!(near(time(Duration::ZERO, now - ms(60)), now - ms(60)), "none");
        assert!(near(time(now - ms(50), now - ms(55)), now - ms(55)), "not later than now");
        assert!(time(now - ms(80), now - ms(40)) > now - ms(55), "later than the one before");
    }
}
