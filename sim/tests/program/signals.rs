//! What signals do to a server with a watchdog: each that ends it lets the watchdog go first.

use crate::support::{Program, command, get, terminal, until};
use std::{fs, path::Path, process::Command};

/// A server that has a watchdog.
fn start(watchdog: &Path, change: impl FnOnce(&mut Command)) -> Program {
    fs::write(watchdog, "").unwrap();
    let mut command = command(&["serve", "--bind", "127.0.0.1:0", "--size", "64x48", "--watchdog"]);
    command.arg(watchdog);
    change(&mut command);
    Program::start(command)
}

#[test]
fn every_fatal_signal_releases_the_watchdog() {
    let dir = tempfile::tempdir().unwrap();
    let watchdog = dir.path().join("watchdog");
    let mut signals = vec![("INT", 0), ("TERM", 0)];
    signals
        .extend(["QUIT", "USR2", "ALRM", "VTALRM", "PROF", "IO", "XCPU", "PWR", "40"].map(|name| (name, 1)));
    for (name, code) in signals {
        let mut program = start(&watchdog, |_| ());
        program.address();
        program.signal(name);
        let (ended, log) = program.end();
        assert_eq!(ended, Some(code), "{name}: {log}");
        assert!(fs::read(&watchdog).unwrap().ends_with(b"V"), "{name} leaves a watchdog that bites");
        assert_eq!(log.contains("error: stopped by "), code == 1, "{name}: {log}");
    }
}

#[test]
fn hangup_reloads_files_and_keeps_running() {
    let dir = tempfile::tempdir().unwrap();
    let [watchdog, html] = ["watchdog", "page.html"].map(|name| dir.path().join(name));
    fs::write(&html, "first").unwrap();
    let mut program = start(&watchdog, |command| {
        command.arg("--html").arg(&html);
    });
    let address = program.address();
    let page = || get(&address, "/");
    assert!(page().ends_with("\r\n\r\nfirst"));
    for (name, content) in [("HUP", "second"), ("USR1", "third")] {
        fs::write(&html, content).unwrap();
        program.signal(name);
        until(&format!("{name}: not read again"), || {
            page().ends_with(&format!("\r\n\r\n{content}")).then_some(())
        });
    }
    // That the file is gone is logged, and the page stays. A size limit and a closed pipe do no harm either.
    fs::remove_file(&html).unwrap();
    for name in ["HUP", "XFSZ", "PIPE"] {
        program.signal(name);
    }
    assert!(page().ends_with("\r\n\r\nthird"));
    // A named pipe is not waited for.
    rustix::fs::mkfifoat(rustix::fs::CWD, &html, 0o600.into()).unwrap();
    program.signal("HUP");
    assert!(page().ends_with("\r\n\r\nthird"));
    program.signal("TERM");
    let (code, log) = program.end();
    assert_eq!(code, Some(0), "{log}");
    assert_eq!(log.matches("files reloaded").count(), 2, "{log}");
    assert_eq!(log.matches("keeping the previous page").count(), 2, "{log}");
    assert_eq!(log.matches("not a regular file").count(), 1, "{log}");
}

/// Without this a server that was started by hand would outlive the window that it was started in.
#[test]
fn closed_terminal_ends_the_program() {
    let dir = tempfile::tempdir().unwrap();
    let watchdog = dir.path().join("watchdog");
    let (terminal, person) = terminal();
    let mut program = start(&watchdog, |command| {
        command.stdin(terminal);
    });
    program.address();
    drop(person);
    program.signal("HUP");
    let (code, log) = program.end();
    assert_eq!(code, Some(0), "{log}");
    assert!(fs::read(&watchdog).unwrap().ends_with(b"V"));
}
