//! From flags to an upload: the newest picture again and again, or every one through a spool.

use crate::{
    cli::{Failure, SendingArgs},
    feed::{Hub, RunId, Sampler, Subscription},
    net::client::proxy,
    spool::{self, Folder, Keeper, Spool},
    upload::{Backoff, Client, Delivery, Forwarder, RequestStyle, Timeouts, UploadUrl},
};
use std::{num::NonZeroU64, time::Duration};

/// An upload that is ready to run.
pub(in crate::cli) struct Sending {
    how: How,
    sampler: Option<Sampler>,
}

enum How {
    Newest(Forwarder, Subscription),
    Every(Delivery),
}

impl Sending {
    /// Ends after this many pictures were accepted.
    ///
    /// Gives up when there has been no picture to send for so long, `--upload-every` not counted.
    pub(in crate::cli) fn limit(self, count: NonZeroU64, patience: Duration) -> Self {
        let patience = patience.saturating_add(self.sampler.as_ref().map_or(Duration::ZERO, Sampler::period));
        let how = match self.how {
            How::Newest(forwarder, pictures) => {
                How::Newest(forwarder.limit(count.get()).patience(patience), pictures)
            }
            How::Every(delivery) => How::Every(delivery.limit(count.get()).patience(patience)),
        };
        Self { how, ..self }
    }

    pub(in crate::cli) async fn run(self) -> eyelet_hal::Result<()> {
        let sampling = async {
            match self.sampler {
                Some(sampler) => sampler.run().await,
                None => std::future::pending().await,
            }
        };
        let sending = async {
            match self.how {
                How::Newest(forwarder, pictures) => forwarder.run(pictures).await,
                How::Every(delivery) => delivery.run().await,
            }
        };
        tokio::select! {
            ended = sending => ended,
            () = sampling => Ok(()),
        }
    }
}

/// An upload to `url`; pictures that are published from now on are for it.
pub(in crate::cli) fn to(url: UploadUrl, args: &SendingArgs, hub: &Hub) -> Result<Sending, Failure> {
    check(args)?;
    let mut style = RequestStyle::new(args.upload_method).field(&args.upload_field)?;
    for line in &args.upload_header {
        style = style.header(&line.0)?;
    }
    let url = checked(url, args)?;
    style.check_credentials(&url)?;
    let mut timeouts = Timeouts::default();
    (timeouts.progress, timeouts.response) = (args.upload_timeout, args.upload_timeout);
    let client = Client::with_timeouts(url, timeouts).style(style);
    let backoff = Backoff::new(fastrand::Rng::new());
    let (run, counters) = (RunId::random(), hub.metrics.upload.clone());
    let sampler = args.upload_every.map(|period| Sampler::new(&hub.feed, period));
    let feed = sampler.as_ref().map_or_else(|| hub.feed.clone(), Sampler::samples);
    let Some(path) = &args.spool else {
        let forwarder = Forwarder::new(client, backoff, counters).run_id(run);
        hub.status.uploading(forwarder.progress());
        return Ok(Sending { how: How::Newest(forwarder, feed.subscribe()), sampler });
    };
    let max_bytes = args.spool_max.map_or(spool::Options::DEFAULT_MAX_BYTES, |max| max.0);
    let mut options = spool::Options::new(max_bytes);
    options.when_full = args.spool_full.unwrap_or_default();
    let spool = Spool::open(Folder::open(path)?, options, hub.metrics.spool.clone()).map_err(|e| {
        let remedy = "name a folder that can be read and written to with --spool";
        Failure::runtime(format!("cannot spool in {}: {e}; {remedy}", path.display()))
    })?;
    if !spool.is_empty() {
        tracing::info!(pictures = spool.len(), "pictures of an earlier run wait in the spool");
    }
    let keeper = Keeper::start(spool, feed.queue(spool::QUEUE_DEPTH), run)?;
    let delivery = Delivery::new(client, backoff, keeper, counters);
    hub.status.uploading(delivery.progress());
    Ok(Sending { how: How::Every(delivery), sampler })
}

/// Refuses flags that would do nothing.
fn check(args: &SendingArgs) -> Result<(), Failure> {
    if args.spool.is_some() {
        return Ok(());
    }
    let given = [("--spool-max", args.spool_max.is_some()), ("--spool-full", args.spool_full.is_some())];
    match given.into_iter().find(|(_, given)| *given) {
        Some((flag, _)) => {
            let remedy = "name a folder with --spool, or leave it out";
            Err(Failure::Usage(format!("{flag} does nothing without --spool; {remedy}")))
        }
        None => Ok(()),
    }
}

/// The address with what the flags say of its password, of a proxy and of whom to trust.
fn checked(url: UploadUrl, args: &SendingArgs) -> Result<UploadUrl, Failure> {
    let url = if args.insecure_credentials { url.allow_unencrypted_credentials() } else { url };
    url.check_credentials()?;
    let named = args.upload_proxy.as_ref().map(|proxy| &*proxy.0);
    let proxy = proxy::choose(&url.0, named, |name| std::env::var(name).ok())?;
    let url = proxy.into_iter().fold(url, UploadUrl::through);
    args.roots.upload(url)
}

/// The upload beside the stream, if there is one.
pub(in crate::cli) fn prepare(
    url: Option<UploadUrl>,
    args: &SendingArgs,
    hub: &Hub,
) -> Result<Option<Sending>, Failure> {
    check(args)?;
    let unused = [("--spool", args.spool.is_some()), ("--upload-every", args.upload_every.is_some())];
    for (flag, _) in unused.iter().filter(|(_, given)| *given && url.is_none()) {
        tracing::warn!("{flag} does nothing without --upload");
    }
    url.map(|url| to(url, args, hub)).transpose()
}

/// Uploads beside the stream, until the future is dropped.
pub(in crate::cli) async fn beside(upload: Option<Sending>) {
    match upload {
        // It has no limit, and therefore no end.
        Some(upload) => drop(upload.run().await),
        None => std::future::pending().await,
    }
}
