//! The system calls themselves: the only file here with `unsafe`.
#![allow(unsafe_code)]

use crate::{
    choose::{Interval, IntervalRange, SizeRange},
    driver::{BufferFormat, Driver, uninterrupted},
    queue::{CaptureQueue, Dequeued, Extent, Mapping, Readiness},
    sys::*,
};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
    mm::{MapFlags, ProtFlags, mmap, munmap},
};
use std::{
    ffi::c_void,
    fs::File,
    io,
    marker::PhantomData,
    mem,
    os::{
        fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd},
        unix::fs::OpenOptionsExt,
    },
    path::Path,
    ptr::{self, NonNull},
    slice,
    sync::Arc,
    time::Duration,
};

/// `O_CLOEXEC | O_RDONLY`, which is the same on all Linuxes that this file is for.
const EXPORT_FLAGS: u32 = 0o2_000_000;

/// A C structure of integers (and, in its unions, pointers that stay null): all zeroes is a value of it.
trait Plain: Copy {
    fn zeroed() -> Self;
}

macro_rules! plain {
    ($($name:ident),*) => { $(
        impl Plain for $name {
            fn zeroed() -> Self {
                // SAFETY: the structure is made of integers and raw pointers only.
                unsafe { mem::zeroed() }
            }
        }
    )* };
}
plain!(v4l2_capability, v4l2_query_ext_ctrl, v4l2_querymenu, v4l2_ext_control, v4l2_ext_controls);
plain!(v4l2_fmtdesc, v4l2_frmsizeenum, v4l2_frmivalenum, v4l2_format, v4l2_streamparm);
plain!(v4l2_requestbuffers, v4l2_buffer, v4l2_exportbuffer);

/// The argument of `VIDIOC_STREAMON` and `VIDIOC_STREAMOFF`: an `int`.
impl Plain for i32 {
    fn zeroed() -> Self {
        0
    }
}

/// An open node. Clones share its descriptor, which the last of them closes.
#[derive(Clone, Debug)]
pub(crate) struct KernelDevice {
    descriptor: Arc<OwnedFd>,
}

impl KernelDevice {
    /// Opens a node, or any other file. Neither opening nor reading it blocks, and programs that this one starts do not
    /// inherit it.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let node = File::options().read(true).write(true).custom_flags(libc::O_NONBLOCK).open(path)?;
        Ok(Self { descriptor: Arc::new(node.into()) })
    }

    /// Makes a request with its structure.
    fn ioctl<T: Plain>(&self, request: Request<T>, argument: &mut T) -> io::Result<()> {
        self.call(&mut Call::new(request, argument))
    }

    /// The same as a question of setting up, which a signal does not end.
    fn ask<T: Plain>(&self, request: Request<T>, argument: &mut T) -> io::Result<()> {
        let mut call = Call::new(request, argument);
        uninterrupted(|| self.call(&mut call))
    }

    /// By the C library, as it is opened: a library that is preloaded, such as libv4l's or a test's camera, sees it.
    fn call(&self, call: &mut Call<'_>) -> io::Result<()> {
        // SAFETY: the kernel reads and writes what the argument points to, whose size is a part of the request's number, and
        // which is lent as long as the call lives. Of the requests those of extended controls follow a pointer in it, and see
        // to it.
        match unsafe { libc::ioctl(self.descriptor.as_raw_fd(), call.number, call.argument) } {
            -1 => Err(io::Error::last_os_error()),
            _ => Ok(()),
        }
    }
}

impl AsFd for KernelDevice {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}

/// A request with its argument, of whatever type that is: one function calls the kernel for all of them.
struct Call<'a> {
    number: libc::Ioctl,
    argument: *mut c_void,
    lent: PhantomData<&'a mut c_void>,
}

impl<'a> Call<'a> {
    fn new<T: Plain>(request: Request<T>, argument: &'a mut T) -> Self {
        // musl takes the number as an `int`, glibc as an `unsigned long`: either way the kernel sees 32 bits.
        #[allow(clippy::cast_possible_wrap, clippy::unnecessary_cast)]
        let number = request.opcode() as libc::Ioctl;
        Self { number, argument: ptr::from_mut(argument).cast(), lent: PhantomData }
    }
}

