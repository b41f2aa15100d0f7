//! The camera side of the HAL.

use crate::{CameraControls, Frame, Result, StreamFormat};
use std::time::Duration;

/// A source of frames.
///
/// Opening is not part of it: each implementation has its own configuration, and what comes out of that is an open camera. What
/// an open camera can change, it may offer as [`controls`](Self::controls). One thread calls it; the camera may be moved to that
/// thread.
///
/// # For callers
///
/// [`start`](Self::start), then [`next_frame`](Self::next_frame) again and again, then [`stop`](Self::stop). One frame
/// is borrowed at a time, and the compiler sees to it:
///
/// ```compile_fail,E0499
/// # use eyelet_hal::*; use std::time::Duration;
/// fn two(camera: &mut dyn CameraSource) {
///     let a = camera.next_frame(Duration::ZERO);
///     let b = camera.next_frame(Duration::ZERO); // `a` still borrows the camera
///     drop((a, b));
/// }
/// ```
///
/// React to [`ErrorKind`](crate::ErrorKind): call again after `TimedOut` and `CorruptFrame`; drop the camera and
/// open it anew after `Disconnected`; treat the rest as final for this camera.
///
/// ```
/// # use eyelet_hal::*; use std::time::Duration;
/// fn count(camera: &mut dyn CameraSource, frames: u32) -> Result<u32> {
///     let mut good = 0;
///     camera.start()?;
///     for _ in 0..frames {
///         match camera.next_frame(Duration::from_millis(100)) {
///             Ok(_frame) => good += 1,
///             Err(e) if matches!(e.kind(), ErrorKind::TimedOut | ErrorKind::CorruptFrame) => {}
///             Err(e) => return Err(e),
///         }
///     }
///     camera.stop()?;
///     Ok(good)
/// }
/// ```
///
/// # For implementors
///
/// - Return within `timeout` plus scheduling, with `TimedOut` if no frame came; `Duration::ZERO` polls.
/// - Lend the *newest* frame where several wait, and let the sequence number show the gap.
/// - Stamp frames with the time of capture on `CLOCK_MONOTONIC`: later than the frame before, and never later than now.
///   That is the device's own time where it has one on this clock, else [`FrameMeta::now`](crate::FrameMeta::now).
/// - Make the [`Lease`](crate::Lease) before looking into the buffer, so that it goes back on every path.
/// - An error while giving a buffer back is returned by the next call of `next_frame`.
/// - `stop` then `start` gives frames again. `start` when started and `stop` when stopped do nothing.
///   `next_frame` when stopped is `InvalidInput`. Dropping a started camera stops it.
/// - Run [`conformance`](crate#conformance) (feature `conformance`) against it.
///
/// ```
/// # use eyelet_hal::*; use std::time::Duration;
/// /// A camera in a dark room: one grey buffer, no leases.
/// struct Dark { started: bool, sequence: u64, pixels: Vec<u8> }
///
/// impl CameraSource for Dark {
///     fn name(&self) -> &str { "dark" }
///     fn format(&self) -> StreamFormat {
///         StreamFormat::new(PixelFormat::Grey, 16, 16).expect("not zero")
///     }
///     fn start(&mut self) -> Result<()> { self.started = true; Ok(()) }
///     fn stop(&mut self) -> Result<()> { self.started = false; Ok(()) }
///     fn next_frame<'a>(&'a mut self, _timeout: Duration) -> Result<Frame<'a>> {
///         if !self.started {
///             return Err(Error::new(ErrorKind::InvalidInput, "dark: not started").with_remedy("call start()"));
///         }
///         self.sequence += 1;
///         let meta = FrameMeta::now(self.sequence);
///         Frame::new(self.format(), meta, &[Plane::host(&self.pixels, 16)])
///     }
/// }
/// # let mut dark = Dark { started: false, sequence: 0, pixels: vec![0; 256] };
/// # assert!(dark.next_frame(Duration::ZERO).is_err());
/// # dark.start().unwrap();
/// # assert_eq!(dark.next_frame(Duration::ZERO).unwrap().meta().sequence, 1);
/// ```
pub trait CameraSource: Send {
    /// What people call this camera: `/dev/video0`, `sim`. Shown in `/state` and in messages.
    fn name(&self) -> &str;

    /// What frames look like. It is settled when the camera is open and may change only across `stop`/`start`;
    /// each frame also carries its own.
    fn format(&self) -> StreamFormat;

    /// Starts capture. Does nothing if it runs.
    ///
    /// # Errors
    /// `Disconnected`, `Busy`, `OutOfMemory` and any other error of the device.
    fn start(&mut self) -> Result<()>;

