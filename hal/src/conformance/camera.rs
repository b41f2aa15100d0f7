//! The contract of [`CameraSource`].

use super::{
    controls::controls,
    report::{Outcome, Report, with_kind},
    run::Run,
};
use crate::{CameraSource, ErrorKind, Result};
use std::time::Duration;

/// What to expect of a camera under test.
///
/// ```
/// use eyelet_hal::conformance::CameraExpectations;
/// let mut short = CameraExpectations::default();
/// short.frames = 20;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CameraExpectations {
    /// The longest time to wait for one frame: longer than the camera's frame interval and its start-up.
    pub frame_timeout: Duration,
    /// Frames to read in one go. Several times the number of buffers, so that a buffer that does not come back
    /// is noticed.
    pub frames: u32,
    /// How many damaged frames and timeouts are put up with in one go. Real cameras have some.
    pub tolerated: u32,
}

impl Default for CameraExpectations {
    /// 2 s, 96 frames (V4L2 has at most 32 buffers), 8 misses.
    fn default() -> Self {
        Self { frame_timeout: Duration::from_secs(2), frames: 96, tolerated: 8 }
    }
}

/// Checks a camera that is open and not started, and leaves it stopped.
///
/// It takes the time of about `frames` frames. Frames lost on the way are remarked on and are no failure.
pub fn camera(camera: &mut dyn CameraSource, expect: &CameraExpectations) -> Report {
    let mut report = Report::new(camera.name());
    let name = match camera.name() {
        "" => Outcome::Failed("name() is empty".into()),
        _ => Outcome::Passed,
    };
    report.add("has a name", name);
    report.add("next_frame before start is InvalidInput", refused(camera));

    let started = match camera.start() {
        Ok(()) => Outcome::Passed,
        Err(e) => Outcome::Failed(format!("start() returned {}", with_kind(&e))),
    };
    let gone = !matches!(started, Outcome::Passed);
    report.add("starts", started);
    if gone {
        report.remarks.push("all further checks need a camera that starts".into());
        return report;
    }
    report.add("start when started does nothing", call("start()", camera.start()));

    let mut run = Run::default();
    run.read(camera, expect, expect.frames);
    let polled = run.poll(camera, expect);
    run.time_out(camera);
    let alive = run.lost().is_none();
    run.report(&mut report, camera.format().pixel, polled);

    report.add("stops", call("stop()", camera.stop()));
    report.add("stop when stopped does nothing", call("stop()", camera.stop()));
    report.add("next_frame after stop is InvalidInput", refused(camera));
    let again = if alive { again(camera, expect) } else { Outcome::Skipped("no frames before".into()) };
    report.add("gives frames after stop and start", again);
    if alive {
        controls(camera, &mut report);
    }
    report
}

/// One more run; the camera is stopped after it, whatever happens.
fn again(camera: &mut dyn CameraSource, expect: &CameraExpectations) -> Outcome {
    if let Err(e) = camera.start() {
        return Outcome::Failed(format!("start() returned {}", with_kind(&e)));
    }
    let mut run = Run::default();
    run.read(camera, expect, 3);
    let stopped = camera.stop();
    match (run.lost(), stopped) {
        (Some(what), _) => Outcome::Failed(what),
        (None, Err(e)) => Outcome::Failed(format!("stop() returned {}", with_kind(&e))),
        (None, Ok(())) => Outcome::Passed,
    }
}

fn call(what: &str, result: Result<()>) -> Outcome {
    match result {
        Ok(()) => Outcome::Passed,
        Err(e) => Outcome::Failed(format!("{what} returned {}", with_kind(&e))),
    }
}

/// That a camera that does not run refuses to give frames.
fn refused(camera: &mut dyn CameraSource) -> Outcome {
    match camera.next_frame(Duration::ZERO) {
        Err(e) if e.kind() == ErrorKind::InvalidInput => Outcome::Passed,
        Err(e) => Outcome::Failed(format!("next_frame() returned {}", with_kind(&e))),
        Ok(_) => Outcome::Failed("next_frame() gave a frame".into()),
    }
}