/// `VIDIOC_QUERYCAP`.
pub(crate) fn query_capability(device: &KernelDevice) -> io::Result<v4l2_capability> {
    let mut capability = v4l2_capability::zeroed();
    device.ask(VIDIOC_QUERYCAP, &mut capability)?;
    Ok(capability)
}

impl Driver for KernelDevice {
    fn format_at(&self, index: u32) -> io::Result<[u8; 4]> {
        let mut format = v4l2_fmtdesc::zeroed();
        format.index = index;
        format.type_ = V4L2_BUF_TYPE_VIDEO_CAPTURE;
        self.ask(VIDIOC_ENUM_FMT, &mut format)?;
        Ok(format.pixelformat.to_le_bytes())
    }

    fn size_at(&self, fourcc: [u8; 4], index: u32) -> io::Result<Option<SizeRange>> {
        let mut size = v4l2_frmsizeenum::zeroed();
        size.index = index;
        size.pixel_format = u32::from_le_bytes(fourcc);
        self.ask(VIDIOC_ENUM_FRAMESIZES, &mut size)?;
        Ok(size_range(&size))
    }

    fn interval_at(
        &self,
        fourcc: [u8; 4],
        (width, height): (u32, u32),
        index: u32,
    ) -> io::Result<Option<IntervalRange>> {
        let mut interval = v4l2_frmivalenum::zeroed();
        interval.index = index;
        interval.pixel_format = u32::from_le_bytes(fourcc);
        (interval.width, interval.height) = (width, height);
        self.ask(VIDIOC_ENUM_FRAMEINTERVALS, &mut interval)?;
        Ok(interval_range(&interval))
    }

    fn format(&self) -> io::Result<BufferFormat> {
        let mut format = v4l2_format::zeroed();
        format.type_ = V4L2_BUF_TYPE_VIDEO_CAPTURE;
        self.ask(VIDIOC_G_FMT, &mut format)?;
        Ok(buffer_format(&format))
    }

    fn set_format(&self, fourcc: [u8; 4], (width, height): (u32, u32)) -> io::Result<BufferFormat> {
        let mut format = v4l2_format::zeroed();
        format.type_ = V4L2_BUF_TYPE_VIDEO_CAPTURE;
        // Stride and size stay 0: some drivers keep a stride that they are given.
        format.fmt.pix.width = width;
        format.fmt.pix.height = height;
        format.fmt.pix.pixelformat = u32::from_le_bytes(fourcc);
        format.fmt.pix.field = V4L2_FIELD_NONE;
        self.ask(VIDIOC_S_FMT, &mut format)?;
        Ok(buffer_format(&format))
    }

    fn interval(&self) -> io::Result<Interval> {
        parameters(self, VIDIOC_G_PARM, Interval { numerator: 0, denominator: 0 })
    }

    fn set_interval(&self, interval: Interval) -> io::Result<Interval> {
        parameters(self, VIDIOC_S_PARM, interval)
    }

    fn control_after(&self, id: u32) -> io::Result<v4l2_query_ext_ctrl> {
        self.control_at(id | V4L2_CTRL_FLAG_NEXT_CTRL)
    }

    fn control_at(&self, id: u32) -> io::Result<v4l2_query_ext_ctrl> {
        let mut control = v4l2_query_ext_ctrl::zeroed();
        control.id = id;
        self.ask(VIDIOC_QUERY_EXT_CTRL, &mut control)?;
        Ok(control)
    }

    fn menu_item(&self, id: u32, index: u32) -> io::Result<[u8; 32]> {
        let mut menu = v4l2_querymenu::zeroed();
        menu.id = id;
        menu.index = index;
        self.ask(VIDIOC_QUERYMENU, &mut menu)?;
        let item = menu.anonymous;
        // SAFETY: all bytes of the union are initialised, and any bytes are an array of them.
        Ok(unsafe { item.name })
    }

