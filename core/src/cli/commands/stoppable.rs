//! What a signal ends although it is caught.
//!
//! A device that fails once a signal has come that ends the command: so it is stopped and closed before the program ends, as
//! cameras want it whose driver may be in the middle of a call. And work that may wait for others for ever, such as for whoever
//! reads stdout.

use crate::cli::{Failure, Outcome, Output, Signals, output::LAST_LINES, setup::pipeline::Check};
use eyelet_hal::{
    CameraControls, CameraSource, Error, ErrorKind, Frame, JpegEncoder, Quality, Result, StreamFormat,
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{self, RecvTimeoutError},
    },
    thread,
    time::{Duration, Instant},
};
use tokio::runtime::Runtime;

/// How long one wait for a frame may last, so that a signal is noticed soon.
pub(super) const POLL: Duration = Duration::from_millis(200);

/// What comes of work that is given, to look at now and then, whether it may go on. It has a thread of its own, which is left
/// behind if it does not end within `grace` after a signal: the program is about to end.
///
/// # Errors
/// That of the signal, and if there can be no thread.
pub(super) fn aside<T: Send + 'static>(
    check: Check<'_>,
    grace: Duration,
    work: impl FnOnce(&dyn Fn() -> bool) -> T + Send + 'static,
) -> std::result::Result<T, Failure> {
    let may_go_on = Arc::new(AtomicBool::new(true));
    let (done, came) = mpsc::sync_channel(1);
    let seen = Arc::clone(&may_go_on);
    let run = move || {
        // Nobody waits for it after a signal.
        let _ = done.send(work(&|| seen.load(Ordering::Relaxed)));
    };
    thread::Builder::new().name("aside".to_owned()).spawn(run).map_err(|e| {
        Failure::runtime(format!("cannot start a thread: {e}; raise the limit of processes (ulimit -u)"))
    })?;
    loop {
        match came.recv_timeout(POLL) {
            Ok(result) => return Ok(result),
            Err(RecvTimeoutError::Timeout) => {
                if let Err(stopped) = check() {
                    may_go_on.store(false, Ordering::Relaxed);
                    let _ = came.recv_timeout(grace);
                    return Err(stopped);
                }
            }
            Err(RecvTimeoutError::Disconnected) => {
                return Err(Failure::runtime(
                    "this is a mistake in the program; please report the lines above",
                ));
            }
        }
    }
}

/// Writes the result of a command to stdout. It waits until somebody reads it, or until a signal; where a signal has ended the
/// command already, as long as a program's last lines. Devices are to be closed by then.
///
/// # Errors
/// If it cannot be written, or was not read by then.
pub(super) fn write(output: &Output, bytes: Vec<u8>, signals: &mut Signals, runtime: &Runtime) -> Outcome {
    let writing = output.writing(bytes);
    let begun = Instant::now();
    let mut check = || match signals.have_ended() {
        true if begun.elapsed() < LAST_LINES => Ok(()),
        true => Err(unread()),
        false => signals.check(runtime, unread),
    };
    aside(&mut check, Duration::ZERO, |_| writing())?
}

fn unread() -> Failure {
    Failure::runtime("stopped by a signal before the result was read; read stdout, or redirect it")
}

/// The device, and whether it may go on.
pub(super) struct Stoppable<'a, D: ?Sized> {
    device: &'a mut D,
    check: Check<'a>,
    stopped: Option<Failure>,
}

impl<'a, D: ?Sized> Stoppable<'a, D> {
    /// The device, with the signals looked at before each frame.
    pub(super) fn new(device: &'a mut D, check: Check<'a>) -> Self {
        Self { device, check, stopped: None }
    }

    /// What came of it, unless it was stopped.
    ///
    /// # Errors
    /// That of the signal.
    pub(super) fn done<T>(self, outcome: T) -> std::result::Result<T, Failure> {
        self.stopped.map_or(Ok(outcome), Err)
    }

    fn go_on(&mut self) -> Result<()> {
        if self.stopped.is_none() {
            self.stopped = (self.check)().err();
        }
        match &self.stopped {
            None => Ok(()),
            Some(failure) => Err(Error::new(ErrorKind::Disconnected, failure.to_string())),
        }
    }
}

impl CameraSource for Stoppable<'_, dyn CameraSource> {
    fn name(&self) -> &str {
        self.device.name()
    }

    fn format(&self) -> StreamFormat {
        self.device.format()
    }

    fn start(&mut self) -> Result<()> {
        self.go_on()?;
        self.device.start()
    }

    fn next_frame(&mut self, timeout: Duration) -> Result<Frame<'_>> {
        self.go_on()?;
        self.device.next_frame(timeout)
    }

    fn stop(&mut self) -> Result<()> {
        self.device.stop()
    }

    fn controls(&mut self) -> Option<&mut dyn CameraControls> {
        self.device.controls()
    }
}

impl JpegEncoder for Stoppable<'_, dyn JpegEncoder> {
    fn name(&self) -> &str {
        self.device.name()
    }

    fn supports(&self, format: StreamFormat) -> bool {
        self.device.supports(format)
    }

    fn encode(&mut self, frame: &Frame<'_>, quality: Quality, out: &mut Vec<u8>) -> Result<()> {
        self.go_on()?;
        self.device.encode(frame, quality, out)
    }
}
