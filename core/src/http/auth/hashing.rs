//! Passwords' hashes: one at a time, on a thread of its own, accounts with the fewest failures first.
//!
//! A hash takes up to seconds and tens of megabytes, by design. A client that guesses a lot, over however many connections,
//! comes after all others; and no request waits for longer than [`DEADLINE`] for its turn.

use super::{throttle::PATIENCE, verifier::Verifier};
use crate::http::auth::lock;
use eyelet_hal::{Error, ErrorKind, Result};
use std::{
    sync::{Arc, Condvar, Mutex, PoisonError},
    thread,
    time::Duration,
};
use tokio::{sync::oneshot, time::timeout};

/// How many requests may wait for their turn. Beyond, the one with the most failures is rejected.
const WAITING: usize = 64;

/// How long a request may wait for its turn.
const DEADLINE: Duration = PATIENCE;

/// The thread and its queue. It ends when this drops.
#[derive(Debug)]
pub(super) struct Hashing(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    queue: Mutex<Queue>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Queue {
    waiting: Vec<Job>,
    next: u64,
    closed: bool,
}

/// A password to check.
#[derive(Debug)]
struct Job {
    /// The failures of the account, then the order of arrival.
    rank: (u32, u64),
    verifier: Arc<Verifier>,
    user: Vec<u8>,
    password: Vec<u8>,
    answer: oneshot::Sender<bool>,
}

impl Hashing {
    /// Starts the thread now: later the system may have none to give.
    pub(super) fn start() -> Result<Self> {
        let shared = Arc::<Shared>::default();
        let hashing = Self(Arc::clone(&shared));
        let thread = thread::Builder::new().name("passwords".to_owned());
        thread.spawn(move || while shared.next().map(Job::run).is_some() {}).map_err(|e| {
            let what = format!("cannot start a thread for passwords: {e}");
            Error::new(ErrorKind::OutOfMemory, what)
                .with_remedy("is the limit of processes reached?")
                .with_source(e)
        })?;
        Ok(hashing)
    }

    /// Whether the password is right; `None` if that cannot be found out in time. `wrong` is the number of failures of the
    /// account.
    pub(super) async fn check(
        &self,
        verifier: &Arc<Verifier>,
        user: Vec<u8>,
        password: Vec<u8>,
        wrong: u32,
    ) -> Option<bool> {
        let (answer, mut answered) = oneshot::channel();
        let rank = self.0.push(|number| {
            let verifier = Arc::clone(verifier);
            Job { rank: (wrong, number), verifier, user, password, answer }
        })?;
        match timeout(DEADLINE, &mut answered).await {
            Ok(right) => right.ok(),
            // It has its turn: then it is waited for.
            Err(_) if !self.0.take_back(rank) => answered.await.ok(),
            Err(_) => None,
        }
    }
}

impl Drop for Hashing {
    fn drop(&mut self) {
        lock(&self.0.queue).closed = true;
        self.0.changed.notify_one();
    }
}

impl Shared {
    /// Queues a job if there is room, or one of an account with more failures. Its rank.
    fn push(&self, job: impl FnOnce(u64) -> Job) -> Option<(u32, u64)> {
        let mut queue = lock(&self.queue);
        // Clients that have left meanwhile need no answer.
        queue.waiting.retain(|job| !job.answer.is_closed());
        queue.next += 1;
        let job = job(queue.next);
        let rank = job.rank;
        if queue.waiting.len() >= WAITING {
            let last = (0..WAITING).max_by_key(|&at| queue.waiting[at].rank)?;
            if queue.waiting[last].rank < rank {
                return None;
            }
            queue.waiting.swap_remove(last);
        }
        queue.waiting.push(job);
        self.changed.notify_one();
        Some(rank)
    }

    fn take_back(&self, rank: (u32, u64)) -> bool {
        let mut queue = lock(&self.queue);
        let found = queue.waiting.iter().position(|job| job.rank == rank);
        found.map(|at| queue.waiting.swap_remove(at)).is_some()
    }

    /// Waits for the next one to compute; none at the end.
    fn next(&self) -> Option<Job> {
        let mut queue = lock(&self.queue);
        loop {
            if queue.closed {
                return None;
            }
            let first = (0..queue.waiting.len()).min_by_key(|&at| queue.waiting[at].rank);
            match first.map(|at| queue.waiting.swap_remove(at)) {
                Some(job) if job.answer.is_closed() => {}
                Some(job) => return Some(job),
                None => queue = self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }
}

impl Job {
    fn run(self) {
        // The client may be gone.
        let _ = self.answer.send(self.verifier.check(&self.user, &self.password));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(shared: &Shared, wrong: u32) -> Option<oneshot::Receiver<bool>> {
        let (answer, answered) = oneshot::channel();
        let verifier = Arc::new(Verifier::new(vec![], None, [0; 32]));
        shared.push(|number| Job {
            rank: (wrong, number),
            verifier,
            user: vec![],
            password: vec![],
            answer,
        })?;
        Some(answered)
    }

    #[test]
    fn job_with_fewest_failures_is_first_and_one_whose_client_left_is_skipped() {
        let shared = Shared::default();
        let _kept = [5, 1, 9, 1].map(|wrong| job(&shared, wrong).unwrap());
        drop(job(&shared, 0).unwrap());
        let order: Vec<_> = (0..4).map(|_| shared.next().unwrap().rank).collect();
        assert_eq!(order, [(1, 2), (1, 4), (5, 1), (9, 3)]);
    }

    #[test]
    fn full_queue_drops_the_job_with_most_failures() {
        let shared = Shared::default();
        let mut guessers: Vec<_> = (0..WAITING as u32).map(|i| job(&shared, 4 + i).unwrap()).collect();
        assert!(job(&shared, 100).is_none());
        let honest = job(&shared, 1).unwrap();
        assert!(guessers.pop().unwrap().try_recv() == Err(oneshot::error::TryRecvError::Closed));
        assert_eq!(shared.next().unwrap().rank.0, 1);
        drop(honest);
        assert_eq!(lock(&shared.queue).waiting.len(), WAITING - 1);
    }

    #[tokio::test(start_paused = true)]
    async fn request_without_its_turn_in_time_has_no_verdict() {
        // Its thread never takes anything.
        let hashing = Hashing(Arc::default());
        let verifier = Arc::new(Verifier::new(vec![], None, [0; 32]));
        assert_eq!(hashing.check(&verifier, vec![], vec![], 1).await, None);
        assert!(lock(&hashing.0.queue).waiting.is_empty());
    }
}
