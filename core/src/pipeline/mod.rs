//! The camera thread: capture, encode, publish, and start again when the camera is lost or the encoder broken.

mod actual_size;
mod allowance;
mod no_signal;
mod pool;
mod publisher;
mod retry;
mod sequence;
mod stamps;

pub(crate) use actual_size::ActualSize;
pub(crate) use publisher::{Publisher, Unwanted};
pub(crate) use stamps::AGE;

use crate::{
    clock::Clock,
    feed::{Hub, Status},
};
use allowance::Allowance;
use eyelet_hal::{CameraSource, Error, ErrorKind, Frame, JpegEncoder, Quality, Result, StreamFormat};
use retry::{Attempts, Next, Pauses};
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

/// When nobody has wanted a picture for this long, the camera is looked at less often. Who comes back at once, as for the
/// next of many snapshots, finds it awake; who comes once a second does not keep it so.
const UNWATCHED: Duration = Duration::from_millis(100);

/// How often then. Each look wakes a processor that has nothing else to do; the camera must be seen to live all the same.
const NAP: Duration = Duration::from_millis(200);

/// Pauses between attempts to open a lost camera, or to use a broken encoder.
const PAUSES: Pauses = Pauses { first: Duration::from_millis(100), last: Duration::from_secs(5) };

/// Opens the camera again after it was lost. Called on the camera thread, for ever until it succeeds.
pub type Reopen = Box<dyn FnMut() -> Result<Box<dyn CameraSource>> + Send>;

/// A camera, an encoder and where their pictures go.
///
/// A lost camera (`Disconnected`, or no frame for [`stall_after`](Self::stall_after)) is dropped and opened again,
/// for ever and with growing pauses; meanwhile viewers see a "no signal" picture with the reason. An encoder that
/// fails loses its frame, not the camera: it is tried again, with growing pauses, and when it has failed for
/// `stall_after` the same picture says so. A camera may change the format and the size of its frames as it likes; JPEGs
/// that keep coming in another size than they are said to have are taken as they are. Time stamps that cannot be right are
/// replaced by the time of arrival. Each change of state is logged once.
///
/// A camera that is slower than `stall_after` allows for is given five times as long as its frames take; until it has
/// shown how long that is, twice as long at each attempt, up to 40 s.
///
/// While nobody wants pictures nothing is encoded, and after a tenth of a second the camera is looked at five times a
/// second only: it keeps its newest frames, which count as captured and skipped. Whoever comes gets a frame taken after
/// that. Only where frames come seconds apart is each one encoded, so that a viewer need not wait for the next.
pub struct Pipeline {
    /// The open camera, or `None` to begin with opening one.
    pub camera: Option<Box<dyn CameraSource>>,
    /// Opens a camera when there is none.
    pub reopen: Reopen,
    /// Makes the JPEGs.
    pub encoder: Box<dyn JpegEncoder>,
    /// How well.
    pub quality: Quality,
    /// A started camera that lends no good frame for this long counts as lost, and an encoder that makes no picture
    /// as broken.
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
        let status = Arc::clone(&hub.status);
        let _presence = Presence(&status);
        let mut supervisor = Supervisor {
            publisher: Publisher::new(encoder, quality, Arc::clone(&clock), hub.clone()),
            attempts: Attempts::new(PAUSES, stall_after),
            failures: Tenfold::default(),
            broken: None,
            clock,
            hub,
            stop,
            health: Health::Unknown,
            format: None,
            size: ActualSize::default(),
            allowance: Allowance::new(stall_after),
            wanted: Duration::ZERO,
        };
        let mut pause = PAUSES.first;
        loop {
            supervisor.turned();
            let before = supervisor.hub.metrics.frames_captured.get();
            let opened = camera.take().map_or_else(&mut reopen, Ok);
            let Err(error) = opened.and_then(|mut camera| supervisor.session(&mut *camera)) else { return };
            supervisor.lost(&error);
            if supervisor.hub.metrics.frames_captured.get() > before {
                pause = PAUSES.first;
            }
            if !supervisor.rest(pause) {
                return;
            }
            pause = PAUSES.last.min(2 * pause);
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

/// Tells the status how the camera thread ended, should it end by a panic.
struct Presence<'a>(&'a Status);

impl Drop for Presence<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            // It stays away: what watches over the camera thread is to notice.
            self.0.lost("the camera thread has panicked; restart the program");
        } else {
            self.0.ended();
        }
    }
}

/// What the log was told last.
#[derive(PartialEq)]
enum Health {
    Unknown,
    Live,
    /// With the reason, and whether it is that there is no such camera now.
    Lost(String, bool),
}

struct Supervisor<'a> {
    publisher: Publisher,
    attempts: Attempts,
    /// Of the encoder.
    failures: Tenfold,
    /// Why the encoder makes no pictures, once it has made none for long.
    broken: Option<String>,
    clock: Arc<dyn Clock>,
    hub: Hub,
    stop: &'a AtomicBool,
    health: Health,
    /// Of the last frame.
    format: Option<StreamFormat>,
    size: ActualSize,
    allowance: Allowance,
    /// When somebody last wanted pictures, or the camera began.
    wanted: Duration,
}

