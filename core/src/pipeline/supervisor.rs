//! Keeps a camera and an encoder at work, and reports and logs each change of their state once.

use super::{
    ActualSize, Edits, Pipeline, Publisher, Unwanted, allowance::Allowance, control::Controls, retry::Next,
};
use crate::feed::Status;
use eyelet_hal::{CameraSource, Error, ErrorKind, Frame, Result, StreamFormat};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

/// How long one wait for a frame, or one sleep between attempts, lasts at most: how soon a stop is noticed.
const POLL: Duration = Duration::from_millis(200);

/// When no picture has been wanted for this long, the camera is polled less often. A viewer who comes back at once, as for
/// the next of many snapshots, finds it awake; one request a second does not keep it so.
const UNWATCHED: Duration = Duration::from_millis(100);

/// How often then. Each poll wakes a processor that has nothing else to do, but a lost camera must be noticed all the same.
const NAP: Duration = Duration::from_millis(200);

/// Reports the end of the camera thread to the status, a panic too.
struct ReportEnd<'a>(&'a Status);

impl Drop for ReportEnd<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            // Without another heartbeat, so that a watchdog notices.
            self.0.lost("the camera thread has panicked; restart the program");
        } else {
            self.0.ended();
        }
    }
}

/// The state of the camera that was logged last.
#[derive(PartialEq)]
enum Health {
    Unknown,
    Live,
    /// The reason, and whether it is that there is no such camera now.
    Lost(String, bool),
}

/// Keeps a camera and an encoder at work.
struct Supervisor<'a> {
    pipeline: Pipeline,
    stop: &'a AtomicBool,
    publisher: Publisher,
    controls: Controls,
    health: Health,
    /// The reason that viewers see instead of pictures.
    shown: Option<String>,
    /// Failures of the encoder.
    failures: Tenfold,
    /// Why the encoder produces no pictures, once it has failed for `stall_after`.
    broken: Option<String>,
    /// Of the last frame.
    format: Option<StreamFormat>,
    size: ActualSize,
    allowance: Allowance,
    /// When pictures were last wanted, or the camera started.
    wanted: Duration,
}

/// Runs `pipeline` until `stop` is set.
pub(super) fn run(mut pipeline: Pipeline, stop: &AtomicBool) {
    let span = pipeline.name.as_deref().map(|name| tracing::error_span!("camera", name));
    let _entered = span.as_ref().map(tracing::Span::enter);
    let status = Arc::clone(&pipeline.hub.status);
    let _end = ReportEnd(&status);
    status.encoding(pipeline.encoder.get().map_or("", |encoder| encoder.name()));
    let mut supervisor = Supervisor {
        controls: Controls::new(pipeline.hub.clone(), Arc::clone(&pipeline.clock), pipeline.edits.clone()),
        publisher: Publisher::new(Arc::clone(&pipeline.clock), pipeline.hub.clone())
            .edited(pipeline.edits.take().map(Edits::begin))
            .in_hand(pipeline.hand.take()),
        allowance: Allowance::new(pipeline.stall_after),
        pipeline,
        stop,
        health: Health::Unknown,
        shown: None,
        failures: Tenfold::default(),
        broken: None,
        format: None,
        size: ActualSize::default(),
        wanted: Duration::ZERO,
    };
    loop {
        supervisor.heartbeat();
        let now = supervisor.pipeline.clock.monotonic();
        let opened = supervisor.pipeline.camera.take();
        let Err(error) = opened.and_then(|mut camera| supervisor.session(&mut *camera)) else { return };
        let again_at = match error.kind() {
            ErrorKind::Opening => supervisor.opening(&error, now),
            _ => supervisor.lost(&error),
        };
        if !supervisor.sleep_until(again_at) {
            return;
        }
    }
}

