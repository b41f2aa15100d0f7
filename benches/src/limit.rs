//! The process's limits.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::io;

/// As many open files as this process, and those that it starts, may have: 1000 viewers are 1000 sockets.
///
/// # Errors
/// The system's.
pub fn raise_open_files() -> io::Result<()> {
    let limit = getrlimit(Resource::Nofile);
    Ok(setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit })?)
}
