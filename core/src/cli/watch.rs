//! `watch URL`: any MJPEG-over-HTTP stream, measured.

use super::{Outcome, Output, Signals, WatchArgs};
use crate::{
    clock::SystemClock,
    upload::proxy,
    watch::{self, Options, Report, StreamUrl},
};
use std::cell::RefCell;

pub(super) fn run(args: &WatchArgs, output: &Output) -> Outcome {
    let frames = args.frames.map(std::num::NonZeroU64::get);
    let url = args.roots.stream(args.url.clone())?;
    let proxy = proxy::choose(&url.0, None, |name| std::env::var(name).ok())?;
    let url = proxy.into_iter().fold(url, StreamUrl::through);
    let token = args.token.token()?;
    let options = Options { token, frames, duration: args.seconds, ..Options::default() };
    let last = RefCell::new(None);
    let progress = |report: &Report| {
        output.status(&format!(
            "{} frames  {:.1} fps  {} gaps  {} damaged",
            report.frames, report.fps, report.gaps, report.damaged
        ));
        last.replace(Some(report.clone()));
    };
    let runtime = super::runtime()?;
    let mut signals = Signals::watch(&runtime)?;
    let report = runtime.block_on(async {
        tokio::select! {
            report = watch::watch(&url, &options, &SystemClock, progress) => report.map(Some),
            // What was measured until then still counts.
            _ = signals.stopped() => Ok(last.take()),
        }
    })?;
    output.status("");
    match report {
        // Numbers always serialise.
        Some(report) if args.json => output.print(&serde_json::to_string_pretty(&report).unwrap_or_default()),
        Some(report) => output.print(report.to_string().trim_end()),
        None => Ok(()),
    }
}
