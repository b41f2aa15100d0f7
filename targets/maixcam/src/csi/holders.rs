//! Who has the camera's device nodes open.

use std::{collections::BTreeSet, fmt, fs, io, path::Path};

/// What only one program at a time can use.
const CAMERA: [&str; 3] = ["/dev/cvi-vi", SCALER, "/dev/cvi-mipi-rx"];

/// Where the frames come from.
const SCALER: &str = "/dev/cvi-vpss";

/// How the nodes of the JPEG unit begin.
const UNIT: &str = "/dev/cvi_vc_enc";

/// How every node of the vendor's drivers begins.
const VENDOR: [&str; 2] = ["/dev/cvi-", "/dev/cvi_"];

/// A process that has a node of the camera open.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Holder {
    /// Its number.
    pub(super) pid: u32,
    /// Its name, as `ps` shows it.
    pub(super) name: String,
    /// What kind of program it is.
    pub(super) role: Role,
}

impl Holder {
    /// How to have the camera, or the JPEG unit, from it.
    pub(super) fn remedy(&self) -> &'static str {
        match self.role {
            Role::Launcher => TO_STOP_THE_LAUNCHER,
            Role::Eyelet => "end the other eyelet; one program at a time can use the camera",
            Role::Killed => "it was killed and has not ended; restart the board if it stays so",
            Role::Other => "end that program; one at a time can use the camera",
        }
    }
}

/// It would be started again by the one that watches it.
const TO_STOP_THE_LAUNCHER: &str = "stop the launcher with killall launcher_daemon, then killall launcher, or install \
                                    eyelet as the app that starts in its place";

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (process {})", self.name, self.pid)
    }
}

/// What kind of program has the camera.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Role {
    /// eyelet, or the process that holds the camera for it.
    Eyelet,
    /// The board's user interface, or what keeps it running.
    Launcher,
    /// Something that was killed and has not ended, as it hangs in a driver.
    Killed,
    /// Something else.
    Other,
}

/// What the processes have open.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Holders {
    /// Those that have the camera.
    pub(super) camera: Vec<Holder>,
    /// Those that have the JPEG unit.
    pub(super) unit: Vec<Holder>,
    /// Whether some process has the scaler open: the first to open it resets it, and the next do not.
    pub(super) scaler: bool,
    /// Whether some process has any node of the vendor's drivers, the display's among them.
    pub(super) vendor: bool,
    /// Whether the files of some process could not be listed, for want of root's rights.
    pub(super) incomplete: bool,
}

/// Looks through the processes below `root`. Those that end meanwhile are passed over.
pub(super) fn scan(root: &Path) -> Holders {
    let mut found = Holders::default();
    let Ok(processes) = fs::read_dir(root.join("proc")) else { return found };
    for process in processes.flatten() {
        let Some(pid) = process.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        let files = match fs::read_dir(process.path().join("fd")) {
            Ok(files) => files,
            Err(error) => {
                found.incomplete |= error.kind() == io::ErrorKind::PermissionDenied;
                continue;
            }
        };
        let open: BTreeSet<_> = files
            .flatten()
            .filter_map(|file| fs::read_link(file.path()).ok()?.into_os_string().into_string().ok())
            .filter(|path| VENDOR.iter().any(|start| path.starts_with(start)))
            .collect();
        found.vendor |= !open.is_empty();
        found.scaler |= open.contains(SCALER);
        if CAMERA.iter().any(|node| open.contains(*node)) {
            found.camera.push(holder(root, pid));
        }
        if open.iter().any(|path| path.starts_with(UNIT)) {
            found.unit.push(holder(root, pid));
        }
    }
    found.camera.sort();
    found
}

fn holder(root: &Path, pid: u32) -> Holder {
    let name = name(root, pid);
    let parent = parent(root, pid).map(|parent| self::name(root, parent));
    let role = match (&*name, parent.as_deref()) {
        _ if is_killed(root, pid) => Role::Killed,
        ("eyelet", _) | (_, Some("eyelet")) => Role::Eyelet,
        ("launcher" | "launcher_daemon", _) => Role::Launcher,
        _ => Role::Other,
    };
    Holder { pid, name, role }
}

/// Whether SIGKILL waits for it, for the thread or for all of them.
fn is_killed(root: &Path, pid: u32) -> bool {
    const KILL: u64 = 1 << (9 - 1);
    let status = fs::read_to_string(root.join(format!("proc/{pid}/status"))).unwrap_or_default();
    let sets =
        status.lines().filter_map(|line| line.strip_prefix("SigPnd:").or(line.strip_prefix("ShdPnd:")));
    sets.filter_map(|set| u64::from_str_radix(set.trim(), 16).ok()).any(|set| set & KILL != 0)
}

fn name(root: &Path, pid: u32) -> String {
    let name = fs::read_to_string(root.join(format!("proc/{pid}/comm"))).unwrap_or_default();
    let name = name.trim();
    if name.is_empty() { "a program" } else { name }.to_owned()
}

/// The second field after the name, which is in parentheses and may contain any character.
fn parent(root: &Path, pid: u32) -> Option<u32> {
    let stat = fs::read_to_string(root.join(format!("proc/{pid}/stat"))).ok()?;
    stat.rsplit_once(')')?.1.split_ascii_whitespace().nth(1)?.parse().ok()
}
