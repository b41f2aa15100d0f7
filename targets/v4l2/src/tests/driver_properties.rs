//! A whole camera, set up and read, on a kernel that answers anything.

use crate::sys::v4l2_query_ext_ctrl;
use crate::{
    capture::Capture,
    choose::{Interval, IntervalRange, Request, SizeRange, choose},
    control,
    driver::{BufferFormat, Driver},
    enumerate, memory,
    negotiate::settle,
    ring::Ring,
    tests::fake_driver::named,
    tests::fake_queue::{FakeQueue, LENGTH},
};
use eyelet_hal::clock::{Clock, ManualClock};
use eyelet_hal::{CameraSource, ErrorKind};
use proptest::prelude::*;
use rustix::io::Errno;
use std::{
    cell::{Cell, RefCell},
    io,
    sync::Arc,
    time::Duration,
};

/// Answers drawn from a seed: often what a camera would say, else any number, any text, any error.
struct Noise {
    random: RefCell<fastrand::Rng>,
    /// Of 100 answers, so many are errors, and so many numbers are any.
    errors: u8,
    wild: u8,
    calls: Cell<u32>,
}

const CODES: [&[u8; 4]; 9] =
    [b"MJPG", b"NV12", b"NV21", b"YU12", b"422P", b"YUYV", b"RGB3", b"GREY", b"H264"];

impl Noise {
    fn chance(&self, percent: u8) -> bool {
        self.random.borrow_mut().u8(0..100) < percent
    }

    fn number(&self, usual: u32) -> u32 {
        if !self.chance(self.wild) {
            return usual;
        }
        let mut random = self.random.borrow_mut();
        let any = random.u32(..);
        random
            .choice([0, 1, any, usual.saturating_add(1), usual.saturating_mul(3) / 2, u32::MAX])
            .unwrap_or(any)
    }

    fn answer<T>(&self, answer: impl FnOnce() -> T) -> io::Result<T> {
        self.calls.set(self.calls.get() + 1);
        if self.chance(self.errors) {
            let errno = self.random.borrow_mut().i32(1..134);
            return Err(Errno::from_raw_os_error(errno).into());
        }
        Ok(answer())
    }

    /// An item of a list that mostly has three.
    fn item<T>(&self, index: u32, item: impl FnOnce() -> T) -> io::Result<T> {
        if index >= 3 && !self.chance(self.wild) {
            return self.answer(|| ()).and(Err(Errno::INVAL.into()));
        }
        self.answer(item)
    }

    fn code(&self) -> [u8; 4] {
        let code = *self.random.borrow_mut().choice(CODES).unwrap_or(b"MJPG");
        if self.chance(self.wild) { self.random.borrow_mut().u32(..).to_le_bytes() } else { code }
    }

    /// Small, so that a whole frame fits in one of the model's buffers.
    fn size(&self) -> (u32, u32) {
        (self.number(8), self.number(4))
    }

    fn interval(&self) -> Interval {
        Interval { numerator: self.number(1), denominator: self.number(30) }
    }

    fn buffer(&self) -> BufferFormat {
        BufferFormat {
            fourcc: self.code(),
            size: self.size(),
            bytesperline: self.number(8),
            sizeimage: self.number(LENGTH),
            limited: self.chance(30),
        }
    }

    fn described(&self, id: u32) -> v4l2_query_ext_ctrl {
        let mut random = self.random.borrow_mut();
        let mut name = [0; 40];
        name.iter_mut().for_each(|byte| *byte = random.u8(..));
        let type_ = random.u32(0..12);
        let (minimum, maximum, default_value, step) = if random.bool() {
            (random.i64(..), random.i64(..), random.i64(..), random.u64(..))
        } else {
            (0, random.i64(0..20), 0, 1)
        };
        let flags = if random.bool() { random.u32(..) } else { 0 };
        v4l2_query_ext_ctrl { type_, minimum, maximum, default_value, step, flags, ..named(id, &name) }
    }
}

impl Driver for Noise {
    fn format_at(&self, index: u32) -> io::Result<[u8; 4]> {
        self.item(index, || self.code())
    }

    fn size_at(&self, _: [u8; 4], index: u32) -> io::Result<Option<SizeRange>> {
        self.item(index, || match self.number(1) % 4 {
            0 => None,
            1 | 2 => Some(SizeRange::Discrete(self.number(8), self.number(4))),
            _ => Some(SizeRange::Stepwise { min: self.size(), max: self.size(), step: self.size() }),
        })
    }

    fn interval_at(&self, _: [u8; 4], _: (u32, u32), index: u32) -> io::Result<Option<IntervalRange>> {
        self.item(index, || match self.number(1) % 3 {
            0 => None,
            1 => Some(IntervalRange::Discrete(self.interval())),
            _ => Some(IntervalRange::Stepwise { min: self.interval(), max: self.interval() }),
        })
    }

    fn format(&self) -> io::Result<BufferFormat> {
        self.answer(|| self.buffer())
    }

