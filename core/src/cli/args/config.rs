//! `--config FILE`: flags from a TOML file.
//!
//! The file's keys are the flags' names, and its values go through the same checks: they become arguments in
//! front of those that the user typed, which therefore count more. A key that belongs to another subcommand is
//! passed over, so that one file serves them all; an unknown key is refused. A table `[NAME]` is for the subcommand NAME
//! alone.

use super::{hide_args, suggest};
use crate::cli::Failure;
use std::{
    ffi::OsString,
    fs::File,
    io::{self, ErrorKind, Read as _},
    path::{Path, PathBuf},
};

/// Flags of these names mean something else to other subcommands: the address of another server, or a secret that would be
/// sent to a stranger's. Outside a table they are those of `serve`.
const OF_SERVE: [&str; 3] = ["bind", "token", "token-file"];

/// In bytes; longer than any configuration.
const LONGEST: u64 = 1 << 20;

/// Puts the flags of the configuration file in front of the typed arguments.
pub(in crate::cli) fn insert(
    command: &clap::Command,
    mut arguments: Vec<OsString>,
) -> Result<Vec<OsString>, Failure> {
    let Some(file) = named(&arguments) else { return Ok(arguments) };
    let Some(sub) = arguments.get(1).and_then(|name| command.find_subcommand(name)) else {
        return Ok(arguments);
    };
    if !has(sub, "config") {
        return Ok(arguments);
    }
    let path = Path::new(&file);
    if file.is_empty() {
        return Ok(arguments); // refused with the other arguments
    }
    let text = read(path).map_err(|e| {
        let what = format!("cannot read {}: {e}; name a TOML file with --config", path.display());
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
    let typed = |key: &str| is_typed(&arguments, key);
    let flags = flags(command, sub, &text, typed)
        .map_err(|what| Failure::Usage(format!("{}: {what}", path.display())))?;
    arguments.splice(2..2, flags.into_iter().map(OsString::from));
    Ok(arguments)
}

/// The file that `--config` names, if there is a secret in it, for whichever command.
pub(in crate::cli) fn with_secret(arguments: &[OsString]) -> Option<PathBuf> {
    let file = PathBuf::from(named(arguments)?);
    let table: toml::Table = read(&file).ok()?.parse().ok()?;
    let flags: Vec<OsString> = table
        .iter()
        .flat_map(|(key, value)| {
            let values = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
            values
                .iter()
                .filter_map(move |value| Some(format!("--{key}={}", scalar(key, value).ok()?).into()))
        })
        .collect();
    (hide_args::hidden(&flags) != flags).then_some(file)
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

/// `--key=value` for each key of the file that `sub` has, and for each value of a list. A list is left out if
/// the flag is typed: else the typed ones would only add to it.
fn flags(
    command: &clap::Command,
    sub: &clap::Command,
    text: &str,
    typed: impl Fn(&str) -> bool,
) -> Result<Vec<String>, String> {
    let table: toml::Table = text.parse().map_err(|e: toml::de::Error| {
        let line = e.span().map_or(1, |span| 1 + text[..span.start].matches('\n').count());
        let remedy = match e.message().contains("duplicate key") {
            true => "give each key once",
            false => "it must be TOML, such as quality = 80",
        };
        format!("line {line}: {}; {remedy}", e.message())
    })?;
    // What is said for this command alone counts more.
    let mut own = None;
    for (name, value) in &table {
        if let (toml::Value::Table(keys), Some(other)) = (value, command.find_subcommand(name)) {
            if let Some(key) = keys.keys().find(|key| *key == "config" || !has(other, key)) {
                return Err(unknown(key, other, |sub| vec![sub]));
            }
            own = own.or((name == sub.get_name()).then_some(keys));
        }
    }
    let shared = table.iter().filter(|(key, value)| {
        !(own.is_some_and(|own| own.contains_key(*key))
            || value.is_table() && command.find_subcommand(key).is_some())
    });
    let mut flags = Vec::new();
    for (key, value) in shared {
        let elsewhere = || command.get_subcommands().any(|other| has(other, "config") && has(other, key));
        if command.find_subcommand(key).is_some() && !elsewhere() {
            return Err(format!("{key} is {}; it must be a table, [{key}]", kind(value)));
        }
        if key == "config" || !(has(sub, key) || elsewhere()) {
            return Err(unknown(key, sub, |_| command.get_subcommands().collect()));
        }
        let means = sub.get_name() == "serve" || !OF_SERVE.contains(&key.as_str());
        entry(command, sub, (key, value), means && has(sub, key), &typed, &mut flags)?;
    }
    for pair in own.into_iter().flatten() {
        entry(command, sub, pair, true, &typed, &mut flags)?;
    }
    Ok(flags)
}

/// The error for a key that is none, with one that may have been meant.
fn unknown<'a>(
    key: &str,
    sub: &'a clap::Command,
    among: impl FnOnce(&'a clap::Command) -> Vec<&'a clap::Command>,
) -> String {
    let known = among(sub).into_iter().flat_map(clap::Command::get_arguments).filter_map(clap::Arg::get_long);
    // `config` is a flag and no key.
    let meant = suggest::nearest(key, known.filter(|known| !["help", "config"].contains(known)));
    let meant = meant.filter(|_| key != "config").map_or_else(String::new, suggest::did_you_mean);
    let key = if key.is_empty() { "\"\"" } else { key };
    format!("unknown key {key}; {meant}the keys are the flags of {} --help", sub.get_name())
}

/// Adds the flags for one key. Its value is looked at also if it is not `meant` for this command.
fn entry(
    command: &clap::Command,
    sub: &clap::Command,
    (key, value): (&String, &toml::Value),
    meant: bool,
    typed: &impl Fn(&str) -> bool,
    flags: &mut Vec<String>,
) -> Result<(), String> {
    if takes_no_value(command, key) {
        let toml::Value::Boolean(set) = value else {
            return Err(format!("{key} is {}; it must be true or false", kind(value)));
        };
        if *set && meant {
            flags.push(format!("--{key}"));
        }
        return Ok(());
    }
    let values = values(key, value, command)?;
    if !meant || (repeats(sub, key) && typed(key)) {
        return Ok(());
    }
    for value in values {
        let flag = format!("--{key}={value}");
        check(sub, &flag)?;
        flags.push(flag);
    }
    Ok(())
}

/// The values of a key: several only where the flag may be given several times.
fn values(key: &str, value: &toml::Value, command: &clap::Command) -> Result<Vec<String>, String> {
    match value {
        toml::Value::Array(values) if command.get_subcommands().any(|sub| repeats(sub, key)) => {
            values.iter().map(|value| scalar(key, value)).collect()
        }
        value => Ok(vec![scalar(key, value)?]),
    }
}

fn scalar(key: &str, value: &toml::Value) -> Result<String, String> {
    match value {
        toml::Value::String(value) => Ok(value.clone()),
        toml::Value::Integer(value) => Ok(value.to_string()),
        toml::Value::Float(value) => Ok(value.to_string()),
        other => Err(format!("{key} is {}; it must be a string or a number", kind(other))),
    }
}

/// What TOML calls this value, with its article.
fn kind(value: &toml::Value) -> String {
    match value.type_str() {
        kind @ ("array" | "integer") => format!("an {kind}"),
        kind => format!("a {kind}"),
    }
}

/// Whether the flag may be given several times.
fn repeats(command: &clap::Command, flag: &str) -> bool {
    let repeats = |a: &clap::Arg| matches!(a.get_action(), clap::ArgAction::Append);
    command.get_arguments().any(|a| a.get_long() == Some(flag) && repeats(a))
}

pub(in crate::cli) fn has(command: &clap::Command, flag: &str) -> bool {
    command.get_arguments().any(|a| a.get_long() == Some(flag))
}

fn takes_no_value(command: &clap::Command, flag: &str) -> bool {
    let mut all = command.get_subcommands().flat_map(clap::Command::get_arguments);
    all.any(|a| a.get_long() == Some(flag) && !a.get_action().takes_values())
}

/// Whether the flag alone is good, so that an error can name the file and not the command line.
fn check(sub: &clap::Command, flag: &str) -> Result<(), String> {
    use clap::error::ErrorKind;
    let parsed = sub.clone().ignore_errors(false).try_get_matches_from([sub.get_name(), flag]);
    match parsed {
        Err(error) if matches!(error.kind(), ErrorKind::ValueValidation | ErrorKind::InvalidValue) => {
            match Failure::usage(error) {
                Failure::Usage(what) => Err(what),
                _ => Ok(()),
            }
        }
        // A missing FILE or URL is not this file's fault.
        _ => Ok(()),
    }
}
