//! The subcommands that every eyelet binary shares.
//!
//! A binary says which [`Devices`] it has, and calls [`main`]:
//!
//! ```text
//! fn main() -> std::process::ExitCode {
//!     eyelet_core::cli::main::<Board>()
//! }
//! ```

mod access;
mod args;
mod capture;
mod config;
mod devices;
mod doctor;
mod failure;
mod output;
mod sending;
mod serve;
mod signals;
mod snapshot;
mod status_line;
#[cfg(test)]
mod tests;
mod tls;
mod upload;
mod values;
mod veil;
mod watch;
mod watchdog;

pub use access::{AccessArgs, ClientArgs, Secret, TokenArgs};
pub use args::{CameraArgs, DoctorArgs, SendingArgs, ServeArgs, SnapshotArgs, UploadArgs, WatchArgs};
pub use devices::{CameraRequest, Devices, NoCommand};
pub use doctor::{Camera, Findings, Problem};
pub use failure::Failure;
pub use output::Output;
pub use signals::Signals;
pub use tls::{RootsArgs, ServerTlsArgs};
pub use values::{ByteCount, HeaderLine, Size, UnixGroup, UnixMode};

use args::{Cli, Command};
use clap::{CommandFactory, FromArgMatches};
use output::Early;
use std::{ffi::OsString, process::ExitCode};

/// What a command returns.
pub type Outcome = Result<(), Failure>;

/// Runs the program with this process's arguments. Errors go to stderr as one line; the exit code is 0 when done
/// or stopped by a signal, 1 when it failed at run time, 2 for wrong usage.
pub fn main<D: Devices>() -> ExitCode {
    let output = Output::new();
    let (arguments, visible) = veil::arguments();
    if visible {
        output.warn(Early::VisibleSecrets);
    }
    if let Some(file) = config::with_secret(&arguments) {
        output.warn(Early::SecretIn(file));
    }
    let code = match parse::<D>(arguments).and_then(|command| run::<D>(command, &output)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(&output),
    };
    output.finish();
    code
}

/// The command that `arguments` (the program's name first) and the configuration file in them ask for.
fn parse<D: Devices>(arguments: Vec<OsString>) -> Result<Command<D>, Failure> {
    let matches = matches::<D>(arguments)?;
    Ok(Cli::<D>::from_arg_matches(&matches).map_err(Failure::usage)?.command)
}

/// What `arguments` (the program's name first) and the configuration file in them say, flag by flag.
///
/// # Errors
/// `Usage` for what is wrong in either, `Help` if that was asked for.
pub fn matches<D: Devices>(arguments: Vec<OsString>) -> Result<clap::ArgMatches, Failure> {
    let command = command::<D>();
    let arguments = config::insert(&command, with_default_command(&command, arguments))?;
    command.try_get_matches_from(arguments).map_err(Failure::usage)
}

/// The whole command line, as clap sees it: for documentation and completions.
pub fn command<D: Devices>() -> clap::Command {
    let mut command = Cli::<D>::command().name(D::PROGRAM).version(env!("CARGO_PKG_VERSION"));
    let names: Vec<String> = command.get_subcommands().map(|sub| sub.get_name().to_owned()).collect();
    for name in names {
        // What is given twice counts as given last, so that flags override the configuration file.
        command = command.mut_subcommand(name, |sub| sub.args_override_self(true));
    }
    command
}

/// `serve` is what it does when nobody says.
fn with_default_command(command: &clap::Command, mut arguments: Vec<OsString>) -> Vec<OsString> {
    let first = arguments.get(1).and_then(|first| first.to_str());
    let known = |name| {
        ["help", "-h", "--help", "-V", "--version"].contains(&name)
            || command.get_subcommands().any(|sub| sub.get_name() == name)
            || !name.starts_with('-')
    };
    if !first.is_some_and(known) {
        arguments.insert(1.min(arguments.len()), "serve".into());
    }
    arguments
}

fn run<D: Devices>(command: Command<D>, output: &Output) -> Outcome {
    match command {
        Command::Serve(args) => serve::run::<D>(&args, output),
        Command::Snapshot(args) => snapshot::run::<D>(&args, output),
        Command::Upload(args) => upload::run::<D>(&args, output),
        Command::Watch(args) => output.log("warn").and_then(|()| watch::run(&args, output)),
        Command::Doctor(args) => doctor::run::<D>(&args, output),
        Command::Own(own) => D::run(own, output),
    }
}

/// A runtime for one thread: devices have threads of their own, and sockets share this one.
///
/// # Errors
/// If the system has no file descriptors left for it.
pub fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        // The first thread for what blocks stays: without one tokio panics where the system has none to give.
        .thread_keep_alive(std::time::Duration::MAX)
        .build()
        .map_err(|e| Failure::runtime(format!("cannot start: {e}; is the limit of open files reached?")))
}
