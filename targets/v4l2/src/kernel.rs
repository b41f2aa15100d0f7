//! The system calls themselves: the only file here with `unsafe`.
#![allow(unsafe_code)]

use crate::{
    choose::{Interval, IntervalRange, SizeRange},
    driver::{BufferFormat, Driver, uninterrupted},
    queue::{CaptureQueue, Dequeued, Extent, Mapping, Readiness},
};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
    mm::{MapFlags, ProtFlags, mmap, munmap},
};
use std::{
    ffi::c_void,
    io, mem,
    os::fd::{BorrowedFd, FromRawFd, OwnedFd},
    ptr::{self, NonNull},
    slice,
    sync::Arc,
    time::Duration,
};
use v4l::{Device, control::Type, device::Handle, v4l_sys::*, v4l2::vidioc};

const CAPTURE: u32 = v4l2_buf_type_V4L2_BUF_TYPE_VIDEO_CAPTURE;
const MMAP: u32 = v4l2_memory_V4L2_MEMORY_MMAP;
/// `O_CLOEXEC | O_RDONLY`, which is the same on all Linuxes that this file is for.
const EXPORT_FLAGS: u32 = 0o2_000_000;

const SIZE_DISCRETE: u32 = v4l2_frmsizetypes_V4L2_FRMSIZE_TYPE_DISCRETE;
const SIZE_CONTINUOUS: u32 = v4l2_frmsizetypes_V4L2_FRMSIZE_TYPE_CONTINUOUS;
const SIZE_STEPWISE: u32 = v4l2_frmsizetypes_V4L2_FRMSIZE_TYPE_STEPWISE;
const INTERVAL_DISCRETE: u32 = v4l2_frmivaltypes_V4L2_FRMIVAL_TYPE_DISCRETE;
const INTERVAL_CONTINUOUS: u32 = v4l2_frmivaltypes_V4L2_FRMIVAL_TYPE_CONTINUOUS;
const INTERVAL_STEPWISE: u32 = v4l2_frmivaltypes_V4L2_FRMIVAL_TYPE_STEPWISE;
/// `V4L2_FIELD_NONE`: progressive.
const FIELD_NONE: u32 = 1;
/// `V4L2_PIX_FMT_PRIV_MAGIC`: the fields of `v4l2_pix_format` from `flags` on are filled.
const EXTENDED: u32 = 0xfeed_cafe;
/// `V4L2_QUANTIZATION_LIM_RANGE`.
const LIMITED_RANGE: u32 = 2;

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
plain!(v4l2_capability, v4l2_query_ext_ctrl, v4l2_querymenu, v4l2_ext_control, ExtControls);
plain!(v4l2_fmtdesc, v4l2_frmsizeenum, v4l2_frmivalenum, v4l2_format, v4l2_streamparm);
plain!(v4l2_requestbuffers, v4l2_buffer, v4l2_exportbuffer);

/// `struct v4l2_ext_controls`, which the crate keeps to itself.
#[repr(C)]
#[derive(Clone, Copy)]
struct ExtControls {
    which: u32,
    count: u32,
    error_idx: u32,
    request_fd: i32,
    reserved: u32,
    controls: *mut v4l2_ext_control,
}

const _: () = {
    assert!(size_of::<ExtControls>() == 32);
    assert!(mem::offset_of!(ExtControls, count) == 4);
    assert!(mem::offset_of!(ExtControls, controls) == 24);
};

/// The ioctl `request` with its structure.
fn ioctl<T: Plain>(handle: &Handle, request: vidioc::_IOC_TYPE, argument: &mut T) -> io::Result<()> {
    // SAFETY: `argument` has the size that the request names. Of the requests made here those of extended controls follow
    // a pointer in it, and see to it.
    unsafe { call(handle, request, size_of::<T>(), ptr::from_mut(argument).cast()) }
}

/// The same as a question of setting up, which a signal does not end.
fn ask<T: Plain>(device: &Device, request: vidioc::_IOC_TYPE, argument: &mut T) -> io::Result<()> {
    let argument = ptr::from_mut(argument).cast();
    // SAFETY: as above.
    unsafe { call_until_answered(device, request, size_of::<T>(), argument) }
}

