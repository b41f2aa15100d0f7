//! What the benches of eyelet share, and the programs that measure a server from outside; the benches themselves are in
//! `benches/`.

#![forbid(unsafe_code)]

pub mod compare;
pub mod floor;
pub mod limit;
pub mod load;
pub mod machine;
pub mod marks;
pub mod measured;
pub mod natural;
pub mod pictures;
pub mod stamp;
#[cfg(feature = "peers")]
pub mod turbo;
