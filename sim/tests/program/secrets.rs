//! Secrets that other users of the machine can read are warned of.

use crate::support::{PROGRAM, command};
use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    process::{Command, Output},
};

fn log(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn world_readable_secret_in_a_configuration_is_warned_of() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("eyelet.toml");
    let warning = format!("every user of this machine may read {}", file.display());
    for (content, mode, warned) in [
        ("token = \"0123456789abcdef\"\n", 0o644, true),
        ("token = 123456789012345\n", 0o644, true),
        ("upload = \"http://me:secret@127.0.0.1:1/\"\n", 0o604, true),
        ("upload-header = [\"A: b\", \"X-Api-Key: secret\"]\n", 0o644, true),
        ("[serve]\ntoken = \"0123456789abcdef\"\n", 0o644, true),
        ("token = \"0123456789abcdef\"\n", 0o600, false),
        ("token = \"0123456789abcdef\"\n", 0o640, false),
        ("quality = 70\nupload = \"http://127.0.0.1:1/\"\n", 0o644, false),
    ] {
        fs::write(&file, content).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        let output = command(&["doctor", "--config"]).arg(&file).output().unwrap();
        let stderr = log(&output);
        assert_eq!(
            (stderr.contains(&warning), output.status.success()),
            (warned, true),
            "{content}: {stderr}"
        );
    }
}

/// Needs the right to hide /proc, which a container may not give; then there is nothing to see.
#[test]
#[cfg(target_os = "linux")]
#[allow(clippy::print_stderr)] // a test that was skipped must say so
fn secret_argument_that_cannot_be_hidden_is_warned_of() {
    let secret = ["--token", "0123456789abcdef", "--bind", "127.0.0.1:0", "--html", "/nowhere"];
    let with = |setup: &str| {
        let script = format!("{setup} exec \"$0\" serve \"$@\"");
        let mut command = Command::new("unshare");
        command.args(["--mount", "sh", "-c", &script, PROGRAM]).args(secret);
        command.output().unwrap()
    };
    let warning = "every user of this machine can see the secrets among the arguments";
    let hidden = with("mount -t tmpfs none /proc || exit 99;");
    if hidden.status.code() != Some(1) || log(&hidden).contains("unshare") {
        eprintln!("skipped: {}", log(&hidden));
        return;
    }
    assert_eq!(log(&hidden).matches(warning).count(), 1, "{}", log(&hidden));
    assert!(!log(&with("")).contains(warning));
}
