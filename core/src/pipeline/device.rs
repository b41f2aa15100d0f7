//! A device that is opened, fails, is closed and opened again: cameras and encoders alike.

use super::retry::{Next, Retry};
use eyelet_hal::{ErrorKind, Result, monotonic};
use std::time::Duration;

/// From one call of a device that is still being opened to the next.
const AGAIN: Duration = Duration::from_millis(200);

/// Opens a device: the first time, and again after it was lost or kept failing. Called on the camera thread, again and
/// again until it succeeds; the device from before is gone by then.
///
/// A device that takes long returns [`Opening`](ErrorKind::Opening) a few times a second, and goes on when it is called again:
/// whoever opens it can stop meanwhile.
pub type Open<D> = Box<dyn FnMut() -> Result<Box<D>> + Send>;

/// Sleeps for what is left of a fifth of a second since `began`, when a device returned [`Opening`](ErrorKind::Opening): one that
/// does so at once is not called in a busy loop.
pub(crate) fn wait_to_go_on(began: Duration) {
    std::thread::sleep((began + AGAIN).saturating_sub(monotonic()));
}

/// A camera or an encoder, open or not.
pub(super) struct Device<D: ?Sized> {
    open: Open<D>,
    device: Option<Box<D>>,
    retry: Retry,
    /// Failures since it was opened or last worked, except those that another one would repeat.
    faults: u32,
}

impl<D: ?Sized> Device<D> {
    /// Not yet open. It is opened anew after each `chances` failures in a row.
    pub(super) fn new(open: Open<D>, chances: u32) -> Self {
        Self { open, device: None, retry: Retry::new(chances), faults: 0 }
    }

    pub(super) fn get(&self) -> Option<&D> {
        self.device.as_deref()
    }

    /// The device, opened if it is not open.
    pub(super) fn open(&mut self) -> Result<&mut D> {
        match &mut self.device {
            Some(device) => Ok(device),
            none => {
                self.faults = 0;
                Ok(none.insert((self.open)()?))
            }
        }
    }

    /// The device, opened if it is not open, for the caller to close.
    pub(super) fn take(&mut self) -> Result<Box<D>> {
        self.device.take().map_or_else(&mut self.open, Ok)
    }

    /// Whether to use it now.
    pub(super) fn next(&self, now: Duration) -> Next {
        self.retry.next(now)
    }

    pub(super) fn worked(&mut self) {
        self.faults = 0;
        self.retry.worked();
    }

    /// It, or opening it, failed at `now`; the result is when to try again.
    pub(super) fn failed(&mut self, now: Duration, kind: ErrorKind) -> Duration {
        // Another one would not support it either.
        if kind != ErrorKind::Unsupported {
            self.faults = self.faults.saturating_add(1);
        }
        if self.faults >= self.retry.chances() {
            self.device = None;
        }
        self.retry.failed(now)
    }

    /// Its work is different from now on: what failed may work.
    pub(super) fn hurry(&mut self) {
        self.retry.hurry();
    }

    /// For how long it has failed at `now`; `None` if it works.
    pub(super) fn failing_for(&self, now: Duration) -> Option<Duration> {
        self.retry.failing_for(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use eyelet_hal::Error;
    use std::sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    };

    /// A device with a number, counted while it is there.
    struct Numbered(u32, Arc<AtomicU32>);

    impl Drop for Numbered {
        fn drop(&mut self) {
            self.1.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Of eight tries that fail with `kind`: the number of the device, or `None` where opening failed, as it does the
    /// second time.
    fn tries(chances: u32, kind: ErrorKind) -> Vec<Option<u32>> {
        let (open, mut number) = (Arc::new(AtomicU32::new(0)), 0);
        let mut device = Device::new(
            Box::new(move || {
                assert_eq!(open.load(Ordering::Relaxed), 0, "two at a time");
                number += 1;
                if number == 2 {
                    return Err(Error::new(ErrorKind::Busy, "not yet"));
                }
                open.fetch_add(1, Ordering::Relaxed);
                Ok(Box::new(Numbered(number, Arc::clone(&open))))
            }),
            chances,
        );
        let mut attempt = |_| {
            let number = device.open().map(|device| device.0);
            device.failed(Duration::ZERO, number.as_ref().map_or_else(Error::kind, |_| kind));
            number.ok()
        };
        (0..8).map(&mut attempt).collect()
    }

    #[test]
    fn device_after_its_last_chance_is_closed_and_opened_again() {
        let numbers = [1, 1, 1, 0, 3, 3, 3, 4].map(|number| Some(number).filter(|&number| number > 0));
        assert_eq!(tries(3, ErrorKind::Other), numbers);
        let numbers = [1, 0, 3, 4, 5, 6, 7, 8].map(|number| Some(number).filter(|&number| number > 0));
        assert_eq!(tries(1, ErrorKind::Other), numbers);
    }

    #[test]
    fn device_with_unsupported_work_stays_open() {
        assert_eq!(tries(3, ErrorKind::Unsupported), [Some(1); 8]);
    }

    #[test]
    fn device_that_works_gets_all_chances_back() {
        let mut number = 0;
        let mut device: Device<u32> = Device::new(
            Box::new(move || {
                number += 1;
                Ok(Box::new(number))
            }),
            2,
        );
        for _ in 0..5 {
            assert_eq!(*device.open().unwrap(), 1);
            device.failed(Duration::ZERO, ErrorKind::Other);
            device.worked();
        }
    }
}
