//! "did you mean": what a mistyped word may have meant.

use super::log_filter::LEVELS;
use clap::error::{ContextKind, ContextValue, Error, ErrorKind};
use eyelet_hal::PixelFormat;

/// How alike two words must be, from 0 to 1 for the same. At 0.7, as clap has it, `file` suggests `flip`, and `user` `tls-cert`.
const ALIKE: f64 = 0.8;

/// The word of `known` that is most like `word`, if one is and `word` itself is not among them.
pub(in crate::cli) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let scored = known.into_iter().map(|known| (strsim::jaro(word, known), known));
    let best = scored.filter(|(score, _)| *score > ALIKE).max_by(|a, b| a.0.total_cmp(&b.0));
    best.map(|(_, known)| known).filter(|known| *known != word)
}

/// The values of a flag (as clap shows it: `--format <NAME>`), where they are a few names.
pub(in crate::cli) fn names(argument: &str) -> Vec<&'static str> {
    match argument.split(' ').next().unwrap_or_default() {
        "--log" => LEVELS.to_vec(),
        "--format" => PixelFormat::ALL.map(PixelFormat::name).to_vec(),
        "--rotate" => vec!["90", "180", "270"],
        "--flip" => vec!["h", "v", "hv"],
        "--overlay-at" => vec!["top-left", "top-right", "bottom-left", "bottom-right"],
        "--upload-method" => vec!["post", "put", "form"],
        "--spool-full" => vec!["drop-oldest", "hold"],
        _ => vec![],
    }
}

/// The flag of `serve`, without its hyphens, for what many other programs call by this name.
pub(in crate::cli) fn elsewhere(flag: &str) -> Option<&'static str> {
    match flag {
        "-p" | "--port" | "--host" | "--listen" | "--address" => Some("bind"),
        "--framerate" | "--frame-rate" | "--rate" => Some("fps"),
        "--resolution" => Some("size"),
        "--device" => Some("camera"),
        "--verbose" | "--debug" => Some("log"),
        _ => None,
    }
}

/// The same with an example of a value, where that tells more.
fn example(flag: &str) -> String {
    let value = match flag {
        "bind" => " 127.0.0.1:8000",
        "log" => " debug",
        _ => "",
    };
    format!("--{flag}{value}")
}

/// What the user of this command line may have meant: a remedy that ends in a space, or nothing.
pub(in crate::cli) fn hint(error: &Error) -> String {
    let string = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.clone()),
        Some(ContextValue::Strings(texts)) => texts.first().cloned(),
        _ => None,
    };
    let meant = match error.kind() {
        ErrorKind::UnknownArgument => string(ContextKind::InvalidArg)
            .filter(|_| {
                error.get(ContextKind::Usage).is_some_and(|usage| usage.to_string().contains(" serve"))
            })
            .and_then(|typed| elsewhere(&typed))
            .map(example)
            .or_else(|| string(ContextKind::SuggestedArg)),
        ErrorKind::InvalidSubcommand => string(ContextKind::SuggestedSubcommand),
        ErrorKind::InvalidValue => string(ContextKind::SuggestedValue),
        ErrorKind::ValueValidation => {
            let (argument, value) = (string(ContextKind::InvalidArg), string(ContextKind::InvalidValue));
            argument
                .zip(value)
                .and_then(|(argument, value)| nearest(&value, names(&argument)))
                .map(str::to_owned)
        }
        _ => None,
    };
    meant.map_or_else(String::new, did_you_mean)
}

/// `did you mean WORD? `
pub(in crate::cli) fn did_you_mean(word: impl std::fmt::Display) -> String {
    format!("did you mean {word}? ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistyped_word_suggests_a_similar_one() {
        let known = ["quality", "size", "spool-max", "tls-cert", "flip"];
        for (word, want) in [
            ("qualty", Some("quality")),
            ("siez", Some("size")),
            ("spoolmax", Some("spool-max")),
            ("tls_cert", Some("tls-cert")),
            ("size", None),
            ("frobnicate", None),
            // Both are alike enough for clap.
            ("file", None),
            ("user", None),
            ("", None),
        ] {
            assert_eq!(nearest(word, known), want, "{word}");
        }
    }

    #[test]
    fn every_name_that_may_be_suggested_is_a_valid_value() {
        let valid = |flag: &str, parses: fn(&str) -> bool| {
            let names = names(&format!("{flag} <X>"));
            assert!(!names.is_empty() && names.iter().all(|name| parses(name)), "{flag}: {names:?}");
        };
        valid("--log", |name| crate::cli::log_filter(name).is_ok());
        valid("--format", |name| name.parse::<PixelFormat>().is_ok());
        valid("--rotate", |name| name.parse::<crate::pipeline::Rotation>().is_ok());
        valid("--flip", |name| name.parse::<crate::pipeline::Flip>().is_ok());
        valid("--overlay-at", |name| name.parse::<crate::pipeline::Corner>().is_ok());
        valid("--upload-method", |name| name.parse::<crate::upload::UploadMethod>().is_ok());
        valid("--spool-full", |name| name.parse::<crate::spool::WhenFull>().is_ok());
        assert!(names("--base-path <PATH>").is_empty());
    }
}
