//! The subcommands that every eyelet binary shares.
//!
//! A binary implements [`Platform`] and calls [`main`] with it:
//!
//! ```text
//! fn main() -> std::process::ExitCode {
//!     eyelet_core::cli::main::<Board>()
//! }
//! ```

mod args;
mod closed_stdout;
mod columns;
mod commands;
mod failure;
mod output;
mod platform;
mod setup;
mod signals;
#[cfg(test)]
mod tests;
mod watchdog;

pub use args::{
    CameraArgs, CameraSpec, ConfigArgs, DoctorArgs, ServeArgs, SnapshotArgs, StateUrl, TopArgs, UploadArgs,
    UploadFlags, WatchArgs,
    log_filter::log_filter,
    values::{ByteCount, HeaderLine, Size, UnixGroup, UnixMode},
};
#[cfg(feature = "generate")]
pub use args::{CompletionsArgs, ManArgs};
pub use commands::{Camera, Control, Fact, Findings, Format, Problem, Sizes};
pub use failure::Failure;
pub use output::Output;
pub use platform::{CameraRequest, NoCommand, Platform};
pub use setup::{
    access::{AccessArgs, ClientArgs, Secret, TokenArgs},
    tls::{RootsArgs, ServerTlsArgs},
};
pub use signals::Signals;

use args::{Cli, Command, config, hide_args};
use clap::{Args as _, CommandFactory, FromArgMatches};
use output::Early;
use setup::own_file;
use std::{ffi::OsString, path::PathBuf, process::ExitCode};

/// What a command returns.
pub type Outcome = Result<(), Failure>;

/// Runs the program with this process's arguments. Errors go to stderr as one line; the exit code is 0 when done
/// or stopped by a signal, 1 when it failed at run time, 2 for wrong usage.
pub fn main<D: Platform>() -> ExitCode {
    let output = Output::new();
    let (arguments, visible) = hide_args::arguments();
    if visible {
        output.warn(Early::VisibleSecrets);
    }
    let command = parse::<D>(arguments, |file| output.warn(Early::SecretIn(file)));
    let code = match command.and_then(|command| commands::run::<D>(command, &output)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(&output),
    };
    output.finish();
    code
}

/// The command that `arguments` (the program's name first) and the configuration file in them ask for. `secret` is called with
/// that file if there is a secret in it.
fn parse<D: Platform>(arguments: Vec<OsString>, secret: impl FnOnce(PathBuf)) -> Result<Command<D>, Failure> {
    let (matches, secret_in) = read::<D>(arguments)?;
    if let Some(file) = secret_in {
        secret(file);
    }
    Ok(Cli::<D>::from_arg_matches(&matches).map_err(Failure::usage)?.command)
}

/// What `arguments` (the program's name first) and the configuration file in them say, flag by flag.
///
/// # Errors
/// `Usage` for what is wrong in either, `Help` if that was requested.
pub fn matches<D: Platform>(arguments: Vec<OsString>) -> Result<clap::ArgMatches, Failure> {
    read::<D>(arguments).map(|(matches, _)| matches)
}

/// The same as [`matches()`], and the configuration file if there is a secret in it.
fn read<D: Platform>(arguments: Vec<OsString>) -> Result<(clap::ArgMatches, Option<PathBuf>), Failure> {
    let command = command::<D>();
    let typed = with_default_command(&command, arguments);
    let (arguments, secret_in) = config::insert(&command, typed.clone())?;
    let matches = command
        .clone()
        .try_get_matches_from(arguments)
        .map_err(|error| of_another(&command, &error).unwrap_or_else(|| Failure::usage(error)))?;
    check_upload_flags(&typed, &matches)?;
    matches.subcommand().map_or(Ok(()), |(_, flags)| own_file::check(flags))?;
    Ok((matches, secret_in))
}

