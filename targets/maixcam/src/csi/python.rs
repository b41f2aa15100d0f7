//! MaixPy: whether it is there, and whether it can be imported.

use super::{CsiConfig, child::Child, words::Report};
use eyelet_hal::{Error, clock::monotonic};
use std::{
    env, fs,
    path::{Path, PathBuf},
    time::Duration,
};

/// How long one wait for the process may last.
const SLICE: Duration = Duration::from_millis(200);

/// Where Python's packages are.
const LIBRARIES: [&str; 2] = ["usr/lib", "usr/local/lib"];

/// The folder of MaixPy below `root`, if it is installed.
pub(super) fn package(root: &Path) -> Option<PathBuf> {
    let versions = LIBRARIES.iter().filter_map(|library| fs::read_dir(root.join(library)).ok());
    versions
        .flatten()
        .flatten()
        .filter(|folder| folder.file_name().to_string_lossy().starts_with("python3"))
        .flat_map(|folder| {
            ["site-packages", "dist-packages"].map(|kind| folder.path().join(kind).join("maix"))
        })
        .find(|package| package.is_dir())
}

/// The interpreter below `root`, if there is one.
pub(super) fn interpreter(root: &Path) -> Option<PathBuf> {
    ["usr/bin/python3", "usr/local/bin/python3", "bin/python3"]
        .iter()
        .map(|path| root.join(path))
        .find(|path| path.is_file())
}

/// Whether this system has both, as far as can be told without running anything: an import takes seconds.
pub(crate) fn is_installed() -> bool {
    let root = Path::new("/");
    let own = env::var_os("PYTHONPATH").unwrap_or_default();
    let package =
        env::split_paths(&own).any(|folder| folder.join("maix").is_dir()) || package(root).is_some();
    package && interpreter(root).is_some()
}

/// Imports MaixPy with this interpreter, in a process like the one that opens the camera, and asks for its version. `go_on` is
/// asked a few times a second; once it says no, the process is ended and there is no version.
///
/// # Errors
/// What went wrong, in words that follow "MaixPy cannot be imported: ".
pub(super) fn version(
    interpreter: &Path,
    config: &CsiConfig,
    go_on: &dyn Fn() -> bool,
) -> Result<String, String> {
    let words = |error: Error| error.message().to_owned();
    let mut child = Child::importing(interpreter, config).map_err(words)?;
    let limit = config.patience.open;
    let deadline = monotonic() + limit;
    while go_on() {
        match child.report(deadline.min(monotonic() + SLICE)).map_err(words)? {
            Some(Report::MaixPy(version)) => return Ok(version.chars().take(40).collect()),
            Some(Report::Error { text, .. }) => {
                return Err(text.chars().filter(|c| !c.is_control()).collect());
            }
            Some(Report::Ready(_) | Report::Picture { .. }) => {
                return Err("it answers something else".to_owned());
            }
            None if monotonic() < deadline => {}
            None => return Err(format!("it takes longer than {limit:?}")),
        }
    }
    Err("it was not waited for".to_owned())
}

// What runs tests of riscv64 in emulation cannot start another program.
#[cfg(all(test, not(target_arch = "riscv64")))]
mod tests {
    use super::*;

    fn config(environment: &[(&str, &Path)]) -> CsiConfig {
        let package = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../ci/maix");
        let all = [("PYTHONPATH", &*package)].into_iter().chain(environment.iter().copied());
        let environment = all.map(|(name, value)| (name.into(), value.into())).collect();
        let mut config = CsiConfig { environment, ..CsiConfig::default() };
        config.patience.open = Duration::from_secs(600);
        config
    }

    #[test]
    fn version_is_that_of_the_package() {
        let version = version(Path::new("python3"), &config(&[]), &|| true);
        assert_eq!(version.as_deref(), Ok("4.12.1"));
    }

    /// It was waited for, and left behind.
    #[test]
    fn import_that_is_given_up_is_ended() {
        let folder = tempfile::tempdir().unwrap();
        let mark = folder.path().join("started");
        fs::create_dir(folder.path().join("maix")).unwrap();
        let text = format!("import os, time\nopen({mark:?}, 'w').write(str(os.getpid()))\ntime.sleep(600)");
        fs::write(folder.path().join("maix/__init__.py"), text).unwrap();
        let config = config(&[("PYTHONPATH", folder.path())]);
        let started = || fs::read_to_string(&mark).is_ok_and(|text| !text.is_empty());
        version(Path::new("python3"), &config, &|| !started()).unwrap_err();
        let process = fs::read_to_string(&mark).unwrap();
        assert!(!Path::new("/proc").join(process).exists());
    }
}
