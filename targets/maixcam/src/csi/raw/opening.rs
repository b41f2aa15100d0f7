//! Opening the scaler, step by step: its driver may take long, or hang.

use super::{
    Counts, Desk, ENDING, FrameClock, OPENING, RawCamera,
    shared::{InUse, Shared},
    waiter::{self, Opened},
};
use crate::{csi::Held, sys::System};
use eyelet_hal::{Error, ErrorKind, Result};
use std::{
    cell::{Cell, RefCell},
    sync::Arc,
    thread::JoinHandle,
    time::{Duration, Instant},
};

/// A thread that is opening the scaler.
#[derive(Debug)]
pub(in crate::csi) struct Opening {
    held: Held,
    shared: Arc<Shared>,
    /// `None` once it has opened it, or not.
    thread: Option<JoinHandle<()>>,
    until: Instant,
}

impl Opening {
    /// As [`RawCamera::open`].
    pub(in crate::csi) fn start(system: Arc<dyn System>, held: &Held) -> Result<Self> {
        let shared = Arc::new(Shared::default());
        let thread = Some(waiter::spawn(system, *held, Arc::clone(&shared))?);
        Ok(Self { held: *held, shared, thread, until: Instant::now() + OPENING })
    }

    /// For as long as a call of the driver may have the scaler open.
    pub(in crate::csi) fn in_use(&self) -> InUse {
        InUse::of(&self.shared)
    }

    /// The camera; `None` if it is not open after so long.
    ///
    /// # Errors
    /// Those of [`RawCamera::open`].
    pub(in crate::csi) fn wait(&mut self, patience: Duration) -> Result<Option<RawCamera>> {
        let Some(opened) = self.opened(self.until.min(Instant::now() + patience)) else {
            if Instant::now() < self.until {
                return Ok(None);
            }
            let what = format!("the scaler's driver did not return within {OPENING:?}");
            return Err(Error::new(ErrorKind::TimedOut, what).with_remedy("restart the board"));
        };
        let Opened { scaler, shape } = opened?;
        let Held { group, channel, .. } = self.held;
        let (lent, error) = (Cell::new(None), RefCell::new(None));
        let desk = Desk { shared: Arc::clone(&self.shared), scaler, group, channel, lent, error };
        let (thread, clock, counts) = (self.thread.take(), FrameClock::default(), Counts::default());
        Ok(Some(RawCamera { shape, desk, thread, hangs: false, clock, started: false, counts }))
    }

    /// What opening came to by then. If it failed, the thread has closed everything and is gone.
    fn opened(&mut self, deadline: Instant) -> Option<Result<Opened>> {
        let mut state = self.shared.state();
        let opened = loop {
            if let Some(opened) = state.opened.take() {
                break opened;
            }
            let (back, in_time) = self.shared.camera_waits(state, Some(deadline));
            state = back;
            if !in_time {
                return None;
            }
        };
        drop(state);
        if opened.is_err()
            && let Some(thread) = self.thread.take()
        {
            let _ = thread.join();
        }
        Some(opened)
    }
}

impl Drop for Opening {
    /// Given up: it must not be at a call when the process that holds the camera closes it.
    fn drop(&mut self) {
        if self.thread.is_none() {
            return;
        }
        self.shared.state().over = true;
        // It may have opened it already, and wait for the camera.
        self.shared.wake_waiter();
        match self.opened(Instant::now() + ENDING) {
            Some(opened) => {
                drop(opened);
                self.thread.take().map(JoinHandle::join);
            }
            // Left behind: whenever its call returns it closes everything and ends.
            None => tracing::warn!("the scaler's driver does not return; its node may stay open"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Leftovers, Machine};
    use std::{sync::mpsc, thread};

    /// A stop hung for ever when it came between the end of the opening and the next look at it.
    #[test]
    fn opening_that_has_ended_and_is_given_up_closes_the_scaler() {
        let (machine, late) = (Machine::new(), Duration::from_secs(60));
        let connection = machine.connect_camera();
        assert_eq!(connection.line("open 80 64 30 4"), "ok 0");
        let held = Held { group: 0, channel: 0, width: 80, height: 64, fps: 30, buffers: 4 };
        let opening = Opening::start(machine.process(), &held).unwrap();
        machine.wait_until_wanted(|| false);
        machine.deliver();
        let shared = Arc::clone(&opening.shared);
        let end = Instant::now() + late;
        while shared.state().opened.is_none() {
            assert!(Instant::now() < end, "it never opens");
            thread::yield_now();
        }
        let (closed, is_closed) = mpsc::channel();
        thread::spawn(move || {
            drop(opening);
            closed.send(()).unwrap();
        });
        is_closed.recv_timeout(late).expect("it hangs");
        assert_eq!(connection.line("close"), "ok");
        assert_eq!((machine.leftovers(), machine.violations()), (Leftovers::default(), vec![]));
    }
}
