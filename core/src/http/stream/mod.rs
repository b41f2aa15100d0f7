//! `GET /stream`: each new picture to every viewer, with one system call each.
//!
//! The last stage of a frame: [`fanout`] takes a picture from the feed and makes its [`part`] once, [`viewer`] sends it
//! over one socket, as far as that takes it.

mod fanout;
pub(super) mod framing;
mod memfd;
mod outgoing;
mod part;
mod rate_limit;
mod sink;
mod viewer;
mod viewers;

pub(super) use fanout::Fanout;
pub(super) use framing::Framing;
pub(super) use rate_limit::RateLimit;
pub(super) use viewer::{StreamRequest, run};
pub(super) use viewers::{ViewerState, Viewers};
