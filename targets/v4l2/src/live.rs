//! The camera's controls and modes while it is open.

use crate::{
    V4l2Camera,
    choose::{FormatInfo, IntervalRange, Request, SizeRange, choose, nearest_size},
    control::{ControlInfo, ControlKind, ControlSetting, resolve},
    memory,
    negotiate::{Settled, settle},
};
use eyelet_hal::{CameraControls, Control, Error, ErrorKind, Mode, Modes, Result};

/// Sizes that are listed of a driver that takes every size of a range.
const COMMON: [(u32, u32); 9] = [
    (160, 120),
    (320, 240),
    (640, 360),
    (640, 480),
    (800, 600),
    (1024, 768),
    (1280, 720),
    (1920, 1080),
    (3840, 2160),
];

impl CameraControls for V4l2Camera {
    fn list(&mut self) -> Result<Vec<Control>> {
        self.listed = self.device.controls()?;
        Ok(self.listed.iter().cloned().map(shared).collect())
    }

    fn set(&mut self, name: &str, value: i64) -> Result<()> {
        let setting = ControlSetting::number(name, value);
        // To list them takes dozens of times as long as to set one, and frames wait. But one control may change the range of
        // another: what they were may not refuse it.
        if resolve(self.device.name(), &self.listed, &setting).is_err() {
            self.listed = self.device.controls()?;
        }
        self.device.set_listed(&self.listed, &setting)
    }

    fn modes(&mut self) -> Result<Option<Modes>> {
        let choice = self.settled.choice;
        let intervals = self.device.intervals(choice.fourcc, choice.size);
        Ok(Some(modes(&self.formats, &intervals, &self.settled, &self.request)))
    }

    fn set_mode(&mut self, mode: Mode) -> Result<()> {
        let name = self.device.name();
        if self.capture.is_started() {
            let what = format!("cannot change the mode of {name}: it is started");
            return Err(Error::new(ErrorKind::InvalidInput, what).with_remedy("call stop() first"));
        }
        let fps = mode.fps.round().max(1.0) as u32;
        let request = Request { size: mode.size, fps, ..self.request };
        let driver = self.device.driver();
        let settled = choose(name, &self.formats, &request)
            .and_then(|choice| settle(name, driver, choice, fps))
            .and_then(|settled| match memory::available() {
                Some(available) => {
                    memory::check(name, self.buffers, settled.buffer.sizeimage, available).map(|()| settled)
                }
                None => Ok(settled),
            });
        let settled = settled.inspect_err(|_| {
            // The driver may have taken a part of it. What `start` finds different, it settles again.
            let _ = settle(name, driver, self.settled.choice, self.request.fps);
        })?;
        (self.settled, self.request) = (settled, request);
        self.capture.set_format(settled.stream, settled.buffer);
        // The range of an exposure may be that of the rate.
        self.listed.clear();
        Ok(())
    }
}

/// A control as all cameras describe theirs.
fn shared(info: ControlInfo) -> Control {
    let kind = match info.kind {
        ControlKind::Boolean => eyelet_hal::ControlKind::Boolean,
        ControlKind::Menu(items) => eyelet_hal::ControlKind::Menu(items),
        ControlKind::Button => eyelet_hal::ControlKind::Button,
        ControlKind::Integer => {
            let (min, max, step) = (info.minimum, info.maximum, info.step.max(1));
            eyelet_hal::ControlKind::Integer { min, max, step }
        }
        ControlKind::Bitmask => eyelet_hal::ControlKind::Integer { min: 0, max: info.maximum, step: 1 },
    };
    let mut control = Control::new(info.name, kind, info.default, info.value);
    (control.read_only, control.inactive) = (info.read_only, info.inactive);
    control
}

