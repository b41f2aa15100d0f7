//! Pictures sent to a server: one by hand ([`Uploader`]), the newest of a feed for as long as it lives
//! ([`Forwarder`]), or every one of them out of a spool ([`Delivery`]).
//!
//! A picture is the body of a `POST`, byte for byte, or what [`RequestStyle`] makes of it; `X-Timestamp` says when it
//! was taken, `X-Run` and `X-Sequence` which it is. Any 2xx means that the server has it.

mod backoff;
mod client;
pub(crate) mod connection;
pub(crate) mod credentials;
mod delivery;
mod forward;
mod meta;
mod progress;
mod response;
mod style;
mod template;
mod uploader;
pub(crate) mod url;

pub use backoff::Backoff;
pub use client::{Client, Timeouts};
pub use delivery::Delivery;
pub use forward::Forwarder;
pub use meta::PostMeta;
pub use progress::{Progress, UploadStatus};
pub use response::Response;
pub use style::{FIELD, RequestStyle, UploadMethod};
pub use uploader::Uploader;
pub use url::UploadUrl;
