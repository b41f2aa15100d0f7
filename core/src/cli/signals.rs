//! SIGINT and SIGTERM: the ordinary end of a command.

use super::Failure;
use std::io;
use tokio::{
    runtime::Runtime,
    signal::unix::{Signal, SignalKind, signal},
};

/// Both signals, watched from the moment this is made: before a command says that it is ready.
#[derive(Debug)]
pub struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// Watches for them.
    ///
    /// # Errors
    /// If that cannot be; then a command must not start, since it could not be stopped cleanly.
    pub fn watch(runtime: &Runtime) -> Result<Self, Failure> {
        let _context = runtime.enter();
        let both = || -> io::Result<Self> {
            Ok(Self {
                interrupt: signal(SignalKind::interrupt())?,
                terminate: signal(SignalKind::terminate())?,
            })
        };
        both().map_err(|e| {
            Failure::runtime(format!("cannot watch for signals: {e}; is the system out of memory?"))
        })
    }

    /// Until one of them has come.
    pub async fn stopped(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
