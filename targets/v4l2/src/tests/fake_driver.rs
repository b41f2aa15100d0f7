//! A driver for tests, made of its answers.

use crate::sys::v4l2_query_ext_ctrl;
use crate::{
    choose::{Interval, IntervalRange, SizeRange},
    driver::{BufferFormat, Driver},
};
use rustix::io::Errno;
use std::{
    cell::{Cell, RefCell},
    ffi::c_char,
    io,
};

type Answer<A, R> = Box<dyn Fn(A) -> io::Result<R>>;

/// Its default is a camera of 640x480 MJPG at 30 fps with the controls 0x00980900 to 0x00980902. A test puts another
/// answer in the place of one.
pub(crate) struct FakeDriver {
    pub(super) format_at: Answer<u32, [u8; 4]>,
    pub(super) size_at: Answer<u32, Option<SizeRange>>,
    pub(super) interval_at: Answer<u32, Option<IntervalRange>>,
    pub(super) format: Answer<(), BufferFormat>,
    pub(super) set_format: Answer<(), BufferFormat>,
    pub(super) interval: Answer<(), Interval>,
    pub(super) set_interval: Answer<Interval, Interval>,
    /// Of one control, if it is there.
    pub(super) control: Answer<u32, v4l2_query_ext_ctrl>,
    /// The control after one.
    pub(super) next: Answer<u32, u32>,
    pub(super) menu_item: Answer<u32, [u8; 32]>,
    pub(super) value: Answer<u32, i64>,
    pub(super) set_value: Answer<i64, ()>,
    /// What was set: identifier and value.
    pub(super) set: RefCell<Vec<(u32, i64)>>,
    pub(super) calls: Cell<u32>,
}

pub(crate) const FIRST: u32 = 0x0098_0900;
pub(super) const LAST: u32 = FIRST + 2;
pub(super) const THIRTY: Interval = Interval { numerator: 1, denominator: 30 };
pub(crate) const VGA: BufferFormat =
    BufferFormat { fourcc: *b"MJPG", size: (640, 480), bytesperline: 0, sizeimage: 614_400, limited: false };

/// The one answer of a list of one.
pub(super) fn only<T>(item: T) -> impl Fn(u32) -> io::Result<T>
where
    T: Copy,
{
    move |index| if index == 0 { Ok(item) } else { Err(Errno::INVAL.into()) }
}

/// A control of this name that takes integers from 0 to 255.
pub(crate) fn named(id: u32, name: &[u8]) -> v4l2_query_ext_ctrl {
    let mut bytes = [0; 32];
    for (to, from) in bytes.iter_mut().zip(name) {
        *to = *from as c_char;
    }
    v4l2_query_ext_ctrl {
        id,
        type_: 1,
        name: bytes,
        minimum: 0,
        maximum: 255,
        step: 1,
        default_value: 0,
        flags: 0,
        elem_size: 4,
        elems: 1,
        nr_of_dims: 0,
        dims: [0; 4],
        reserved: [0; 32],
    }
}

impl Default for FakeDriver {
    fn default() -> Self {
        Self {
            format_at: Box::new(only(*b"MJPG")),
            size_at: Box::new(only(Some(SizeRange::Discrete(640, 480)))),
            interval_at: Box::new(only(Some(IntervalRange::Discrete(THIRTY)))),
            format: Box::new(|()| Ok(VGA)),
            set_format: Box::new(|()| Ok(VGA)),
            interval: Box::new(|()| Ok(THIRTY)),
            set_interval: Box::new(Ok),
            control: Box::new(|id| match id {
                FIRST..=LAST => {
                    Ok(named(id, [&b"Brightness"[..], b"Contrast", b"Saturation"][(id - FIRST) as usize]))
                }
                _ => Err(Errno::INVAL.into()),
            }),
            next: Box::new(|id| match id {
                LAST.. => Err(Errno::INVAL.into()),
                _ => Ok(FIRST.max(id + 1)),
            }),
            menu_item: Box::new(|_| Err(Errno::INVAL.into())),
            value: Box::new(|_| Ok(7)),
            set_value: Box::new(|_| Ok(())),
            set: RefCell::default(),
            calls: Cell::default(),
        }
    }
}

impl FakeDriver {
    fn answer<A, R>(&self, to: &Answer<A, R>, question: A) -> io::Result<R> {
        self.calls.set(self.calls.get() + 1);
        to(question)
    }
}

impl Driver for FakeDriver {
    fn format_at(&self, index: u32) -> io::Result<[u8; 4]> {
        self.answer(&self.format_at, index)
    }

    fn size_at(&self, _: [u8; 4], index: u32) -> io::Result<Option<SizeRange>> {
        self.answer(&self.size_at, index)
    }

    fn interval_at(&self, _: [u8; 4], _: (u32, u32), index: u32) -> io::Result<Option<IntervalRange>> {
        self.answer(&self.interval_at, index)
    }

    fn format(&self) -> io::Result<BufferFormat> {
        self.answer(&self.format, ())
    }

    fn set_format(&self, _: [u8; 4], _: (u32, u32)) -> io::Result<BufferFormat> {
        self.answer(&self.set_format, ())
    }

    fn interval(&self) -> io::Result<Interval> {
        self.answer(&self.interval, ())
    }

    fn set_interval(&self, interval: Interval) -> io::Result<Interval> {
        self.answer(&self.set_interval, interval)
    }

    fn control_after(&self, id: u32) -> io::Result<v4l2_query_ext_ctrl> {
        let next = self.answer(&self.next, id)?;
        (self.control)(next)
    }

    fn control_at(&self, id: u32) -> io::Result<v4l2_query_ext_ctrl> {
        self.answer(&self.control, id)
    }

    fn menu_item(&self, _: u32, index: u32) -> io::Result<[u8; 32]> {
        self.answer(&self.menu_item, index)
    }

    fn value(&self, id: u32, _: u32) -> io::Result<i64> {
        self.answer(&self.value, id)
    }

    fn set_value(&self, id: u32, value: i64) -> io::Result<()> {
        self.answer(&self.set_value, value)?;
        self.set.borrow_mut().push((id, value));
        Ok(())
    }
}
