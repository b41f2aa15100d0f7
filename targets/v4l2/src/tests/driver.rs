//! Setting up against drivers with the quirks of real ones.

use crate::{
    choose::{Choice, Interval, IntervalRange, SizeRange},
    control,
    driver::BufferFormat,
    enumerate::{self, FAILURES, MOST},
    negotiate::{Settled, settle},
    tests::fake_driver::{FIRST, FakeDriver, LAST, THIRTY, VGA, named, only},
};
use eyelet_hal::{ErrorKind, PixelFormat, Result};
use rustix::io::Errno;
use std::{cell::Cell, io};

const JPEG: Choice = Choice { pixel: PixelFormat::Jpeg, fourcc: *b"MJPG", size: (640, 480) };

fn settled(driver: &FakeDriver) -> Result<Settled> {
    settle("/dev/video0", driver, JPEG, 30)
}

fn fails<A, R>(errno: Errno) -> Box<dyn Fn(A) -> io::Result<R>> {
    Box::new(move |_| Err(errno.into()))
}

fn names(driver: &FakeDriver) -> (Vec<String>, Option<ErrorKind>) {
    let (controls, failed) = control::list(driver);
    let failed = failed.map(|e| crate::error::system("list", "it", e).kind());
    (controls.into_iter().map(|control| control.name).collect(), failed)
}

#[test]
fn driver_without_quirks_is_listed_and_set() {
    let driver = FakeDriver::default();
    let (formats, failed) = enumerate::formats(&driver);
    assert!(failed.is_none());
    assert_eq!(formats[0].to_string(), "jpeg (MJPG): 640x480");
    let settled = settled(&driver).unwrap();
    assert_eq!((settled.stream.to_string().as_str(), settled.interval), ("640x480 jpeg", Some(THIRTY)));
    let (controls, _) = control::list(&driver);
    control::set(&driver, "it", &controls, &"contrast=5".parse().unwrap()).unwrap();
    assert_eq!(*driver.set.borrow(), [(FIRST + 1, 5)]);
}

/// Memory grew by gigabytes.
#[test]
fn list_without_an_end_is_cut_short() {
    let counting = Cell::new(0);
    let driver = FakeDriver {
        format_at: Box::new(|_| Ok(*b"MJPG")),
        size_at: Box::new(|index| Ok(Some(SizeRange::Discrete(640 + index, 480)))),
        interval_at: Box::new(|_| Ok(Some(IntervalRange::Discrete(THIRTY)))),
        next: Box::new(|id| Ok(FIRST.max(id + 1))),
        control: Box::new(move |id| {
            counting.set(counting.get() + 1);
            Ok(named(id, format!("Control {}", counting.get()).as_bytes()))
        }),
        ..FakeDriver::default()
    };
    let (formats, _) = enumerate::formats(&driver);
    assert_eq!((formats.len(), formats[0].sizes.len()), (1, MOST as usize), "what repeats is listed once");
    assert_eq!(enumerate::intervals(&driver, *b"MJPG", (640, 480)).len(), 1);
    assert_eq!(names(&driver).0.len(), MOST as usize);
    let menu = FakeDriver {
        control: Box::new(|id| {
            let mut menu = named(id, b"Menu");
            (menu.type_, menu.maximum) = (3, i64::MAX);
            if id > LAST { Err(Errno::INVAL.into()) } else { Ok(menu) }
        }),
        menu_item: Box::new(|_| Ok([b'x'; 32])),
        ..FakeDriver::default()
    };
    control::list(&menu);
    assert!(menu.calls.get() < 1000, "{} calls for three menus", menu.calls.get());
}

#[test]
fn control_list_that_repeats_ends() {
    let driver = FakeDriver { next: Box::new(|_| Ok(FIRST)), ..FakeDriver::default() };
    assert_eq!(names(&driver).0, ["brightness"]);
}

#[test]
fn unreadable_item_does_not_hide_the_others() {
    let driver = FakeDriver {
        format_at: Box::new(|index| match index {
            0 => Ok(*b"YUYV"),
            1 => Err(Errno::IO.into()),
            2 => Ok(*b"MJPG"),
            _ => Err(Errno::INVAL.into()),
        }),
        // Kinds of sizes that are not known yet are left out, too.
        size_at: Box::new(|index| match index {
            0 => Ok(None),
            1 => Err(Errno::PIPE.into()),
            2 => Ok(Some(SizeRange::Discrete(640, 480))),
            _ => Err(Errno::INVAL.into()),
        }),
        ..FakeDriver::default()
    };
    let (formats, failed) = enumerate::formats(&driver);
    let shown: Vec<String> = formats.iter().map(ToString::to_string).collect();
    assert_eq!(shown, ["yuyv (YUYV): 640x480", "jpeg (MJPG): 640x480"]);
    assert!(failed.is_some());
}

