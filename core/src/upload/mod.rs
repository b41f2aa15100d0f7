//! Pictures sent to a server: one by hand ([`Uploader`]), or the newest of a feed for as long as it lives
//! ([`Forwarder`]).
//!
//! A picture is the body of a `POST`, byte for byte; `X-Timestamp` and `X-Sequence` say when it was taken and
//! which it is. Any 2xx means that the server has it.

mod backoff;
mod client;
pub(crate) mod connection;
pub(crate) mod credentials;
mod forward;
mod progress;
mod uploader;
pub(crate) mod url;

pub use backoff::Backoff;
pub use client::{Client, PostMeta, Response, Timeouts};
pub use forward::Forwarder;
pub use progress::{Progress, UploadStatus};
pub use uploader::Uploader;
pub use url::UploadUrl;