    fn value(&self, id: u32, type_: u32) -> io::Result<i64> {
        let value = extended_control(self, VIDIOC_G_EXT_CTRLS, id, 0)?;
        Ok(widened(value, type_))
    }

    fn set_value(&self, id: u32, value: i64) -> io::Result<()> {
        extended_control(self, VIDIOC_S_EXT_CTRLS, id, value).map(drop)
    }
}

/// The value of a control of this type. Of all but the 64-bit ones the lower half is the value, which lies first; bits have no sign.
fn widened(value: i64, type_: u32) -> i64 {
    match type_ {
        V4L2_CTRL_TYPE_INTEGER64 => value,
        V4L2_CTRL_TYPE_BITMASK => i64::from(value as u32),
        _ => i64::from(value as i32),
    }
}

/// `VIDIOC_G_EXT_CTRLS` or `VIDIOC_S_EXT_CTRLS` of one control: its value afterwards.
fn extended_control(
    device: &KernelDevice,
    request: Request<v4l2_ext_controls>,
    id: u32,
    value: i64,
) -> io::Result<i64> {
    let mut control = v4l2_ext_control::zeroed();
    control.id = id;
    control.anonymous.value64 = value;
    let mut controls = v4l2_ext_controls::zeroed();
    controls.count = 1;
    controls.controls = &raw mut control;
    // The kernel follows the pointer to the one control, which lives longer than the call. It writes there what
    // lies in the structure itself: a type whose value lies elsewhere is refused, its size here being 0.
    device.ask(request, &mut controls)?;
    let value = control.anonymous;
    // SAFETY: all bytes of the union are initialised, and any bytes are an integer.
    Ok(unsafe { value.value64 })
}

fn size_range(size: &v4l2_frmsizeenum) -> Option<SizeRange> {
    let union = size.anonymous;
    match size.type_ {
        V4L2_FRMSIZE_TYPE_DISCRETE => {
            // SAFETY: all bytes of the union are initialised, and any bytes are integers.
            let size = unsafe { union.discrete };
            Some(SizeRange::Discrete(size.width, size.height))
        }
        V4L2_FRMSIZE_TYPE_STEPWISE | V4L2_FRMSIZE_TYPE_CONTINUOUS => {
            // SAFETY: as above.
            let size = unsafe { union.stepwise };
            Some(SizeRange::Stepwise {
                min: (size.min_width, size.min_height),
                max: (size.max_width, size.max_height),
                step: (size.step_width, size.step_height),
            })
        }
        _ => None,
    }
}

fn interval_range(interval: &v4l2_frmivalenum) -> Option<IntervalRange> {
    let union = interval.anonymous;
    match interval.type_ {
        V4L2_FRMIVAL_TYPE_DISCRETE => {
            // SAFETY: all bytes of the union are initialised, and any bytes are integers.
            Some(IntervalRange::Discrete(unsafe { union.discrete }.into()))
        }
        V4L2_FRMIVAL_TYPE_STEPWISE | V4L2_FRMIVAL_TYPE_CONTINUOUS => {
            // SAFETY: as above.
            let interval = unsafe { union.stepwise };
            Some(IntervalRange::Stepwise { min: interval.min.into(), max: interval.max.into() })
        }
        _ => None,
    }
}

impl From<v4l2_fract> for Interval {
    fn from(fraction: v4l2_fract) -> Self {
        Self { numerator: fraction.numerator, denominator: fraction.denominator }
    }
}

fn buffer_format(format: &v4l2_format) -> BufferFormat {
    // SAFETY: all bytes of the union are initialised, and any bytes are integers.
    let pix = unsafe { format.fmt.pix };
    BufferFormat {
        fourcc: pix.pixelformat.to_le_bytes(),
        size: (pix.width, pix.height),
        bytesperline: pix.bytesperline,
        sizeimage: pix.sizeimage,
        limited: pix.priv_ == V4L2_PIX_FMT_PRIV_MAGIC && pix.quantization == V4L2_QUANTIZATION_LIM_RANGE,
    }
}

