//! Pictures sent to a server: one by hand ([`Uploader`]), the newest of a feed for as long as it lives
//! ([`Forwarder`]), or every one of them out of a spool ([`Delivery`]).
//!
//! A picture is the body of a `POST`, byte for byte, or what [`RequestStyle`] makes of it; `X-Timestamp` says when it
//! was taken, `X-Run` and `X-Sequence` which it is. Any 2xx means that the server has it.
//!
//! Which pictures are sent is up to the application: a feed need not be the camera's. A
//! [`Sampler`](crate::feed::Sampler) has one with a picture every so often, and for pictures in which something moves the
//! application makes one and publishes those in it:
//!
//! ```
//! use eyelet_core::{feed::{Feed, Picture}, metrics::UploadCounters, upload::{Backoff, Client, Forwarder}};
//!
//! /// Sends the pictures in which something moves.
//! async fn send_what_moves(camera: Feed, moves: impl Fn(&Picture) -> bool) -> eyelet_hal::Result<()> {
//!     let chosen = Feed::new();
//!     let client = Client::new("http://192.168.0.2:8080/upload".parse()?);
//!     let backoff = Backoff::new(fastrand::Rng::new());
//!     let sending = Forwarder::new(client, backoff, UploadCounters::default()).run(chosen.subscribe());
//!     let choosing = async {
//!         let mut pictures = camera.subscribe();
//!         loop {
//!             let picture = pictures.next().await;
//!             if moves(&picture) {
//!                 chosen.publish(Picture::clone(&picture)); // shares the JPEG
//!             }
//!         }
//!     };
//!     tokio::select! {
//!         ended = sending => ended,
//!         () = choosing => Ok(()),
//!     }
//! }
//! ```

use eyelet_hal::{Error, ErrorKind, Result};
use std::time::Duration;

mod backoff;
mod client;
mod delivery;
mod forward;
mod meta;
mod progress;
mod response;
mod style;
mod uploader;
mod url_template;

pub use crate::net::client::{Proxy, Timeouts};
pub use backoff::Backoff;
pub use client::Client;
pub use delivery::Delivery;
pub use forward::Forwarder;
pub use meta::PostMeta;
pub use progress::{Progress, UploadStatus};
pub use response::Response;
pub use style::{FIELD, RequestStyle, UploadMethod};
pub use uploader::Uploader;
pub use url_template::UploadUrl;

/// The next picture, if it comes while there is patience.
async fn within<T>(patience: Option<Duration>, next: impl Future<Output = T>) -> Result<T> {
    let Some(patience) = patience else { return Ok(next.await) };
    let what = || format!("no picture to upload has come for {patience:?}");
    tokio::time::timeout(patience, next).await.map_err(|_| Error::new(ErrorKind::TimedOut, what()))
}
