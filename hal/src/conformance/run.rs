//! What is seen of a camera between `start` and `stop`.

use super::{
    camera::CameraExpectations,
    report::{Outcome, Report, Watched, with_kind},
};
use crate::{CameraSource, ErrorKind, Frame, FrameMeta, PixelFormat, jpeg, monotonic};
use std::time::{Duration, Instant};

/// How long a call may take beyond its timeout. Generous: the machine may have other things to do.
const GRACE: Duration = Duration::from_secs(3);

/// How far ahead of the clock a stamp may be: devices convert from clocks of their own.
const AHEAD: Duration = Duration::from_millis(50);

/// What to do about a wrong stamp.
const STAMP: &str = "stamp frames with FrameMeta::now, or with the device's time if that is CLOCK_MONOTONIC";

/// How often a short timeout is tried.
const PROBES: u32 = 8;

/// What one call of `next_frame` came to, without the frame.
enum Got {
    Frame,
    Miss,
    /// An error after which there is nothing to expect.
    Lost,
}

/// All that is seen between `start` and `stop`.
#[derive(Default)]
pub(super) struct Run {
    last: Option<FrameMeta>,
    intervals: Vec<Duration>,
    frames: u64,
    dropped: u64,
    corrupt: u64,
    timed_out: u64,
    lost: Option<(ErrorKind, String)>,
    format: Watched,
    sequence: Watched,
    captured_at: Watched,
    now: Watched,
    whole: Watched,
    in_time: Watched,
}

impl Run {
    /// Why no more frames can be expected.
    pub(super) fn lost(&self) -> Option<String> {
        self.lost.as_ref().map(|(_, what)| what.clone())
    }

    /// Reads `frames` frames.
    pub(super) fn read(&mut self, camera: &mut dyn CameraSource, expect: &CameraExpectations, frames: u32) {
        let (mut read, mut missed) = (0u64, 0u64);
        while read < u64::from(frames) {
            match self.next(camera, expect.frame_timeout) {
                Got::Frame => read += 1,
                Got::Miss if missed < u64::from(expect.tolerated) => missed += 1,
                Got::Miss => {
                    let lost = format!(
                        "{} of {} calls gave no good frame ({} damaged, {} timed out after {:?} each)",
                        missed + 1,
                        missed + 1 + read,
                        self.corrupt,
                        self.timed_out,
                        expect.frame_timeout,
                    );
                    self.lost = Some((ErrorKind::TimedOut, lost));
                    return;
                }
                Got::Lost => return,
            }
        }
    }

    fn next(&mut self, camera: &mut dyn CameraSource, timeout: Duration) -> Got {
        let format = camera.format();
        let begin = Instant::now();
        let result = camera.next_frame(timeout);
        let took = begin.elapsed();
        if took > timeout.saturating_add(GRACE) {
            self.in_time.see(Err(format!("next_frame({timeout:?}) took {took:?}")));
        }
        match result {
            Ok(frame) => {
                let same = frame.format() == format;
                self.format.see(if same {
                    Ok(())
                } else {
                    Err(format!("format() is {format}, the frame's {}", frame.format()))
                });
                self.look(&frame, timeout);
                Got::Frame
            }
            Err(e) if e.kind() == ErrorKind::TimedOut => {
                if took < timeout / 2 {
                    // Half: timers of devices are coarse.
                    let what = format!("next_frame({timeout:?}) returned TimedOut after {took:?} already");
                    self.in_time.see(Err(what));
                } else if !timeout.is_zero() {
                    self.in_time.see(Ok(()));
                }
                self.timed_out += 1;
                Got::Miss
            }
            Err(e) if e.kind() == ErrorKind::CorruptFrame => {
                self.corrupt += 1;
                Got::Miss
            }
            Err(e) => {
                let what = format!("after {} frames, next_frame() returned {}", self.frames, with_kind(&e));
                self.lost = Some((e.kind(), what));
                Got::Lost
            }
        }
    }

    fn look(&mut self, frame: &Frame<'_>, timeout: Duration) {
        let (meta, now) = (frame.meta(), monotonic());
        let earliest = now.saturating_sub(timeout.saturating_add(GRACE));
        let near = (earliest..=now + AHEAD).contains(&meta.captured_at);
        let (sequence, stamp) = (meta.sequence, meta.captured_at);
        self.now.see(if near {
            Ok(())
        } else {
            let what =
                format!("frame {sequence} is stamped {stamp:?}, but arrived when the clock showed {now:?}");
            Err(format!("{what}; {STAMP}"))
        });
        self.frames += 1;
        if let Some(last) = self.last {
            let (before, now) = (last.sequence, meta.sequence);
            self.sequence.see(if now > before {
                self.dropped = self.dropped.saturating_add(now - before - 1);
                Ok(())
            } else {
                Err(format!("frame {now} came after frame {before}"))
            });
            let before = last.captured_at;
            self.captured_at.see(if stamp > before {
                self.intervals.push(stamp - before);
                Ok(())
            } else {
                let what = format!("frame {sequence} is stamped {stamp:?}");
                Err(match stamp == before {
                    true => format!("{what}, as is the frame before it; {STAMP}"),
                    false => format!("{what}, the frame before it {before:?}; {STAMP}"),
                })
            });
        }
        self.last = Some(meta);
        if frame.format().pixel == PixelFormat::Jpeg {
            self.whole.see(whole(frame));
        }
    }

