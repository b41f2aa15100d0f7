//! `eyelet`: the streamer on a board.

#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    eyelet_core::cli::main::<eyelet_maixcam::Board>()
}
