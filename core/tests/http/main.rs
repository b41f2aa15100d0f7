//! The HTTP server, by the raw bytes on its sockets.

// Its users have passwords.
#[cfg(feature = "passwords")]
mod access;
mod browsers;
#[cfg(feature = "control")]
mod control;
mod custom;
mod events;
mod limits;
mod listeners;
mod origins;
mod proxies;
mod routes;
#[path = "../support/serving.rs"]
mod serving;
mod snapshot;
mod stream;
mod support;
