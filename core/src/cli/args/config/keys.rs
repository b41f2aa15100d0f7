//! The keys of a configuration file, as flags of one subcommand.

use super::{super::suggest, has, is_typed};
use crate::cli::Failure;
use std::ffi::OsString;
use toml::{
    Spanned,
    de::{DeString, DeTable, DeValue},
};

/// Flags of these names mean something else to other subcommands: the address of another server, or a secret that would be
/// sent to a stranger's. Outside a table they are those of `serve`.
const OF_SERVE: [&str; 3] = ["bind", "token", "token-file"];

/// What is wrong, and where in the text.
struct Wrong {
    at: usize,
    what: String,
}

/// `--key=value`, and where in the text the value is.
struct Flag {
    at: usize,
    argument: String,
}

/// The subcommand that a file is read for, among those that it may have keys for.
pub(super) struct Keys<'a> {
    pub(super) command: &'a clap::Command,
    pub(super) sub: &'a clap::Command,
    /// The arguments of the command line.
    pub(super) typed: &'a [OsString],
}

impl Keys<'_> {
    /// `--key=value` for each key of the file that the subcommand has, and for each value of a list.
    ///
    /// # Errors
    /// For a key that no subcommand has and for a value that its flag does not accept, with its line.
    pub(super) fn flags(&self, text: &str) -> Result<Vec<String>, String> {
        let root = parse(text)?;
        let flags = self.of_root(&root).and_then(given_in_one_way);
        let flags = flags.map_err(|Wrong { at, what }| format!("line {}: {what}", line(text, at)))?;
        Ok(flags.into_iter().map(|flag| flag.argument).collect())
    }

    /// The flags of a whole file.
    fn of_root(&self, root: &DeTable<'_>) -> Result<Vec<Flag>, Wrong> {
        let mut own = None;
        for (name, value) in root {
            if let (DeValue::Table(keys), Some(sub)) =
                (value.get_ref(), self.command.find_subcommand(&**name.get_ref()))
            {
                let is_unknown =
                    |key: &&Spanned<DeString<'_>>| is_reserved(key.get_ref()) || !has(sub, key.get_ref());
                if let Some(key) = keys.keys().find(is_unknown) {
                    let (at, what) = (key.span().start, unknown(key.get_ref(), sub, [sub]));
                    return Err(Wrong { at, what });
                }
                own = own.or((name.get_ref() == self.sub.get_name()).then_some(keys));
            }
        }
        let mut flags = Vec::new();
        for (name, value) in root {
            let key = &**name.get_ref();
            let is_table = value.get_ref().is_table() && self.command.find_subcommand(key).is_some();
            // The subcommand's own table overrides what is for all.
            let is_own = |key: &str| own.is_some_and(|own| own.contains_key(key));
            if !is_table && !is_own(key) && !alternative(key).is_some_and(is_own) {
                flags.extend(self.shared(name, value)?);
            }
        }
        for (name, value) in own.into_iter().flatten() {
            flags.extend(self.accepted(name.get_ref(), self.written(name.get_ref(), value)?)?);
        }
        Ok(flags)
    }

    /// The flags of a key outside of all tables. Its value is checked even if it is for other subcommands alone.
    fn shared(&self, name: &Spanned<DeString<'_>>, value: &Spanned<DeValue<'_>>) -> Result<Vec<Flag>, Wrong> {
        let (key, at) = (&**name.get_ref(), name.span().start);
        let elsewhere = self.command.get_subcommands().any(|sub| has(sub, "config") && has(sub, key));
        if self.command.find_subcommand(key).is_some() && !elsewhere {
            let what = format!("{key} is {}; it must be a table, [{key}]", kind(value.get_ref()));
            return Err(Wrong { at, what });
        }
        if is_reserved(key) || !(has(self.sub, key) || elsewhere) {
            return Err(Wrong { at, what: unknown(key, self.sub, self.command.get_subcommands()) });
        }
        let flags = self.written(key, value)?;
        let is_for_serve = OF_SERVE.contains(&key) && self.sub.get_name() != "serve";
        if is_for_serve || !has(self.sub, key) { Ok(vec![]) } else { self.accepted(key, flags) }
    }

    /// A key and its value as flags: several only where the flag may be given several times.
    fn written(&self, key: &str, value: &Spanned<DeValue<'_>>) -> Result<Vec<Flag>, Wrong> {
        let repeats = self.command.get_subcommands().any(|sub| repeats(sub, key));
        let flag = |value: &Spanned<DeValue<'_>>| {
            let (at, value) = (value.span().start, value.get_ref());
            match scalar(value) {
                Some(value) => Ok(Flag { at, argument: format!("--{key}={value}") }),
                None if repeats => {
                    let allowed = "a string or a number, or a list of those";
                    Err(Wrong { at, what: format!("{key} is or has {}; it must be {allowed}", kind(value)) })
                }
                None => {
                    let what = format!("{key} is {}; it must be a string or a number", kind(value));
                    Err(Wrong { at, what })
                }
            }
        };
        let at = value.span().start;
        match value.get_ref() {
            DeValue::Boolean(set) if takes_no_value(self.command, key) => {
                Ok(set.then(|| Flag { at, argument: format!("--{key}") }).into_iter().collect())
            }
            other if takes_no_value(self.command, key) => {
                Err(Wrong { at, what: format!("{key} is {}; it must be true or false", kind(other)) })
            }
            DeValue::Array(values) if repeats => values.iter().map(flag).collect(),
            _ => Ok(vec![flag(value)?]),
        }
    }

    /// The flags, if the subcommand accepts their values. Those of a list are left out if the flag is typed: else the typed
    /// ones would only add to them. So is one of two alternatives, if the other is typed.
    fn accepted(&self, key: &str, flags: Vec<Flag>) -> Result<Vec<Flag>, Wrong> {
        let is_typed = |key: &str| is_typed(self.typed, key);
        if repeats(self.sub, key) && is_typed(key) || alternative(key).is_some_and(is_typed) {
            return Ok(vec![]);
        }
        let checked = |flag: Flag| match check(self.sub, &flag.argument) {
            Ok(()) => Ok(flag),
            Err(what) => Err(Wrong { at: flag.at, what }),
        };
        flags.into_iter().map(checked).collect()
    }
}

