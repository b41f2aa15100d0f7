//! `doctor` on a tree of files that looks like a MaixCAM's.

use super::*;
use crate::model::Machine;
use std::{
    fs::{create_dir_all, write},
    os::unix::fs::symlink,
    sync::Arc,
};
use tempfile::TempDir;

const LIST: &str = "Summary:\n[0] carveout heap size:110100480 bytes, used:USED bytes\n";
const POOL: &str = "  0  12533760  8b300000  1  VbPool0\n";

/// A MaixCAM with nothing missing.
struct Tree(TempDir);

impl Tree {
    fn new() -> Self {
        let tree = Self(TempDir::new().unwrap());
        tree.file("dev/cvi-vi", "").file("dev/cvi-vpss", "").file("proc/1/comm", "init\n");
        tree.file("boot/board", "id=maixcam_pro\nlane_id=4\n").file(TUNING, "tuning");
        tree.file("usr/lib/python3.11/site-packages/maix/__init__.py", "").used(5_000_000, "");
        tree.file("usr/bin/python3", "");
        tree
    }

    /// The same with a Python that runs.
    #[cfg(not(target_arch = "riscv64"))]
    fn whole() -> Self {
        Self::new().python("echo starting; echo maixpy 4.12.1 >&0")
    }

    fn file(&self, path: &str, text: &str) -> &Self {
        let path = self.0.path().join(path);
        create_dir_all(path.parent().unwrap()).unwrap();
        write(path, text).unwrap();
        self
    }

    fn used(&self, bytes: u64, details: &str) -> &Self {
        self.file(CARVEOUT, &(LIST.replace("USED", &bytes.to_string()) + details))
    }

    /// A Python that runs this script of the shell, which has eyelet's socket as stdin, in place of what it is given. A process of its own writes it: a file
    /// that this process had open for writing, even a child of another test's thread, cannot be started.
    #[cfg(not(target_arch = "riscv64"))]
    fn python(self, script: &str) -> Self {
        let python = self.0.path().join("usr/bin/python3");
        create_dir_all(python.parent().unwrap()).unwrap();
        let write = r#"rm -f "$0"; printf '#!/bin/sh\n%s\n' "$1" >"$0" && chmod 755 "$0""#;
        let written = std::process::Command::new("sh").args(["-c", write]).arg(python).arg(script).status();
        assert!(written.unwrap().success());
        self
    }

    /// A process with a node open.
    fn process(&self, pid: u32, parent: u32, name: &str, node: &str) -> &Self {
        self.file(&format!("proc/{pid}/comm"), &format!("{name}\n"));
        self.file(&format!("proc/{pid}/stat"), &format!("{pid} (a) b) S {parent} 1 1\n"));
        let files = self.0.path().join(format!("proc/{pid}/fd"));
        create_dir_all(&files).unwrap();
        symlink("/dev/null", files.join("0")).unwrap();
        symlink(node, files.join("7")).unwrap();
        self
    }

    #[cfg(not(target_arch = "riscv64"))]
    fn without(self, path: &str) -> Self {
        std::fs::remove_file(self.0.path().join(path)).unwrap();
        self
    }

    fn examine(&self) -> Examined {
        self.examine_with(&Machine::new())
    }

    fn examine_with(&self, machine: &Arc<Machine>) -> Examined {
        let size = "640x480".parse().unwrap();
        examine(self.0.path(), &*machine.process(), size, &|| true).expect("a MaixCAM")
    }

    /// The only problem, as it is printed.
    #[track_caller]
    fn problem(&self) -> (ErrorKind, String) {
        match &*self.examine().problems {
            [Problem { kind, what, remedy, .. }] => (*kind, format!("{what}; {remedy}")),
            other => panic!("{other:#?}"),
        }
    }

    #[track_caller]
    fn fact(&self, name: &str) -> String {
        let facts = self.examine().camera.unwrap().facts;
        facts.iter().find(|fact| fact.name == name).map(|fact| fact.value.clone()).unwrap_or_default()
    }
}

#[test]
fn machine_that_is_no_maixcam_is_not_examined() {
    let empty = TempDir::new().unwrap();
    let process = Machine::new().process();
    assert!(examine(empty.path(), &*process, "640x480".parse().unwrap(), &|| true).is_none());
}

// What runs the tests of the board's build in emulation cannot start another program.
#[cfg(not(target_arch = "riscv64"))]
mod whole {
    use super::*;

