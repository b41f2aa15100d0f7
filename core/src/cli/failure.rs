//! How commands fail: one line, and an exit code.

use super::{Output, args::suggest};
use crate::net::{client::reorders, credentials::concealed};
use eyelet_hal::{Error, ErrorKind};
use std::{
    fmt::{self, Write as _},
    process::ExitCode,
};

/// Why a command ended early. Displayed, a failure is one line, whatever it quotes.
#[derive(Debug)]
pub enum Failure {
    /// Not a failure: the help text or the version, as requested.
    Help(String),
    /// Not a failure: stopped by a signal, as requested.
    Stopped,
    /// Wrong usage: exit code 2.
    Usage(String),
    /// Failed at run time: exit code 1.
    Runtime(String),
}

impl Failure {
    /// Failed at run time, for a reason in one sentence: what, why, remedy.
    pub fn runtime(reason: impl Into<String>) -> Self {
        Self::Runtime(reason.into())
    }

    /// An error about what `flag` gives, which stands behind the remedy.
    pub fn of_flag(error: Error, flag: &str) -> Self {
        with_flag(error, flag).into()
    }

    /// A camera or an encoder that cannot be used, with the one of `known` that may have been meant in place of `name`.
    pub(super) fn of_name<'a>(error: Error, name: &str, known: impl IntoIterator<Item = &'a str>) -> Self {
        let wrong = error.kind() == ErrorKind::InvalidInput;
        match suggest::nearest(name, known).filter(|_| wrong) {
            Some(meant) => Self::Usage(format!("{error}; {}", suggest::did_you_mean(meant).trim_end())),
            None => error.into(),
        }
    }

    /// A file that cannot be used. It may be right by the next start, so this is not wrong usage, after which a
    /// supervisor would not start the program again.
    pub(super) fn of_file(error: Error, flag: &str) -> Self {
        Self::Runtime(with_flag(error, flag).to_string())
    }

    /// clap's error, in one line.
    pub(super) fn usage(error: clap::Error) -> Self {
        let text = error.to_string();
        if !error.use_stderr() {
            return Self::Help(text);
        }
        // clap's first paragraph is what is wrong; the rest is usage, which --help prints better.
        let text = text.strip_prefix("error: ").unwrap_or(&text);
        let of_address = std::error::Error::source(&error).and_then(|source| source.downcast_ref::<Error>());
        let what = match of_address {
            // It quotes the address, without the password that clap would show.
            Some(error) => error.to_string(),
            None => text.split("\n\n").next().unwrap_or(text).to_owned(),
        };
        // It quotes values as they were given.
        Self::Usage(format!("{}; {}see --help", concealed(&what), suggest::hint(&error)))
    }

    pub(super) fn report(&self, output: &Output) -> ExitCode {
        match self {
            Self::Help(text) => output
                .print(text.trim_end())
                .map_or_else(|failure| failure.report(output), |()| ExitCode::SUCCESS),
            Self::Stopped => ExitCode::SUCCESS,
            Self::Usage(_) => {
                output.error(&self.to_string());
                ExitCode::from(2)
            }
            Self::Runtime(_) => {
                output.error(&self.to_string());
                ExitCode::FAILURE
            }
        }
    }
}

/// The error with the flag by which its remedy is applied.
pub(super) fn with_flag(error: Error, flag: &str) -> Error {
    let remedy = match error.remedy() {
        Some(remedy) => format!("{remedy} ({flag})"),
        None => format!("give another value to {flag}"),
    };
    error.with_remedy(remedy)
}

impl fmt::Display for Failure {
    /// The help text as it is; what went wrong in one line, whose control characters are escaped, and those that change the
    /// order of others: a name that it quotes may hold line breaks, or a sequence that a terminal would obey.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self {
            Self::Help(text) => return f.write_str(text),
            Self::Stopped => "stopped",
            Self::Usage(what) | Self::Runtime(what) => what,
        };
        for (index, line) in what.lines().map(str::trim).filter(|line| !line.is_empty()).enumerate() {
            if index > 0 {
                f.write_char(' ')?;
            }
            for c in line.chars() {
                match c.is_control() || reorders(c) {
                    true => write!(f, "{}", c.escape_default())?,
                    false => f.write_char(c)?,
                }
            }
        }
        Ok(())
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error.kind() {
            ErrorKind::InvalidInput => Self::Usage(error.to_string()),
            _ => Self::Runtime(error.to_string()),
        }
    }
}