fn parse(text: &str) -> Result<DeTable<'_>, String> {
    let wrong = |e: toml::de::Error| {
        let line = e.span().map_or(1, |span| line(text, span.start));
        let remedy = match e.message().contains("duplicate key") {
            true => "give each key once",
            false => "it must be TOML, such as quality = 80",
        };
        format!("line {line}: {}; {remedy}", e.message())
    };
    DeTable::parse(text).map(Spanned::into_inner).map_err(wrong)
}

/// The number of the line that this byte is in.
fn line(text: &str, at: usize) -> usize {
    1 + text.bytes().take(at).filter(|&byte| byte == b'\n').count()
}

/// The other way to give what this key gives.
fn alternative(key: &str) -> Option<&'static str> {
    match key {
        "token" => Some("token-file"),
        "token-file" => Some("token"),
        _ => None,
    }
}

/// The flags, unless two of them are alternatives. clap refuses those too, but knows no line.
fn given_in_one_way(flags: Vec<Flag>) -> Result<Vec<Flag>, Wrong> {
    let place = |start| flags.iter().find(|flag| flag.argument.starts_with(start)).map(|flag| flag.at);
    match place("--token=").zip(place("--token-file=")) {
        None => Ok(flags),
        Some((one, other)) => {
            let what = "token and token-file are two ways to give one secret; leave one out".to_owned();
            Err(Wrong { at: one.max(other), what })
        }
    }
}

/// A flag of every command that is no key of a file.
fn is_reserved(key: &str) -> bool {
    key == "config"
}

/// The error for an unknown key, with one of these subcommands' that may have been meant.
fn unknown<'a>(key: &str, sub: &clap::Command, among: impl IntoIterator<Item = &'a clap::Command>) -> String {
    let known = among.into_iter().flat_map(clap::Command::get_arguments).filter_map(clap::Arg::get_long);
    // `config` is a flag and no key.
    let known: Vec<_> = known.filter(|known| !["help", "config"].contains(known)).collect();
    let elsewhere = suggest::elsewhere(&format!("--{key}")).filter(|flag| known.contains(flag));
    let meant = elsewhere.or_else(|| suggest::nearest(key, known));
    let meant = meant.filter(|_| !is_reserved(key)).map_or_else(String::new, suggest::did_you_mean);
    let key = if key.is_empty() { "\"\"" } else { key };
    format!("unknown key {key}; {meant}the keys are the flags of {} --help", sub.get_name())
}

/// A string or a number as a flag's value.
pub(super) fn scalar(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(value) => Some(value.clone().into_owned()),
        // Of any base, and with a sign or without; what is too long for this is refused by its flag.
        DeValue::Integer(value) => {
            let number = i64::from_str_radix(value.as_str(), value.radix());
            Some(number.map_or_else(|_| value.to_string(), |number| number.to_string()))
        }
        DeValue::Float(value) => {
            let number = value.as_str().parse::<f64>();
            Some(number.map_or_else(|_| value.to_string(), |number| number.to_string()))
        }
        _ => None,
    }
}

/// What TOML calls this value, with its article.
fn kind(value: &DeValue<'_>) -> String {
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
