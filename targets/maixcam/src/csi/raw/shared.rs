//! What the camera and the thread that waits for its frames share.

use super::waiter::Opened;
use crate::sys::abi::FrameInfo;
use eyelet_hal::{Error, ErrorKind, Result};
use std::{
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak},
    time::{Duration, Instant},
};

/// The desk between the two.
#[derive(Debug, Default)]
pub(super) struct Shared {
    state: Mutex<State>,
    for_camera: Condvar,
    for_waiter: Condvar,
}

/// Whether a camera, or a thread of it that hangs in the driver, may have the scaler open.
#[derive(Debug, Default)]
pub(in crate::csi) struct InUse(Weak<Shared>);

impl InUse {
    pub(super) fn of(shared: &Arc<Shared>) -> Self {
        Self(Arc::downgrade(shared))
    }

    pub(in crate::csi) fn get(&self) -> bool {
        self.0.strong_count() > 0
    }
}

#[derive(Debug, Default)]
pub(super) struct State {
    /// What opening came to, until the camera has taken it.
    pub(super) opened: Option<Result<Opened>>,
    /// Between `start` and `stop`.
    pub(super) running: bool,
    /// No frame is lent, and none is ready: the thread is to wait for one.
    pub(super) wanted: bool,
    /// The thread is at a call.
    pub(super) busy: bool,
    /// A frame that the camera has not taken yet.
    pub(super) ready: Option<Ready>,
    /// Why no more frames come.
    pub(super) failed: Option<Failure>,
    /// The thread is to end.
    pub(super) over: bool,
}

/// A frame that is held.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ready {
    pub(super) frame: FrameInfo,
    /// When it was taken, on the monotonic clock.
    pub(super) at: Duration,
}

/// An error that is returned more than once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    kind: ErrorKind,
    what: String,
}

impl Failure {
    pub(super) fn disconnected(what: String) -> Self {
        Self { kind: ErrorKind::Disconnected, what }
    }
}

impl From<&Failure> for Error {
    fn from(failure: &Failure) -> Self {
        Self::new(failure.kind, failure.what.clone())
    }
}

impl Shared {
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn wake_camera(&self) {
        self.for_camera.notify_one();
    }

    pub(super) fn wake_waiter(&self) {
        self.for_waiter.notify_one();
    }

    /// Lets the camera wait until it is woken, or until `deadline`; `false` if that is over.
    pub(super) fn camera_waits<'a>(
        &self,
        state: MutexGuard<'a, State>,
        deadline: Option<Instant>,
    ) -> (MutexGuard<'a, State>, bool) {
        wait(&self.for_camera, state, deadline)
    }

    /// The same for the thread.
    pub(super) fn waiter_waits<'a>(
        &self,
        state: MutexGuard<'a, State>,
        deadline: Option<Instant>,
    ) -> (MutexGuard<'a, State>, bool) {
        wait(&self.for_waiter, state, deadline)
    }
}

fn wait<'a>(
    condvar: &Condvar,
    state: MutexGuard<'a, State>,
    deadline: Option<Instant>,
) -> (MutexGuard<'a, State>, bool) {
    let Some(deadline) = deadline else {
        return (condvar.wait(state).unwrap_or_else(PoisonError::into_inner), true);
    };
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() {
        return (state, false);
    }
    (condvar.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0, true)
}