/// `VIDIOC_G_PARM` or `VIDIOC_S_PARM`.
fn parameters(
    device: &KernelDevice,
    request: Request<v4l2_streamparm>,
    wanted: Interval,
) -> io::Result<Interval> {
    let mut parameters = v4l2_streamparm::zeroed();
    parameters.type_ = V4L2_BUF_TYPE_VIDEO_CAPTURE;
    parameters.parm.capture.timeperframe =
        v4l2_fract { numerator: wanted.numerator, denominator: wanted.denominator };
    device.ask(request, &mut parameters)?;
    // SAFETY: all bytes of the union are initialised, and any bytes are integers.
    Ok(unsafe { parameters.parm.capture.timeperframe }.into())
}

/// Streaming on an open device.
pub(crate) struct KernelQueue {
    device: KernelDevice,
}

impl KernelQueue {
    /// The queue of `device`, which stays open as long.
    pub(crate) fn new(device: KernelDevice) -> Self {
        Self { device }
    }

    /// An ioctl about one buffer of this queue.
    fn buffer(&self, request: Request<v4l2_buffer>, index: u32) -> io::Result<v4l2_buffer> {
        let mut buffer = v4l2_buffer::zeroed();
        buffer.index = index;
        buffer.type_ = V4L2_BUF_TYPE_VIDEO_CAPTURE;
        buffer.memory = V4L2_MEMORY_MMAP;
        self.device.ioctl(request, &mut buffer)?;
        Ok(buffer)
    }
}

impl CaptureQueue for KernelQueue {
    type Mapping = KernelMapping;

    fn request_buffers(&self, count: u32) -> io::Result<u32> {
        let mut request = v4l2_requestbuffers::zeroed();
        request.count = count;
        request.type_ = V4L2_BUF_TYPE_VIDEO_CAPTURE;
        request.memory = V4L2_MEMORY_MMAP;
        self.device.ioctl(VIDIOC_REQBUFS, &mut request)?;
        Ok(request.count)
    }

    fn query_buffer(&self, index: u32) -> io::Result<Extent> {
        let buffer = self.buffer(VIDIOC_QUERYBUF, index)?;
        // SAFETY: with V4L2_MEMORY_MMAP the offset is the union's member, and any bits are a u32.
        let offset = unsafe { buffer.m.offset };
        Ok(Extent { offset, length: buffer.length })
    }

    fn map(&self, extent: Extent) -> io::Result<KernelMapping> {
        let length = extent.length as usize;
        // SAFETY: a new mapping at an address of the kernel's choice overlaps nothing.
        let pointer = unsafe {
            mmap(
                ptr::null_mut(),
                length,
                ProtFlags::READ,
                MapFlags::SHARED,
                self.device.as_fd(),
                u64::from(extent.offset),
            )
        }?;
        let pointer = NonNull::new(pointer.cast()).ok_or(Errno::FAULT)?;
        Ok(KernelMapping { pointer, length })
    }

    fn export_buffer(&self, index: u32) -> io::Result<OwnedFd> {
        let mut export = v4l2_exportbuffer::zeroed();
        export.index = index;
        export.type_ = V4L2_BUF_TYPE_VIDEO_CAPTURE;
        export.flags = EXPORT_FLAGS;
        self.device.ioctl(VIDIOC_EXPBUF, &mut export)?;
        if export.fd < 0 {
            return Err(Errno::BADF.into());
        }
        // SAFETY: the kernel has just opened this descriptor for us, and it is nowhere else.
        Ok(unsafe { OwnedFd::from_raw_fd(export.fd) })
    }

    fn queue_buffer(&self, index: u32) -> io::Result<()> {
        self.buffer(VIDIOC_QBUF, index).map(drop)
    }

