//! Whether anybody wants pictures, and how a camera thread that rests learns of the first who does.

use std::{
    sync::{
        Arc, Condvar, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

/// How many want pictures.
#[derive(Debug, Default)]
pub(super) struct Interest {
    count: AtomicUsize,
    lock: Mutex<()>,
    came: Condvar,
}

impl Interest {
    /// Whether anybody does.
    pub(super) fn any(&self) -> bool {
        self.count.load(Ordering::Relaxed) > 0
    }

    /// One more, until the result drops.
    pub(super) fn join(self: &Arc<Self>) -> Wanting {
        if self.count.fetch_add(1, Ordering::Relaxed) == 0 {
            // Who looked before this is waiting by the time that the lock is there to be had.
            drop(self.lock.lock().unwrap_or_else(PoisonError::into_inner));
            self.came.notify_all();
        }
        Wanting(Arc::clone(self))
    }

    /// Waits until somebody does, `timeout` at most; whether somebody does then.
    pub(super) fn wait(&self, timeout: Duration) -> bool {
        let lock = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.came.wait_timeout_while(lock, timeout, |()| !self.any());
        drop(waited.unwrap_or_else(PoisonError::into_inner));
        self.any()
    }
}

/// One that wants pictures.
#[derive(Debug)]
pub(super) struct Wanting(Arc<Interest>);

impl Drop for Wanting {
    fn drop(&mut self) {
        self.0.count.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{sync::mpsc, thread};

    #[test]
    fn who_waits_learns_of_the_first_that_comes() {
        let interest = Arc::<Interest>::default();
        assert!(!interest.wait(Duration::ZERO));
        for _ in 0..100 {
            let (begin, begun) = mpsc::channel();
            let waiter = {
                let interest = Arc::clone(&interest);
                thread::spawn(move || {
                    begin.send(()).unwrap();
                    interest.wait(Duration::from_secs(3600))
                })
            };
            begun.recv().unwrap();
            let (one, other) = (interest.join(), interest.join());
            assert!(waiter.join().unwrap());
            drop(one);
            assert!(interest.any());
            drop(other);
            assert!(!interest.any());
        }
    }
}