#[test]
fn unreadable_control_does_not_hide_the_others() {
    let sane = FakeDriver::default();
    // The error of one is also the end of the list.
    for (errno, kind) in [(Errno::IO, Some(ErrorKind::Disconnected)), (Errno::INVAL, None)] {
        for broken in FIRST..=LAST {
            let answer = FakeDriver::default();
            let driver = FakeDriver {
                control: Box::new(
                    move |id| if id == broken { Err(errno.into()) } else { (answer.control)(id) },
                ),
                ..FakeDriver::default()
            };
            let mut left = names(&sane).0;
            left.remove((broken - FIRST) as usize);
            assert_eq!(names(&driver), (left, kind), "{broken:#x}");
        }
    }
}

#[test]
fn driver_whose_controls_all_fail_is_queried_a_few_times() {
    let driver = FakeDriver { next: fails(Errno::IO), control: fails(Errno::IO), ..FakeDriver::default() };
    assert_eq!(names(&driver), (vec![], Some(ErrorKind::Disconnected)));
    assert!(driver.calls.get() <= 2 * FAILURES, "each may take seconds");
    let gone = FakeDriver { next: fails(Errno::NODEV), ..FakeDriver::default() };
    control::list(&gone);
    assert_eq!(gone.calls.get(), 1);
}

#[test]
fn names_of_controls_that_are_no_text_or_equal_can_be_set() {
    let driver = FakeDriver {
        control: Box::new(|id| {
            if id > LAST { Err(Errno::INVAL.into()) } else { Ok(named(id, b"Helligkeit \xfc\x1b")) }
        }),
        ..FakeDriver::default()
    };
    assert_eq!(names(&driver).0, ["helligkeit", "helligkeit_2", "helligkeit_3"]);
    let (controls, _) = control::list(&driver);
    control::set(&driver, "it", &controls, &"helligkeit_3=9".parse().unwrap()).unwrap();
    assert_eq!(*driver.set.borrow(), [(LAST, 9)]);
}

#[test]
fn control_of_unknown_type_is_left_out() {
    for type_ in [0, 10, 0x0107, 0x0200, u32::MAX] {
        let answer = FakeDriver::default();
        let driver = FakeDriver {
            control: Box::new(move |id| {
                (answer.control)(id)
                    .map(|c| if id == LAST { c } else { crate::sys::v4l2_query_ext_ctrl { type_, ..c } })
            }),
            ..FakeDriver::default()
        };
        assert_eq!(names(&driver), (vec!["saturation".to_owned()], None), "{type_:#x}");
    }
}

/// The remedy was that of a refused format.
#[test]
fn control_value_that_the_driver_refuses_is_an_error_with_the_range() {
    for (errno, text) in [
        (Errno::INVAL, "the driver refuses the value; use 0 to 255"),
        (Errno::RANGE, "the driver refuses the value; use 0 to 255"),
        (
            Errno::BUSY,
            "the driver does not change it now; set it before frames are captured, or close what else controls the camera",
        ),
        (Errno::NODEV, "the device is gone; plug the camera in again"),
    ] {
        let driver = FakeDriver { set_value: fails(errno), ..FakeDriver::default() };
        let (controls, _) = control::list(&driver);
        let error = control::set(&driver, "it", &controls, &"contrast=200".parse().unwrap()).unwrap_err();
        assert_eq!(error.to_string(), format!("cannot set contrast=200 on it: {text}"));
        assert!(std::error::Error::source(&error).is_some());
    }
}

/// The camera was opened again for it, which stopped everybody's stream; or its remedy was another group for the user.
#[test]
fn control_that_an_automatic_mode_decides_is_busy_and_the_camera_is_not_gone() {
    for (errno, kind) in [
        (Errno::ACCESS, ErrorKind::Busy),
        (Errno::ILSEQ, ErrorKind::Busy),
        (Errno::IO, ErrorKind::Other),
        (Errno::PIPE, ErrorKind::Other),
        (Errno::NODEV, ErrorKind::Disconnected),
    ] {
        let driver = FakeDriver { set_value: fails(errno), ..FakeDriver::default() };
        let (controls, _) = control::list(&driver);
        let error = control::set(&driver, "it", &controls, &"contrast=200".parse().unwrap()).unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.remedy().is_some_and(|remedy| !remedy.contains("group")), "{error}");
    }
}

