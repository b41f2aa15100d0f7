//! `eyelet-sim`: the streamer on a laptop, with simulated cameras.

#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    eyelet_core::cli::main::<eyelet_sim::Simulator>()
}
