//! The one live line that `serve` shows on a terminal.

use crate::{cli::Output, feed::Hub};
use eyelet_hal::clock::Clock;
use std::time::Duration;

/// Rewrites the line once a second, until the future is dropped.
pub(super) async fn show(hubs: &[Hub], clock: &dyn Clock, output: &Output) {
    if !output.is_terminal() {
        return std::future::pending().await;
    }
    let mut seconds = tokio::time::interval(Duration::from_secs(1));
    loop {
        seconds.tick().await;
        output.status(&line(hubs, clock));
    }
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