#[test]
fn rate_that_cannot_be_set_is_unknown() {
    for raw in 1..134 {
        let errno = Errno::from_raw_os_error(raw);
        if errno == Errno::INTR {
            continue;
        }
        let driver = FakeDriver { set_interval: fails(errno), ..FakeDriver::default() };
        let fatal = match errno {
            Errno::BUSY => Some(ErrorKind::Busy),
            Errno::NODEV | Errno::SHUTDOWN => Some(ErrorKind::Disconnected),
            Errno::NXIO => Some(ErrorKind::NotFound),
            _ => None,
        };
        match settled(&driver) {
            Ok(settled) => assert_eq!((settled.interval, fatal), (None, None), "{errno:?}"),
            Err(error) => assert_eq!(Some(error.kind()), fatal, "{error}"),
        }
        // What was set and cannot be read again is taken as set.
        let driver = FakeDriver { interval: fails(errno), ..FakeDriver::default() };
        match settled(&driver) {
            Ok(settled) => assert_eq!((settled.interval, fatal), (Some(THIRTY), None), "{errno:?}"),
            Err(error) => assert_eq!(Some(error.kind()), fatal, "{error}"),
        }
    }
}

#[test]
fn rate_of_zero_is_unknown() {
    for (numerator, denominator) in [(0, 30), (1, 0), (0, 0)] {
        let zero = Interval { numerator, denominator };
        let stepwise = IntervalRange::Stepwise { min: zero, max: zero };
        for range in [IntervalRange::Discrete(zero), stepwise] {
            let driver = FakeDriver {
                interval_at: Box::new(only(Some(range))),
                interval: Box::new(move |()| Ok(zero)),
                set_interval: Box::new(|wanted| {
                    assert_eq!(wanted, THIRTY, "never an interval of nothing");
                    Ok(wanted)
                }),
                ..FakeDriver::default()
            };
            assert_eq!(settled(&driver).unwrap().interval, None);
        }
    }
}

#[test]
fn camera_of_one_format_need_not_let_it_be_set() {
    let driver = FakeDriver { set_format: fails(Errno::NOTTY), ..FakeDriver::default() };
    assert!(settled(&driver).is_ok());
    let driver = FakeDriver { format: fails(Errno::INVAL), ..FakeDriver::default() };
    assert!(settled(&driver).is_ok(), "its answer will do");
    let driver =
        FakeDriver { set_format: fails(Errno::NOTTY), format: fails(Errno::NOTTY), ..FakeDriver::default() };
    assert_eq!(settled(&driver).unwrap_err().kind(), ErrorKind::Unsupported);
}

#[test]
fn settle_on_another_format_than_wanted_is_an_error_with_a_remedy() {
    for (buffer, why) in [
        (BufferFormat { fourcc: *b"YUYV", ..VGA }, "YUYV instead"),
        (BufferFormat { fourcc: [0; 4], ..VGA }, "0x00000000 instead"),
        (BufferFormat { size: (0, 480), ..VGA }, "frames of 0x480"),
        (BufferFormat { size: (640, 0), ..VGA }, "frames of 640x0"),
    ] {
        let driver = FakeDriver { format: Box::new(move |()| Ok(buffer)), ..FakeDriver::default() };
        let error = settled(&driver).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert_eq!(
            error.to_string(),
            format!(
                "cannot set 640x480 jpeg on /dev/video0: its driver gives {why}; choose another format or size"
            )
        );
    }
}

/// A camera that is unplugged before any of the calls is gone, whichever it was.
#[test]
fn device_that_goes_away_during_setup_is_disconnected() {
    for calls in 0..4u32 {
        let left = std::rc::Rc::new(Cell::new(calls));
        let gone = move || match left.get().checked_sub(1) {
            Some(less) => {
                left.set(less);
                Ok(())
            }
            None => Err(io::Error::from(Errno::NODEV)),
        };
        let (a, b, c, d) = (gone.clone(), gone.clone(), gone.clone(), gone);
        let driver = FakeDriver {
            set_format: Box::new(move |()| a().map(|()| VGA)),
            format: Box::new(move |()| b().map(|()| VGA)),
            set_interval: Box::new(move |interval| c().map(|()| interval)),
            interval: Box::new(move |()| d().map(|()| THIRTY)),
            ..FakeDriver::default()
        };
        assert_eq!(settled(&driver).unwrap_err().kind(), ErrorKind::Disconnected, "after {calls} calls");
    }
}
