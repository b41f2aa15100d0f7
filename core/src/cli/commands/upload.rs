//! `upload URL`: pictures sent to a server until stopped, or until so many were accepted.

use crate::{
    cli::{
        Failure, Outcome, Output, Platform, Signals, UploadArgs, runtime,
        setup::{pipeline, upload},
    },
    feed::Hub,
};
use eyelet_hal::{
    ErrorKind,
    clock::{Clock, SystemClock},
};
use std::{sync::Arc, time::Duration};

/// How long a counted upload waits for a picture, or this many of the camera's periods. A silent camera is opened again three
/// times in it.
const PATIENCE: Duration = Duration::from_secs(60);
const PERIODS: u32 = 5;

pub(super) fn run<D: Platform>(args: &UploadArgs<D::Flags>, output: &Output) -> Outcome {
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
    let ended = runtime.block_on(async {
        tokio::select! {
            ended = upload.run() => ended.map_err(|error| match hub.status.snapshot(clock.monotonic()).health {
                Err(reason) if error.kind() == ErrorKind::TimedOut => Failure::runtime(format!("{error}: {reason}")),
                _ => Failure::from(error),
            }),
            ended = signals.stopped() => ended,
        }
    });
    // Does not wait for a lookup of the server's name that may still be under way.
    runtime.shutdown_background();
    drop(camera);
    let counts = &hub.metrics.upload;
    let (accepted, failed, dropped) = (counts.accepted.get(), counts.failed.get(), counts.dropped.get());
    let spooled = match &args.upload_flags.spool {
        Some(_) => format!(", {} in the spool", hub.metrics.spool.pictures.get()),
        None => String::new(),
    };
    output.announce(&format!("{accepted} accepted, {failed} failed, {dropped} dropped{spooled}"));
    ended?;
    output.announced()
}
