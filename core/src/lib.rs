//! JPEG camera streaming for small Linux boards: encode, stream, upload.
//!
//! # From camera to browser
//!
//! | thread | stage | what happens | room |
//! |---|---|---|---|
//! | camera | [`CameraSource::next_frame`](eyelet_hal::CameraSource::next_frame) | lends a frame; dropped, it goes back to the device | [`pipeline`] |
//! | | [`JpegEncoder::encode`](eyelet_hal::JpegEncoder::encode) | makes a JPEG in a recycled buffer | [`encode`] |
//! | | [`Feed::publish`](feed::Feed::publish) | the newest picture wins | [`feed`] |
//! | | `send` | one system call for each viewer that has room | [`http`] |
//! | socket | `send` | to viewers that had no room, or have just joined | [`http`] |
//! | | `POST`, `PUT` | to another server, at once or through a spool | [`upload`], [`spool`] |
//!
//! Raw frames never leave the camera thread. The JPEG is made once and shared by reference with every viewer; publishing
//! it never blocks. The socket thread is one current-thread tokio runtime, with the HTTP server and the upload client.
//! While there are no viewers and no uploads nothing is encoded, and the camera is polled five times a second.
//!
//! [`Eyelet`] is the shortest way in with a camera, [`JpegStreamer`] for pictures that a program makes itself. In both, a
//! [`Pipeline`](pipeline::Pipeline) or the program publishes into a [`Hub`] that an HTTP [`Server`](http::Server) reads.
//!
//! # Rooms
//!
//! In the order in which a frame passes them, then those that it does not pass:
//!
//! | room | what it does |
//! |---|---|
//! | [`pipeline`] | camera to feed: captures, encodes, publishes, and reopens lost devices |
//! | [`encode`] | the software encoders, for every pixel format |
//! | [`jpeg`] | the format itself: checks and completes JPEGs of cameras, decodes them |
//! | [`image`] | pictures to draw on, after MaixPy; the "no signal" picture is one |
//! | [`feed`] | one picture, many readers; the [`Status`] and the [`metrics`] of its camera |
//! | [`http`] | feed to browsers: the stream, the page, snapshots, state, metrics, access |
//! | [`upload`] | feed or spool to another server |
//! | [`spool`] | pictures kept on the disk until a server has them |
//! | [`watch`] | a viewer that measures any MJPEG stream |
//! | [`multipart`] | the parts of such a stream, as cameras really send them |
#![cfg_attr(
    feature = "control",
    doc = "| `control` | what clients can change about a camera while it runs |
| `rate` | frames per second as they read and write them |"
)]
//! | `net` | what server and client share: addresses, credentials, [listeners](http::Listener), [proxies](upload::Proxy), sockets, TLS; its public types are in [`http`] and [`upload`] |
//! | [`Backoff`] | growing delays between attempts, of a camera, an encoder or an upload |
//! | [`line_writer`] | lines to files and terminals that never hold up the program |
//! | `hostname` | the name of this machine |
//! | `whole_file` | files that are there whole or not at all |
//! | [`app`] | all of it put together and started as one |
//! | [`JpegStreamer`] | MaixPy's streaming server, on top of `app` |
#![cfg_attr(feature = "cli", doc = "| [`cli`] | the subcommands of every eyelet binary |")]
// Allowed in `cli/closed_stdout.rs` and in `encode/baseline/`: `avx2.rs` with its submodule, `words.rs` and `workers.rs`; nowhere
// else.
#![deny(unsafe_code)]

pub mod app;
mod backoff;
#[cfg(feature = "cli")]
pub mod cli;
#[cfg(feature = "control")]
mod control;
pub mod encode;
pub mod feed;
#[cfg(any(feature = "control", feature = "drawing"))]
mod hostname;
pub mod http;
pub mod image;
pub mod jpeg;
pub mod line_writer;
mod maixpy;
pub mod multipart;
mod net;
pub mod pipeline;
#[cfg(feature = "control")]
mod rate;
pub mod spool;
pub mod upload;
pub mod watch;
#[cfg(feature = "control")]
mod whole_file;

pub use app::Eyelet;
pub use backoff::Backoff;
pub use feed::{Fps, Hub, RunId, Status, StatusSnapshot, metrics};
pub use maixpy::{JpegStreamer, Written};