    fn dequeue_buffer(&self) -> io::Result<Dequeued> {
        let buffer = self.buffer(VIDIOC_DQBUF, 0)?;
        let (seconds, micros) = (buffer.timestamp.tv_sec, buffer.timestamp.tv_usec);
        let timestamp = Duration::from_secs(u64::try_from(seconds).unwrap_or(0))
            .saturating_add(Duration::from_micros(u64::try_from(micros).unwrap_or(0)));
        Ok(Dequeued {
            index: buffer.index,
            bytesused: buffer.bytesused,
            flags: buffer.flags,
            sequence: buffer.sequence,
            timestamp,
        })
    }

    fn stream_on(&self) -> io::Result<()> {
        self.device.ioctl(VIDIOC_STREAMON, &mut V4L2_BUF_TYPE_VIDEO_CAPTURE.cast_signed())
    }

    fn stream_off(&self) -> io::Result<()> {
        self.device.ioctl(VIDIOC_STREAMOFF, &mut V4L2_BUF_TYPE_VIDEO_CAPTURE.cast_signed())
    }

    fn poll(&self, timeout: Duration) -> io::Result<Readiness> {
        readiness(self.device.as_fd(), timeout)
    }
}

fn readiness(fd: BorrowedFd<'_>, timeout: Duration) -> io::Result<Readiness> {
    // A day is as good as for ever, and every C type holds it.
    let timeout = timeout.min(Duration::from_secs(86_400));
    let timeout =
        Timespec { tv_sec: timeout.as_secs().cast_signed(), tv_nsec: timeout.subsec_nanos().into() };
    let mut fds = [PollFd::from_borrowed_fd(fd, PollFlags::IN)];
    poll(&mut fds, Some(&timeout))?;
    let events = fds[0].revents();
    Ok(if events.intersects(PollFlags::ERR | PollFlags::HUP | PollFlags::NVAL) {
        Readiness::Failed
    } else if events.is_empty() {
        Readiness::TimedOut
    } else {
        Readiness::Filled
    })
}

/// A buffer of the driver, mapped for reading.
pub(crate) struct KernelMapping {
    pointer: NonNull<u8>,
    length: usize,
}

// SAFETY: the mapping belongs to the process, not to a thread.
unsafe impl Send for KernelMapping {}

impl Mapping for KernelMapping {
    fn bytes(&self) -> &[u8] {
        // SAFETY: `length` bytes are mapped for reading as long as `self` lives, zeroed by the driver before
        // it mapped them. It is not written while the slice lives: this process cannot, and the device does so
        // only while the kernel owns the buffer. The ring, the only caller, reads a buffer from VIDIOC_DQBUF
        // until the frame's drop gives it back; its tests check that against a model of the kernel.
        unsafe { slice::from_raw_parts(self.pointer.as_ptr(), self.length) }
    }
}

