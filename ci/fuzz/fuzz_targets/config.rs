//! Configuration files and arguments: each is taken, or refused in one line.
//!
//! Up to the first NUL is the file; then come the arguments, each ended by one.
#![no_main]

use eyelet_core::cli::{self, Failure};
use eyelet_sim::Simulator;
use libfuzzer_sys::fuzz_target;
use std::{env, ffi::OsString, fs, os::unix::ffi::OsStringExt, path::PathBuf, process, sync::LazyLock};

static FILE: LazyLock<PathBuf> =
    LazyLock::new(|| env::temp_dir().join(format!("eyelet-fuzz-{}.toml", process::id())));

fuzz_target!(|bytes: &[u8]| {
    let mut pieces = bytes.split(|&b| b == 0);
    fs::write(&*FILE, pieces.next().unwrap_or_default()).expect("a file to write in");
    let typed = pieces.map(|piece| OsString::from_vec(piece.to_vec()));
    let mut arguments: Vec<OsString> = [OsString::from("eyelet-sim")].into_iter().chain(typed).collect();
    arguments.insert(arguments.len().min(2), format!("--config={}", FILE.display()).into());
    match cli::matches::<Simulator>(arguments) {
        Err(failure @ Failure::Usage(_)) => {
            let what = failure.to_string();
            assert!(!what.is_empty() && !what.contains(char::is_control), "one line: {what:?}");
        }
        Err(Failure::Runtime(what)) => panic!("nothing ran: {what}"),
        Ok(_) | Err(Failure::Help(_) | Failure::Stopped) => {}
    }
});