impl Supervisor<'_> {
    /// One camera from start to loss; `Ok` after a stop.
    fn session(&mut self, camera: &mut dyn CameraSource) -> Result<()> {
        self.controls.start(camera)?;
        let name = camera.name().to_owned();
        self.restarted(&name);
        self.pipeline.hub.status.set_allowance(self.allowance.get());
        self.pipeline.hub.status.opened(&name);
        let mut last_good = self.pipeline.clock.monotonic();
        self.wanted = last_good;
        let mut damage = Tenfold::default();
        // What the camera said to be done when it had no frame.
        let mut remedy = None;
        while !self.stopped() {
            self.heartbeat();
            if self.controls.serve(camera, self.stop)? {
                self.restarted(&name);
                last_good = self.pipeline.clock.monotonic();
            }
            // A frame that already waits at the camera is older than the viewer that ended the nap.
            let old = self.nap();
            let published = match camera.next_frame(if old { Duration::ZERO } else { POLL }) {
                // By reference: moving a frame costs as much as all else that is done here.
                Ok(ref frame) => {
                    let relabelled = self.size.relabelled(frame)?;
                    let frame = relabelled.as_ref().unwrap_or(frame);
                    let format = frame.format();
                    self.looked_at(&name, format);
                    let published = if old {
                        self.publisher.skip(frame);
                        Ok(())
                    } else {
                        self.publish(frame)
                    };
                    // A camera of damaged frames alone shows nothing.
                    published.map(|()| self.captured(&name, format))
                }
                Err(error) => Err(error),
            };
            match published {
                Ok(()) => {
                    last_good = self.pipeline.clock.monotonic();
                    if self.allowance.frame(last_good) {
                        self.pipeline.hub.status.set_allowance(self.allowance.get());
                    }
                }
                Err(e) if e.kind() == ErrorKind::TimedOut => remedy = e.remedy().map(str::to_owned),
                Err(e) if e.kind() == ErrorKind::CorruptFrame => {
                    self.pipeline.hub.metrics.frames_dropped.inc();
                    if let Some(damaged) = damage.one_more() {
                        tracing::warn!(camera = name, error = %e, damaged, "damaged frame dropped");
                    }
                }
                Err(e) => return Err(e),
            }
            let allowance = self.allowance.get();
            if self.pipeline.clock.monotonic().saturating_sub(last_good) >= allowance {
                self.allowance.ran_out();
                let what = format!("no good frame from {name} for {allowance:?}");
                let error = Error::new(ErrorKind::TimedOut, what);
                return Err(match remedy {
                    Some(remedy) => error.with_remedy(remedy),
                    None => error,
                });
            }
        }
        camera.stop()
    }

    /// The camera counts its frames anew, and takes its time with the first.
    fn restarted(&mut self, name: &str) {
        self.publisher.restart(self.pipeline.name.as_deref().unwrap_or(name));
        self.allowance.restart();
        self.size = ActualSize::default();
    }

    /// Leaves the camera alone for a while if no pictures have been wanted for long; whether any are wanted then.
    fn nap(&mut self) -> bool {
        let now = self.pipeline.clock.monotonic();
        // Who listens for data alone wants each frame too, though no picture of it.
        if self.pipeline.hub.feed.wanted() || self.pipeline.hub.events.wanted() {
            self.wanted = now;
        }
        // A broken encoder is tried with new frames, and each frame of a slow camera is encoded.
        if now.saturating_sub(self.wanted) < UNWATCHED || self.broken.is_some() || self.allowance.is_slow() {
            return false;
        }
        self.publisher.leave();
        self.pipeline.hub.feed.wait_until_wanted(NAP)
    }

    /// A frame of this format has come.
    fn looked_at(&mut self, name: &str, format: StreamFormat) {
        if self.format.replace(format) == Some(format) {
            return;
        }
        self.pipeline.encoder.hurry();
        if self.health == Health::Live {
            tracing::info!(camera = name, %format, "the camera changed its format");
        }
    }

    /// A good frame has come.
    fn captured(&mut self, name: &str, format: StreamFormat) {
        self.pipeline.camera.worked();
        if self.health != Health::Live {
            self.health = Health::Live;
            self.shown = None;
            self.pipeline.hub.status.connected(name, self.publisher.shown(format));
            tracing::info!(camera = name, %format, "capturing");
            if let Some(reason) = &self.broken {
                // Viewers still see why there was no camera.
                self.publisher.no_signal(reason);
            }
        }
    }

    /// Encodes and publishes what is wanted. Damage that the encoder finds is the camera's; all else is not.
    fn publish(&mut self, frame: &Frame<'_>) -> Result<()> {
        let now = self.pipeline.clock.monotonic();
        let unwanted = match self.pipeline.encoder.next(now) {
            Next::Ordinary if self.allowance.is_slow() => Unwanted::Encode,
            Next::Ordinary => Unwanted::Forget,
            Next::Try => Unwanted::Encode,
            Next::Rest => {
                self.publisher.pass_over(frame);
                return Ok(());
            }
        };
        let opens = self.pipeline.encoder.get().is_none();
        let encoded = match self.pipeline.encoder.open() {
            Ok(encoder) => {
                if opens {
                    self.pipeline.hub.status.encoding(encoder.name());
                }
                self.publisher.frame(frame, encoder, unwanted)
            }
            Err(error) => {
                self.publisher.pass_over(frame);
                Err(error)
            }
        };
        match encoded {
            Ok(()) => {
                self.pipeline.encoder.worked();
                if self.broken.take().is_some() {
                    self.pipeline.hub.status.encoder_fails(None);
                    tracing::info!("encoding again");
                }
            }
            Err(error) if error.kind() == ErrorKind::CorruptFrame => return Err(error),
            Err(error) => self.failed(&error),
        }
        Ok(())
    }

    /// The encoder produced no picture of a frame.
    fn failed(&mut self, error: &Error) {
        let now = self.pipeline.clock.monotonic();
        self.pipeline.encoder.failed(now, error.kind());
        if self.pipeline.encoder.failing_for(now).is_none_or(|since| since < self.pipeline.stall_after) {
            if let Some(failures) = self.failures.one_more() {
                tracing::warn!(%error, failures, "cannot encode; trying again");
            }
            return;
        }
        let reason = error.to_string();
        if self.broken.as_ref() != Some(&reason) {
            tracing::warn!(%error, "no signal, the encoder fails; trying again until it works");
            self.pipeline.hub.status.encoder_fails(Some(&reason));
            self.publisher.no_signal(&reason);
            self.broken = Some(reason);
        }
    }

    /// The camera is lost; the result is when to try again.
    fn lost(&mut self, error: &Error) -> Duration {
        let gone = matches!(error.kind(), ErrorKind::Disconnected | ErrorKind::NotFound);
        let health = Health::Lost(error.to_string(), gone);
        if self.health != health {
            // That an unplugged camera cannot be found is not a change.
            if gone && matches!(self.health, Health::Lost(_, true)) {
                tracing::debug!(%error, "still no signal");
            } else {
                tracing::warn!(%error, "no signal; trying again until it is back");
            }
            self.health = health;
        }
        self.show(error);
        self.pipeline.camera.failed(self.pipeline.clock.monotonic(), error.kind())
    }

    /// The camera is being opened, which began, or went on, at `began`: no failure. The result is when to go on with it.
    fn opening(&mut self, error: &Error, began: Duration) -> Duration {
        // Of a camera that was lost the log has the reason, which stays what it is: each new attempt is no news.
        if self.health == Health::Unknown && self.shown.is_none() {
            tracing::info!("{error}");
        }
        self.show(error);
        // At once, if it has waited as it should.
        began + POLL
    }

    /// Viewers see this reason, once.
    fn show(&mut self, error: &Error) {
        let reason = error.to_string();
        self.controls.lost(&reason);
        if self.shown.as_ref() != Some(&reason) {
            self.pipeline.hub.status.lost(&reason);
            self.publisher.no_signal(&reason);
            self.shown = Some(reason);
        }
    }

    /// Sleeps until `end`; false after a stop.
    fn sleep_until(&self, end: Duration) -> bool {
        while !self.stopped() && self.pipeline.clock.monotonic() < end {
            self.heartbeat();
            if let Some(reason) = &self.shown {
                self.controls.lost(reason);
            }
            self.pipeline.clock.sleep_until(end.min(self.pipeline.clock.monotonic() + POLL));
        }
        !self.stopped()
    }

    fn heartbeat(&self) {
        self.pipeline.hub.status.heartbeat(self.pipeline.clock.monotonic());
    }

    fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

/// Counts failures and logs the first, the tenth, the hundredth and so on: a bad cable does not fill the log.
#[derive(Default)]
struct Tenfold(u64);

impl Tenfold {
    /// The count, if it is worth a line.
    fn one_more(&mut self) -> Option<u64> {
        self.0 += 1;
        Some(self.0).filter(|&count| 10u64.pow(count.ilog10()) == count)
    }
}
