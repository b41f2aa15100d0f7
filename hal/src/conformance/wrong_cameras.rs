//! Proof that the suite can fail: cameras that are wrong in one way each.

use super::{CameraExpectations, Report, camera, pictures::grey_jpeg};
use crate::{
    CameraSource, Error, ErrorKind, Frame, FrameMeta, Lease, PixelFormat, Plane, Requeue, Result,
    StreamFormat,
    clock::{Clock as _, SystemClock},
    monotonic,
};
use std::{
    cell::{Cell, RefCell},
    time::{Duration, Instant},
};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Defect {
    None,
    HasGaps,
    IsSometimesDamaged,
    HasNoName,
    DoesNotStart,
    StartsOnlyOnce,
    StopsOnlyOnce,
    StaysStopped,
    RunsWhenStopped,
    StandsStill,
    GoesBackInTime,
    StampsTwoAlike,
    StampsOfLong,
    StampsTheAge,
    StampsNothing,
    StampsTheFuture,
    StampsTheWallClock,
    KeepsBuffers,
    ChangesFormat,
    TimesOutEarly,
    TimesOutLate,
    NeverPolls,
    IsOftenDamaged,
    GoesAway,
    CutsPictures,
    HasOtherPictures,
}

const INTERVAL: Duration = Duration::from_millis(10);

struct Ring {
    free: RefCell<Vec<u32>>,
    leaks: Cell<bool>,
}

impl Requeue for Ring {
    fn requeue(&self, index: u32) {
        if !self.leaks.get() {
            self.free.borrow_mut().push(index);
        }
    }
}

/// A camera of 3 buffers and 100 frames a second.
struct Wrong {
    defect: Defect,
    started: bool,
    starts: u32,
    stops: u32,
    calls: u64,
    due: Instant,
    stamp: Duration,
    ring: Ring,
    picture: Vec<u8>,
}

impl Wrong {
    fn new(defect: Defect) -> Self {
        let jpeg = |width| StreamFormat::new(PixelFormat::Jpeg, width, 16).unwrap();
        let mut picture =
            grey_jpeg(jpeg(if defect == Defect::HasOtherPictures { 32 } else { 16 }), 0).unwrap();
        if defect == Defect::CutsPictures {
            picture.truncate(picture.len() - 1);
        }
        let ring =
            Ring { free: RefCell::new(vec![0, 1, 2]), leaks: Cell::new(defect == Defect::KeepsBuffers) };
        let due = Instant::now();
        Self { defect, started: false, starts: 0, stops: 0, calls: 0, due, stamp: monotonic(), ring, picture }
    }
}

impl CameraSource for Wrong {
    fn name(&self) -> &str {
        if self.defect == Defect::HasNoName { "" } else { "wrong" }
    }

    fn format(&self) -> StreamFormat {
        StreamFormat::new(PixelFormat::Jpeg, 16, 16).unwrap()
    }

    fn start(&mut self) -> Result<()> {
        let refuse = match self.defect {
            Defect::DoesNotStart => true,
            Defect::StartsOnlyOnce => self.started,
            _ => false,
        };
        if refuse {
            return Err(Error::new(ErrorKind::Busy, "VIDIOC_STREAMON failed"));
        }
        self.started = true;
        self.starts += 1;
        self.due = Instant::now();
        Ok(())
    }

    fn stop(&mut self) -> Result<()> {
        self.stops += 1;
        if self.defect == Defect::StopsOnlyOnce && !self.started {
            return Err(Error::new(ErrorKind::Other, "VIDIOC_STREAMOFF failed"));
        }
        self.started = false;
        Ok(())
    }

    fn next_frame(&mut self, timeout: Duration) -> Result<Frame<'_>> {
        if !self.started && self.defect != Defect::RunsWhenStopped {
            return Err(Error::new(ErrorKind::InvalidInput, "not started"));
        }
        let timed_out = || Error::new(ErrorKind::TimedOut, "no frame");
        let wait = self.due.saturating_duration_since(Instant::now());
        let late = self.defect == Defect::TimesOutLate && self.calls == 30;
        let never = (self.defect == Defect::NeverPolls && timeout.is_zero())
            || (self.defect == Defect::StaysStopped && self.stops > 0);
        if wait > timeout || late || never {
            if late {
                self.calls += 1;
                std::thread::sleep(timeout + Duration::from_millis(3100));
            } else if self.defect != Defect::TimesOutEarly {
                std::thread::sleep(timeout);
            }
            return Err(timed_out());
        }
        std::thread::sleep(wait);
        self.due = Instant::now() + INTERVAL;
        self.calls += 1;
        let n = self.calls;
        let sequence = match self.defect {
            Defect::StandsStill if n > 7 => 7,
            Defect::HasGaps => n * 2,
            _ => n,
        };
        let now = monotonic();
        self.stamp = match self.defect {
            Defect::GoesBackInTime if n == 7 => self.stamp - Duration::from_millis(1),
            Defect::StampsTwoAlike if n.is_multiple_of(2) => self.stamp,
            Defect::StampsOfLong => now.saturating_sub(Duration::from_secs(190)),
            Defect::StampsTheAge => INTERVAL * n as u32,
            Defect::StampsNothing => FrameMeta::default().captured_at,
            Defect::StampsTheFuture => now + Duration::from_secs(1),
            Defect::StampsTheWallClock => SystemClock.unix(),
            _ => now,
        };
        match self.defect {
            Defect::GoesAway if n == 6 => return Err(Error::new(ErrorKind::Disconnected, "unplugged")),
            Defect::IsSometimesDamaged if n.is_multiple_of(10) => {
                return Err(Error::new(ErrorKind::CorruptFrame, "short"));
            }
            Defect::IsOftenDamaged if n > 5 => return Err(Error::new(ErrorKind::CorruptFrame, "short")),
            _ => {}
        }
        let index = self.ring.free.borrow_mut().pop();
        let index = index.ok_or_else(|| Error::new(ErrorKind::Busy, "all 3 buffers are leased"))?;
        let lease = Lease::new(&self.ring, index);
        let width = if self.defect == Defect::ChangesFormat && n > 3 { 24 } else { 16 };
        let format = StreamFormat::new(PixelFormat::Jpeg, width, 16).unwrap();
        let meta = FrameMeta::new(sequence, self.stamp);
        Frame::leased(format, meta, &[Plane::host(&self.picture, 0)], lease)
    }
}

