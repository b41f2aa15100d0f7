//! What each subcommand does.

mod doctor;
#[cfg(feature = "generate")]
mod generate;
mod serve;
mod snapshot;
mod status_line;
mod stoppable;
mod top;
mod trial;
mod upload;
mod watch;

pub use doctor::{Camera, Control, Fact, Findings, Format, Problem, Sizes};

use super::{Outcome, Output, Platform, args::Command};

/// Runs a subcommand to its end.
pub(super) fn run<D: Platform>(command: Command<D>, output: &Output) -> Outcome {
    match command {
        Command::Serve(args) => serve::run::<D>(&args, output),
        Command::Snapshot(args) => snapshot::run::<D>(&args, output),
        Command::Upload(args) => upload::run::<D>(&args, output),
        Command::Watch(args) => output.log("warn").and_then(|()| watch::run(&args, output)),
        Command::Top(args) => output.log("warn").and_then(|()| top::run(&args, output)),
        Command::Doctor(args) => doctor::run::<D>(&args, output),
        Command::Own(own) => D::run(own, output),
        #[cfg(feature = "generate")]
        Command::Completions(args) => generate::completions::<D>(&args, output),
        #[cfg(feature = "generate")]
        Command::Man(args) => generate::man::<D>(&args),
    }
}