    fn set_format(&self, fourcc: [u8; 4], size: (u32, u32)) -> io::Result<BufferFormat> {
        self.answer(|| BufferFormat { fourcc, size, ..self.buffer() })
    }

    fn interval(&self) -> io::Result<Interval> {
        self.answer(|| self.interval())
    }

    fn set_interval(&self, wanted: Interval) -> io::Result<Interval> {
        assert!(wanted.numerator > 0 && wanted.denominator > 0, "{wanted:?}");
        self.answer(|| self.interval())
    }

    fn control_after(&self, id: u32) -> io::Result<v4l2_query_ext_ctrl> {
        let next = self.number(id.max(0x0098_08ff).saturating_add(1));
        self.item(next.saturating_sub(0x0098_0900), || self.described(next))
    }

    fn control_at(&self, id: u32) -> io::Result<v4l2_query_ext_ctrl> {
        self.answer(|| self.described(self.number(id)))
    }

    fn menu_item(&self, _: u32, _: u32) -> io::Result<[u8; 32]> {
        self.answer(|| std::array::from_fn(|_| self.random.borrow_mut().u8(..)))
    }

    fn value(&self, _: u32, _: u32) -> io::Result<i64> {
        self.answer(|| self.random.borrow_mut().i64(..))
    }

    fn set_value(&self, _: u32, _: i64) -> io::Result<()> {
        self.answer(|| ())
    }
}

/// No character of a device reaches a terminal as anything but text.
fn is_text(shown: &str) -> bool {
    !shown.chars().any(char::is_control)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// It ends, nothing panics, errors are one line with a remedy, and frames are whole.
    #[test]
    fn any_answers_make_a_camera_or_an_error(
        seed: u64,
        errors in prop::sample::select(vec![0u8, 0, 2, 20, 100]),
        wild in prop::sample::select(vec![0u8, 5, 30, 100]),
    ) {
        let noise = Noise {
            random: RefCell::new(fastrand::Rng::with_seed(seed)),
            errors,
            wild,
            calls: Cell::default(),
        };
        let (formats, _) = enumerate::formats(&noise);
        let (controls, _) = control::list(&noise);
        for format in &formats {
            prop_assert!(is_text(&format.to_string()), "{format}");
        }
        for info in &controls {
            prop_assert!(is_text(&info.to_string()), "{info}");
            prop_assert!(!info.name.is_empty());
            let setting = format!("{}={}", info.name, info.minimum).parse().unwrap();
            let _ = control::set(&noise, "/dev/video0", &controls, &setting);
        }
        // 256 formats of 256 sizes, 256 controls of 256 items; a thousand of each interruption are far from it.
        prop_assert!(noise.calls.get() < 300_000, "{} calls", noise.calls.get());

        let request = Request { size: (8, 4), fps: 30, format: None, raw: false };
        let settled = choose("/dev/video0", &formats, &request)
            .and_then(|choice| settle("/dev/video0", &noise, choice, request.fps));
        let settled = match settled {
            Ok(settled) => settled,
            Err(error) => {
                prop_assert!(is_text(&error.to_string()), "{error}");
                prop_assert!(error.to_string().contains([';', '?']), "{error}");
                return Ok(());
            }
        };
        let _ = request.difference("/dev/video0", settled.choice, settled.interval);
        let _ = memory::check("/dev/video0", 4, settled.buffer.sizeimage, 1 << 26);

        let clock = Arc::new(ManualClock::new(Duration::ZERO));
        let queue = FakeQueue::new(Arc::clone(&clock));
        let ring = Ring::new("/dev/video0".to_owned(), queue.clone());
        let any_clock = Arc::clone(&clock) as Arc<dyn Clock>;
        let mut camera = Capture::new(ring, settled.stream, settled.buffer, 4, any_clock);
        queue.lie(seed, wild, errors);
        let mut last = None;
        if camera.start().is_ok() {
            for _ in 0..20 {
                queue.deliver();
                let before = clock.monotonic();
                match camera.next_frame(Duration::from_millis(50)) {
                    Ok(frame) => {
                        let at = frame.meta().captured_at;
                        prop_assert!(Some(at) > last && at <= clock.monotonic(), "{at:?} after {last:?}");
                        last = Some(at);
                        prop_assert!(frame.planes()[0].bytes.len() <= 2 * LENGTH as usize, "never beyond the mapping");
                    }
                    // Of a single damaged frame only the reason is said.
                    Err(error) => prop_assert!(
                        error.kind() == ErrorKind::CorruptFrame || error.to_string().contains([';', '?']),
                        "{error}"
                    ),
                }
                prop_assert!(clock.monotonic() - before < Duration::from_millis(60));
            }
        }
        let _ = camera.stop();
        drop(camera);
        prop_assert_eq!(queue.held(), (0, 0));
        prop_assert_eq!(queue.violations(), [""; 0]);
    }
}
