//! What clients ask the camera thread to change, and its answers.

use super::CameraValues;
use eyelet_hal::Quality;
use std::{
    collections::BTreeMap,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};
use tokio::sync::oneshot;

/// Why nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// What is wrong about each of these names.
    Wrong(BTreeMap<String, String>),
    /// The camera cannot be asked now, for this reason.
    Unavailable(String),
}

/// A request, and where its answer goes. Who gave up waiting has dropped the other end.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) changes: CameraValues,
    /// Changed together with these, or not at all.
    pub(crate) quality: Option<Quality>,
    pub(crate) answer: oneshot::Sender<Result<(), Refusal>>,
}

/// The place of one request on its way to the camera thread, which looks without a lock whether there is one.
#[derive(Debug, Default)]
pub(crate) struct Requests {
    waiting: AtomicBool,
    slot: Mutex<Option<Request>>,
}

impl Requests {
    /// Asks for changes, in place of a request that was not taken; the answer comes from the camera thread. No changes ask it
    /// to list what there is anew.
    pub(crate) fn ask(
        &self,
        changes: CameraValues,
        quality: Option<Quality>,
    ) -> oneshot::Receiver<Result<(), Refusal>> {
        let (answer, receiver) = oneshot::channel();
        *self.slot() = Some(Request { changes, quality, answer });
        self.waiting.store(true, Ordering::Release);
        receiver
    }

    /// The request, if there is one whose answer is still waited for.
    pub(crate) fn take(&self) -> Option<Request> {
        if self.waiting.load(Ordering::Relaxed) { self.take_waiting() } else { None }
    }

    #[cold]
    fn take_waiting(&self) -> Option<Request> {
        let mut slot = self.slot();
        self.waiting.store(false, Ordering::Relaxed);
        slot.take().filter(|request| !request.answer.is_closed())
    }

    fn slot(&self) -> MutexGuard<'_, Option<Request>> {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn request_is_taken_once_and_not_after_its_client_gave_up() {
        let requests = Requests::default();
        assert!(requests.take().is_none());
        let mut answer = requests.ask(CameraValues { fps: Some(5.0), ..CameraValues::default() }, None);
        let request = requests.take().unwrap();
        assert!(request.changes.fps == Some(5.0) && requests.take().is_none());
        request.answer.send(Ok(())).unwrap();
        assert_eq!(answer.try_recv(), Ok(Ok(())));
        drop(requests.ask(CameraValues::default(), None));
        assert!(requests.take().is_none());
    }
}
