//! What the benches of eyelet share; the benches themselves are in `benches/`.

#![forbid(unsafe_code)]

pub mod natural;
#[cfg(feature = "peers")]
pub mod turbo;
