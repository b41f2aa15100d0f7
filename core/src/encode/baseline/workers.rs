//! Threads that wait for work which borrows from its caller.
//!
//! The standard library's scoped threads would do, but they are started anew for each frame. These are started once,
//! and giving them work allocates nothing.
#![allow(unsafe_code)]

use std::{
    io, mem,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Barrier, Condvar, Mutex, MutexGuard, PoisonError},
    thread::{self, JoinHandle},
};

/// Processes the item with that number.
type Work<'a> = &'a (dyn Fn(usize) + Sync);

/// Threads, ended when dropped.
pub(super) struct Workers {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

/// What the threads share with their owner.
#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    /// There is work, or the threads are to end.
    called: Condvar,
    /// No thread is at work.
    idle: Condvar,
}

#[derive(Default)]
struct State {
    /// `Some` while [`Workers::run`] runs, whose reference it is; the lifetime is not true.
    work: Option<Work<'static>>,
    /// From here to `end`: the items that no thread has taken yet.
    next: usize,
    end: usize,
    /// Threads that process an item.
    busy: usize,
    panicked: bool,
    stopped: bool,
}

impl State {
    fn take(&mut self) -> Option<usize> {
        let item = (self.next < self.end).then_some(self.next)?;
        self.next += 1;
        Some(item)
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it holds the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The loop of a thread.
    fn serve(&self) {
        let mut state = self.state();
        while !state.stopped {
            let Some((work, item)) = state.work.and_then(|work| Some((work, state.take()?))) else {
                state = self.called.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            state.busy += 1;
            drop(state);
            // The caller waits for this item: it must see a panic, not wait forever.
            let done = catch_unwind(AssertUnwindSafe(|| work(item)));
            state = self.state();
            state.panicked |= done.is_err();
            state.busy -= 1;
            if state.busy == 0 {
                self.idle.notify_one();
            }
        }
    }
}

/// Takes the work back when dropped, however the caller leaves.
struct Recall<'a>(&'a Shared);

impl Drop for Recall<'_> {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.end = 0;
        while state.busy > 0 {
            state = self.0.idle.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.work = None;
    }
}

impl Workers {
    /// Starts `count` threads.
    ///
    /// # Errors
    /// If the system refuses one.
    pub(super) fn start(count: usize) -> io::Result<Self> {
        let mut workers = Self { shared: Arc::default(), threads: Vec::with_capacity(count) };
        for _ in 0..count {
            let shared = Arc::clone(&workers.shared);
            let builder = thread::Builder::new().name("eyelet-encode".to_owned());
            workers.threads.push(builder.spawn(move || shared.serve())?);
        }
        // All that a starting thread does and allocates is over before the first frame.
        let all_here = Barrier::new(count + 1);
        workers.run(count + 1, &|_| {
            all_here.wait();
        });
        Ok(workers)
    }

    /// How many threads there are.
    pub(super) fn count(&self) -> usize {
        self.threads.len()
    }

    /// Calls `work` with 0 up to `items`, each once, on these threads and on this one, and returns when all are done.
    ///
    /// # Panics
    /// When `work` does.
    pub(super) fn run(&mut self, items: usize, work: Work<'_>) {
        // SAFETY: only the lifetime changes. No thread has this reference any more when `recall` has been dropped,
        // which is before this function returns or unwinds; as `self` is borrowed mutably, it is not called twice
        // at a time.
        let lent = unsafe { mem::transmute::<Work<'_>, Work<'static>>(work) };
        let recall = Recall(&self.shared);
        {
            let mut state = self.shared.state();
            *state = State { work: Some(lent), end: items, ..State::default() };
        }
        self.shared.called.notify_all();
        loop {
            // The lock is given back before the item is done.
            let item = self.shared.state().take();
            let Some(item) = item else { break };
            work(item);
        }
        drop(recall);
        assert!(!self.shared.state().panicked, "a thread of the encoder panicked; its message is above");
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        self.shared.state().stopped = true;
        self.shared.called.notify_all();
        for thread in self.threads.drain(..) {
            // Its panics were caught, and reported where they happened.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{atomic::AtomicUsize, atomic::Ordering::Relaxed};

    #[test]
    fn each_item_is_done_once_and_before_run_returns() {
        for threads in 0..4 {
            let mut workers = Workers::start(threads).unwrap();
            for items in (0..50).chain([1000]) {
                let done: Vec<AtomicUsize> = (0..items).map(|_| AtomicUsize::new(0)).collect();
                workers.run(items, &|item| {
                    done[item].fetch_add(1, Relaxed);
                });
                assert!(
                    done.iter().all(|times| times.load(Relaxed) == 1),
                    "{threads} threads, {items} items"
                );
            }
        }
    }

    #[test]
    fn all_threads_and_the_caller_work_at_the_same_time() {
        let mut workers = Workers::start(3).unwrap();
        // Passes only with four threads at once.
        let barrier = Barrier::new(4);
        for _ in 0..20 {
            workers.run(8, &|_| {
                barrier.wait();
            });
        }
    }

    #[test]
    fn panic_reaches_the_caller_and_the_threads_continue() {
        let mut workers = Workers::start(2).unwrap();
        for culprit in 0..8 {
            let barrier = Barrier::new(2);
            let panicked = catch_unwind(AssertUnwindSafe(|| {
                workers.run(8, &|item| {
                    // Two take part at least, so that the caller is the culprit now and a thread then.
                    if item < 2 {
                        barrier.wait();
                    }
                    assert!(item != culprit, "as the test wants");
                });
            }));
            assert!(panicked.is_err());
            let count = AtomicUsize::new(0);
            workers.run(100, &|_| {
                count.fetch_add(1, Relaxed);
            });
            assert_eq!(count.into_inner(), 100);
        }
    }
}
