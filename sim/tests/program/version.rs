//! `--version`, and where the build finds the commit that it names.

#[allow(dead_code, clippy::print_stdout)]
#[path = "../../build.rs"]
mod build;

use crate::support::{Program, command, get};
use std::{fs, path::Path, process::Command};

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

fn git(folder: &Path, arguments: &[&str]) -> String {
    let mut git = Command::new("git");
    git.args(["-c", "user.name=me", "-c", "user.email=me@localhost", "-C"]).arg(folder).args(arguments);
    let output = git.output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn write(file: &Path, text: &str) {
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, text).unwrap();
}

#[test]
fn version_is_shown_by_version_doctor_and_state() {
    let printed = |arguments: &[&str]| {
        String::from_utf8(command(arguments).output().unwrap().stdout).unwrap().trim_end().to_owned()
    };
    let line = printed(&["--version"]);
    let version = line.strip_prefix("eyelet-sim ").unwrap();
    let (number, build) = version.split_once(" (").unwrap();
    assert_eq!(number, env!("CARGO_PKG_VERSION"));
    let (revision, target) = build.strip_suffix(')').unwrap().split_once(", ").unwrap();
    assert!(!revision.is_empty() && target.contains(std::env::consts::ARCH), "{line}");

    assert_eq!(printed(&["doctor"]).lines().next().unwrap(), format!("program  {line}"));
    let found: serde_json::Value = serde_json::from_str(&printed(&["doctor", "--json"])).unwrap();
    assert_eq!((&found["program"], &found["version"]), (&"eyelet-sim".into(), &version.into()));
    assert!(found["cameras"].is_array(), "{found}");
    let mut server = Program::serve(&["--size", "64x48"]);
    let state = get(&server.address(), "/state");
    assert!(state.contains(&format!("\"version\": \"{version}\"")), "{state}");
}

#[test]
fn revision_of_a_repository_tells_changed_sources_from_unchanged_ones() {
    let dir = tempfile::tempdir().unwrap();
    let top = dir.path();
    let [source, test] = ["core/src/lib.rs", "core/tests/test.rs"].map(|file| top.join(file));
    for (name, text) in [("sim/Cargo.toml", "a"), ("targets/maixcam/Cargo.toml", "b"), ("sim/src/a.rs", "c")]
    {
        write(&top.join(name), text);
    }
    write(&source, "old");
    write(&test, "old");
    git(top, &["init", "-q", "-b", "main"]);
    git(top, &["add", "."]);
    git(top, &["commit", "-q", "-m", "first"]);
    let first = git(top, &["rev-parse", "HEAD"])[..10].to_owned();
    let programs = ["sim", "targets/maixcam"].map(|path| top.join(path));
    let of_both = || programs.each_ref().map(|package| build::in_repository(package).unwrap());
    assert_eq!(of_both(), [first.clone(), first.clone()]);
    write(&test, "new");
    write(&top.join("core/src/untracked.rs"), "new");
    assert_eq!(of_both(), [first.clone(), first.clone()], "tests are no part of a program");
    write(&source, "new");
    assert_eq!(of_both(), [format!("{first}-dirty"), format!("{first}-dirty")]);
    assert_eq!(build::by_hand(top).unwrap(), format!("{first}-unchecked"));

    // The same in a second work tree, on a packed branch.
    let second = dir.path().join("second");
    git(top, &["worktree", "add", "-q", second.to_str().unwrap(), "-b", "area/topic"]);
    git(top, &["pack-refs", "--all"]);
    assert_eq!(build::in_repository(&second.join("sim")).unwrap(), first);
    assert_eq!(build::by_hand(&second).unwrap(), format!("{first}-unchecked"));
}

#[test]
fn revision_of_another_projects_repository_is_not_shown() {
    let dir = tempfile::tempdir().unwrap();
    write(&dir.path().join("vendor/eyelet/sim/Cargo.toml"), "");
    write(&dir.path().join("other/Cargo.toml"), "");
    git(dir.path(), &["init", "-q"]);
    git(dir.path(), &["add", "."]);
    git(dir.path(), &["commit", "-q", "-m", "theirs"]);
    for package in ["vendor/eyelet/sim", "other"] {
        assert_eq!(build::in_repository(&dir.path().join(package)), None, "{package}");
    }
}

#[test]
fn revision_of_a_package_is_in_its_note() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(build::packaged(dir.path()), None);
    let note = dir.path().join(".cargo_vcs_info.json");
    for (git, want) in [
        (
            format!("{{\n  \"git\": {{\n    \"sha1\": \"{COMMIT}\"\n  }},\n  \"path_in_vcs\": \"sim\"\n}}"),
            Some("0123456789"),
        ),
        (
            format!("{{\n  \"git\": {{\n    \"sha1\": \"{COMMIT}\",\n    \"dirty\": true\n  }}\n}}"),
            Some("0123456789-dirty"),
        ),
        ("{}".to_owned(), None),
        ("{\"git\": {\"sha1\": \"../..\"}}".to_owned(), None),
    ] {
        write(&note, &git);
        assert_eq!(build::packaged(dir.path()).as_deref(), want, "{git}");
    }
}

#[test]
fn archive_of_a_commit_names_it() {
    // `export-subst` of .gitattributes replaces this.
    assert_eq!(build::short(build::ARCHIVED), None);
    assert_eq!(build::short(COMMIT).as_deref(), Some("0123456789"));
    let attributes = include_str!("../../../.gitattributes");
    assert!(attributes.lines().any(|line| line == "sim/build.rs export-subst"));
    let link =
        fs::read_link(Path::new(env!("CARGO_MANIFEST_DIR")).join("../targets/maixcam/build.rs")).unwrap();
    assert_eq!(link, Path::new("../../sim/build.rs"));
}
