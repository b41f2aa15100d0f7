//! Signals: the ordinary end of a command, the extraordinary ones, and the reloading of files.

use super::{Failure, Outcome};
use crate::app::is_ignored;
use std::{
    future::poll_fn,
    io::{self, IsTerminal},
    task::{Context, Poll},
};
use tokio::{
    runtime::Runtime,
    signal::unix::{Signal, SignalKind, signal},
    task::yield_now,
};

/// Signals other than SIGINT and SIGTERM that end a program by default. One that is sent by mistake, or meant for another
/// program, must not leave a watchdog behind that restarts the machine.
///
/// Not among them: SIGKILL; SIGPIPE, which Rust ignores; SIGSEGV, SIGABRT, SIGTRAP and the like, after which no state can be
/// trusted; SIGTSTP, SIGTTIN and SIGTTOU, by which a person stops a program and has it go on.
const FATAL: [(&str, i32); 9] = {
    use rustix::process::Signal as S;
    [
        ("SIGQUIT", S::QUIT.as_raw()),
        ("SIGUSR2", S::USR2.as_raw()),
        ("SIGALRM", S::ALARM.as_raw()),
        ("SIGVTALRM", S::VTALARM.as_raw()),
        ("SIGPROF", S::PROF.as_raw()),
        ("SIGIO", S::IO.as_raw()),
        ("SIGXCPU", S::XCPU.as_raw()),
        ("SIGPWR", S::POWER.as_raw()),
        ("SIGSTKFLT", S::STKFLT.as_raw()),
    ]
};

/// Real-time signals, but for those that C libraries have for themselves.
const REAL_TIME: std::ops::RangeInclusive<i32> = 35..=64;

/// What to do about a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    /// The ordinary end: SIGINT or SIGTERM, or the terminal is gone.
    Stop,
    /// An end by the signal of this name, which nothing sends on purpose.
    Fail(&'static str),
    /// Reload files: SIGHUP or SIGUSR1.
    Reload,
}

/// All signals that end a program, caught from the moment this is made: before a command reports that it is ready.
#[derive(Debug)]
pub struct Signals {
    watched: Vec<(Request, Signal)>,
    /// Which of stdin, stdout and stderr were terminals at the beginning.
    terminals: [bool; 3],
    /// The program was started to outlive its terminal, as with `nohup`: a hang-up ends no command.
    outlives: bool,
    /// Whether one has ended the command.
    have_ended: bool,
}

impl Signals {
    /// Catches them from now on.
    ///
    /// # Errors
    /// If that is not possible; then a command must not start, since it could not be stopped cleanly.
    pub fn watch(runtime: &Runtime) -> Result<Self, Failure> {
        let _context = runtime.enter();
        let outlives = is_ignored(SignalKind::hangup());
        let all = || -> io::Result<Self> {
            // A file that may not grow is an error where it is written, and no end.
            drop(signal(SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw()))?);
            let mut watched = vec![
                (Request::Stop, signal(SignalKind::interrupt())?),
                (Request::Stop, signal(SignalKind::terminate())?),
                (Request::Reload, signal(SignalKind::hangup())?),
                (Request::Reload, signal(SignalKind::user_defined1())?),
            ];
            for (name, number) in
                FATAL.into_iter().chain(REAL_TIME.map(|number| ("a real-time signal", number)))
            {
                watched.push((Request::Fail(name), signal(SignalKind::from_raw(number))?));
            }
            Ok(Self { watched, terminals: terminals(), outlives, have_ended: false })
        };
        all().map_err(|e| {
            Failure::runtime(format!("cannot watch for signals: {e}; is the system out of memory?"))
        })
    }

    /// What to do about the next one.
    pub async fn next(&mut self) -> Request {
        poll_fn(|cx| self.poll(cx)).await
    }

    /// What to do about one that has come, for a command that waits for a device on this thread.
    pub(super) fn pending(&mut self, runtime: &Runtime) -> Option<Request> {
        runtime.block_on(async {
            // In between, the runtime looks at what has come.
            yield_now().await;
            poll_fn(|cx| match self.poll(cx) {
                Poll::Ready(request) => Poll::Ready(Some(request)),
                Poll::Pending => Poll::Ready(None),
            })
            .await
        })
    }

    /// Fails if one has come that ends a command, with this if it is an ordinary end. For commands that have no files to reload.
    pub(super) fn check(&mut self, runtime: &Runtime, stopped: fn() -> Failure) -> Outcome {
        match self.pending(runtime) {
            None => Ok(()),
            Some(Request::Reload) if self.outlives => Ok(()),
            Some(Request::Fail(name)) => Err(failed(name)),
            Some(Request::Stop | Request::Reload) => Err(stopped()),
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Request> {
        let mut all = self.watched.iter_mut();
        let came = all.find_map(|(request, signal)| signal.poll_recv(cx).is_ready().then_some(*request));
        match came {
            None => Poll::Pending,
            // A terminal that is gone sends SIGHUP too: a program that was started there could not be stopped by hand any more.
            Some(Request::Reload) if !self.outlives && terminals() != self.terminals => {
                Poll::Ready(Request::Stop)
            }
            Some(request) => Poll::Ready(request),
        }
    }

    /// Waits for the end of a command that has no files to reload.
    ///
    /// # Errors
    /// If it is not one of those that end commands ordinarily.
    pub async fn stopped(&mut self) -> Outcome {
        let ended = loop {
            match self.next().await {
                Request::Fail(name) => break Err(failed(name)),
                Request::Reload if self.outlives => {}
                Request::Stop | Request::Reload => break Ok(()),
            }
        };
        self.have_ended = true;
        ended
    }

    /// Whether [`stopped`](Self::stopped) has returned.
    pub(super) fn have_ended(&self) -> bool {
        self.have_ended
    }
}

/// Why a command ends by this signal.
pub(super) fn failed(name: &str) -> Failure {
    Failure::runtime(format!("stopped by {name}; stop it with SIGTERM"))
}

/// A terminal whose other end has gone is one no more.
fn terminals() -> [bool; 3] {
    [io::stdin().is_terminal(), io::stdout().is_terminal(), io::stderr().is_terminal()]
}
