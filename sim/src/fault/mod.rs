//! Cameras and encoders that fail, on purpose and repeatably.
//!
//! [`Faults`] holds the plug and the dice; it outlives the cameras that are opened through it, since a camera
//! that was pulled out has to be opened anew.
//!
//! ```
//! use eyelet_hal::clock::ManualClock;
//! use eyelet_hal::{CameraSource, ErrorKind};
//! use eyelet_sim::{camera::{SimCamera, SimConfig}, fault::{FaultConfig, Faults}};
//! use std::{num::NonZeroU64, sync::Arc, time::Duration};
//!
//! let clock = Arc::new(ManualClock::new(Duration::ZERO));
//! let mut config = FaultConfig::default();
//! config.unplug_after = NonZeroU64::new(2);
//! let faults = Faults::new(config, 7, clock.clone());
//! let open = || faults.open(|| SimCamera::open(SimConfig::default(), clock.clone()));
//!
//! let mut camera = open()?;
//! camera.start()?;
//! for _ in 0..2 {
//!     camera.next_frame(Duration::from_secs(1))?;
//! }
//! let error = camera.next_frame(Duration::from_secs(1)).unwrap_err();
//! assert_eq!(error.kind(), ErrorKind::Disconnected);
//! assert_eq!(open().unwrap_err().kind(), ErrorKind::NotFound);
//! clock.advance(Duration::from_secs(3));
//! assert!(open().is_ok());
//! # Ok::<_, eyelet_hal::Error>(())
//! ```

mod chance;
mod damage;
mod encoder;
mod injector;

pub use chance::Chance;
pub use encoder::FailingEncoder;
pub use injector::FaultInjector;

use eyelet_hal::{CameraSource, Error, ErrorKind, Result, clock::Clock};
use fastrand::Rng;
use std::{
    num::NonZeroU64,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// What goes wrong, and how often. By default nothing does.
///
/// Where more than one thing would befall a frame, being lost comes before being cut, and that before being wrong.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct FaultConfig {
    /// That a frame is lost: the sequence number shows a gap.
    pub drop: Chance,
    /// That some of a frame's bytes are wrong.
    pub corrupt: Chance,
    /// That a frame's end is missing: a `jpeg` one is lent short, a raw one is a `CorruptFrame`.
    pub truncate: Chance,
    /// That the camera falls silent before a frame.
    pub stall: Chance,
    /// For how long it does.
    pub stall_for: Duration,
    /// After how many frames since it was plugged in the camera is pulled out, again and again. Frames that were
    /// never taken count as well: it does not depend on who watches.
    pub unplug_after: Option<NonZeroU64>,
    /// That the camera is pulled out before a frame.
    pub unplug: Chance,
    /// For how long it stays out.
    pub unplug_for: Duration,
    /// After how many frames the camera lends only the upper half of its picture, and after as many the whole again.
    /// A `jpeg` one does not.
    pub resize_after: Option<NonZeroU64>,
}

impl Default for FaultConfig {
    fn default() -> Self {
        Self {
            drop: Chance::NEVER,
            corrupt: Chance::NEVER,
            truncate: Chance::NEVER,
            stall: Chance::NEVER,
            stall_for: Duration::from_secs(1),
            unplug_after: None,
            unplug: Chance::NEVER,
            unplug_for: Duration::from_secs(3),
            resize_after: None,
        }
    }
}

/// What becomes of one frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Good,
    Drop,
    Corrupt,
    Truncate,
}

/// One roll of the dice.
#[derive(Clone, Debug)]
struct Roll {
    fate: Fate,
    /// Whether the camera is pulled out before the frame.
    unplug: bool,
    /// For how long the camera falls silent before the frame.
    silence: Option<Duration>,
    /// For the places of the damage.
    places: Rng,
}

/// The plug and the dice of one camera. Cloning gives another handle to the same.
#[derive(Clone, Debug)]
pub struct Faults {
    config: Arc<FaultConfig>,
    clock: Arc<dyn Clock>,
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    rng: Rng,
    /// How often the camera was pulled out.
    unplugged: u64,
    /// Out until then.
    back_at: Duration,
    /// Frames that the camera took since it was plugged in, whether or not they were taken.
    frames: u64,
    /// The number of the last one.
    last: Option<u64>,
}

impl Faults {
    /// Faults by `config`. The same seed and the same calls give the same faults.
    pub fn new(config: FaultConfig, seed: u64, clock: Arc<dyn Clock>) -> Self {
        let state =
            State { rng: Rng::with_seed(seed), unplugged: 0, back_at: Duration::ZERO, frames: 0, last: None };
        Self { config: Arc::new(config), clock, state: Arc::new(Mutex::new(state)) }
    }

    /// Opens a camera, if it is plugged in.
    ///
    /// # Errors
    /// `NotFound` while it is not, and those of `open`.
    pub fn open<C: CameraSource>(&self, open: impl FnOnce() -> Result<C>) -> Result<FaultInjector<C>> {
        let plug = {
            let state = self.state();
            if self.clock.monotonic() < state.back_at {
                return Err(Error::new(ErrorKind::NotFound, "cannot open the camera: it is unplugged")
                    .with_remedy("wait until it is back"));
            }
            state.unplugged
        };
        Ok(FaultInjector::new(open()?, self.clone(), plug))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // No state is left half-changed by a panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the camera that was opened when the plug had been out `plug` times is still there.
    fn is_plugged(&self, plug: u64) -> bool {
        self.state().unplugged == plug
    }

    /// Whether it is time to pull the plug.
    fn is_due(&self) -> bool {
        self.config.unplug_after.is_some_and(|after| self.state().frames >= after.get())
    }

    /// Pulls the plug.
    fn unplug(&self) {
        let mut state = self.state();
        (state.frames, state.last) = (0, None);
        state.unplugged += 1;
        state.back_at = self.clock.monotonic().saturating_add(self.config.unplug_for);
    }

    /// Whether the next frame is only half a picture.
    fn halves(&self) -> bool {
        self.config.resize_after.is_some_and(|after| self.state().frames / after % 2 == 1)
    }

    /// Counts a frame by the camera's own number, and those before it that were never taken. Returns how many those are.
    fn count(&self, sequence: u64) -> u64 {
        let mut state = self.state();
        let missed = state.last.replace(sequence).map_or(0, |last| sequence.saturating_sub(last + 1));
        state.frames += missed + 1;
        missed
    }

    /// Rolls the dice for the next frame.
    fn roll(&self) -> Roll {
        let FaultConfig { drop, corrupt, truncate, stall, stall_for, unplug, .. } = *self.config;
        let rng = &mut self.state().rng;
        // Always as many rolls, so that one chance does not change what another gives.
        let [drop, corrupt, truncate, stall, unplug] =
            [drop, corrupt, truncate, stall, unplug].map(|c| c.roll(rng));
        let fate = match (drop, truncate, corrupt) {
            (true, _, _) => Fate::Drop,
            (_, true, _) => Fate::Truncate,
            (_, _, true) => Fate::Corrupt,
            _ => Fate::Good,
        };
        Roll { fate, unplug, silence: stall.then_some(stall_for), places: rng.fork() }
    }
}

#[cfg(test)]
mod tests;
