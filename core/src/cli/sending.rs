//! From flags to an upload: the newest picture again and again, or every one through a spool.

use super::{Failure, SendingArgs};
use crate::{
    RunId,
    feed::Subscription,
    hub::Hub,
    spool::{self, Folder, Keeper, Spool},
    upload::{Backoff, Client, Delivery, Forwarder, RequestStyle, UploadUrl},
};
use std::num::NonZeroU64;

/// An upload that is ready to run.
pub(super) enum Sending {
    Newest(Forwarder, Subscription),
    Every(Delivery),
}

impl Sending {
    /// Ends after this many pictures were accepted.
    pub(super) fn limit(self, count: NonZeroU64) -> Self {
        match self {
            Self::Newest(forwarder, pictures) => Self::Newest(forwarder.limit(count.get()), pictures),
            Self::Every(delivery) => Self::Every(delivery.limit(count.get())),
        }
    }

    pub(super) async fn run(self) {
        match self {
            Self::Newest(forwarder, pictures) => forwarder.run(pictures).await,
            Self::Every(delivery) => delivery.run().await,
        }
    }
}

/// An upload to `url`; pictures that are published from now on are for it.
pub(super) fn to(url: UploadUrl, args: &SendingArgs, hub: &Hub) -> Result<Sending, Failure> {
    let mut style = RequestStyle::new(args.upload_method).field(&args.upload_field)?;
    for line in &args.upload_header {
        style = style.header(&line.0)?;
    }
    let url = checked(url, args)?;
    style.check_credentials(&url)?;
    let client = Client::new(url).style(style);
    let backoff = Backoff::new(fastrand::Rng::new());
    let (run, counters) = (RunId::random(), hub.metrics.upload.clone());
    let Some(path) = &args.spool else {
        let forwarder = Forwarder::new(client, backoff, counters).run_id(run);
        hub.status.uploading(forwarder.progress());
        return Ok(Sending::Newest(forwarder, hub.feed.subscribe()));
    };
    let mut options = spool::Options::new(args.spool_max.0);
    options.when_full = args.spool_full;
    let spool = Spool::open(Folder::open(path)?, options, hub.metrics.spool.clone()).map_err(|e| {
        let remedy = "name a folder that can be read and written to with --spool";
        Failure::runtime(format!("cannot spool in {}: {e}; {remedy}", path.display()))
    })?;
    if !spool.is_empty() {
        tracing::info!(pictures = spool.len(), "pictures of an earlier run wait in the spool");
    }
    let keeper = Keeper::start(spool, hub.feed.queue(spool::QUEUE_DEPTH), run)?;
    let delivery = Delivery::new(client, backoff, keeper, counters);
    hub.status.uploading(delivery.progress());
    Ok(Sending::Every(delivery))
}

/// The address with what the flags say of its password and of whom to trust.
fn checked(url: UploadUrl, args: &SendingArgs) -> Result<UploadUrl, Failure> {
    let url = if args.insecure_credentials { url.allow_unencrypted_credentials() } else { url };
    url.check_credentials()?;
    args.roots.upload(url)
}

/// The upload beside the stream, if there is one.
pub(super) fn prepare(
    url: Option<UploadUrl>,
    args: &SendingArgs,
    hub: &Hub,
) -> Result<Option<Sending>, Failure> {
    if url.is_none() && args.spool.is_some() {
        tracing::warn!("--spool does nothing without --upload");
    }
    url.map(|url| to(url, args, hub)).transpose()
}

/// Uploads beside the stream, until the future is dropped.
pub(super) async fn beside(upload: Option<Sending>) {
    match upload {
        Some(upload) => upload.run().await,
        None => std::future::pending().await,
    }
}
