//! The system calls themselves: the only file here with `unsafe`.
#![allow(unsafe_code)]

use super::queue::{CaptureQueue, Dequeued, Extent, Mapping, Readiness};
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
use v4l::{device::Handle, v4l_sys::*, v4l2::vidioc};

const CAPTURE: u32 = v4l2_buf_type_V4L2_BUF_TYPE_VIDEO_CAPTURE;
const MMAP: u32 = v4l2_memory_V4L2_MEMORY_MMAP;
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
plain!(v4l2_capability, v4l2_query_ext_ctrl, v4l2_querymenu);
plain!(v4l2_requestbuffers, v4l2_buffer, v4l2_exportbuffer);

/// The ioctl `request` with its structure.
fn ioctl<T: Plain>(handle: &Handle, request: vidioc::_IOC_TYPE, argument: &mut T) -> io::Result<()> {
    // The size is a part of the number (`_IOC_SIZE`); with another structure the kernel would write beyond
    // it.
    if (request as u32 >> 16) & 0x3fff != size_of::<T>() as u32 {
        return Err(Errno::INVAL.into());
    }
    // SAFETY: the descriptor is open as long as its handle, and `argument` has the size that the kernel reads
    // and writes. The requests made here follow no pointer in it.
    unsafe { v4l::v4l2::ioctl(handle.fd(), request, ptr::from_mut(argument).cast::<c_void>()) }
}

/// `VIDIOC_QUERYCAP`.
pub(super) fn query_capability(handle: &Handle) -> io::Result<v4l2_capability> {
    let mut capability = v4l2_capability::zeroed();
    ioctl(handle, vidioc::VIDIOC_QUERYCAP, &mut capability)?;
    Ok(capability)
}

/// `VIDIOC_QUERY_EXT_CTRL`: the first control after `id` that is no compound.
pub(super) fn query_control_after(handle: &Handle, id: u32) -> io::Result<v4l2_query_ext_ctrl> {
    let mut control = v4l2_query_ext_ctrl::zeroed();
    control.id = id | V4L2_CTRL_FLAG_NEXT_CTRL;
    ioctl(handle, vidioc::VIDIOC_QUERY_EXT_CTRL, &mut control)?;
    Ok(control)
}

/// `VIDIOC_QUERYMENU`: the 32 bytes of the item, a name or an integer.
pub(super) fn query_menu(handle: &Handle, id: u32, index: u32) -> io::Result<[u8; 32]> {
    let mut menu = v4l2_querymenu::zeroed();
    menu.id = id;
    menu.index = index;
    ioctl(handle, vidioc::VIDIOC_QUERYMENU, &mut menu)?;
    let item = menu.__bindgen_anon_1;
    // SAFETY: all bytes of the union are initialised, and any bytes are an array of them.
    Ok(unsafe { item.name })
}

/// Streaming on an open device.
pub(super) struct KernelQueue {
    handle: Arc<Handle>,
}

impl KernelQueue {
    /// The queue of the device behind `handle`, which stays open as long.
    pub(super) fn new(handle: Arc<Handle>) -> Self {
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
        // SAFETY: the kernel has just opened this descriptor for us, and nobody else knows it.
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
pub(super) struct KernelMapping {
    pointer: NonNull<u8>,
    length: usize,
}

// SAFETY: the mapping belongs to the process, not to a thread.
unsafe impl Send for KernelMapping {}

impl Mapping for KernelMapping {
    fn bytes(&self) -> &[u8] {
        // SAFETY: `length` bytes are mapped for reading as long as `self` lives, zeroed by the driver before
        // it mapped them. Nobody writes while the slice lives: this process cannot, and the device does so
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

    /// Any open file stands for a device: it answers ENOTTY, and `/dev/zero` can be mapped.
    fn queue(path: &str) -> KernelQueue {
        KernelQueue::new(v4l::Device::with_path(path).unwrap().handle())
    }

    #[test]
    fn what_is_no_camera_says_so() {
        let queue = queue("/dev/null");
        for error in [
            query_capability(&queue.handle).err(),
            query_control_after(&queue.handle, 0).err(),
            query_menu(&queue.handle, 1, 0).err(),
            queue.request_buffers(4).err(),
            queue.query_buffer(0).err(),
            queue.export_buffer(0).err(),
            queue.queue_buffer(0).err(),
            queue.dequeue_buffer().err(),
            queue.stream_on().err(),
            queue.stream_off().err(),
        ] {
            // The second is what an emulator says that does not know these ioctls.
            let errno = Errno::from_io_error(&error.unwrap());
            assert!(matches!(errno, Some(Errno::NOTTY | Errno::NOSYS)), "{errno:?}");
        }
    }

    #[test]
    fn a_structure_of_another_size_never_reaches_the_kernel() {
        let queue = queue("/dev/null");
        let error = ioctl(&queue.handle, vidioc::VIDIOC_QUERYCAP, &mut 0i32).unwrap_err();
        assert_eq!(Errno::from_io_error(&error), Some(Errno::INVAL));
    }

    #[test]
    fn a_mapping_reads_and_goes() {
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
