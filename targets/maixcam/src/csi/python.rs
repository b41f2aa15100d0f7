//! MaixPy: whether it is there, and whether it can be imported.

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
    process::{Pid, PidfdFlags, pidfd_open},
};
use std::{
    env, fs,
    io::{self, Read as _},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

/// Prints the version last: an import may print anything before it. `-c` adds the folder that the program was started in,
/// whose files are no modules of MaixPy's.
const IMPORT: &str = "import sys
sys.path[:] = [folder for folder in sys.path if folder]
import maix
version = getattr(maix, '__version__', None) or getattr(maix, 'version', None)
print()
print('version', getattr(version, '__version__', version))
";

/// What the answer begins with.
const ANSWER: &str = "version ";

/// How much of what a program prints is kept: the end of it.
const KEPT: usize = 4096;

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

/// Imports MaixPy and asks for its version. Leaves no file behind.
///
/// # Errors
/// What went wrong, in words that follow "MaixPy cannot be imported: ".
pub(super) fn version(interpreter: &Path, limit: Duration) -> Result<String, String> {
    let printed = match output(import(interpreter), limit) {
        Ok(Some(printed)) => printed,
        Ok(None) => return Err(format!("it takes longer than {} s", limit.as_secs())),
        Err(error) => return Err(format!("python3 does not start: {error}")),
    };
    let last = printed.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or("python3 ended");
    match last.strip_prefix(ANSWER) {
        Some(version) => Ok(version.chars().take(40).collect()),
        None => Err(last.chars().filter(|c| !c.is_control()).take(200).collect()),
    }
}

fn import(interpreter: &Path) -> Command {
    let mut command = Command::new(interpreter);
    command.args(["-B", "-c", IMPORT]);
    command
}

/// The end of what a program prints, if it ends within the time. Otherwise it is killed.
fn output(mut command: Command, limit: Duration) -> io::Result<Option<String>> {
    let deadline = Instant::now() + limit;
    let (mut reader, writer) = io::pipe()?;
    let mut child = command.stdin(Stdio::null()).stdout(writer.try_clone()?).stderr(writer).spawn()?;
    // It has the writing ends, which would keep the pipe open.
    drop(command);
    let process = pidfd_open(Pid::from_child(&child), PidfdFlags::empty())?;
    let (mut kept, mut buffer) = (Vec::new(), [0; KEPT]);
    let mut open = true;
    let ended = loop {
        // A pipe that is closed is always ready, and a process may close it long before it ends.
        let mut ready = [PollFd::new(&process, PollFlags::IN), PollFd::new(&reader, PollFlags::IN)];
        let watched = if open { &mut ready[..] } else { &mut ready[..1] };
        if !wait(watched, deadline)? {
            break false;
        }
        if ready[1].revents().is_empty() {
            break true;
        }
        let got = reader.read(&mut buffer)?;
        open = got > 0;
        kept.extend_from_slice(&buffer[..got]);
        kept.drain(..kept.len().saturating_sub(KEPT));
    };
    if !ended {
        child.kill()?;
    }
    // One that hangs in a driver does not even end when it is killed.
    if wait(&mut [PollFd::new(&process, PollFlags::IN)], Instant::now() + Duration::from_secs(1))? {
        child.wait()?;
    }
    Ok(ended.then(|| String::from_utf8_lossy(&kept).into_owned()))
}

/// Whether one of these is ready before the deadline.
fn wait(ready: &mut [PollFd<'_>], deadline: Instant) -> io::Result<bool> {
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let left = Timespec { tv_sec: left.as_secs() as _, tv_nsec: left.subsec_nanos().into() };
        match poll(ready, Some(&left)) {
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
            Ok(count) => return Ok(count > 0),
        }
    }
}

// What runs tests of riscv64 in emulation cannot start another program.
#[cfg(all(test, not(target_arch = "riscv64")))]
mod tests {
    use super::*;

    /// doctor runs as root, in whatever folder.
    #[test]
    fn maixpy_is_not_imported_from_the_folder_that_the_program_was_started_in() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("maix.py"), "__version__ = 'of the folder'").unwrap();
        let mut command = import(Path::new("python3"));
        command.current_dir(folder.path());
        command.env("PYTHONPATH", Path::new(env!("CARGO_MANIFEST_DIR")).join("../../ci/maix"));
        let printed = output(command, Duration::from_secs(600)).unwrap().unwrap();
        assert!(printed.contains(ANSWER) && !printed.contains("of the folder"), "{printed}");
    }
}
