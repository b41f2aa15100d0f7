//! What `eyelet` does on a machine that is not a board.

use eyelet_core::cli::{self, Failure, Platform as _};
use eyelet_maixcam::Board;
#[cfg(not(target_arch = "riscv64"))]
use std::process::Command;

/// A webcam must not be shown to the network because the program was tried.
#[test]
fn only_the_boards_build_listens_on_more_than_this_machine() {
    assert_eq!(Board::BIND.ip().is_loopback(), cfg!(not(target_arch = "riscv64")));
    let Err(Failure::Help(help)) = cli::matches::<Board>(["eyelet", "help", "serve"].map(Into::into).into())
    else {
        panic!("no help");
    };
    let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        help.contains(&format!("[default: the sockets passed by systemd, otherwise {}]", Board::BIND)),
        "{help}"
    );
}

// What runs this test in emulation cannot start another program.
#[cfg(not(target_arch = "riscv64"))]
#[test]
fn doctor_fails_when_it_lists_something_as_missing() {
    let doctor = |flags: &[&str]| {
        Command::new(env!("CARGO_BIN_EXE_eyelet")).arg("doctor").args(flags).output().unwrap()
    };
    let output = doctor(&["--json"]);
    let found: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let problems = found["problems"].as_array().unwrap();
    // This machine may have a camera or not.
    assert_eq!(output.status.code(), Some(i32::from(!problems.is_empty())), "{found}");
    assert_eq!(problems.is_empty(), output.stderr.is_empty());
    for problem in problems {
        for field in ["kind", "what", "remedy"] {
            assert!(problem[field].as_str().is_some_and(|text| !text.is_empty()), "{problem}");
        }
    }
    let none = found["cameras"].as_array().unwrap().is_empty();
    let node = std::path::Path::new("/dev/video0").exists();
    assert!(!none || node || problems.iter().any(|problem| problem["kind"] == "not-found"), "{found}");
    assert_eq!(doctor(&[]).status.code(), output.status.code());
}
