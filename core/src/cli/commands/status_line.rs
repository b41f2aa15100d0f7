//! The one live line that a command shows on a terminal.
//!
//! indicatif, which most programs have for this, would hold up the command: it writes to the terminal where it is called, and a
//! terminal that was stopped with Ctrl-S takes nothing.

use crate::{cli::Output, feed::Hub};
use eyelet_hal::clock::Clock;
use std::time::Duration;

/// The characters of a bar.
const BAR: usize = 20;

/// What `serve` shows.
pub(super) async fn show(hubs: &[Hub], clock: &dyn Clock, output: &Output) {
    every_second(output, || line(hubs, clock)).await;
}

/// Rewrites the line once a second, until the future is dropped.
pub(super) async fn every_second(output: &Output, mut line: impl FnMut() -> String) {
    if !output.shows_status() {
        return std::future::pending().await;
    }
    let mut seconds = tokio::time::interval(Duration::from_secs(1));
    loop {
        seconds.tick().await;
        output.status(&line());
    }
}

/// How far a command is that ends by itself: `  50 %, 12 s left  [##########----------]`. `done` is from 0 to 1, after so many
/// seconds. For the end of a line: where that is cut to a narrow terminal, nothing is missed.
pub(super) fn bar(done: f64, seconds: f64) -> String {
    let done = done.clamp(0.0, 1.0);
    let full = (done * BAR as f64) as usize;
    let left = match seconds / done * (1.0 - done) {
        _ if done == 0.0 => String::new(),
        left @ ..100.0 => format!(", {left:.0} s left"),
        left @ ..6000.0 => format!(", {:.0} min left", left / 60.0),
        left => format!(", {:.0} h left", left / 3600.0),
    };
    format!("  {:.0} %{left}  [{}{}]", (100.0 * done).floor(), "#".repeat(full), "-".repeat(BAR - full))
}

fn line(hubs: &[Hub], clock: &dyn Clock) -> String {
    if let [hub] = hubs {
        return of_one(hub, clock);
    }
    let viewers: i64 = hubs.iter().map(|hub| hub.metrics.viewers.get()).sum();
    let camera = |hub: &Hub| {
        let status = hub.status.snapshot(clock.monotonic());
        status
            .health
            .map_or_else(|reason| format!("no signal: {reason}"), |()| format!("{:.1} fps", status.fps))
    };
    let cameras: Vec<_> = hubs.iter().map(camera).collect();
    format!("{}  {}", cameras.join(" | "), watched(viewers))
}

fn watched(viewers: i64) -> String {
    format!("{viewers} viewer{}", if viewers == 1 { "" } else { "s" })
}

fn of_one(hub: &Hub, clock: &dyn Clock) -> String {
    let status = hub.status.snapshot(clock.monotonic());
    let watched = watched(hub.metrics.viewers.get());
    match status.health {
        Err(reason) => format!("no signal: {reason}  {watched}"),
        Ok(()) if !hub.feed.wanted() => format!("{:.1} fps  idle, no viewers", status.fps),
        Ok(()) => format!(
            "{:.1} fps  encode {:.1} ms  {watched}  {:.1} kB/frame",
            status.fps,
            1000.0 * status.encode_time.as_secs_f64(),
            status.picture_len as f64 / 1000.0,
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bar_shows_the_share_and_the_time_left() {
        assert_eq!(bar(0.0, 3.0), "  0 %  [--------------------]");
        assert_eq!(bar(0.25, 10.0), "  25 %, 30 s left  [#####---------------]");
        assert_eq!(bar(0.5, 600.0), "  50 %, 10 min left  [##########----------]");
        assert_eq!(bar(0.001, 100.0), "  0 %, 28 h left  [--------------------]");
        assert_eq!(bar(0.999, 999.0), "  99 %, 1 s left  [###################-]");
        assert_eq!(bar(7.0, 10.0), "  100 %, 0 s left  [####################]");
    }
}
