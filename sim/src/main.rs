//! `eyelet-sim`: the streamer on a laptop, with simulated cameras.

use std::process::ExitCode;

fn main() -> ExitCode {
    eyelet_core::cli::main::<eyelet_sim::Simulator>()
}