impl Drop for KernelMapping {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours, and the borrow checker knows of no slice into it. Unmapping what is
        // mapped does not fail; if it did, the memory would stay, and nothing could be done here.
        let _ = unsafe { munmap(self.pointer.as_ptr().cast(), self.length) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    /// A bitmask with its highest bit set was read as a negative number, which cannot be set again.
    #[test]
    fn value_has_a_sign_unless_it_is_bits() {
        let halves = 0x1234_5678_8040_2010;
        assert_eq!(widened(halves, V4L2_CTRL_TYPE_BITMASK), 0x8040_2010);
        assert_eq!(widened(halves, V4L2_CTRL_TYPE_INTEGER), i64::from(0x8040_2010_u32 as i32));
        assert_eq!(widened(halves, V4L2_CTRL_TYPE_INTEGER64), halves);
    }

    fn open(path: &str) -> KernelDevice {
        KernelDevice::open(Path::new(path)).unwrap()
    }

    /// Any open file stands for a device: it returns ENOTTY, and `/dev/zero` can be mapped.
    fn queue(path: &str) -> KernelQueue {
        KernelQueue::new(open(path))
    }

    /// A structure of any bytes, as a driver may leave it.
    fn noise<T: Plain>() -> T {
        let mut value = T::zeroed();
        // SAFETY: these are the bytes of `value`, which nothing else reads meanwhile, and any bytes are the integers
        // that it is made of.
        let bytes =
            unsafe { slice::from_raw_parts_mut(ptr::from_mut(&mut value).cast::<u8>(), size_of::<T>()) };
        fastrand::Rng::new().fill(bytes);
        value
    }

    #[test]
    fn node_that_is_not_a_camera_is_refused_with_the_reason() {
        let (queue, device) = (queue("/dev/null"), open("/dev/null"));
        for error in [
            query_capability(&device).err(),
            device.format_at(0).err(),
            device.size_at(*b"MJPG", 0).err(),
            device.interval_at(*b"MJPG", (640, 480), 0).err(),
            device.format().err(),
            device.set_format(*b"MJPG", (640, 480)).err(),
            device.interval().err(),
            device.set_interval(Interval { numerator: 1, denominator: 30 }).err(),
            device.control_after(0).err(),
            device.control_at(1).err(),
            device.menu_item(1, 0).err(),
            device.value(1, 1).err(),
            device.set_value(1, 0).err(),
            queue.request_buffers(4).err(),
            queue.query_buffer(0).err(),
            queue.export_buffer(0).err(),
            queue.queue_buffer(0).err(),
            queue.dequeue_buffer().err(),
            queue.stream_on().err(),
            queue.stream_off().err(),
        ] {
            // The second is what an emulator returns that does not implement these ioctls.
            let errno = Errno::from_io_error(&error.unwrap());
            assert!(matches!(errno, Some(Errno::NOTTY | Errno::NOSYS)), "{errno:?}");
        }
    }

    #[test]
    fn answers_of_any_bytes_are_read() {
        for _ in 0..1000 {
            let size: v4l2_frmsizeenum = noise();
            for type_ in [size.type_, 0, 1, 2, 3, 4] {
                let known = size_range(&v4l2_frmsizeenum { type_, ..size }).is_some();
                assert_eq!(known, (1..=3).contains(&type_));
            }
            let interval: v4l2_frmivalenum = noise();
            for type_ in [interval.type_, 0, 1, 2, 3, 4] {
                let known = interval_range(&v4l2_frmivalenum { type_, ..interval }).is_some();
                assert_eq!(known, (1..=3).contains(&type_));
            }
            // A colorspace, a field order, a transfer function of any number are none of its business.
            let mut format: v4l2_format = noise();
            assert!(!buffer_format(&format).limited, "before the fields that say so existed");
            format.fmt.pix.priv_ = V4L2_PIX_FMT_PRIV_MAGIC;
            format.fmt.pix.quantization = V4L2_QUANTIZATION_LIM_RANGE;
            assert!(buffer_format(&format).limited);
        }
    }

    #[test]
    fn programs_that_this_one_starts_do_not_inherit_the_node() {
        let flags = rustix::io::fcntl_getfd(open("/dev/null")).unwrap();
        assert!(flags.contains(rustix::io::FdFlags::CLOEXEC));
    }

    #[test]
    fn mapping_reads_and_unmaps() {
        let queue = queue("/dev/zero");
        let mapping = queue.map(Extent { offset: 0, length: 5000 }).unwrap();
        assert_eq!(mapping.bytes(), [0; 5000]);
        drop(mapping);
        let error = queue.map(Extent { offset: 0, length: 0 }).map(drop).unwrap_err();
        assert_eq!(Errno::from_io_error(&error), Some(Errno::INVAL));
    }

    #[test]
    fn poll_answers_within_its_timeout() {
        let (ours, mut theirs) = std::os::unix::net::UnixStream::pair().unwrap();
        assert_eq!(readiness(ours.as_fd(), Duration::ZERO).unwrap(), Readiness::TimedOut);
        assert_eq!(readiness(ours.as_fd(), Duration::from_nanos(1)).unwrap(), Readiness::TimedOut);
        theirs.write_all(b"x").unwrap();
        assert_eq!(readiness(ours.as_fd(), Duration::MAX).unwrap(), Readiness::Filled);
        drop(theirs);
        assert_eq!(readiness(ours.as_fd(), Duration::MAX).unwrap(), Readiness::Failed);
    }
}
