//! JPEG camera streaming for small Linux boards: encode, stream, upload.
//!
//! The path of a frame:
//!
//! ```text
//! camera thread:  CameraSource::next_frame -> Frame (borrowed; goes back to the device on drop)
//!                 -> JpegEncoder::encode into a recycled buffer -> Feed (the newest wins)
//!                 -> every viewer whose socket has room, one system call each
//! socket thread:  one current-thread runtime: HTTP server and upload client; a viewer that had no room, or has just
//!                 joined, takes the newest picture
//! ```
//!
//! Raw frames never leave the camera thread; each JPEG is made once and shared by reference with every viewer.
//! Without viewers and uploads nothing is encoded, and the camera is polled five times a second.

// Allowed in `cli/closed_stdout.rs` and in `encode/baseline/`: `avx2.rs` with its submodule, `words.rs` and `workers.rs`; nowhere
// else.
#![deny(unsafe_code)]

mod backoff;
#[cfg(feature = "cli")]
pub mod cli;
pub mod encode;
pub mod feed;
pub mod http;
pub mod image;
pub mod jpeg;
pub mod line_writer;
mod maixpy;
pub mod multipart;
mod net;
pub mod pipeline;
pub mod spool;
pub mod upload;
pub mod watch;

pub use backoff::Backoff;
pub use eyelet_hal::clock;
pub use feed::{Fps, HANG, Hub, RunId, Status, StatusSnapshot, metrics};
pub use maixpy::{JpegStreamer, Written};
