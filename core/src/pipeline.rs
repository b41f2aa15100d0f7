//! The camera thread: capture, encode, publish, and start again when the camera is lost.

use crate::{
    clock::Clock,
    hub::Hub,
    publisher::{Publisher, Unwanted},
};
use eyelet_hal::{CameraSource, Error, ErrorKind, JpegEncoder, Quality, Result};
use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

/// How long one wait for a frame, or one nap between attempts, lasts at most: how soon a stop is noticed.
const POLL: Duration = Duration::from_millis(200);

/// Pauses between attempts to open a lost camera: doubled from the first to the last, then for ever the last.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LAST_PAUSE: Duration = Duration::from_secs(5);

/// Opens the camera again after it was lost. Called on the camera thread, for ever until it succeeds.
pub type Reopen = Box<dyn FnMut() -> Result<Box<dyn CameraSource>> + Send>;

/// A camera, an encoder and where their pictures go.
///
/// A lost camera (`Disconnected`, or no frame for [`stall_after`](Self::stall_after)) is dropped and opened again,
/// for ever and with growing pauses; meanwhile viewers see a "no signal" picture with the reason. Each change
/// of state is logged once.
pub struct Pipeline {
    /// The open camera, or `None` to begin with opening one.
    pub camera: Option<Box<dyn CameraSource>>,
    /// Opens a camera when there is none.
    pub reopen: Reopen,
    /// Makes the JPEGs.
    pub encoder: Box<dyn JpegEncoder>,
    /// How well.
    pub quality: Quality,
    /// A started camera that lends no good frame for this long counts as lost.
    pub stall_after: Duration,
    /// Where the time comes from.
    pub clock: Arc<dyn Clock>,
    /// Where the pictures go.
    pub hub: Hub,
}

impl fmt::Debug for Pipeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pipeline").field("encoder", &self.encoder.name()).finish_non_exhaustive()
    }
}

impl Pipeline {
    /// Runs on a thread of its own until stopped.
    ///
    /// # Errors
    /// `OutOfMemory` if the system has no thread to give.
    pub fn spawn(self) -> Result<Running> {
        let stop = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&stop);
        let camera = thread::Builder::new().name("camera".to_owned());
        let run = move || {
            wake_on_time();
            self.run(&seen);
        };
        match camera.spawn(run) {
            Ok(thread) => Ok(Running { stop, thread: Some(thread) }),
            Err(e) => {
                let what = format!("cannot start the camera thread: {e}; is the process limit reached?");
                Err(Error::new(ErrorKind::OutOfMemory, what).with_source(e))
            }
        }
    }

    /// Runs on this thread until `stop` is set.
    pub fn run(self, stop: &AtomicBool) {
        let Self { mut camera, mut reopen, encoder, quality, stall_after, clock, hub } = self;
        let publisher = Publisher::new(encoder, quality, Arc::clone(&clock), hub.clone());
        let mut supervisor = Supervisor { publisher, clock, hub, stall_after, stop, health: Health::Unknown };
        let mut pause = FIRST_PAUSE;
        loop {
            let before = supervisor.hub.metrics.frames_captured.get();
            let opened = camera.take().map_or_else(&mut reopen, Ok);
            let Err(error) = opened.and_then(|mut camera| supervisor.session(&mut *camera)) else { return };
            supervisor.lost(&error);
            if supervisor.hub.metrics.frames_captured.get() > before {
                pause = FIRST_PAUSE;
            }
            if !supervisor.rest(pause) {
                return;
            }
            pause = LAST_PAUSE.min(2 * pause);
        }
    }
}

/// Linux ends a sleep up to 50 us late to save wake-ups; a camera thread that sleeps until the next frame has
/// nothing to save, and each picture would be that much older.
fn wake_on_time() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::thread::set_current_timer_slack(std::num::NonZeroU64::new(1)) {
        tracing::debug!(%error, "frames may come 50 us late");
    }
}

/// A running pipeline. Dropping it stops the camera and waits for its thread: 200 ms at most, unless the
/// device hangs.
#[derive(Debug)]
pub struct Running {
    stop: Arc<AtomicBool>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the camera thread panicked");
        }
    }
}

/// What the log was told last.
#[derive(PartialEq)]
enum Health {
    Unknown,
    Live,
    Lost(String),
}

struct Supervisor<'a> {
    publisher: Publisher,
    clock: Arc<dyn Clock>,
    hub: Hub,
    stall_after: Duration,
    stop: &'a AtomicBool,
    health: Health,
}

impl Supervisor<'_> {
    /// One camera from start to loss. `Ok` means that it was told to stop.
    fn session(&mut self, camera: &mut dyn CameraSource) -> Result<()> {
        camera.start()?;
        self.publisher.restart();
        let name = camera.name().to_owned();
        self.hub.status.opened(&name);
        let mut last_good = self.clock.monotonic();
        let mut damage = Damage::default();
        while !self.stopped() {
            let published = match camera.next_frame(POLL) {
                Ok(frame) => {
                    self.found(&name, frame.format());
                    self.publisher.frame(&frame, Unwanted::Forget)
                }
                Err(error) => Err(error),
            };
            match published {
                Ok(()) => last_good = self.clock.monotonic(),
                Err(e) if e.kind() == ErrorKind::TimedOut => {}
                Err(e) if e.kind() == ErrorKind::CorruptFrame => {
                    self.hub.metrics.frames_dropped.inc();
                    damage.note(&name, &e);
                }
                Err(e) => return Err(e),
            }
            if self.clock.monotonic().saturating_sub(last_good) >= self.stall_after {
                let what = format!("no good frame from {name} for {:?}", self.stall_after);
                return Err(Error::new(ErrorKind::TimedOut, what));
            }
        }
        camera.stop()
    }

    fn found(&mut self, name: &str, format: eyelet_hal::StreamFormat) {
        if self.health != Health::Live {
            self.health = Health::Live;
            self.hub.status.connected(name, format);
            tracing::info!(camera = name, %format, "capturing");
        }
    }

    fn lost(&mut self, error: &Error) {
        let health = Health::Lost(error.to_string());
        if self.health != health {
            tracing::warn!(%error, "no signal; trying again until it is back");
            self.hub.status.lost(&error.to_string());
            self.publisher.no_signal(&error.to_string());
            self.health = health;
        }
    }

    /// Waits for `pause`; false when told to stop.
    fn rest(&self, pause: Duration) -> bool {
        let end = self.clock.monotonic() + pause;
        while !self.stopped() && self.clock.monotonic() < end {
            self.clock.sleep_until(end.min(self.clock.monotonic() + POLL));
        }
        !self.stopped()
    }

    fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

/// Says that frames are damaged when it begins, then at every tenfold: a bad cable does not fill the log.
#[derive(Default)]
struct Damage(u64);

impl Damage {
    fn note(&mut self, camera: &str, error: &Error) {
        self.0 += 1;
        if 10u64.pow(self.0.ilog10()) == self.0 {
            tracing::warn!(camera, %error, damaged = self.0, "damaged frame dropped");
        }
    }
}
