//! What the benches of eyelet share, and the programs that measure a server from outside; the benches themselves are in
//! `benches/`.

pub mod floor;
pub mod load;
pub mod natural;
pub mod pictures;
pub mod stamp;
#[cfg(feature = "peers")]
pub mod turbo;
