//! From flags to an upload: the newest picture again and again, or every one through a spool.

use crate::{
    Backoff,
    cli::{Failure, RootsArgs, UploadFlags},
    feed::{Feed, Hub, Sampler},
    net::client::proxy,
    spool::{self, Folder, Keeper, Shortage, Spool},
    upload::{Client, RequestStyle, Sender, Timeouts, UploadUrl},
};
use eyelet_hal::Error;
use std::path::Path;

/// An upload to `url`; pictures that are published from now on are for it.
pub(in crate::cli) fn to(url: UploadUrl, args: &UploadFlags, hub: &Hub) -> Result<Sender, Failure> {
    check(args)?;
    let mut style = RequestStyle::new(args.upload_method).field(&args.upload_field)?;
    for line in &args.upload_header {
        style = style.header(&line.0)?;
    }
    let url = checked(url, args)?;
    style.check_credentials(&url).map_err(unencrypted)?;
    let mut timeouts = Timeouts::default();
    (timeouts.progress, timeouts.response) = (args.upload_timeout, args.upload_timeout);
    let client = Client::with_timeouts(url, timeouts).style(style).explain(RootsArgs::explain);
    let backoff = Backoff::new(fastrand::Rng::new());
    let counters = hub.metrics.upload.clone();
    let sampler = args.upload_every.map(|period| Sampler::new(&hub.feed, period));
    let feed = sampler.as_ref().map_or_else(|| hub.feed.clone(), Sampler::samples);
    let sender = match &args.spool {
        None => Sender::newest(client, backoff, counters, feed.subscribe()),
        Some(folder) => Sender::spooled(client, backoff, counters, keeper(folder, args, &feed, hub)?),
    };
    Ok(sampler.into_iter().fold(sender, Sender::sampler))
}

/// A running spool in this folder, which takes every picture of `feed` from now on.
fn keeper(path: &Path, args: &UploadFlags, feed: &Feed, hub: &Hub) -> Result<Keeper, Failure> {
    let max_bytes = args.spool_max.map_or(spool::Options::DEFAULT_MAX_BYTES, |max| max.0);
    let mut options = spool::Options::new(max_bytes);
    options.when_full = args.spool_full.unwrap_or_default();
    let folder = Folder::open(path).map_err(|e| Failure::of_flag(e, "--spool"))?;
    let spool = Spool::open(folder, options, hub.metrics.spool.clone()).map_err(|e| {
        let remedy = "name a folder that can be read and written to (--spool)";
        Failure::runtime(format!("cannot spool in {}: {e}; {remedy}", path.display()))
    })?;
    if !spool.is_empty() {
        tracing::info!(pictures = spool.len(), "pictures of an earlier run wait in the spool");
    }
    Ok(Keeper::start_with(spool, feed.queue(spool::QUEUE_DEPTH), remedy)?)
}

/// What helps against lost pictures, with its flags.
fn remedy(shortage: Shortage) -> &'static str {
    match shortage {
        Shortage::Dropping | Shortage::TooSmall | Shortage::TooLarge => "raise its limit (--spool-max)",
        Shortage::Full => "raise its limit (--spool-max), or have it drop the oldest (--spool-full)",
        Shortage::TooSlow => "lower the frame rate (--fps) or the quality (--quality)",
    }
}

/// Refuses flags that would do nothing.
fn check(args: &UploadFlags) -> Result<(), Failure> {
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
fn checked(url: UploadUrl, args: &UploadFlags) -> Result<UploadUrl, Failure> {
    let url = if args.insecure_credentials { url.allow_unencrypted_credentials() } else { url };
    url.check_credentials().map_err(unencrypted)?;
    let named = args.upload_proxy.as_ref().map(|proxy| &*proxy.0);
    let proxy = proxy::choose(&url.0, named, |name| std::env::var(name).ok())?;
    let mut url = proxy.into_iter().fold(url, UploadUrl::through);
    args.roots.trust(&mut url.0)?;
    Ok(url)
}

/// The error for secrets that would go over `http`.
fn unencrypted(error: Error) -> Error {
    error.with_remedy("use https, or add --insecure-credentials if that does not matter")
}

/// The upload beside the stream, if there is one.
pub(in crate::cli) fn prepare(
    url: Option<UploadUrl>,
    args: &UploadFlags,
    hub: &Hub,
) -> Result<Option<Sender>, Failure> {
    let Some(url) = url else {
        // Typed flags were refused, so these are in a configuration file, perhaps for the command `upload`.
        let unused = [("spool", args.spool.is_some()), ("upload-every", args.upload_every.is_some())];
        for (key, _) in unused.iter().filter(|(_, given)| *given) {
            tracing::warn!(
                "{key} in the configuration file does nothing without upload = \"URL\" or --upload"
            );
        }
        return Ok(None);
    };
    to(url, args, hub).map(Some)
}