fn report(defect: Defect) -> Report {
    let expect = CameraExpectations {
        frame_timeout: Duration::from_millis(200),
        frames: 40,
        ..CameraExpectations::default()
    };
    let mut wrong = Wrong::new(defect);
    let report = camera(&mut wrong, &expect);
    assert!(!wrong.started || defect == Defect::DoesNotStart, "{defect:?}: not stopped");
    report
}

#[test]
fn right_camera_passes_every_check() {
    let report = report(Defect::None);
    report.assert_passed();
    for check in &report.checks {
        assert_eq!(check.outcome, super::Outcome::Passed, "{check}");
    }
}

#[test]
fn gaps_and_a_few_damaged_frames_are_remarks() {
    for (defect, remark) in [(Defect::HasGaps, " 4"), (Defect::IsSometimesDamaged, " 4 damaged")] {
        let report = report(defect);
        report.assert_passed();
        assert!(report.remarks[0].contains(remark), "{defect:?}: {report}");
    }
}

#[test]
fn defect_is_found_and_reported() {
    use Defect::*;
    const STARTED: &str = "next_frame before start is InvalidInput";
    const STOPPED: &str = "next_frame after stop is InvalidInput";
    const WHOLE: &str = "compressed frames are whole and of the frame's size";
    const GROWS: &str = "captured_at grows";
    const NOW: &str = "captured_at is a time of CLOCK_MONOTONIC, just before";
    const AGAIN: &str = "gives frames after stop and start";
    const IN_TIME: &str = "timeouts are TimedOut in time";
    // The checks that fail, and words of the first one's message.
    let wants: &[(Defect, &[&str], &str)] = &[
        (HasNoName, &["has a name"], "empty"),
        (DoesNotStart, &["starts"], "start() returned Busy (VIDIOC_STREAMON failed)"),
        (StartsOnlyOnce, &["start when started does nothing"], "start() returned Busy"),
        (StopsOnlyOnce, &["stop when stopped does nothing"], "stop() returned Other"),
        (StaysStopped, &[AGAIN], "9 of 9 calls gave no good frame"),
        (RunsWhenStopped, &[STARTED, STOPPED], "gave a frame"),
        (StandsStill, &["sequence grows"], "frame 7 came after frame 7"),
        (GoesBackInTime, &[GROWS], ", the frame before it "),
        (StampsTwoAlike, &[GROWS], ", as is the frame before it; stamp frames with FrameMeta::now"),
        (StampsOfLong, &[NOW], "arrived when the clock showed"),
        (StampsTheAge, &[NOW], "frame 1 is stamped 10ms, but arrived when the clock showed"),
        (
            StampsNothing,
            &[GROWS, NOW],
            "frame 2 is stamped 0ns, as is the frame before it; stamp frames with FrameMeta::now",
        ),
        (StampsTheFuture, &[NOW], "arrived when the clock showed"),
        (StampsTheWallClock, &[NOW], "stamp frames with FrameMeta::now, or with the device's time"),
        (KeepsBuffers, &["buffers go back when frames drop"], "after 3 frames, next_frame() returned Busy"),
        (
            ChangesFormat,
            &["frames have the format that format() reports", WHOLE],
            "format() is 16x16 jpeg, the frame's 24x16 jpeg",
        ),
        (TimesOutEarly, &[IN_TIME], "returned TimedOut after"),
        (TimesOutLate, &[IN_TIME], "took 3."),
        (NeverPolls, &["a zero timeout polls"], "of polling"),
        (IsOftenDamaged, &["frames come"], "9 of 14 calls gave no good frame (9 damaged"),
        (GoesAway, &["frames come"], "after 5 frames, next_frame() returned Disconnected (unplugged)"),
        (CutsPictures, &[WHOLE], "the JPEG is truncated"),
        (HasOtherPictures, &[WHOLE], "frame 1 is 16x16, its JPEG 32x16"),
    ];
    std::thread::scope(|scope| {
        for (defect, names, words) in wants {
            scope.spawn(move || {
                let report = report(*defect);
                let failed: Vec<_> = report.failures().collect();
                let failed_names: Vec<_> = failed.iter().map(|check| check.name.as_str()).collect();
                assert_eq!(failed_names, *names, "{defect:?}: {report}");
                assert!(failed[0].to_string().contains(words), "{defect:?}: {report}");
                assert!(!report.to_string().is_empty() && !report.passed());
            });
        }
    });
}
