//! The ioctls that set a camera up, as a trait: the kernel implements it, and in tests a camera made of canned results.

use crate::{
    choose::{Interval, IntervalRange, SizeRange},
    sys::v4l2_query_ext_ctrl,
};
use rustix::io::Errno;
use std::io;

/// One open capture device, a method per ioctl.
///
/// Errors are the system's, but for `EINTR`, after which the call is repeated. Results are the driver's, whatever they
/// are: numbers out of range, sizes of 0, lists without an end. Callers check them.
pub(crate) trait Driver {
    /// `VIDIOC_ENUM_FMT`: the four-character code of a format.
    fn format_at(&self, index: u32) -> io::Result<[u8; 4]>;

    /// `VIDIOC_ENUM_FRAMESIZES`; `None` for a kind of size that is not known here.
    fn size_at(&self, fourcc: [u8; 4], index: u32) -> io::Result<Option<SizeRange>>;

    /// `VIDIOC_ENUM_FRAMEINTERVALS`; `None` for a kind of interval that is not known here.
    fn interval_at(&self, fourcc: [u8; 4], size: (u32, u32), index: u32)
    -> io::Result<Option<IntervalRange>>;

    /// `VIDIOC_G_FMT`.
    fn format(&self) -> io::Result<BufferFormat>;

    /// `VIDIOC_S_FMT`: requests progressive frames of this format and size, with the driver's choice of stride.
    fn set_format(&self, fourcc: [u8; 4], size: (u32, u32)) -> io::Result<BufferFormat>;

    /// `VIDIOC_G_PARM`: the time from frame to frame.
    fn interval(&self) -> io::Result<Interval>;

    /// `VIDIOC_S_PARM`.
    fn set_interval(&self, interval: Interval) -> io::Result<Interval>;

    /// `VIDIOC_QUERY_EXT_CTRL`: the first control after `id` that is no compound.
    fn control_after(&self, id: u32) -> io::Result<v4l2_query_ext_ctrl>;

    /// `VIDIOC_QUERY_EXT_CTRL`: this control.
    fn control_at(&self, id: u32) -> io::Result<v4l2_query_ext_ctrl>;

    /// `VIDIOC_QUERYMENU`: the 32 bytes of the item, a name or an integer.
    fn menu_item(&self, id: u32, index: u32) -> io::Result<[u8; 32]>;

    /// `VIDIOC_G_EXT_CTRLS`: the value of a control of type `type_`.
    fn value(&self, id: u32, type_: u32) -> io::Result<i64>;

    /// `VIDIOC_S_EXT_CTRLS`.
    fn set_value(&self, id: u32, value: i64) -> io::Result<()>;
}

/// `struct v4l2_pix_format`, of what matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BufferFormat {
    pub(crate) fourcc: [u8; 4],
    pub(crate) size: (u32, u32),
    /// From one row to the next.
    pub(crate) bytesperline: u32,
    /// Bytes of a whole buffer.
    pub(crate) sizeimage: u32,
    /// Whether the driver reports that 16 is black and 235 is white (`V4L2_QUANTIZATION_LIM_RANGE`).
    pub(crate) limited: bool,
}

/// Repeats a system call that a signal interrupted. After a thousand of them the driver returns nothing else.
pub(crate) fn uninterrupted<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    for _ in 0..1000 {
        match call() {
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
    call()
}

/// Whether an error of an enumeration means its end, or that there is no such list.
pub(crate) fn is_end(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::INVAL | Errno::NOTTY | Errno::NOSYS))
}

/// Whether the device is gone, so that no other call need be tried.
pub(crate) fn is_gone(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::NODEV | Errno::NXIO | Errno::SHUTDOWN))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_are_retried_and_a_thousand_of_them_are_an_error() {
        let mut signals = 0;
        let mut after = |most: u32| {
            signals = 0;
            uninterrupted(|| {
                signals += 1;
                if signals > most { Ok(()) } else { Err(Errno::INTR.into()) }
            })
        };
        assert!(after(0).is_ok() && after(900).is_ok());
        assert_eq!(Errno::from_io_error(&after(u32::MAX).unwrap_err()), Some(Errno::INTR));
    }
}