/// # Safety
/// As of [`call`].
unsafe fn call_until_answered(
    device: &Device,
    request: vidioc::_IOC_TYPE,
    size: usize,
    argument: *mut c_void,
) -> io::Result<()> {
    let handle = device.handle();
    // SAFETY: promised by the caller.
    uninterrupted(|| unsafe { call(&handle, request, size, argument) })
}

/// # Safety
/// `argument` points to a structure of integers of `size` bytes.
unsafe fn call(
    handle: &Handle,
    request: vidioc::_IOC_TYPE,
    size: usize,
    argument: *mut c_void,
) -> io::Result<()> {
    // The size is a part of the number (`_IOC_SIZE`); with another structure the kernel would write beyond
    // it.
    if (request as u32 >> 16) & 0x3fff != size as u32 {
        return Err(Errno::INVAL.into());
    }
    // SAFETY: the descriptor is open as long as its handle, and the kernel reads and writes `size` bytes.
    unsafe { v4l::v4l2::ioctl(handle.fd(), request, argument) }
}

/// `VIDIOC_QUERYCAP`.
pub(crate) fn query_capability(device: &Device) -> io::Result<v4l2_capability> {
    let mut capability = v4l2_capability::zeroed();
    ask(device, vidioc::VIDIOC_QUERYCAP, &mut capability)?;
    Ok(capability)
}

/// What the crate cannot do: it panics on values that cameras do return (a colorspace, a field order or a type of
/// control that it does not know, a name that is not UTF-8), and lists without an end.
impl Driver for Device {
    fn format_at(&self, index: u32) -> io::Result<[u8; 4]> {
        let mut format = v4l2_fmtdesc::zeroed();
        format.index = index;
        format.type_ = CAPTURE;
        ask(self, vidioc::VIDIOC_ENUM_FMT, &mut format)?;
        Ok(format.pixelformat.to_le_bytes())
    }

    fn size_at(&self, fourcc: [u8; 4], index: u32) -> io::Result<Option<SizeRange>> {
        let mut size = v4l2_frmsizeenum::zeroed();
        size.index = index;
        size.pixel_format = u32::from_le_bytes(fourcc);
        ask(self, vidioc::VIDIOC_ENUM_FRAMESIZES, &mut size)?;
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
        ask(self, vidioc::VIDIOC_ENUM_FRAMEINTERVALS, &mut interval)?;
        Ok(interval_range(&interval))
    }

    fn format(&self) -> io::Result<BufferFormat> {
        let mut format = v4l2_format::zeroed();
        format.type_ = CAPTURE;
        ask(self, vidioc::VIDIOC_G_FMT, &mut format)?;
        Ok(buffer_format(&format))
    }

    fn set_format(&self, fourcc: [u8; 4], (width, height): (u32, u32)) -> io::Result<BufferFormat> {
        let mut format = v4l2_format::zeroed();
        format.type_ = CAPTURE;
        // Stride and size stay 0: some drivers keep a stride that they are given.
        format.fmt.pix.width = width;
        format.fmt.pix.height = height;
        format.fmt.pix.pixelformat = u32::from_le_bytes(fourcc);
        format.fmt.pix.field = FIELD_NONE;
        ask(self, vidioc::VIDIOC_S_FMT, &mut format)?;
        Ok(buffer_format(&format))
    }

    fn interval(&self) -> io::Result<Interval> {
        parameters(self, vidioc::VIDIOC_G_PARM, Interval { numerator: 0, denominator: 0 })
    }

    fn set_interval(&self, interval: Interval) -> io::Result<Interval> {
        parameters(self, vidioc::VIDIOC_S_PARM, interval)
    }

    fn control_after(&self, id: u32) -> io::Result<v4l2_query_ext_ctrl> {
        self.control_at(id | V4L2_CTRL_FLAG_NEXT_CTRL)
    }

