//! What the benches of eyelet share, and the programs that measure a server from outside; the benches themselves are in
//! `benches/`.

#![forbid(unsafe_code)]

use std::{
    fmt::Display,
    io::{self, Write},
    process::ExitCode,
};

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
pub mod unencoded;

/// How the programs here end: with one line on stderr when something went wrong.
pub fn ended(result: Result<(), impl Display>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            let _ = writeln!(io::stderr(), "error: {why}");
            ExitCode::FAILURE
        }
    }
}
