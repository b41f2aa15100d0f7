//! `upload URL`: pictures sent to a server until stopped, or until so many were accepted.

use super::{
    status_line::{every_second, progress},
    stoppable,
};
use crate::{
    cli::{
        Failure, Outcome, Output, Platform, Signals, UploadArgs,
        output::stdout_is_open,
        runtime,
        setup::{pipeline, upload},
    },
    feed::Hub,
};
use eyelet_hal::{
    ErrorKind,
    clock::{Clock, SystemClock},
};
use std::{num::NonZeroU64, sync::Arc, time::Duration};

/// How long a counted upload waits for a picture, or this many of the camera's periods. A silent camera is opened again three
/// times in it.
const PATIENCE: Duration = Duration::from_secs(60);
const PERIODS: u32 = 5;

pub(super) fn run<D: Platform>(args: &UploadArgs<D::Flags>, output: &Output) -> Outcome {
    stdout_is_open()?;
    output.log(&args.camera.log)?;
    let runtime = runtime()?;
    let mut signals = Signals::watch(&runtime)?;
    let hub = Hub::default();
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let pipeline = pipeline::pipeline::<D>(
        &args.camera,
        (pipeline::device::<D>(&args.camera)?, 0),
        hub.clone(),
        Arc::clone(&clock),
        &mut || signals.check(&runtime, || Failure::Stopped),
    )?;
    // Before the camera starts, so that its first frame counts.
    let mut upload = upload::to(args.url.clone(), &args.upload_flags, &hub)?;
    if let Some(count) = args.count {
        let patience = PATIENCE.max(args.camera.fps.period().saturating_mul(PERIODS));
        upload = upload.limit(count.get()).patience(patience);
    }
    let progress = upload.progress();
    hub.status.uploading(move || progress.status());
    let camera = pipeline.spawn()?;
    let started = clock.monotonic();
    let ended = runtime.block_on(async {
        tokio::select! {
            ended = upload.run() => ended.map_err(|error| match hub.status.snapshot(clock.monotonic()).health {
                Err(reason) if error.kind() == ErrorKind::TimedOut => Failure::runtime(format!("{error}: {reason}")),
                _ => Failure::from(error),
            }),
            ended = signals.stopped() => ended,
            () = every_second(output, || line(args.count, &hub, clock.monotonic(), started)) => Ok(()),
        }
    });
    drop(camera);
    output.status("");
    let counts = &hub.metrics.upload;
    let (accepted, failed, dropped) = (counts.accepted.get(), counts.failed.get(), counts.dropped.get());
    let spooled = match &args.upload_flags.spool {
        Some(_) => format!(", {} in the spool", hub.metrics.spool.pictures.get()),
        None => String::new(),
    };
    let counts = output.line(&format!("{accepted} accepted, {failed} failed, {dropped} dropped{spooled}"));
    let written = stoppable::write(output, counts, &mut signals, &runtime);
    // Does not wait for a lookup of the server's name that may still be under way.
    runtime.shutdown_background();
    ended.and(written)
}

/// What a terminal shows meanwhile.
fn line(count: Option<NonZeroU64>, hub: &Hub, now: Duration, started: Duration) -> String {
    let status = hub.status.snapshot(now);
    let Some(upload) = status.upload else { return String::new() };
    let done = count.map(|count| upload.accepted as f64 / count.get() as f64);
    let spool = upload.spool.map(|spool| format!("  {} in the spool", spool.pictures));
    let reason = status.health.err().or(upload.last_error);
    let text = format!(
        "{} accepted  {} failed  {} dropped{}{}",
        upload.accepted,
        upload.failed,
        upload.dropped,
        spool.unwrap_or_default(),
        reason.map(|reason| format!("  {reason}")).unwrap_or_default()
    );
    progress(done, (now - started).as_secs_f64(), &text)
}
