//! `top URL`: the state of a server, as a table that is refreshed in place.

mod cells;
mod live;
mod screen;
mod source;
mod table;
mod view;

use super::stoppable;
use crate::{
    cli::{Outcome, Output, Signals, TopArgs, output::stdout_is_open, runtime},
    net::client::visible,
};
use serde_json::Value;
use source::Source;
use view::View;

pub(super) fn run(args: &TopArgs, output: &Output) -> Outcome {
    stdout_is_open()?;
    let source = Source::new(args)?;
    let runtime = runtime()?;
    let mut signals = Signals::watch(&runtime)?;
    let shown = runtime.block_on(async {
        let (source, state) = tokio::select! {
            (source, state) = source.state() => (source, state?),
            ended = signals.stopped() => return ended.map(|()| None),
        };
        if args.json {
            Ok(Some(json(&state)))
        } else if output.is_terminal() {
            live::show(source, state, &mut signals, output).await.map(|()| None)
        } else {
            Ok(Some(table::text(&View::of(&source.shown(), state), None)))
        }
    });
    let ended = shown.and_then(|text| match text {
        Some(text) => stoppable::write(output, output.line(text.trim_end()), &mut signals, &runtime),
        None => Ok(()),
    });
    // Does not wait for a lookup of the server's name that may still be under way.
    runtime.shutdown_background();
    ended
}

/// For programs, and safe to look at: what a terminal might obey is escaped.
fn json(state: &Value) -> String {
    // What was parsed serialises.
    let text = serde_json::to_string_pretty(state).unwrap_or_default();
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => escaped.push(c),
            c if visible(c) => escaped.push(c),
            c => c
                .encode_utf16(&mut [0; 2])
                .iter()
                .for_each(|unit| escaped.push_str(&format!("\\u{unit:04x}"))),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_of_a_name_with_escape_sequences_has_none_and_means_the_same() {
        let state = serde_json::json!({ "source": { "name": "\u{1b}[2J\u{9b}2J\u{202e}\u{7f}café" } });
        let text = json(&state);
        assert!(text.chars().all(|c| c == '\n' || visible(c)), "{text:?}");
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), state);
    }
}
