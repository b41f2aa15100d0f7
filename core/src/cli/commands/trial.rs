//! A camera, tried: whether its frames come, how fast, and how old they are.

use super::stoppable::POLL;
use eyelet_hal::{CameraSource, ErrorKind, Result, StreamFormat, monotonic};
use std::{fmt, time::Duration};

/// How many frames are taken.
const FRAMES: u32 = 30;

/// How long they may take together; a slow camera then has fewer.
const LONGEST: Duration = Duration::from_secs(10);

/// What a few frames showed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Trial {
    format: StreamFormat,
    frames: u32,
    damaged: u32,
    /// From the first capture to the last.
    span: Duration,
    /// The mean time from capture to arrival.
    age: Duration,
}

impl fmt::Display for Trial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.frames, self.format)?;
        if !self.span.is_zero() {
            let fps = f64::from(self.frames - 1) / self.span.as_secs_f64();
            write!(f, ", {fps:.1} a second")?;
        }
        write!(f, ", {} ms old on arrival", self.age.as_millis())?;
        if self.damaged > 0 {
            write!(f, ", {} damaged", self.damaged)?;
        }
        Ok(())
    }
}

/// Takes frames until there are enough, or until too much time has passed. Each may take `timeout`.
///
/// # Errors
/// What the camera says, if no frame came or the camera failed.
pub(super) fn of(camera: &mut dyn CameraSource, timeout: Duration) -> Result<Trial> {
    camera.start()?;
    let begin = monotonic();
    let mut trial =
        Trial { format: camera.format(), frames: 0, damaged: 0, span: Duration::ZERO, age: Duration::ZERO };
    let (mut first, mut ages) = (None, Duration::ZERO);
    let mut last = begin;
    while trial.frames + trial.damaged < FRAMES && monotonic().saturating_sub(begin) < LONGEST {
        let left = timeout.saturating_sub(monotonic().saturating_sub(last));
        match camera.next_frame(left.min(POLL)) {
            Ok(frame) => {
                last = monotonic();
                let captured = frame.meta().captured_at;
                trial.format = frame.format();
                trial.frames += 1;
                trial.span = captured.saturating_sub(*first.get_or_insert(captured));
                ages += monotonic().saturating_sub(captured);
            }
            Err(error) if error.kind() == ErrorKind::CorruptFrame => {
                last = monotonic();
                trial.damaged += 1;
            }
            Err(error) if error.kind() == ErrorKind::TimedOut && left > POLL => {}
            Err(error) if error.kind() == ErrorKind::TimedOut && trial.frames > 0 => break,
            Err(error) => return Err(error),
        }
    }
    trial.age = ages / trial.frames.max(1);
    camera.stop()?;
    Ok(trial)
}

#[cfg(test)]
mod tests {
    use super::*;
    use eyelet_hal::{Error, Frame, FrameMeta, PixelFormat, Plane};

    /// Frames 40 ms apart, the first of which is a second old; then what `then` says.
    struct Script {
        start: Duration,
        frames: u32,
        taken: u32,
        then: ErrorKind,
        running: bool,
    }

    impl Script {
        fn new(frames: u32, then: ErrorKind) -> Self {
            let start = monotonic().saturating_sub(Duration::from_secs(1));
            Self { start, frames, taken: 0, then, running: false }
        }
    }

    impl CameraSource for Script {
        fn name(&self) -> &'static str {
            "script"
        }
        fn format(&self) -> StreamFormat {
            StreamFormat::new(PixelFormat::Grey, 16, 16).unwrap()
        }
        fn start(&mut self) -> Result<()> {
            self.running = true;
            Ok(())
        }
        fn stop(&mut self) -> Result<()> {
            self.running = false;
            Ok(())
        }
        fn next_frame(&mut self, _: Duration) -> Result<Frame<'_>> {
            if self.taken == self.frames {
                return Err(Error::new(self.then, "no more"));
            }
            let captured = self.start + self.taken * Duration::from_millis(40);
            self.taken += 1;
            let meta = FrameMeta::new(self.taken.into(), captured);
            Frame::new(self.format(), meta, &[Plane::host(&[0; 256], 16)])
        }
    }

    #[test]
    fn rate_is_that_of_the_captures_and_not_of_the_arrivals() {
        let mut camera = Script::new(u32::MAX, ErrorKind::TimedOut);
        let trial = of(&mut camera, Duration::ZERO).unwrap();
        assert_eq!((trial.frames, trial.span), (30, Duration::from_millis(29 * 40)));
        assert!(trial.to_string().starts_with("30 of 16x16 grey, 25.0 a second, "), "{trial}");
        assert!(!camera.running, "the camera is left stopped");
    }

    #[test]
    fn camera_without_a_frame_fails_with_its_own_words() {
        let error = of(&mut Script::new(0, ErrorKind::TimedOut), Duration::ZERO).unwrap_err();
        assert_eq!((error.kind(), error.message()), (ErrorKind::TimedOut, "no more"));
        assert!(of(&mut Script::new(3, ErrorKind::Disconnected), Duration::ZERO).is_err());
    }

    #[test]
    fn camera_that_falls_silent_or_sends_damage_is_reported_with_what_came() {
        let trial = of(&mut Script::new(1, ErrorKind::TimedOut), Duration::ZERO).unwrap();
        assert!(!trial.to_string().contains("a second"), "one frame has no rate: {trial}");
        let trial = of(&mut Script::new(10, ErrorKind::CorruptFrame), Duration::ZERO).unwrap();
        assert_eq!((trial.frames, trial.damaged), (10, 20));
        assert!(trial.to_string().ends_with(", 20 damaged"), "{trial}");
    }
}
