//! Secrets among the arguments, hidden from `ps`.
//!
//! Every user of a machine can read every process's arguments. A program with a secret among its own therefore
//! replaces itself at once by itself, with the same arguments but for the secrets, and hands those over in a pipe
//! that no other process has. The process stays the same; the secret was visible for a few milliseconds.

use crate::{cli::closed_stdout, net::credentials::concealed};
use rustix::io::FdFlags;
use std::{
    ffi::{OsStr, OsString},
    io::{self, Read as _, Write as _},
    os::{
        fd::AsRawFd as _,
        unix::{
            ffi::{OsStrExt as _, OsStringExt as _},
            process::CommandExt as _,
        },
    },
    process::Command,
};

/// Where the real arguments are: `PROCESS:DESCRIPTOR`. The number of the process, because children inherit it.
const VARIABLE: &str = "EYELET_ARGUMENTS";

/// Flags whose values are secrets. (Secrets in addresses are found in any argument.)
const SECRET: [&str; 3] = ["--token", "--upload-header", "--upload-proxy"];

/// What a pipe holds without a reader, in bytes.
const MOST: usize = 32 * 1024;

/// This process's arguments, the program's name first, and whether others can see secrets among them.
pub(in crate::cli) fn arguments() -> (Vec<OsString>, bool) {
    if let Some(handed) = handed_over() {
        return (handed, false);
    }
    let arguments: Vec<_> = std::env::args_os().collect();
    let hidden = hidden(&arguments);
    let visible = hidden != arguments;
    if visible {
        // Returns only where this is not possible: without /proc, or with very long arguments.
        let _ = replace(&arguments, &hidden);
    }
    (arguments, visible)
}

fn handed_over() -> Option<Vec<OsString>> {
    let variable = std::env::var(VARIABLE).ok()?;
    let (process, descriptor) = variable.split_once(':')?;
    if process.parse() != Ok(std::process::id()) {
        return None;
    }
    let mut bytes = Vec::new();
    let descriptor: u16 = descriptor.parse().ok()?;
    std::fs::File::open(format!("/proc/self/fd/{descriptor}")).ok()?.read_to_end(&mut bytes).ok()?;
    let whole = bytes.strip_suffix(b"\0")?;
    Some(whole.split(|&byte| byte == 0).map(|argument| OsString::from_vec(argument.to_vec())).collect())
}

/// Arguments hold no zero, so that it can stand behind each.
fn replace(arguments: &[OsString], hidden: &[OsString]) -> io::Result<()> {
    let bytes: Vec<u8> = arguments.iter().flat_map(|a| a.as_bytes().iter().copied().chain([0])).collect();
    let (Some((name, hidden)), true) = (hidden.split_first(), bytes.len() <= MOST) else { return Ok(()) };
    let program = std::env::current_exe()?;
    let (reader, mut writer) = io::pipe()?;
    rustix::io::fcntl_setfd(&reader, FdFlags::empty())?;
    if closed_stdout::was_closed() {
        // The `/dev/null` in its place would look like an open one after the replacement.
        rustix::io::fcntl_setfd(io::stdout(), FdFlags::CLOEXEC)?;
    }
    writer.write_all(&bytes)?;
    let place = format!("{}:{}", std::process::id(), reader.as_raw_fd());
    Err(Command::new(program).arg0(name).args(hidden).env(VARIABLE, place).exec())
}

/// The arguments with stars in place of secrets.
pub(in crate::cli) fn hidden(arguments: &[OsString]) -> Vec<OsString> {
    let mut secret = false;
    arguments
        .iter()
        .map(|argument| {
            if std::mem::take(&mut secret) {
                return "***".into();
            }
            let Some(text) = argument.to_str() else { return argument.clone() };
            secret = SECRET.contains(&text);
            match text.split_once('=') {
                Some((flag, _)) if SECRET.contains(&flag) => format!("{flag}=***").into(),
                _ => OsStr::new(&concealed(text)).to_owned(),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_among_arguments_are_replaced_by_stars() {
        let arguments = [
            "eyelet",
            "serve",
            "--token",
            "secret",
            "--token=secret",
            "--token-file",
            "file",
            "--fps=5",
            "--upload",
            "http://me:secret@cam/u?secret",
            "--upload=https://me:secret@cam/u",
            "--upload-header",
            "A: secret",
        ];
        let shown = hidden(&arguments.map(OsString::from));
        let expected = [
            "eyelet",
            "serve",
            "--token",
            "***",
            "--token=***",
            "--token-file",
            "file",
            "--fps=5",
            "--upload",
            "http://***@cam/u?***",
            "--upload=https://***@cam/u",
            "--upload-header",
            "***",
        ];
        assert_eq!(shown, expected.map(OsString::from));
        let plain =
            ["eyelet", "serve", "--upload", "http://cam/u", "--camera", "replay:a"].map(OsString::from);
        assert_eq!(hidden(&plain), plain);
    }
}