    /// Lends the newest frame, waiting up to `timeout` for one.
    ///
    /// # Errors
    /// `TimedOut` when none came in time, `CorruptFrame` when one came damaged, `Busy` when every buffer is
    /// leased, `Disconnected` when the device is gone, `InvalidInput` when not started.
    fn next_frame(&mut self, timeout: Duration) -> Result<Frame<'_>>;

    /// Stops capture. Does nothing if it does not run.
    ///
    /// # Errors
    /// Those of the device; the camera counts as stopped all the same.
    fn stop(&mut self) -> Result<()>;

    /// What can be changed about the camera; `None` if that is nothing, as by default. A camera that wraps another one passes on
    /// the other's.
    fn controls(&mut self) -> Option<&mut dyn CameraControls> {
        None
    }
}

// `controls` stays as it is by default: a mock of it would have to be expected by every test.
#[cfg(feature = "mock")]
mockall::mock! {
    /// A camera that does what a test expects of it.
    pub CameraSource {}

    impl CameraSource for CameraSource {
        fn name(&self) -> &str;
        fn format(&self) -> StreamFormat;
        fn start(&mut self) -> Result<()>;
        // mockall cannot expand `Frame<'_>`.
        #[allow(clippy::needless_lifetimes)]
        fn next_frame<'a>(&'a mut self, timeout: Duration) -> Result<Frame<'a>>;
        fn stop(&mut self) -> Result<()>;
    }
}

macro_rules! forward {
    ($($pointer:ty),*) => { $(
        impl<T: CameraSource + ?Sized> CameraSource for $pointer {
            fn name(&self) -> &str {
                T::name(self)
            }
            fn format(&self) -> StreamFormat {
                T::format(self)
            }
            fn start(&mut self) -> Result<()> {
                T::start(self)
            }
            fn next_frame(&mut self, timeout: Duration) -> Result<Frame<'_>> {
                T::next_frame(self, timeout)
            }
            fn stop(&mut self) -> Result<()> {
                T::stop(self)
            }
            fn controls(&mut self) -> Option<&mut dyn CameraControls> {
                T::controls(self)
            }
        }
    )* }
}
forward!(&mut T, Box<T>);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Error, ErrorKind, FrameMeta, Lease, PixelFormat, Plane, Requeue};
    use std::cell::{Cell, RefCell};

    fn grey() -> StreamFormat {
        StreamFormat::new(PixelFormat::Grey, 1, 1).unwrap()
    }

    /// One buffer, whose way back may fail.
    struct Ring {
        free: RefCell<Vec<u32>>,
        error: Cell<Option<Error>>,
        broken: bool,
    }
    impl Requeue for Ring {
        fn requeue(&self, index: u32) {
            if self.broken {
                self.error
                    .set(Some(Error::new(ErrorKind::Disconnected, "VIDIOC_QBUF failed on /dev/video0")));
            } else {
                self.free.borrow_mut().push(index);
            }
        }
    }

    struct OneBuffer {
        ring: Ring,
    }
    impl OneBuffer {
        fn new(broken: bool) -> Self {
            Self { ring: Ring { free: RefCell::new(vec![0]), error: Cell::new(None), broken } }
        }
    }
    impl CameraSource for OneBuffer {
        fn name(&self) -> &str {
            "one"
        }
        fn format(&self) -> StreamFormat {
            grey()
        }
        fn start(&mut self) -> Result<()> {
            Ok(())
        }
        fn stop(&mut self) -> Result<()> {
            Ok(())
        }
        fn next_frame(&mut self, _: Duration) -> Result<Frame<'_>> {
            if let Some(error) = self.ring.error.take() {
                return Err(error);
            }
            let index = self
                .ring
                .free
                .borrow_mut()
                .pop()
                .ok_or_else(|| Error::new(ErrorKind::Busy, "all buffers leased"))?;
            let lease = Lease::new(&self.ring, index);
            Frame::leased(grey(), FrameMeta::default(), &[Plane::host(&[1], 1)], lease)
        }
    }

    #[test]
    fn one_buffer_is_enough_when_frames_drop() {
        let mut camera = OneBuffer::new(false);
        for _ in 0..3 {
            assert_eq!(camera.next_frame(Duration::ZERO).unwrap().planes().len(), 1);
        }
    }

    #[test]
    fn failed_requeue_is_returned_by_the_next_call() {
        let mut camera: Box<dyn CameraSource> = Box::new(OneBuffer::new(true));
        drop(camera.next_frame(Duration::ZERO).unwrap());
        assert_eq!(camera.next_frame(Duration::ZERO).unwrap_err().kind(), ErrorKind::Disconnected);
        std::thread::spawn(move || camera.stop()).join().unwrap().unwrap();
    }
}
