//! "did you mean": what a mistyped word may have meant.

use clap::error::{ContextKind, ContextValue, Error, ErrorKind};

/// How alike two words must be, from 0 to 1 for the same: as alike as clap's suggestions, and more among free text.
const ALIKE: f64 = 0.7;
const VERY_ALIKE: f64 = 0.8;

/// The word of `known` that is most like `word`, if one is.
pub(in crate::cli) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    alike(ALIKE, word, known)
}

fn alike<'a>(least: f64, word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let scored = known.into_iter().map(|known| (strsim::jaro(word, known), known));
    scored.filter(|(score, _)| *score > least).max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, known)| known)
}

/// The flag of `serve` for what many other programs call by this name.
fn elsewhere(flag: &str) -> Option<&'static str> {
    match flag {
        "-p" | "--port" | "--host" | "--listen" | "--address" => Some("--bind 127.0.0.1:8000"),
        "--framerate" | "--frame-rate" | "--rate" => Some("--fps"),
        "--resolution" => Some("--size"),
        "--device" => Some("--camera"),
        "--verbose" | "--debug" => Some("--log debug"),
        _ => None,
    }
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
            .map(str::to_owned)
            .or_else(|| string(ContextKind::SuggestedArg)),
        ErrorKind::InvalidSubcommand => string(ContextKind::SuggestedSubcommand),
        // The error of a value lists the valid ones, if they are few.
        ErrorKind::ValueValidation => string(ContextKind::InvalidValue).and_then(|value| {
            let reason = std::error::Error::source(error)?.to_string();
            // The error of an address says so already, and the address may hold secrets.
            if reason.starts_with("cannot ") {
                return None;
            }
            // What is in quotes was typed.
            let right = reason.rsplit('"').next().unwrap_or_default();
            let words =
                right.split(|c: char| !(c.is_alphanumeric() || c == '-')).filter(|word| word.len() > 2);
            let typed = value.chars().any(char::is_alphabetic) && !value.contains('=');
            alike(VERY_ALIKE, &value, words.filter(|word| typed && *word != value)).map(str::to_owned)
        }),
        _ => None,
    };
    meant.map_or_else(String::new, did_you_mean)
}

/// What may have been meant in place of `name`, among what the remedy for it names.
pub(in crate::cli) fn meant<'a>(name: &str, error: &'a eyelet_hal::Error) -> Option<&'a str> {
    let remedy = error.remedy().filter(|_| error.kind() == eyelet_hal::ErrorKind::InvalidInput)?;
    let known = remedy.split(|c: char| !(c.is_alphanumeric() || c == '-')).filter(|known| known.len() > 2);
    alike(VERY_ALIKE, name, known)
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
        let known = ["quality", "size", "spool-max", "tls-cert"];
        for (word, want) in [
            ("qualty", Some("quality")),
            ("siez", Some("size")),
            ("spoolmax", Some("spool-max")),
            ("tls_cert", Some("tls-cert")),
            ("frobnicate", None),
            ("", None),
        ] {
            assert_eq!(nearest(word, known), want, "{word}");
        }
    }
}
