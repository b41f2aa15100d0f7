//! The camera that fails.

use super::{Fate, Faults, Roll, damage::Damaged};
use crate::camera::{no_frame, not_started};
use eyelet_hal::{CameraControls, CameraSource, Error, ErrorKind, Frame, Result, StreamFormat};
use std::{sync::Arc, time::Duration};

/// Frames lost in one call, at most: a free-running camera would hold the caller for ever.
const MOST_DROPS: u32 = 1000;

/// A camera with [`Faults`]; made by [`Faults::open`].
#[derive(Debug)]
pub struct FaultInjector<C> {
    camera: C,
    faults: Faults,
    /// How often the camera had been pulled out when this was opened.
    plug: u64,
    started: bool,
    /// Silent until then.
    silent_until: Duration,
    /// For the next frame, once the dice are rolled.
    roll: Option<Roll>,
    damaged: Damaged,
}

impl<C: CameraSource> FaultInjector<C> {
    pub(super) fn new(camera: C, faults: Faults, plug: u64) -> Self {
        let silent_until = Duration::ZERO;
        Self { camera, faults, plug, started: false, silent_until, roll: None, damaged: Damaged::default() }
    }

    fn check(&self) -> Result<()> {
        if self.faults.is_plugged(self.plug) {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Disconnected, format!("{}: unplugged", self.camera.name()))
            .with_remedy("plug it in again"))
    }

    /// The roll for the next frame. It stands until the frame has come.
    fn roll(&mut self) -> Roll {
        if let Some(roll) = &self.roll {
            return roll.clone();
        }
        let roll = self.faults.roll();
        if let Some(silence) = roll.silence {
            self.silent_until = self.faults.clock.monotonic().saturating_add(silence);
        }
        self.roll.insert(roll).clone()
    }

    /// Loses the frames that are to be lost and sits out silences. Gives the roll for the next frame and the time
    /// that is left to wait for it.
    fn prepare(&mut self, timeout: Duration) -> Result<(Roll, Duration)> {
        let clock = Arc::clone(&self.faults.clock);
        let give_up = clock.monotonic().saturating_add(timeout);
        for _ in 0..MOST_DROPS {
            self.check()?;
            let roll = self.roll();
            if roll.unplug || self.faults.is_due() {
                self.faults.unplug();
                self.check()?;
            }
            clock.sleep_until(self.silent_until.min(give_up));
            if self.silent_until > give_up {
                return Err(no_frame(self.camera.name(), timeout));
            }
            let left = give_up.saturating_sub(clock.monotonic());
            if roll.fate != Fate::Drop {
                return Ok((roll, left));
            }
            let sequence = self.camera.next_frame(left)?.meta().sequence;
            self.delivered(sequence);
        }
        clock.sleep_until(give_up);
        Err(no_frame(self.camera.name(), timeout))
    }

    fn delivered(&mut self, sequence: u64) {
        self.roll = None;
        after(&self.faults, sequence, &mut self.silent_until);
    }
}

/// A frame came. Those before it that were never taken could have been the camera's last, or have stalled it, as well.
fn after(faults: &Faults, sequence: u64, silent_until: &mut Duration) {
    for _ in 0..faults.count(sequence).min(MOST_DROPS.into()) {
        let missed = faults.roll();
        if missed.unplug {
            return faults.unplug();
        }
        if let Some(silence) = missed.silence {
            *silent_until = faults.clock.monotonic().saturating_add(silence);
        }
    }
}

impl<C: CameraSource> CameraSource for FaultInjector<C> {
    fn name(&self) -> &str {
        self.camera.name()
    }

    fn format(&self) -> StreamFormat {
        self.camera.format()
    }

    fn start(&mut self) -> Result<()> {
        self.check()?;
        self.camera.start()?;
        self.started = true;
        Ok(())
    }

    fn next_frame(&mut self, timeout: Duration) -> Result<Frame<'_>> {
        if !self.started {
            return Err(not_started(self.camera.name()));
        }
        let (Roll { fate, mut places, .. }, left) = self.prepare(timeout)?;
        let halves = self.faults.halves();
        if fate == Fate::Good && !halves {
            let frame = self.camera.next_frame(left)?;
            self.roll = None;
            after(&self.faults, frame.meta().sequence, &mut self.silent_until);
            return Ok(frame);
        }
        let frame = self.camera.next_frame(left)?;
        let sequence = frame.meta().sequence;
        self.damaged.take(&frame);
        drop(frame);
        self.delivered(sequence);
        if halves {
            self.damaged.halve();
        }
        match fate {
            Fate::Corrupt => self.damaged.corrupt(&mut places),
            Fate::Truncate => self.damaged.truncate(&mut places),
            Fate::Good | Fate::Drop => {}
        }
        self.damaged.frame()
    }

    fn stop(&mut self) -> Result<()> {
        self.started = false;
        self.camera.stop()
    }

    fn controls(&mut self) -> Option<&mut dyn CameraControls> {
        self.camera.controls()
    }
}
