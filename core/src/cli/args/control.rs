//! Flags for what clients may change.

use clap::Args;
use std::path::PathBuf;

/// What clients of `serve` may change while it runs.
#[derive(Clone, Debug, Args)]
pub struct ControlArgs {
    /// Let clients change the quality and what the camera can change, at /control
    #[arg(long)]
    pub allow_control: bool,
    /// Keep what clients change in this file, over a restart
    #[arg(long, value_name = "FILE")]
    pub save_control: Option<PathBuf>,
}