impl Supervisor<'_> {
    /// One camera from start to loss. `Ok` means that it was told to stop.
    fn session(&mut self, camera: &mut dyn CameraSource) -> Result<()> {
        camera.start()?;
        self.publisher.restart();
        self.allowance.restart();
        self.hub.status.allows(self.allowance.get());
        let name = camera.name().to_owned();
        self.hub.status.opened(&name);
        let mut last_good = self.clock.monotonic();
        self.wanted = last_good;
        let mut damage = Tenfold::default();
        while !self.stopped() {
            self.turned();
            // What waits at the camera for somebody who came meanwhile is older than his wish.
            let old = self.nap();
            let published = match camera.next_frame(if old { Duration::ZERO } else { POLL }) {
                Ok(frame) => {
                    let relabelled = self.size.relabelled(&frame)?;
                    let frame = relabelled.as_ref().unwrap_or(&frame);
                    self.found(&name, frame.format());
                    if old {
                        self.publisher.skip(frame);
                        Ok(())
                    } else {
                        self.publish(frame)
                    }
                }
                Err(error) => Err(error),
            };
            match published {
                Ok(()) => {
                    last_good = self.clock.monotonic();
                    if self.allowance.frame(last_good) {
                        self.hub.status.allows(self.allowance.get());
                    }
                }
                Err(e) if e.kind() == ErrorKind::TimedOut => {}
                Err(e) if e.kind() == ErrorKind::CorruptFrame => {
                    self.hub.metrics.frames_dropped.inc();
                    if let Some(damaged) = damage.one_more() {
                        tracing::warn!(camera = name, error = %e, damaged, "damaged frame dropped");
                    }
                }
                Err(e) => return Err(e),
            }
            let allowance = self.allowance.get();
            if self.clock.monotonic().saturating_sub(last_good) >= allowance {
                self.allowance.ran_out();
                let what = format!("no good frame from {name} for {allowance:?}");
                return Err(Error::new(ErrorKind::TimedOut, what));
            }
        }
        camera.stop()
    }

    /// Leaves the camera alone for a while if nobody has wanted pictures for long; whether somebody came then.
    fn nap(&mut self) -> bool {
        let now = self.clock.monotonic();
        if self.hub.feed.wanted() {
            self.wanted = now;
        }
        // A broken encoder is tried with the frames that come, and each frame of a slow camera is encoded.
        if now.saturating_sub(self.wanted) < UNWATCHED || self.broken.is_some() || self.allowance.is_slow() {
            return false;
        }
        self.publisher.leave();
        self.hub.feed.wait_until_wanted(NAP)
    }

    fn found(&mut self, name: &str, format: StreamFormat) {
        let before = self.format.replace(format);
        if before != Some(format) {
            self.attempts.hurry();
        }
        if self.health != Health::Live {
            self.health = Health::Live;
            self.hub.status.connected(name, format);
            tracing::info!(camera = name, %format, "capturing");
            if let Some(reason) = &self.broken {
                // Viewers still see why there was no camera.
                self.publisher.no_signal(reason);
            }
        } else if before != Some(format) {
            tracing::info!(camera = name, %format, "the camera changed its format");
        }
    }

    /// Encodes and publishes what is wanted. Damage that the encoder finds is the camera's; all else is not.
    fn publish(&mut self, frame: &Frame<'_>) -> Result<()> {
        let now = self.clock.monotonic();
        let unwanted = match self.attempts.next(now) {
            Next::Ordinary if self.allowance.is_slow() => Unwanted::Encode,
            Next::Ordinary => Unwanted::Forget,
            Next::Try => Unwanted::Encode,
            Next::Rest => {
                self.publisher.pass_over(frame);
                return Ok(());
            }
        };
        match self.publisher.frame(frame, unwanted) {
            Ok(()) => {
                self.attempts.worked();
                if self.broken.take().is_some() {
                    self.hub.status.encoder_trouble(None);
                    tracing::info!("encoding again");
                }
            }
            Err(error) if error.kind() == ErrorKind::CorruptFrame => return Err(error),
            Err(error) => self.failed(&error),
        }
        Ok(())
    }

    /// The encoder made no picture of a frame.
    fn failed(&mut self, error: &Error) {
        let now = self.clock.monotonic();
        self.attempts.failed(now);
        if !self.attempts.broken(now) {
            if let Some(failures) = self.failures.one_more() {
                tracing::warn!(%error, failures, "cannot encode; trying again");
            }
            return;
        }
        let reason = error.to_string();
        if self.broken.as_ref() != Some(&reason) {
            tracing::warn!(%error, "no signal, the encoder fails; trying again until it works");
            self.hub.status.encoder_trouble(Some(&reason));
            self.publisher.no_signal(&reason);
            self.broken = Some(reason);
        }
    }

    fn lost(&mut self, error: &Error) {
        let gone = matches!(error.kind(), ErrorKind::Disconnected | ErrorKind::NotFound);
        let health = Health::Lost(error.to_string(), gone);
        if self.health != health {
            // That what was unplugged cannot be found is no news.
            if gone && matches!(self.health, Health::Lost(_, true)) {
                tracing::debug!(%error, "still no signal");
            } else {
                tracing::warn!(%error, "no signal; trying again until it is back");
            }
            self.hub.status.lost(&error.to_string());
            self.publisher.no_signal(&error.to_string());
            self.health = health;
        }
    }

    /// Waits for `pause`; false when told to stop.
    fn rest(&self, pause: Duration) -> bool {
        let end = self.clock.monotonic() + pause;
        while !self.stopped() && self.clock.monotonic() < end {
            self.turned();
            self.clock.sleep_until(end.min(self.clock.monotonic() + POLL));
        }
        !self.stopped()
    }

    fn turned(&self) {
        self.hub.status.turned(self.clock.monotonic());
    }

    fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

/// Counts what goes wrong often, and says when it begins and at every tenfold: a bad cable does not fill the log.
#[derive(Default)]
struct Tenfold(u64);

impl Tenfold {
    /// The count, if it is worth a line.
    fn one_more(&mut self) -> Option<u64> {
        self.0 += 1;
        Some(self.0).filter(|&count| 10u64.pow(count.ilog10()) == count)
    }
}
