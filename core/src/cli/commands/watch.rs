//! `watch URL`: any MJPEG-over-HTTP stream, measured.

use super::{status_line, stoppable};
use crate::{
    cli::{Failure, Outcome, Output, RootsArgs, Signals, WatchArgs, output::stdout_is_open, runtime},
    net::client::proxy,
    watch::{self, Options, Report, StreamUrl, Unauthorized},
};
use eyelet_hal::{Error, clock::SystemClock};
use std::{error::Error as _, time::Instant};

pub(super) fn run(args: &WatchArgs, output: &Output) -> Outcome {
    stdout_is_open()?;
    let frames = args.frames.map(std::num::NonZeroU64::get);
    let mut url = args.url.clone();
    args.roots.trust(&mut url.0)?;
    let proxy = proxy::choose(&url.0, None, |name| std::env::var(name).ok())?;
    let url = proxy.into_iter().fold(url, StreamUrl::through);
    let token = args.token.token()?;
    let options = Options { token, frames, duration: args.seconds, ..Options::default() };
    let begun = Instant::now();
    let progress = |report: &Report| {
        let seconds = begun.elapsed().as_secs_f64();
        let by_frames = frames.map(|frames| report.frames as f64 / frames as f64);
        let by_time = args.seconds.map(|all| seconds / all.as_secs_f64());
        // Whichever comes first.
        let done = by_frames.into_iter().chain(by_time).reduce(f64::max);
        output.status(&status_line::progress(done, seconds, &line(report)));
    };
    let runtime = runtime()?;
    let mut signals = Signals::watch(&runtime)?;
    let mut ended = Ok(());
    let stopped = async { ended = signals.stopped().await };
    let seen = watch::watch_until(&url, &options, &SystemClock, progress, stopped);
    let report = runtime.block_on(seen);
    let written = report.map_err(|error| Failure::from(explain(error))).and_then(|report| {
        output.status("");
        let text = match args.json {
            // Numbers always serialise.
            true => serde_json::to_string_pretty(&report).unwrap_or_default(),
            false => report.to_string(),
        };
        let line = output.line(text.trim_end());
        stoppable::write(output, line, &mut signals, &runtime).map(|()| report)
    });
    // Does not wait for a lookup of the server's name that may still be under way.
    runtime.shutdown_background();
    let report = written?;
    ended?;
    if report.frames == 0 {
        let (url, ended) = (&args.url, report.ended);
        return Err(Failure::runtime(format!(
            "cannot watch {url}: no picture arrived ({ended}); wait longer, or check its camera"
        )));
    }
    Ok(())
}

/// What a terminal shows meanwhile.
fn line(report: &Report) -> String {
    let stalled = match report.stalled_seconds {
        seconds @ 2.0.. => format!("no picture for {:.0} s  ", seconds.floor()),
        _ => String::new(),
    };
    let Report { frames, fps, damaged, .. } = report;
    let gaps = report.gaps.map_or_else(String::new, |gaps| format!("{gaps} gaps  "));
    let what = if *frames == 1 { "frame" } else { "frames" };
    format!("{stalled}{frames} {what}  {fps:.1} fps  {gaps}{damaged} damaged")
}

/// Why nothing can be watched, with the flag that may help.
pub(super) fn explain(error: Error) -> Error {
    if error.source().is_some_and(|source| source.is::<Unauthorized>()) {
        return error.with_remedy(
            "write USER:PASSWORD@ before the host, or use --token-file; if you did, are they right?",
        );
    }
    RootsArgs::explain(error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::watch::{Ended, Statistics};
    use eyelet_hal::ErrorKind;
    use std::time::Duration;

    #[test]
    fn only_a_401_is_explained_with_the_flags_of_credentials() {
        let denied = || Error::new(ErrorKind::PermissionDenied, "denied").with_remedy("ask");
        assert_eq!(explain(denied()).remedy(), Some("ask"));
        let explained = explain(denied().with_source(Unauthorized));
        assert!(explained.remedy().is_some_and(|remedy| remedy.contains("--token-file")), "{explained}");
    }

    /// It went on to show the rate that the stream once had.
    #[test]
    fn line_of_a_stream_that_froze_says_since_when() {
        let mut statistics = Statistics::default();
        let mut after = |seconds| {
            let report = statistics.report(Duration::from_secs_f64(seconds), Ended::Running);
            statistics.picture(&Default::default(), Duration::from_secs_f64(seconds), Duration::ZERO);
            line(&report)
        };
        assert_eq!(after(0.0), "0 frames  0.0 fps  0 gaps  0 damaged");
        assert_eq!(after(1.5), "1 frame  0.0 fps  0 gaps  1 damaged");
        assert_eq!(after(4.0), "2 frames  0.7 fps  0 gaps  2 damaged", "less than two pauses");
        assert_eq!(after(8.9), "no picture for 4 s  3 frames  0.2 fps  0 gaps  3 damaged");
    }
}
