//! From pictures to a server: one by hand ([`Uploader`]), or, with [`Sender`], the newest of a feed for as long as it
//! lives, or every one of them out of a spool.
//!
//! A picture is the body of a `POST`, byte for byte, or what [`RequestStyle`] makes of it; `X-Timestamp` is when it
//! was taken, `X-Run` and `X-Sequence` identify it. Any 2xx means that the server has it.
//!
//! Which pictures are sent is up to the application: a feed need not be the camera's. A
//! [`Sampler`](crate::feed::Sampler) fills one with a picture at regular intervals; to send only pictures in which something
//! moves, an application makes a feed and publishes those in it:
//!
//! ```
//! use eyelet_core::{Backoff, feed::{Feed, Picture}, metrics::UploadCounters, upload::{Client, Sender}};
//!
//! /// Sends the pictures in which something moves.
//! async fn send_what_moves(camera: Feed, moves: impl Fn(&Picture) -> bool) -> eyelet_hal::Result<()> {
//!     let chosen = Feed::new();
//!     let client = Client::new("http://192.168.0.2:8080/upload".parse()?);
//!     let backoff = Backoff::new(fastrand::Rng::new());
//!     let sending = Sender::newest(client, backoff, UploadCounters::default(), chosen.subscribe()).run();
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

mod client;
mod meta;
mod progress;
mod request;
mod response;
mod sender;
mod source;
mod uploader;
mod url_template;

pub use crate::net::client::{Proxy, Timeouts};
pub use client::Client;
pub use meta::PostMeta;
pub use progress::UploadProgress;
pub use request::{FIELD, RequestStyle, UploadMethod};
pub use response::Response;
pub use sender::Sender;
pub use uploader::Uploader;
pub use url_template::UploadUrl;
