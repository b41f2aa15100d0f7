//! Connections to a server: the host found, a proxy on the way, TLS, HTTP/1.1, and how long to wait for each.

mod connection;
mod flow;
pub(crate) mod proxy;
mod resolve;
mod timeouts;

pub(crate) use connection::{Connection, broken, first_line, is_page, pointed_to};
#[cfg(feature = "cli")]
pub(crate) use connection::{reorders, visible};
pub(crate) use flow::Silence;
pub use proxy::Proxy;
pub use timeouts::Timeouts;
