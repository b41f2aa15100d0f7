//! Whether pictures are wanted, and how an idle camera thread is woken by the first reader.

use std::{
    sync::{
        Arc, Condvar, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

/// The number of readers that want pictures.
#[derive(Debug, Default)]
pub(super) struct Interest {
    count: AtomicUsize,
    lock: Mutex<()>,
    came: Condvar,
}

impl Interest {
    /// Whether there is any.
    pub(super) fn any(&self) -> bool {
        self.count() > 0
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    /// One more, until the result drops.
    pub(super) fn join(self: &Arc<Self>) -> Wanting {
        if self.count.fetch_add(1, Ordering::Relaxed) == 0 {
            // A thread that checked the count before this is waiting by the time that the lock is free.
            drop(self.lock.lock().unwrap_or_else(PoisonError::into_inner));
            self.came.notify_all();
        }
        Wanting(Arc::clone(self))
    }

    /// Waits for the first one, `timeout` at most; whether there is any then.
    pub(super) fn wait(&self, timeout: Duration) -> bool {
        let lock = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.came.wait_timeout_while(lock, timeout, |()| !self.any());
        drop(waited.unwrap_or_else(PoisonError::into_inner));
        self.any()
    }
}

/// One reader, until it drops.
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
    fn waiting_thread_is_woken_by_the_first_reader() {
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
