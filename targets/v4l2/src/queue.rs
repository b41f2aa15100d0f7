//! The system calls that streaming needs, as a trait: the kernel implements it, and in tests a model of the
//! kernel.

use crate::sys::{V4L2_BUF_FLAG_ERROR, V4L2_BUF_FLAG_TIMESTAMP_MASK, V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC};
use std::{io, os::fd::OwnedFd, time::Duration};

/// The capture queue of one open device, a method per system call. Errors are the system's, `EINTR` included.
pub(crate) trait CaptureQueue: Send {
    /// A buffer in the memory of this process. Dropping it unmaps it.
    type Mapping: Mapping;

    /// `VIDIOC_REQBUFS`: asks for `count` buffers, 0 frees them; returns how many there are.
    fn request_buffers(&self, count: u32) -> io::Result<u32>;

    /// `VIDIOC_QUERYBUF`: where the buffer lies, for [`map`](Self::map).
    fn query_buffer(&self, index: u32) -> io::Result<Extent>;

    /// `mmap`, for reading.
    fn map(&self, extent: Extent) -> io::Result<Self::Mapping>;

    /// `VIDIOC_EXPBUF`: the buffer as a dma-buf.
    fn export_buffer(&self, index: u32) -> io::Result<OwnedFd>;

    /// `VIDIOC_QBUF`: gives the buffer to the kernel.
    fn queue_buffer(&self, index: u32) -> io::Result<()>;

    /// `VIDIOC_DQBUF`: takes the oldest filled buffer from the kernel; `EAGAIN` if there is none.
    fn dequeue_buffer(&self) -> io::Result<Dequeued>;

    /// `VIDIOC_STREAMON`.
    fn stream_on(&self) -> io::Result<()>;

    /// `VIDIOC_STREAMOFF`: the kernel owns no buffer after it.
    fn stream_off(&self) -> io::Result<()>;

    /// `poll` for a filled buffer.
    fn poll(&self, timeout: Duration) -> io::Result<Readiness>;
}

/// A mapped buffer.
pub(crate) trait Mapping: Send {
    /// The whole buffer. To be read only while this process owns the buffer, between `VIDIOC_DQBUF` and
    /// `VIDIOC_QBUF`; the ring sees to it.
    fn bytes(&self) -> &[u8];
}

/// Where a buffer lies, for `mmap`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Extent {
    pub(crate) offset: u32,
    pub(crate) length: u32,
}

/// The result of `poll`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Readiness {
    /// `POLLIN`.
    Filled,
    /// Nothing within the timeout.
    TimedOut,
    /// `POLLERR`, `POLLHUP` or `POLLNVAL`; the reason is what the next `VIDIOC_DQBUF` returns.
    Failed,
}

/// A buffer that came from the kernel, as in `struct v4l2_buffer`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dequeued {
    pub(crate) index: u32,
    pub(crate) bytesused: u32,
    pub(crate) flags: u32,
    pub(crate) sequence: u32,
    pub(crate) timestamp: Duration,
}

impl Dequeued {
    /// Whether there is no picture in it: marked damaged, or empty.
    pub(crate) fn is_damaged(&self) -> bool {
        self.flags & V4L2_BUF_FLAG_ERROR != 0 || self.bytesused == 0
    }

    /// Whether its sequence number means something. uvcvideo hands back its queue with empty buffers, mostly
    /// of sequence 0, when the camera stalls.
    pub(crate) fn is_counted(&self) -> bool {
        self.bytesused != 0
    }

    /// The moment of capture, if the driver's clock is `CLOCK_MONOTONIC` and was read.
    pub(crate) fn captured_at(&self) -> Option<Duration> {
        let clock = self.flags & V4L2_BUF_FLAG_TIMESTAMP_MASK;
        (clock == V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC && !self.timestamp.is_zero()).then_some(self.timestamp)
    }
}
