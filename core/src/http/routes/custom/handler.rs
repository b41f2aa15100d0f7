//! Calls a handler, and answers in its place where it fails.

use super::{Reply, Request};
use eyelet_hal::clock::Clock;
use std::{
    future::poll_fn,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::Poll,
    time::Duration,
};
use tokio::time::timeout;

/// A handler that keeps the thread for this long delays everybody else by a frame.
const KEEPS_THREAD: Duration = Duration::from_millis(50);

/// The longest that an answer may take. Its connection counts as busy meanwhile.
const LONGEST: Duration = Duration::from_secs(30);

type Answer = Pin<Box<dyn Future<Output = Reply> + Send>>;

/// What answers the requests of one route.
#[derive(Clone)]
pub(super) struct Handler {
    call: Call,
    /// That it keeps the thread was logged.
    slow: Arc<AtomicBool>,
}

#[derive(Clone)]
enum Call {
    AtOnce(Arc<dyn Fn(&Request) -> Reply + Send + Sync>),
    Later(Arc<dyn Fn(Request) -> Answer + Send + Sync>),
}

impl Handler {
    pub(super) fn at_once<R: Into<Reply>>(handler: impl Fn(&Request) -> R + Send + Sync + 'static) -> Self {
        Self::new(Call::AtOnce(Arc::new(move |request| handler(request).into())))
    }

    pub(super) fn later<R: Into<Reply>, F: Future<Output = R> + Send + 'static>(
        handler: impl Fn(Request) -> F + Send + Sync + 'static,
    ) -> Self {
        Self::new(Call::Later(Arc::new(move |request| {
            let answer = handler(request);
            Box::pin(async { answer.await.into() })
        })))
    }

    fn new(call: Call) -> Self {
        Self { call, slow: Arc::default() }
    }

    /// Its answer to a request of `path`, or ours if it panics or takes too long.
    pub(super) async fn call(&self, path: &str, request: Request, clock: &dyn Clock) -> Reply {
        let later = match &self.call {
            Call::AtOnce(handler) => {
                return self.guard(path, clock, || handler(&request)).unwrap_or_else(failed);
            }
            Call::Later(handler) => self.guard(path, clock, || handler(request)),
        };
        let Some(mut later) = later else { return failed() };
        let answered = poll_fn(|cx| match self.guard(path, clock, || later.as_mut().poll(cx)) {
            Some(Poll::Pending) => Poll::Pending,
            Some(Poll::Ready(reply)) => Poll::Ready(reply),
            None => Poll::Ready(failed()),
        });
        timeout(LONGEST, answered).await.unwrap_or_else(|_| {
            tracing::warn!(path, "the handler of a route gave no answer within {LONGEST:?}");
            Reply::text("the answer takes too long\n").with_status(503)
        })
    }

    /// What `work` results in; `None` if it panics. The panic itself was printed by the program's hook.
    fn guard<T>(&self, path: &str, clock: &dyn Clock, work: impl FnOnce() -> T) -> Option<T> {
        let began = clock.monotonic();
        // What a panic may leave half done is the handler's own: a mutex of its is poisoned then.
        let done = catch_unwind(AssertUnwindSafe(work));
        let took = clock.monotonic().saturating_sub(began);
        if took >= KEEPS_THREAD && !self.slow.swap(true, Ordering::Relaxed) {
            tracing::warn!(path, ?took, "the handler of a route kept all connections waiting");
        }
        if done.is_err() {
            tracing::error!(path, "the handler of a route panicked");
        }
        done.ok()
    }
}

fn failed() -> Reply {
    Reply::text("the application failed to answer\n").with_status(500)
}

#[cfg(test)]
mod tests {
    use super::*;
    use eyelet_hal::clock::ManualClock;

    #[tokio::test]
    async fn handler_that_keeps_the_thread_is_noticed() {
        let clock = Arc::new(ManualClock::new(Duration::ZERO));
        for (keeps, noticed) in [(KEEPS_THREAD / 2, false), (KEEPS_THREAD, true)] {
            let (one, other) = (Arc::clone(&clock), Arc::clone(&clock));
            let at_once = Handler::at_once(move |_| one.advance(keeps));
            let later = Handler::later(move |_| {
                let clock = Arc::clone(&other);
                async move { clock.advance(keeps) }
            });
            for handler in [at_once, later] {
                let request =
                    Request::new(String::new(), String::new(), Default::default(), Default::default(), None);
                handler.call("/x", request, &*clock).await;
                assert_eq!(handler.slow.load(Ordering::Relaxed), noticed, "{keeps:?}");
            }
        }
    }
}
