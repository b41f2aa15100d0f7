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

/// The line of a command that ends by itself: `50 %, 12 s left  TEXT  [##########----------]`. `done` is from 0 to 1, after so many
/// seconds, and `None` where there is no end. A narrow terminal cuts off what is least important, the bar.
pub(super) fn progress(done: Option<f64>, seconds: f64, text: &str) -> String {
    let Some(done) = done.map(|done| done.clamp(0.0, 1.0)) else { return text.to_owned() };
    let full = (done * BAR as f64) as usize;
    let left = match seconds / done * (1.0 - done) {
        _ if done == 0.0 => String::new(),
        left @ ..100.0 => format!(", {left:.0} s left"),
        left @ ..6000.0 => format!(", {:.0} min left", left / 60.0),
        left => format!(", {:.0} h left", left / 3600.0),
    };
    format!("{:.0} %{left}  {text}  [{}{}]", (100.0 * done).floor(), "#".repeat(full), "-".repeat(BAR - full))
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
    fn progress_shows_the_share_and_the_time_left_first() {
        let line = |done, seconds| progress(Some(done), seconds, "9 frames");
        assert_eq!(line(0.0, 3.0), "0 %  9 frames  [--------------------]");
        assert_eq!(line(0.25, 10.0), "25 %, 30 s left  9 frames  [#####---------------]");
        assert_eq!(line(0.5, 600.0), "50 %, 10 min left  9 frames  [##########----------]");
        assert_eq!(line(0.001, 100.0), "0 %, 28 h left  9 frames  [--------------------]");
        assert_eq!(line(0.999, 999.0), "99 %, 1 s left  9 frames  [###################-]");
        assert_eq!(line(7.0, 10.0), "100 %, 0 s left  9 frames  [####################]");
        assert_eq!(progress(None, 10.0, "9 frames"), "9 frames");
    }
}
