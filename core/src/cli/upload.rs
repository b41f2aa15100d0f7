//! `upload URL`: pictures sent to a server until stopped, or until so many were accepted.

use super::{Devices, Failure, Outcome, Output, RootsArgs, Signals, UploadArgs, capture};
use crate::{
    clock::{Clock, SystemClock},
    hub::Hub,
    upload::{Backoff, Client, Forwarder, UploadUrl},
};
use std::sync::Arc;

pub(super) fn run<D: Devices>(args: &UploadArgs<D::Flags>, output: &Output) -> Outcome {
    output.log(&args.camera.log)?;
    let url = checked(&args.url, args.insecure_credentials, &args.roots)?;
    let runtime = super::runtime()?;
    let mut signals = Signals::watch(&runtime)?;
    let hub = Hub::default();
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let pipeline = capture::pipeline::<D>(&args.camera, hub.clone(), clock)?;
    let mut forwarder = forwarder(url, &hub);
    if let Some(count) = args.count {
        forwarder = forwarder.limit(count.get());
    }
    // Asked for before the camera starts, so that its first frame counts.
    let pictures = hub.feed.subscribe();
    let camera = pipeline.spawn()?;
    runtime.block_on(async {
        tokio::select! {
            () = forwarder.run(pictures) => {}
            () = signals.stopped() => {}
        }
    });
    // A look-up of the server's name may still be under way; nobody waits for it.
    runtime.shutdown_background();
    drop(camera);
    let counts = &hub.metrics.upload;
    let (accepted, failed, dropped) = (counts.accepted.get(), counts.failed.get(), counts.dropped.get());
    output.print(&format!("{accepted} accepted, {failed} failed, {dropped} dropped"));
    Ok(())
}

/// The address with what the flags say of its password and of whom to trust.
pub(super) fn checked(
    url: &UploadUrl,
    insecure_credentials: bool,
    roots: &RootsArgs,
) -> Result<UploadUrl, Failure> {
    let url = if insecure_credentials { url.clone().allow_unencrypted_credentials() } else { url.clone() };
    url.check_credentials()?;
    roots.upload(url)
}

/// Uploads beside the stream, until the future is dropped.
pub(super) async fn beside(url: Option<UploadUrl>, hub: &Hub) {
    match url {
        Some(url) => forwarder(url, hub).run(hub.feed.subscribe()).await,
        None => std::future::pending().await,
    }
}

fn forwarder(url: UploadUrl, hub: &Hub) -> Forwarder {
    let backoff = Backoff::new(fastrand::Rng::new());
    let forwarder = Forwarder::new(Client::new(url), backoff, hub.metrics.upload.clone());
    hub.status.uploading(forwarder.progress());
    forwarder
}