    #[test]
    fn complete_board_lacks_nothing_and_says_what_it_is() {
        let Examined { camera, problems } = Tree::whole().examine();
        let camera = camera.unwrap();
        assert!(problems.is_empty() && !camera.in_use, "{problems:?}");
        let said: Vec<_> = camera.facts.iter().map(|fact| format!("{}: {}", fact.name, fact.value)).collect();
        assert_eq!(
            said,
            [
                "board: maixcam_pro",
                "held by: nobody",
                "MaixPy: 4.12.1",
                "tuning: /mnt/cfg/param/cvi_sdr_bin",
                "picture memory: 100.2 MiB of 105.0 MiB free; 640x480 needs 23.1 MiB and up to 20 MiB for the ISP",
            ]
        );
    }

    #[test]
    fn import_that_fails_is_a_problem_with_pythons_reason() {
        let broken = Tree::whole().python("echo Traceback >&2; echo 'error import no libsys.so' >&0; exit 1");
        let (kind, said) = broken.problem();
        assert_eq!(kind, ErrorKind::Other);
        assert!(said.contains("imported: no libsys.so; reinstall MaixPy"), "{said}");
        let (_, said) = Tree::whole().python("exit 3").problem();
        assert!(
            said.contains("imported: the built-in camera's process has ended with exit code 3; "),
            "{said}"
        );
    }

    #[test]
    fn import_that_hangs_is_ended_at_the_limit() {
        // The second closes its output, which is not its end.
        for script in ["exec sleep 600", "exec >&- 2>&-; exec sleep 600"] {
            let tree = Tree::whole().python(script);
            let begin = std::time::Instant::now();
            let python = tree.0.path().join("usr/bin/python3");
            let patience = Patience { open: Duration::from_millis(50), ..IMPORT };
            let config = CsiConfig { patience, ..CsiConfig::default() };
            let why = python::version(&python, &config, &|| true).unwrap_err();
            assert!(why.contains("longer than"), "{why}");
            assert!(begin.elapsed() < Duration::from_secs(300), "it was waited for");
        }
    }

    #[test]
    fn import_that_prints_without_end_is_not_kept_in_memory() {
        let tree = Tree::whole().python("yes noise | head -n 200000; echo maixpy 4.8.0 >&0");
        assert_eq!(tree.fact("MaixPy"), "4.8.0");
    }

    #[test]
    fn missing_python_package_and_tuning_are_named_with_their_remedies() {
        let (kind, said) = Tree::whole().without("usr/bin/python3").problem();
        assert!(kind == ErrorKind::NotFound && said.starts_with("there is no python3"), "{said}");
        let (kind, said) = Tree::whole().without(TUNING).problem();
        assert!(kind == ErrorKind::NotFound && said.contains("/mnt/cfg/param/cvi_sdr_bin"), "{said}");
        let bare = Tree::whole();
        std::fs::remove_dir_all(bare.0.path().join("usr/lib/python3.11")).unwrap();
        let (_, said) = bare.problem();
        assert!(said.starts_with("MaixPy is not installed") && said.contains("USB camera"), "{said}");
        assert!(bare.examine().camera.is_none(), "it cannot be opened");
    }

    #[test]
    fn pools_that_nobody_has_are_left_of_a_killed_program() {
        let tree = Tree::whole();
        let (kind, said) = {
            tree.used(20_000_000, POOL);
            tree.problem()
        };
        assert_eq!(kind, ErrorKind::OutOfMemory);
        assert!(said.starts_with("1 pools of pictures (12.0 MiB) are left"), "{said}");
        // The display's program has them.
        tree.process(40, 1, "ui", "/dev/cvi-vo");
        assert!(tree.examine().problems.is_empty());
    }

    #[test]
    fn too_little_memory_for_the_size_is_a_problem() {
        let tree = Tree::whole();
        tree.used(100_000_000, "");
        let (kind, said) = tree.problem();
        assert!(kind == ErrorKind::OutOfMemory && said.contains("640x480 needs"), "{said}");
    }

    #[test]
    fn memory_that_cannot_be_read_is_no_problem() {
        let tree = Tree::whole().without(CARVEOUT);
        assert!(tree.fact("picture memory").starts_with("unknown"));
        assert!(tree.examine().problems.is_empty());
    }
}

