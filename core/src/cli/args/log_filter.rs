//! `--log FILTER`: which log lines are wanted.

use tracing_subscriber::filter::Targets;

pub(super) const LEVELS: [&str; 6] = ["error", "warn", "info", "debug", "trace", "off"];

/// `text` if it is a filter: levels, and modules of eyelet with levels of their own, divided by commas. For clap.
///
/// # Errors
/// Anything else, with what is valid. A word without meaning must not pass: it would switch everything off.
pub fn log_filter(text: &str) -> Result<String, String> {
    match text.split(',').find(|part| !is_directive(part)) {
        None => Ok(text.to_owned()),
        Some(part) => Err(format!(
            "{}; use {} or a list such as info,eyelet_core::http=debug",
            wrong(part),
            LEVELS.join(", ")
        )),
    }
}

/// What is wrong with a part that is no directive.
fn wrong(part: &str) -> String {
    match part.split_once('=') {
        Some((module, level)) if is_level(level) => format!("{module:?} is not a module of eyelet"),
        Some((_, level)) => format!("{level:?} is not a level"),
        None => format!("{part:?} is not a level"),
    }
}

fn is_level(text: &str) -> bool {
    LEVELS.iter().any(|level| level.eq_ignore_ascii_case(text))
}

fn is_directive(text: &str) -> bool {
    match text.split_once('=') {
        // Nothing else in here logs.
        Some((module, level)) => module.starts_with("eyelet") && is_level(level),
        None => is_level(text) || text.starts_with("eyelet_"),
    }
}

/// The targets of `filter`. If it names modules only, the rest logs as by default.
pub(in crate::cli) fn targets(filter: &str) -> Targets {
    let default = if filter.split(',').any(is_level) { "" } else { "info," };
    // Every directive has been checked before.
    format!("{default}{filter}").parse().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracing::Level;

    #[test]
    fn bad_log_filter_is_refused_with_valid_ones() {
        for text in [
            "inof",
            "",
            "info,",
            "info,,warn",
            "5",
            "eyelet_core=loud",
            "hyper=debug",
            "eyelet",
            "eyelet_core==info",
        ] {
            let what = log_filter(text).unwrap_err();
            assert!(
                what.contains("use error, warn, info, debug, trace, off or a list such as"),
                "{text}: {what}"
            );
        }
    }

    #[test]
    fn bad_log_filter_names_its_wrong_part() {
        for (text, part) in [
            ("info,inof", "\"inof\" is not a level; "),
            ("eyelet_core=loud", "\"loud\" is not a level; "),
            ("hyper=debug", "\"hyper\" is not a module of eyelet; "),
        ] {
            let what = log_filter(text).unwrap_err();
            assert!(what.starts_with(part), "{text}: {what}");
        }
    }

    #[test]
    fn log_filter_lets_through_its_levels_and_modules() {
        let lets = |filter: &str, module: &str, level: Level| {
            targets(&log_filter(filter).unwrap()).would_enable(module, &level)
        };
        assert!(lets("info", "eyelet_core", Level::INFO) && !lets("info", "eyelet_core", Level::DEBUG));
        assert!(lets("DEBUG", "eyelet_core", Level::DEBUG));
        assert!(!lets("off", "eyelet_core", Level::ERROR));
        let filter = "eyelet_core::http=debug";
        assert!(lets(filter, "eyelet_core::http::stream", Level::DEBUG));
        assert!(lets(filter, "eyelet_core::pipeline", Level::WARN), "the rest is not switched off");
        assert!(!lets(filter, "eyelet_core::pipeline", Level::DEBUG));
        assert!(!lets("error,eyelet_core::http=debug", "eyelet_core::pipeline", Level::WARN));
    }
}