    /// The usual time between frames: the median.
    fn interval(&mut self) -> Duration {
        self.intervals.sort_unstable();
        self.intervals.get(self.intervals.len() / 2).copied().unwrap_or_default()
    }

    /// Polls until there is a frame.
    pub(super) fn poll(&mut self, camera: &mut dyn CameraSource, expect: &CameraExpectations) -> Outcome {
        if self.lost.is_some() {
            return Outcome::Skipped("no frames before".into());
        }
        let pause = (self.interval() / 4).clamp(Duration::from_millis(1), Duration::from_millis(50));
        let begin = Instant::now();
        loop {
            let poll = Instant::now();
            let got = self.next(camera, Duration::ZERO);
            let took = poll.elapsed();
            if took > GRACE {
                return Outcome::Failed(format!("a poll took {took:?}"));
            }
            match got {
                Got::Frame => return Outcome::Passed,
                Got::Lost => return Outcome::Failed(self.lost().unwrap_or_default()),
                Got::Miss if begin.elapsed() > expect.frame_timeout.saturating_add(GRACE) => {
                    return Outcome::Failed(format!("no frame in {:?} of polling", begin.elapsed()));
                }
                Got::Miss => std::thread::sleep(pause),
            }
        }
    }

    /// Asks with timeouts shorter than the camera's interval, so that some run out.
    pub(super) fn time_out(&mut self, camera: &mut dyn CameraSource) {
        let timeout = (self.interval() / 3).clamp(Duration::from_millis(1), Duration::from_millis(100));
        for _ in 0..PROBES {
            if self.lost.is_some() || matches!(self.next(camera, timeout), Got::Lost) {
                return;
            }
        }
    }

    pub(super) fn report(mut self, report: &mut Report, pixel: PixelFormat, polled: Outcome) {
        const UNSEEN: &str = "not enough frames came";
        report.remarks.push(self.remark());
        let (came, went_back) = match self.lost {
            None => (Outcome::Passed, Outcome::Passed),
            Some((ErrorKind::Busy, what)) => {
                let what = format!("{what}; are buffers given back when frames drop?");
                (Outcome::Skipped("all buffers are leased".into()), Outcome::Failed(what))
            }
            Some((_, what)) => (Outcome::Failed(what), Outcome::Skipped(UNSEEN.into())),
        };
        let raw = format!("{pixel} frames are not compressed");
        for (name, outcome) in [
            ("frames come", came),
            ("buffers go back when frames drop", went_back),
            ("frames have the format that format() reports", self.format.outcome(UNSEEN)),
            ("sequence grows", self.sequence.outcome(UNSEEN)),
            ("captured_at grows", self.captured_at.outcome(UNSEEN)),
            ("captured_at is a time of CLOCK_MONOTONIC, just before", self.now.outcome(UNSEEN)),
            ("compressed frames are whole and of the frame's size", self.whole.outcome(&raw)),
            ("a zero timeout polls", polled),
            ("timeouts are TimedOut in time", self.in_time.outcome("the camera always had a frame")),
        ] {
            report.add(name, outcome);
        }
    }

    fn remark(&mut self) -> String {
        let Self { frames, dropped, corrupt, timed_out, .. } = *self;
        let fps = match self.interval() {
            Duration::ZERO => String::new(),
            interval => format!(", {:.1} fps", 1.0 / interval.as_secs_f64()),
        };
        format!(
            "{frames} frames read{fps}, {dropped} dropped before, {corrupt} damaged, {timed_out} timeouts"
        )
    }
}

/// That a compressed frame is a whole picture of the frame's size.
fn whole(frame: &Frame<'_>) -> std::result::Result<(), String> {
    let bytes = frame.planes()[0].bytes;
    if bytes.is_empty() {
        return Ok(()); // Not in host memory.
    }
    let sequence = frame.meta().sequence;
    let info = jpeg::inspect(bytes).map_err(|e| format!("frame {sequence}: {e}"))?;
    let (width, height) = (frame.format().width.get(), frame.format().height.get());
    if (u32::from(info.width), u32::from(info.height)) != (width, height) {
        let jpeg::Info { width: w, height: h, .. } = info;
        return Err(format!("frame {sequence} is {width}x{height}, its JPEG {w}x{h}"));
    }
    Ok(())
}
