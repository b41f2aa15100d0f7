//! The progress of a request on a connection, and how long to wait when there is none.

use super::Timeouts;
use std::{
    future::Future,
    io,
    pin::{Pin, pin},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, timeout_at},
};

/// About 30 years: an instant so far away can be calculated with.
const FAR: Duration = Duration::from_secs(1_000_000_000);

/// A wait that ends so much too late was not awake: the process was stopped, as by Ctrl-Z, and goes on.
const LATE: Duration = Duration::from_secs(1);

/// What has happened since the request on a connection was begun. Cloning gives another handle to the same.
#[derive(Clone, Debug)]
pub(crate) struct Flow(Arc<Mutex<Marks>>);

#[derive(Clone, Copy, Debug)]
struct Marks {
    begun: Instant,
    /// When bytes went or came last.
    moved: Instant,
    wrote: bool,
    /// When the system had taken all that was written.
    sent: Option<Instant>,
    heard: bool,
}

impl Marks {
    fn new() -> Self {
        let now = Instant::now();
        Self { begun: now, moved: now, wrote: false, sent: None, heard: false }
    }

    /// Whatever was waited for may have come meanwhile: it has its time once more, to be read.
    fn go_on(&mut self) {
        let now = Instant::now();
        if let Some(sent) = &mut self.sent {
            self.begun = now.checked_sub(*sent - self.begun).unwrap_or(now);
            *sent = now;
        }
        self.moved = now;
    }
}

/// Why a request is given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Silence {
    /// The peer takes no bytes.
    Stuck(Duration),
    /// It has the request, and does not answer.
    NoAnswer(Duration),
}

impl Flow {
    pub(super) fn new() -> Self {
        Self(Arc::new(Mutex::new(Marks::new())))
    }

    /// A new request begins.
    pub(super) fn begin(&self) {
        *self.marks() = Marks::new();
    }

    /// Whether a byte of an answer has come.
    pub(super) fn heard(&self) -> bool {
        self.marks().heard
    }

    /// Whether all of the request has been sent.
    pub(crate) fn sent(&self) -> bool {
        self.marks().sent.is_some()
    }

    /// Does the work, which is a request on this connection, for as long as bytes go out. The answer may then take its own
    /// time, and as long again as the sending took: that much may still be under way in the network.
    pub(crate) async fn watch<T>(
        &self,
        work: impl Future<Output = T>,
        timeouts: &Timeouts,
    ) -> Result<T, Silence> {
        let mut work = pin!(work);
        let (progress, response) = (timeouts.progress.min(FAR), timeouts.response.min(FAR));
        loop {
            let marks = *self.marks();
            let (end, silence) = match marks.sent {
                None => (marks.moved + progress, Silence::Stuck(progress)),
                Some(sent) => (sent + (sent - marks.begun) + response, Silence::NoAnswer(response)),
            };
            let now = Instant::now();
            if now >= end {
                return Err(silence);
            }
            // What is waited for may change on the way.
            let until = end.min(now + progress.min(response) / 2);
            if let Ok(done) = timeout_at(until, &mut work).await {
                return Ok(done);
            }
            if until.elapsed() >= LATE {
                self.marks().go_on();
            }
        }
    }

    fn marks(&self) -> MutexGuard<'_, Marks> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A stream that keeps a [`Flow`] up to date.
#[derive(Debug)]
pub(super) struct Watched<S> {
    pub(super) stream: S,
    pub(super) flow: Flow,
}

impl<S> Watched<S> {
    fn wrote(&self, polled: &Poll<io::Result<usize>>) {
        if let Poll::Ready(Ok(1..)) = polled {
            let mut marks = self.flow.marks();
            marks.moved = Instant::now();
            (marks.wrote, marks.sent) = (true, None);
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buf);
        if buf.filled().len() > before {
            let mut marks = self.flow.marks();
            marks.moved = Instant::now();
            marks.heard = true;
        }
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.wrote(&polled);
        polled
    }

    /// hyper flushes when it has nothing left to write.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_flush(cx);
        if let Poll::Ready(Ok(())) = polled {
            let mut marks = self.flow.marks();
            if marks.wrote && marks.sent.is_none() {
                marks.sent = Some(Instant::now());
            }
        }
        polled
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.wrote(&polled);
        polled
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::sleep;

    const TIMEOUTS: Timeouts = Timeouts {
        connect: Duration::ZERO,
        progress: Duration::from_secs(30),
        response: Duration::from_secs(10),
    };

    /// So many seconds pass between one byte and the next, until all are sent; then the answer takes its time.
    async fn upload(bytes: u32, each: u64, answer: u64) -> Result<(), Silence> {
        let flow = Flow::new();
        let work = async {
            for _ in 0..bytes {
                sleep(Duration::from_secs(each)).await;
                flow.marks().moved = Instant::now();
            }
            flow.marks().sent = Some(Instant::now());
            sleep(Duration::from_secs(answer)).await;
        };
        flow.watch(work, &TIMEOUTS).await
    }

    #[tokio::test(start_paused = true)]
    async fn upload_that_makes_progress_may_take_any_time() {
        assert_eq!(upload(1000, 29, 9).await, Ok(()));
        assert_eq!(upload(1, 31, 0).await, Err(Silence::Stuck(TIMEOUTS.progress)));
        let begun = Instant::now();
        assert!(upload(1, 3600, 0).await.is_err());
        assert_eq!(begun.elapsed(), TIMEOUTS.progress);
    }

    #[tokio::test(start_paused = true)]
    async fn answer_may_take_as_long_again_as_sending_took() {
        assert_eq!(upload(0, 0, 9).await, Ok(()));
        let begun = Instant::now();
        assert_eq!(upload(0, 0, 3600).await, Err(Silence::NoAnswer(TIMEOUTS.response)));
        assert_eq!(begun.elapsed(), TIMEOUTS.response);
        assert_eq!(upload(4, 25, 109).await, Ok(()));
        let begun = Instant::now();
        assert!(upload(4, 25, 3600).await.is_err());
        assert_eq!(begun.elapsed(), Duration::from_secs(100 + 100 + 10));
    }

    /// All timers are over when the process goes on, before it has read what came meanwhile.
    #[tokio::test(start_paused = true)]
    async fn answer_that_came_while_the_process_was_stopped_is_heard() {
        for is_sent in [false, true] {
            let flow = Flow::new();
            flow.marks().sent = is_sent.then(Instant::now);
            let (answer, answered) = tokio::sync::oneshot::channel();
            let stopped = async {
                tokio::time::advance(Duration::from_secs(3600)).await;
                // Lets the timers go off.
                tokio::task::yield_now().await;
                answer.send(()).unwrap();
            };
            let (heard, ()) = tokio::join!(flow.watch(answered, &TIMEOUTS), stopped);
            assert_eq!(heard, Ok(Ok(())), "sent: {is_sent}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn timeouts_without_end_are_possible() {
        let endless = Timeouts { progress: Duration::MAX, response: Duration::MAX, ..TIMEOUTS };
        let work = sleep(Duration::from_secs(86_400 * 365));
        assert_eq!(Flow::new().watch(work, &endless).await, Ok(()));
    }
}