/// Refuses flags of an upload that `serve` does not have. Those of a configuration file may be meant for `upload`.
fn check_upload_flags(typed: &[OsString], matches: &clap::ArgMatches) -> Result<(), Failure> {
    let Some(("serve", serve)) = matches.subcommand() else { return Ok(()) };
    if serve.contains_id("upload") {
        return Ok(());
    }
    let flags = UploadFlags::augment_args(clap::Command::default());
    let mut flags = flags.get_arguments().filter_map(clap::Arg::get_long);
    match flags.find(|flag| config::is_typed(typed, flag)) {
        None => Ok(()),
        Some(flag) => {
            let remedy = "name a server with --upload, or leave it out";
            Err(Failure::Usage(format!("--{flag} does nothing without --upload; {remedy}")))
        }
    }
}

/// The failure for a flag that only other subcommands have.
fn of_another(command: &clap::Command, error: &clap::Error) -> Option<Failure> {
    use clap::error::{ContextKind, ContextValue, ErrorKind};
    let (ErrorKind::UnknownArgument, Some(ContextValue::String(flag))) =
        (error.kind(), error.get(ContextKind::InvalidArg))
    else {
        return None;
    };
    let owners = command.get_subcommands().filter(|sub| config::has(sub, flag.trim_start_matches('-')));
    let owners: Vec<_> = owners.map(clap::Command::get_name).collect();
    let remedy = "leave it out, or use that command";
    (!owners.is_empty()).then(|| {
        Failure::Usage(format!("{flag} is a flag of {}, not of this command; {remedy}", owners.join(", ")))
    })
}

/// The whole command line, as clap sees it: for documentation and completions.
pub fn command<D: Platform>() -> clap::Command {
    let mut command = Cli::<D>::command().name(D::PROGRAM).version(D::VERSION);
    let names: Vec<String> = command.get_subcommands().map(|sub| sub.get_name().to_owned()).collect();
    for name in names {
        // The last occurrence of a flag counts, so that flags override the configuration file. A negative number is
        // parsed as a value, so that the error names the valid ones.
        let value = |arg: clap::Arg| match arg.get_action().takes_values() {
            true => arg.allow_negative_numbers(true),
            false => arg,
        };
        command = command.mut_subcommand(name, |sub| sub.args_override_self(true).mut_args(value));
    }
    let camera = format!("The camera; `doctor` lists them [default: {}]", D::CAMERA);
    let bind = format!(
        "Where to listen: `IP:PORT`, `[IPv6]:PORT`, `localhost:PORT` or `unix:/path`; repeatable; port 0 picks a free one \
         [default: the sockets passed by systemd, otherwise {}]",
        D::BIND
    );
    for name in ["serve", "snapshot", "upload", "doctor"] {
        let camera = camera.clone();
        command = command.mut_subcommand(name, |sub| sub.mut_arg("camera", |flag| flag.help(camera)));
    }
    let cameras = format!("{camera}; repeatable with a NAME each, at whose /NAME/ it is then shown");
    command.mut_subcommand("serve", |sub| {
        sub.mut_arg("bind", |flag| flag.help(bind)).mut_arg("camera", |flag| flag.help(cameras))
    })
}

/// `serve` is the default command.
fn with_default_command(command: &clap::Command, mut arguments: Vec<OsString>) -> Vec<OsString> {
    // `help serve` is `serve --help`.
    if arguments.get(1).is_some_and(|first| first == "help") {
        let named = arguments.get(2).is_some_and(|name| !name.as_encoded_bytes().starts_with(b"-"));
        arguments.remove(1);
        arguments.insert(if named { 2 } else { 1 }, "--help".into());
        return arguments;
    }
    let first = arguments.get(1).and_then(|first| first.to_str());
    let known = |name| {
        ["-h", "--help", "-V", "--version"].contains(&name)
            || command.get_subcommands().any(|sub| sub.get_name() == name)
            || !name.starts_with('-')
    };
    if !first.is_some_and(known) {
        arguments.insert(1.min(arguments.len()), "serve".into());
    }
    arguments
}

/// A runtime for one thread: devices have threads of their own, and sockets share this one.
///
/// # Errors
/// If the system has no file descriptors left for it.
pub fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        // The first thread for what blocks stays: without one tokio panics where the system has none to give. And there are
        // few: the allocator keeps memory for each.
        .thread_keep_alive(std::time::Duration::MAX)
        .max_blocking_threads(2)
        .build()
        .map_err(|e| Failure::runtime(format!("cannot start: {e}; is the limit of open files reached?")))
}
