//! What server and client share: addresses and the secrets in them, sockets and what accepts them, connections to a
//! server, TLS, files of secrets.
//!
//! No stage of a frame is here: `http`, `upload` and `watch` send and read frames over it.

pub(crate) mod addresses;
pub(crate) mod bind;
pub(crate) mod client;
pub(crate) mod credentials;
pub(crate) mod explain;
pub(crate) mod listener;
pub(crate) mod secret_file;
pub(crate) mod socket;
#[cfg(feature = "tls")]
pub(crate) mod tls;
pub(crate) mod token;
pub(crate) mod unix_file;
pub(crate) mod url;