    fn control_at(&self, id: u32) -> io::Result<v4l2_query_ext_ctrl> {
        let mut control = v4l2_query_ext_ctrl::zeroed();
        control.id = id;
        ask(self, vidioc::VIDIOC_QUERY_EXT_CTRL, &mut control)?;
        Ok(control)
    }

    fn menu_item(&self, id: u32, index: u32) -> io::Result<[u8; 32]> {
        let mut menu = v4l2_querymenu::zeroed();
        menu.id = id;
        menu.index = index;
        ask(self, vidioc::VIDIOC_QUERYMENU, &mut menu)?;
        let item = menu.__bindgen_anon_1;
        // SAFETY: all bytes of the union are initialised, and any bytes are an array of them.
        Ok(unsafe { item.name })
    }

    fn value(&self, id: u32, type_: u32) -> io::Result<i64> {
        let value = extended_control(self, vidioc::VIDIOC_G_EXT_CTRLS, id, 0)?;
        // Of the others the lower half is the value, which lies first.
        Ok(if type_ == u32::from(Type::Integer64) { value } else { i64::from(value as i32) })
    }

    fn set_value(&self, id: u32, value: i64) -> io::Result<()> {
        extended_control(self, vidioc::VIDIOC_S_EXT_CTRLS, id, value).map(drop)
    }
}

/// `VIDIOC_G_EXT_CTRLS` or `VIDIOC_S_EXT_CTRLS` of one control: its value afterwards.
fn extended_control(device: &Device, request: vidioc::_IOC_TYPE, id: u32, value: i64) -> io::Result<i64> {
    let mut control = v4l2_ext_control::zeroed();
    control.id = id;
    control.__bindgen_anon_1.value64 = value;
    let mut controls = ExtControls::zeroed();
    controls.count = 1;
    controls.controls = &raw mut control;
    // The kernel follows the pointer to the one control, which lives longer than the call. It writes there what
    // lies in the structure itself: a type whose value lies elsewhere is refused, its size here being 0.
    ask(device, request, &mut controls)?;
    let value = control.__bindgen_anon_1;
    // SAFETY: all bytes of the union are initialised, and any bytes are an integer.
    Ok(unsafe { value.value64 })
}

