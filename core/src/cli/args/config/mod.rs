//! `--config FILE`: flags from a TOML file.
//!
//! The file's keys are the flags' names, and its values go through the same checks: they become arguments in
//! front of those that the user typed, which therefore count more. A key that belongs to another subcommand is
//! passed over, so that one file serves them all; an unknown key is refused. A table `[NAME]` is for the subcommand NAME
//! alone.

mod keys;

use super::hide_args;
use crate::cli::Failure;
use keys::Keys;
use std::{
    ffi::OsString,
    fs::File,
    io::{self, ErrorKind, Read as _},
    path::{Path, PathBuf},
};
use toml::{Spanned, de::DeTable};

/// In bytes; longer than any configuration.
const LONGEST: u64 = 1 << 20;

/// Puts the flags of the configuration file in front of the typed arguments. Also returns that file if there is a secret in it,
/// for whichever command.
///
/// The file is opened once: it may be a pipe.
pub(in crate::cli) fn insert(
    command: &clap::Command,
    mut arguments: Vec<OsString>,
) -> Result<(Vec<OsString>, Option<PathBuf>), Failure> {
    let Some(file) = named(&arguments) else { return Ok((arguments, None)) };
    let Some(sub) = arguments.get(1).and_then(|name| command.find_subcommand(name)) else {
        return Ok((arguments, None));
    };
    // An empty name is refused with the other arguments.
    if !has(sub, "config") || file.is_empty() {
        return Ok((arguments, None));
    }
    let path = Path::new(&file);
    let text = read(path).map_err(|e| {
        let what = format!("cannot read {}: {e}; name a TOML file (--config)", path.display());
        // A name or a content that cannot be right; a disk that fails may do better at the next start.
        match e.kind() {
            ErrorKind::NotFound
            | ErrorKind::IsADirectory
            | ErrorKind::NotADirectory
            | ErrorKind::InvalidFilename
            | ErrorKind::InvalidInput
            | ErrorKind::InvalidData => Failure::Usage(what),
            _ => Failure::Runtime(what),
        }
    })?;
    let keys = Keys { command, sub, typed: &arguments };
    let flags = keys.flags(&text).map_err(|what| Failure::Usage(format!("{}: {what}", path.display())))?;
    arguments.splice(2..2, flags.into_iter().map(OsString::from));
    Ok((arguments, has_secret(&text).then(|| file.into())))
}

/// Whether there is a secret in a configuration, for whichever command.
fn has_secret(text: &str) -> bool {
    let Ok(table) = DeTable::parse(text) else { return false };
    let table = table.get_ref();
    let in_tables = table.values().filter_map(|value| value.get_ref().as_table()).flatten();
    let flags: Vec<OsString> = table
        .iter()
        .chain(in_tables)
        .flat_map(|(key, value)| {
            let values = value.get_ref().as_array().map_or(std::slice::from_ref(value), |values| values);
            let flag =
                move |value: &Spanned<_>| Some(format!("--{key}={}", keys::scalar(value.get_ref())?).into());
            values.iter().filter_map(flag)
        })
        .collect();
    hide_args::hidden(&flags) != flags
}

/// The text of a configuration file; a device such as `/dev/zero` has no end.
fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(LONGEST + 1).read_to_string(&mut text)?;
    if text.len() as u64 > LONGEST {
        return Err(io::Error::new(ErrorKind::InvalidData, "it is longer than 1 MiB"));
    }
    Ok(text)
}

/// The value of `--config`; the last one counts.
fn named(arguments: &[OsString]) -> Option<OsString> {
    let mut found = None;
    let mut arguments = arguments.iter().take_while(|a| *a != "--");
    while let Some(argument) = arguments.next() {
        if argument == "--config" {
            found = arguments.next().cloned();
        } else if let Some(file) = argument.to_str().and_then(|a| a.strip_prefix("--config=")) {
            found = Some(file.into());
        }
    }
    found
}

/// Whether `--key` stands among the arguments.
pub(in crate::cli) fn is_typed(arguments: &[OsString], key: &str) -> bool {
    let mut typed =
        arguments.iter().take_while(|a| *a != "--").filter_map(|a| a.to_str()?.strip_prefix("--"));
    typed.any(|flag| flag.split('=').next() == Some(key))
}

pub(in crate::cli) fn has(command: &clap::Command, flag: &str) -> bool {
    command.get_arguments().any(|a| a.get_long() == Some(flag))
}