/// The sizes of all formats that may be taken, and the rates of the size it has now.
fn modes(formats: &[FormatInfo], intervals: &[IntervalRange], settled: &Settled, request: &Request) -> Modes {
    let mut sizes = Vec::new();
    for range in request.among(formats).flat_map(|(_, info)| &info.sizes) {
        match *range {
            SizeRange::Discrete(width, height) => sizes.push((width, height)),
            SizeRange::Stepwise { .. } => {
                let fits = |size: &(u32, u32)| nearest_size(std::slice::from_ref(range), *size) == *size;
                sizes.extend(COMMON.into_iter().filter(fits));
            }
        }
    }
    sizes.retain(|size| size.0 > 0 && size.1 > 0);
    let fps = settled.interval.map_or(f64::from(request.fps), |interval| interval.fps());
    // Below one a second a camera is for time lapse, and takes long to show that it lives.
    let rates = intervals.iter().flat_map(|range| match *range {
        IntervalRange::Discrete(interval) => [interval.fps(); 2],
        IntervalRange::Stepwise { min, max } => [min.fps(), max.fps()],
    });
    let (lowest, highest) = rates
        .filter(|rate| rate.is_finite())
        .map(|rate| rate.max(1.0))
        .fold((fps, fps), |(lowest, highest), rate| (lowest.min(rate), highest.max(rate)));
    Modes::new(Mode { size: settled.choice.size, fps }, sizes, (lowest, highest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        choose::{Choice, Interval},
        tests::fake_driver::VGA,
    };
    use eyelet_hal::{PixelFormat, StreamFormat};

    const THIRTY: Interval = Interval { numerator: 1, denominator: 30 };

    fn settled() -> Settled {
        Settled {
            choice: Choice { pixel: PixelFormat::Jpeg, fourcc: *b"MJPG", size: (640, 480) },
            buffer: VGA,
            stream: StreamFormat::new(PixelFormat::Jpeg, 640, 480).unwrap(),
            interval: Some(THIRTY),
        }
    }

    fn format(pixel: Option<PixelFormat>, sizes: &[SizeRange]) -> FormatInfo {
        FormatInfo { fourcc: *b"XXXX", pixel, sizes: sizes.to_vec() }
    }

    #[test]
    fn sizes_are_those_of_formats_that_may_be_taken() {
        let all = [
            format(Some(PixelFormat::Jpeg), &[SizeRange::Discrete(1280, 720), SizeRange::Discrete(640, 480)]),
            format(Some(PixelFormat::Yuyv), &[SizeRange::Discrete(320, 240), SizeRange::Discrete(0, 0)]),
            format(None, &[SizeRange::Discrete(16, 16)]),
        ];
        let request = Request { size: (640, 480), fps: 30, format: None, raw: false };
        assert_eq!(modes(&all, &[], &settled(), &request).sizes, [(320, 240), (640, 480), (1280, 720)]);
        let jpeg = Request { format: Some(PixelFormat::Jpeg), ..request };
        assert_eq!(modes(&all, &[], &settled(), &jpeg).sizes, [(640, 480), (1280, 720)]);
        let steps = SizeRange::Stepwise { min: (64, 64), max: (800, 600), step: (16, 8) };
        let any = [format(Some(PixelFormat::Nv12), &[steps])];
        let sizes = modes(&any, &[], &settled(), &request).sizes;
        assert_eq!(sizes, [(160, 120), (320, 240), (640, 360), (640, 480), (800, 600)]);
    }

    #[test]
    fn rates_are_those_of_the_size_it_has() {
        let request = Request { size: (640, 480), fps: 30, format: None, raw: false };
        let of = |numerator, denominator| IntervalRange::Discrete(Interval { numerator, denominator });
        let rates = |intervals: &[IntervalRange]| modes(&[], intervals, &settled(), &request).fps;
        assert_eq!(rates(&[of(1, 30), of(1, 15), of(1, 5)]), (5.0, 30.0));
        assert_eq!(rates(&[of(1, 60), of(5, 1), of(0, 1)]), (1.0, 60.0));
        assert_eq!(rates(&[]), (30.0, 30.0), "a driver that lists none keeps its own");
        let (min, max) =
            (Interval { numerator: 1, denominator: 90 }, Interval { numerator: 1, denominator: 2 });
        assert_eq!(rates(&[IntervalRange::Stepwise { min, max }]), (2.0, 90.0));
    }

    #[test]
    fn controls_keep_what_is_known_about_them() {
        let device = crate::tests::fake_driver::FakeDriver::default();
        let (listed, _) = crate::control::list(&device);
        let controls: Vec<_> = listed.into_iter().map(shared).collect();
        let kind = eyelet_hal::ControlKind::Integer { min: 0, max: 255, step: 1 };
        assert_eq!(controls[0], Control::new("brightness", kind, 0, Some(7)));
        assert_eq!(controls.len(), 3);
    }
}