fn size_range(size: &v4l2_frmsizeenum) -> Option<SizeRange> {
    let union = size.__bindgen_anon_1;
    match size.type_ {
        SIZE_DISCRETE => {
            // SAFETY: all bytes of the union are initialised, and any bytes are integers.
            let size = unsafe { union.discrete };
            Some(SizeRange::Discrete(size.width, size.height))
        }
        SIZE_STEPWISE | SIZE_CONTINUOUS => {
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
    let union = interval.__bindgen_anon_1;
    match interval.type_ {
        INTERVAL_DISCRETE => {
            // SAFETY: all bytes of the union are initialised, and any bytes are integers.
            Some(IntervalRange::Discrete(unsafe { union.discrete }.into()))
        }
        INTERVAL_STEPWISE | INTERVAL_CONTINUOUS => {
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
        limited: pix.priv_ == EXTENDED && pix.quantization == LIMITED_RANGE,
    }
}

/// `VIDIOC_G_PARM` or `VIDIOC_S_PARM`.
fn parameters(device: &Device, request: vidioc::_IOC_TYPE, wanted: Interval) -> io::Result<Interval> {
    let mut parameters = v4l2_streamparm::zeroed();
    parameters.type_ = CAPTURE;
    parameters.parm.capture.timeperframe =
        v4l2_fract { numerator: wanted.numerator, denominator: wanted.denominator };
    ask(device, request, &mut parameters)?;
    // SAFETY: all bytes of the union are initialised, and any bytes are integers.
    Ok(unsafe { parameters.parm.capture.timeperframe }.into())
}

/// Streaming on an open device.
pub(crate) struct KernelQueue {
    handle: Arc<Handle>,
}

impl KernelQueue {
    /// The queue of the device behind `handle`, which stays open as long.
    pub(crate) fn new(handle: Arc<Handle>) -> Self {
        Self { handle }
    }

    fn fd(&self) -> BorrowedFd<'_> {
        // SAFETY: the handle keeps its descriptor open until it drops.
        unsafe { BorrowedFd::borrow_raw(self.handle.fd()) }
    }

    /// An ioctl about one buffer of this queue.
    fn buffer(&self, request: vidioc::_IOC_TYPE, index: u32) -> io::Result<v4l2_buffer> {
        let mut buffer = v4l2_buffer::zeroed();
        buffer.index = index;
        buffer.type_ = CAPTURE;
        buffer.memory = MMAP;
        ioctl(&self.handle, request, &mut buffer)?;
        Ok(buffer)
    }
}

/// The argument of `VIDIOC_STREAMON` and `VIDIOC_STREAMOFF`: an `int`.
impl Plain for i32 {
    fn zeroed() -> Self {
        0
    }
}

impl CaptureQueue for KernelQueue {
    type Mapping = KernelMapping;

    fn request_buffers(&self, count: u32) -> io::Result<u32> {
        let mut request = v4l2_requestbuffers::zeroed();
        request.count = count;
        request.type_ = CAPTURE;
        request.memory = MMAP;
        ioctl(&self.handle, vidioc::VIDIOC_REQBUFS, &mut request)?;
        Ok(request.count)
    }

    fn query_buffer(&self, index: u32) -> io::Result<Extent> {
        let buffer = self.buffer(vidioc::VIDIOC_QUERYBUF, index)?;
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
                self.fd(),
                u64::from(extent.offset),
            )
        }?;
        let pointer = NonNull::new(pointer.cast()).ok_or(Errno::FAULT)?;
        Ok(KernelMapping { pointer, length })
    }

    fn export_buffer(&self, index: u32) -> io::Result<OwnedFd> {
        let mut export = v4l2_exportbuffer::zeroed();
        export.index = index;
        export.type_ = CAPTURE;
        export.flags = EXPORT_FLAGS;
        ioctl(&self.handle, vidioc::VIDIOC_EXPBUF, &mut export)?;
        if export.fd < 0 {
            return Err(Errno::BADF.into());
        }
        // SAFETY: the kernel has just opened this descriptor for us, and it is nowhere else.
        Ok(unsafe { OwnedFd::from_raw_fd(export.fd) })
    }

    fn queue_buffer(&self, index: u32) -> io::Result<()> {
        self.buffer(vidioc::VIDIOC_QBUF, index).map(drop)
    }

    fn dequeue_buffer(&self) -> io::Result<Dequeued> {
        let buffer = self.buffer(vidioc::VIDIOC_DQBUF, 0)?;
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
        ioctl(&self.handle, vidioc::VIDIOC_STREAMON, &mut CAPTURE.cast_signed())
    }

    fn stream_off(&self) -> io::Result<()> {
        ioctl(&self.handle, vidioc::VIDIOC_STREAMOFF, &mut CAPTURE.cast_signed())
    }

    fn poll(&self, timeout: Duration) -> io::Result<Readiness> {
        readiness(self.fd(), timeout)
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
    use std::{io::Write, os::fd::AsFd};

    /// Any open file stands for a device: it returns ENOTTY, and `/dev/zero` can be mapped.
    fn queue(path: &str) -> KernelQueue {
        KernelQueue::new(Device::with_path(path).unwrap().handle())
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
        let (queue, device) = (queue("/dev/null"), Device::with_path("/dev/null").unwrap());
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
            format.fmt.pix.priv_ = EXTENDED;
            format.fmt.pix.quantization = LIMITED_RANGE;
            assert!(buffer_format(&format).limited);
        }
    }

    #[test]
    fn structure_of_another_size_never_reaches_the_kernel() {
        let queue = queue("/dev/null");
        let error = ioctl(&queue.handle, vidioc::VIDIOC_QUERYCAP, &mut 0i32).unwrap_err();
        assert_eq!(Errno::from_io_error(&error), Some(Errno::INVAL));
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
