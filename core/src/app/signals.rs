//! The signals that end a server, for a program that has no code of its own for them.

use eyelet_hal::{Error, ErrorKind, Result};
use std::{
    fs,
    future::poll_fn,
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::Poll,
    thread,
};
use tokio::{
    runtime,
    signal::unix::{Signal, SignalKind, signal},
    sync::{Notify, oneshot},
};

/// Watches for signals from when it is made: before the devices are opened, which may take long.
pub(super) struct Signals {
    state: Arc<State>,
    /// Ends the thread, unless a signal has come.
    _unused: oneshot::Sender<()>,
}

#[derive(Default)]
struct State {
    came: AtomicBool,
    stop: Notify,
}

impl Signals {
    /// # Errors
    /// `OutOfMemory` if the system refuses what is needed for it.
    pub(super) fn watch() -> Result<Self> {
        let runtime = runtime::Builder::new_current_thread().enable_io().build().map_err(failed)?;
        let mut caught = {
            let _context = runtime.enter();
            Caught::all().map_err(failed)?
        };
        let state = Arc::new(State::default());
        let (unused, dropped) = oneshot::channel();
        let thread = {
            let state = Arc::clone(&state);
            // Of its own: the others may be at a driver, or in a function of the application, that does not return.
            thread::Builder::new().name("signals".to_owned()).spawn(move || {
                runtime.block_on(async {
                    tokio::select! {
                        _ = caught.next() => {}
                        _ = dropped => return,
                    }
                    state.came.store(true, Ordering::Relaxed);
                    state.stop.notify_one();
                    end(caught.next().await);
                });
            })
        };
        thread.map(|_| Self { state, _unused: unused }).map_err(failed)
    }

    /// Whether one has come.
    pub(super) fn came(&self) -> bool {
        self.state.came.load(Ordering::Relaxed)
    }

    /// Waits for the first one.
    pub(super) async fn stopped(&self) {
        self.state.stop.notified().await;
    }
}

/// Ends the process as a shell reports one that was ended by this signal: with 128 and its number.
#[expect(clippy::exit, reason = "the second signal is for a program that does not end by the first")]
fn end(signal: i32) -> ! {
    std::process::exit(128 + signal)
}

struct Caught(Vec<(i32, Signal)>);

impl Caught {
    fn all() -> io::Result<Self> {
        let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
        let kinds = kinds.into_iter().filter(|kind| !is_ignored(*kind));
        kinds.map(|kind| Ok((kind.as_raw_value(), signal(kind)?))).collect::<io::Result<_>>().map(Self)
    }

    /// The number of the next one.
    async fn next(&mut self) -> i32 {
        poll_fn(|cx| {
            let mut all = self.0.iter_mut();
            let came = all.find_map(|(number, signal)| signal.poll_recv(cx).is_ready().then_some(*number));
            came.map_or(Poll::Pending, Poll::Ready)
        })
        .await
    }
}

/// Whether this process ignores the signal because `nohup`, or a shell for a program in the background, had it do so. To be
/// asked before the signal is caught.
pub(crate) fn is_ignored(kind: SignalKind) -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    ignored(&status) >> (kind.as_raw_value() - 1) & 1 == 1
}

/// Which signals a process ignores, by its `/proc/self/status`.
fn ignored(status: &str) -> u64 {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}

fn failed(error: io::Error) -> Error {
    Error::new(ErrorKind::OutOfMemory, format!("cannot watch for signals: {error}"))
        .with_remedy("is the limit of processes or of open files reached?")
        .with_source(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_that_the_process_ignores_are_read_from_its_status() {
        let status =
            "Name:\tapp\nSigBlk:\t0000000000000002\nSigIgn:\t0000000000001001\nSigCgt:\t0000000000000004\n";
        assert_eq!(ignored(status), 0b1_0000_0000_0001, "SIGHUP and SIGPIPE");
        assert_eq!(ignored(""), 0);
        // Rust's own.
        assert_eq!(ignored(&fs::read_to_string("/proc/self/status").unwrap()) >> 12 & 1, 1);
    }
}