#[test]
fn launcher_that_has_the_camera_is_named_and_how_to_stop_it() {
    let tree = Tree::new();
    tree.process(312, 200, "launcher", "/dev/cvi-vi");
    let (kind, said) = tree.problem();
    assert_eq!(kind, ErrorKind::Busy);
    assert!(
        said.contains("held by launcher (process 312); stop the launcher with killall launcher_daemon"),
        "{said}"
    );
    assert!(tree.examine().camera.unwrap().in_use);
}

/// An import would start its listeners a second time.
#[test]
fn maixpy_is_not_imported_while_a_program_has_the_camera() {
    let tree = Tree::new();
    tree.process(77, 1, "python3", "/dev/cvi-vpss");
    let (_, said) = tree.problem();
    assert!(said.contains("held by python3 (process 77); end that program"), "{said}");
    assert_eq!(tree.fact("MaixPy"), "installed; not tried while the camera is held");
}

/// It said that nothing was missing, and the camera could not be opened.
#[test]
fn program_that_has_the_jpeg_unit_keeps_the_camera_from_being_opened() {
    let tree = Tree::new();
    tree.process(77, 1, "encode", "/dev/cvi_vc_enc2");
    let problems = tree.examine().problems;
    let said: Vec<_> =
        problems.iter().map(|problem| (problem.kind, &*problem.what, &*problem.remedy)).collect();
    let what = "the built-in camera cannot be opened while the JPEG unit is held by encode (process 77)";
    assert_eq!(said, [(ErrorKind::Busy, what, "end that program; one at a time can use the camera")]);
    assert!(tree.examine().camera.unwrap().in_use, "it is not tried");
    assert!(tree.fact("JPEG unit").starts_with("held by encode (process 77), "));
}

/// An eyelet with a USB camera is as it should be.
#[test]
fn eyelet_that_has_the_jpeg_unit_is_a_fact_and_no_problem() {
    let tree = Tree::new();
    tree.process(77, 1, "eyelet", "/dev/cvi_vc_enc0");
    let Examined { camera, problems } = tree.examine();
    assert!(problems.is_empty(), "{problems:?}");
    assert!(!camera.unwrap().in_use, "a trial tells why not");
    assert!(tree.fact("JPEG unit").starts_with("held by eyelet (process 77), "));
}

/// It was called an eyelet, since one had started it, and could be ended no more than before.
#[test]
fn killed_process_that_does_not_end_is_a_reason_to_restart_the_board() {
    for pending in ["SigPnd:\t0000000000000100", "ShdPnd:\t0000000000000100"] {
        let tree = Tree::new();
        tree.process(500, 1, "eyelet", "/dev/cvi-vpss").process(501, 500, "python3", "/dev/cvi-vi");
        tree.file("proc/501/status", &format!("Name:\tpython3\nSigQ:\t1/2\n{pending}\nSigBlk:\tffff\n"));
        let (kind, said) = tree.problem();
        assert_eq!(kind, ErrorKind::Busy);
        assert!(
            said.ends_with("; it was killed and has not ended; restart the board if it stays so"),
            "{said}"
        );
    }
}

#[test]
fn eyelet_that_streams_is_no_problem() {
    let tree = Tree::new();
    tree.process(500, 1, "eyelet", "/dev/cvi-vpss").process(501, 500, "python3", "/dev/cvi-vi");
    tree.used(109_000_000, POOL);
    assert!(tree.examine().problems.is_empty(), "{:?}", tree.examine().problems);
    assert_eq!(tree.fact("held by"), "eyelet (process 500), python3 (process 501)");
    assert!(tree.examine().camera.unwrap().in_use);
}

/// The model counts it as a violation if the scaler is opened by a program that is the first.
#[test]
fn scaler_is_asked_only_while_another_program_has_it_open() {
    let machine = Machine::new();
    let scaler = |tree: &Tree| {
        let facts = tree.examine_with(&machine).camera.unwrap().facts;
        facts.into_iter().find(|fact| fact.name == "scaler").map(|fact| fact.value)
    };
    let tree = Tree::new();
    tree.process(77, 1, "python3", "/dev/cvi-vi");
    assert_eq!(scaler(&tree), None);
    let camera = machine.connect_camera();
    assert_eq!(camera.line("open 1280 720 30 4"), "ok 0");
    tree.process(78, 1, "python3", "/dev/cvi-vpss");
    assert_eq!(scaler(&tree).unwrap(), "streams 1280x720");
    assert_eq!(machine.violations(), []);
}
