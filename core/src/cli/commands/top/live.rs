//! The table on a terminal, once a second.

use super::{
    screen::{Screen, keys},
    source::Source,
    table,
    view::View,
};
use crate::{
    Backoff,
    cli::{Failure, Outcome, Output, Signals},
    watch::Unauthorized,
};
use eyelet_hal::Result;
use rustix::process::{Signal, getpid, kill_process};
use serde_json::Value;
use std::{error::Error as _, future::pending, io, pin::pin, time::Duration};
use tokio::signal::unix::{SignalKind, signal};

/// Between one answer and the next question.
const PERIOD: Duration = Duration::from_secs(1);

/// The longest time between attempts at a server that is gone.
const LONGEST: Duration = Duration::from_secs(8);

/// Shows the state until stopped. A server that is gone is waited for; one that wants credentials now is not.
pub(super) async fn show(source: Source, first: Value, signals: &mut Signals, output: &Output) -> Outcome {
    let cannot = |e: io::Error| {
        Failure::runtime(format!("cannot watch for signals: {e}; is the system out of memory?"))
    };
    let mut resized = signal(SignalKind::window_change()).map_err(cannot)?;
    let mut suspended = signal(SignalKind::from_raw(Signal::TSTP.as_raw())).map_err(cannot)?;
    let mut screen = Screen::enter(output)?;
    let mut keys = keys();
    let mut view = View::of(&source.shown(), first);
    let mut backoff = Backoff::without_jitter(PERIOD, LONGEST);
    let mut next = pin!(after(PERIOD, source));
    loop {
        screen.draw(&table::text(&view, Some((screen.size(), output.has_colours()))));
        tokio::select! {
            ended = signals.stopped() => return ended,
            key = key(&mut keys) => if key.eq_ignore_ascii_case(&b'q') {
                return Ok(());
            },
            _ = resized.recv() => {}
            _ = suspended.recv() => {
                drop(screen);
                // Here it stands until the shell has it go on.
                let _ = kill_process(getpid(), Signal::STOP);
                screen = Screen::enter(output)?;
            }
            (source, state) = &mut next => {
                let pause = match state {
                    Ok(state) => {
                        backoff.success();
                        view.renew(state);
                        PERIOD
                    }
                    Err(error) if error.source().is_some_and(|source| source.is::<Unauthorized>()) => {
                        return Err(error.into());
                    }
                    Err(error) => {
                        let pause = backoff.failure();
                        view.lost = Some(format!("again in {} s: {error}", pause.as_secs()));
                        pause
                    }
                };
                next.set(after(pause, source));
            }
        }
    }
}

async fn after(pause: Duration, source: Source) -> (Source, Result<Value>) {
    tokio::time::sleep(pause).await;
    source.state().await
}

async fn key(keys: &mut tokio::sync::mpsc::Receiver<u8>) -> u8 {
    match keys.recv().await {
        Some(key) => key,
        // No keyboard, or no more.
        None => pending().await,
    }
}
