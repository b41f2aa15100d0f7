//! Who else has the camera.

use std::{fmt, fs, path::Path};

/// The camera's nodes: sensor interface, image processor and scaler. Only one program at a time can use them.
const NODES: [&str; 3] = ["/dev/cvi-vi", "/dev/cvi-mipi-rx", "/dev/cvi-vpss"];

/// A program that has the camera open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Holder {
    /// Its number among processes.
    pub(crate) pid: u32,
    /// Its name.
    pub(crate) name: String,
}

impl Holder {
    /// How to have the camera from it.
    pub(crate) fn remedy(&self) -> &'static str {
        match self.name.starts_with("launcher") {
            true => "stop launcher_daemon, then launcher, or install eyelet as the app that the board starts",
            false => "stop that program",
        }
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (process {})", self.name, self.pid)
    }
}

/// The programs that have one of the camera's nodes open, of those that the folder `root`/proc shows, without those of
/// these numbers.
pub(crate) fn holders(root: &Path, without: &[u32]) -> Vec<Holder> {
    let processes = fs::read_dir(root.join("proc")).into_iter().flatten().flatten();
    let holder = |process: fs::DirEntry| {
        let pid = process.file_name().to_str()?.parse().ok().filter(|pid| !without.contains(pid))?;
        let mut files = fs::read_dir(process.path().join("fd")).ok()?.flatten();
        let is_node = |file: fs::DirEntry| {
            fs::read_link(file.path()).is_ok_and(|target| NODES.iter().any(|node| target == Path::new(node)))
        };
        let name = fs::read_to_string(process.path().join("comm")).unwrap_or_default();
        files.any(is_node).then(|| Holder { pid, name: name.trim().to_owned() })
    };
    processes.filter_map(holder).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    /// A /proc with these programs and what each has open.
    fn proc(programs: &[(u32, &str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (pid, name, file) in programs {
            let process = root.path().join(format!("proc/{pid}"));
            fs::create_dir_all(process.join("fd")).unwrap();
            fs::write(process.join("comm"), format!("{name}\n")).unwrap();
            symlink("/dev/null", process.join("fd/0")).unwrap();
            symlink(file, process.join("fd/7")).unwrap();
        }
        fs::create_dir_all(root.path().join("proc/sys")).unwrap();
        root
    }

    #[test]
    fn holders_are_the_programs_with_a_node_of_the_camera_open() {
        let root = proc(&[
            (12, "launcher", "/dev/cvi-vpss"),
            (30, "sshd", "/dev/null"),
            (31, "python3", "/dev/cvi-vi"),
            (32, "eyelet", "/dev/cvi-vpss"),
        ]);
        let mut found: Vec<_> = holders(root.path(), &[32]).iter().map(ToString::to_string).collect();
        found.sort();
        assert_eq!(found, ["launcher (process 12)", "python3 (process 31)"]);
        assert_eq!(holders(Path::new("/nowhere"), &[]), []);
    }
}
