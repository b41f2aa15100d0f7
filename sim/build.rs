//! Which sources a program is built from, for its `--version`: `EYELET_BUILD` is `4311032abc, x86_64-unknown-linux-gnu`.
//!
//! The revision is that of the first that there is: `EYELET_REVISION` in the environment, the note that `cargo package` leaves
//! in a package, the one that `git archive` leaves in this file, and the repository. Nothing here can fail a build.
//!
//! `targets/maixcam/build.rs` is a link to this file.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

/// `git archive` writes the commit here.
pub(crate) const ARCHIVED: &str = "$Format:%H$";

/// So many digits, whatever the repository's size: the same sources give the same program.
const DIGITS: usize = 10;

fn main() {
    println!("cargo:rerun-if-env-changed=EYELET_REVISION");
    println!("cargo:rerun-if-changed=build.rs");
    let package = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let revision =
        given().or_else(|| packaged(&package)).or_else(archived).or_else(|| in_repository(&package));
    let revision = revision.unwrap_or_else(|| "unknown revision".to_owned());
    let target = env::var("TARGET").unwrap_or_default();
    println!("cargo:rustc-env=EYELET_BUILD={revision}, {target}");
}

/// By who builds packages of a distribution.
fn given() -> Option<String> {
    let given = env::var("EYELET_REVISION").ok()?;
    let given: String = given.chars().filter(char::is_ascii_graphic).take(64).collect();
    (!given.is_empty()).then_some(given)
}

/// `{"git": {"sha1": "...", "dirty": true}, ...}`
pub(crate) fn packaged(package: &Path) -> Option<String> {
    let note = fs::read_to_string(package.join(".cargo_vcs_info.json")).ok()?;
    let revision = note.split("\"sha1\"").nth(1)?.split('"').nth(1)?;
    Some(short(revision)? + if note.contains("\"dirty\": true") { "-dirty" } else { "" })
}

fn archived() -> Option<String> {
    short(ARCHIVED)
}

pub(crate) fn in_repository(package: &Path) -> Option<String> {
    let top = package.ancestors().skip(1).take(2).find(|folder| folder.join(".git").exists())?;
    // Where eyelet is in a repository of another project, that one's revision says nothing.
    let path = package.strip_prefix(top).ok()?.to_str()?;
    let sources: &[&str] = match path {
        "sim" => &["hal", "core", "sim"],
        "targets/maixcam" => &["hal", "core", "sim", "targets"],
        _ => return None,
    };
    by_git(top, sources).or_else(|| by_hand(top))
}

/// The commit, and whether the sources differ from it.
fn by_git(top: &Path, sources: &[&str]) -> Option<String> {
    // In a container the repository may belong to another user. And nothing is written to it.
    let git = |arguments: &[&str]| {
        let mut git = Command::new("git");
        git.args(["--no-optional-locks", "-c", "safe.directory=*", "-C"]).arg(top).args(arguments);
        let output = git.output().ok().filter(|output| output.status.success())?;
        String::from_utf8(output.stdout).ok()
    };
    let revision = short(git(&["rev-parse", "HEAD"])?.trim())?;
    let branch = git(&["rev-parse", "--symbolic-full-name", "HEAD"])?;
    for file in ["HEAD", "logs/HEAD", "packed-refs", branch.trim()] {
        let path = top.join(git(&["rev-parse", "--git-path", file])?.trim());
        // A file that is not there would have this run each time.
        if path.is_file() {
            println!("cargo:rerun-if-changed={}", path.display());
        }
    }
    let files = ["Cargo.toml", "Cargo.lock", ".cargo/config.toml"].map(str::to_owned).into_iter();
    let tracked = git(&[&["ls-files", "--"], sources].concat())?;
    let files: Vec<_> =
        files.chain(tracked.lines().filter(|file| is_source(file)).map(str::to_owned)).collect();
    for file in files.iter().map(|file| top.join(file)).filter(|path| path.is_file()) {
        println!("cargo:rerun-if-changed={}", file.display());
    }
    let status = ["status", "--porcelain", "--untracked-files=no", "--"];
    let files: Vec<_> = files.iter().map(String::as_str).collect();
    let dirty = !git(&[&status[..], &files].concat())?.is_empty();
    Some(if dirty { revision + "-dirty" } else { revision })
}

/// What becomes a part of a program. Neither tests nor the Python package do.
fn is_source(file: &str) -> bool {
    file.contains("src/") && !file.starts_with("sim/python/") || file.ends_with("/Cargo.toml")
}

/// Without git, or where it refuses: the commit alone.
pub(crate) fn by_hand(top: &Path) -> Option<String> {
    let git = top.join(".git");
    let git = match fs::read_to_string(&git) {
        // A work tree's.
        Ok(link) => top.join(link.strip_prefix("gitdir:")?.trim()),
        Err(_) => git,
    };
    let common = fs::read_to_string(git.join("commondir"));
    let common = common.map_or_else(|_| git.clone(), |path| git.join(path.trim()));
    let head = fs::read_to_string(git.join("HEAD")).ok()?;
    for file in [git.join("HEAD"), git.join("logs/HEAD")].iter().filter(|file| file.is_file()) {
        println!("cargo:rerun-if-changed={}", file.display());
    }
    let revision = match head.trim().strip_prefix("ref: ") {
        None => head,
        Some(branch) => fs::read_to_string(common.join(branch)).ok().or_else(|| {
            let packed = fs::read_to_string(common.join("packed-refs")).ok()?;
            packed.lines().find_map(|line| Some(line.strip_suffix(branch)?.to_owned()))
        })?,
    };
    Some(short(revision.trim())? + "-unchecked")
}

pub(crate) fn short(revision: &str) -> Option<String> {
    let is_revision = revision.len() >= DIGITS && revision.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_revision.then(|| revision[..DIGITS].to_owned())
}
