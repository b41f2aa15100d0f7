//! SIGKILL at every step, for the process that holds the camera, for eyelet and for both.

use crate::support::{Board, NEVER, open, picture};
use eyelet_hal::{CameraSource as _, ErrorKind};
use rustix::process::{Pid, Signal, kill_process};
use std::{
    fs,
    process::{Command, Output, Stdio},
};

const STEPS: [&str; 7] = ["import", "open", "opened", "read", "encode", "close", "closed"];

/// Takes a picture with the program, which opens the camera, reads it and closes it.
fn snapshot(board: &Board, fail: &str) -> Output {
    snapshot_logged(board, fail, "info")
}

fn snapshot_logged(board: &Board, fail: &str, level: &str) -> Output {
    let file = board.file("snapshot.jpg");
    let _ = fs::remove_file(&file);
    Command::new(env!("CARGO_BIN_EXE_eyelet"))
        .args(["snapshot", "--camera", "csi", "--csi", "jpeg", "--size", "80x64", "--log", level])
        .arg(file)
        .envs(board.environment(fail))
        .stderr(Stdio::piped())
        .output()
        .unwrap()
}

/// That the camera is as good as ever.
fn assert_works(board: &Board) {
    let output = snapshot(board, "");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(fs::read(board.file("snapshot.jpg")).unwrap() == picture(0));
    board.until_empty();
    assert_eq!(board.log().last().unwrap(), "close");
}

#[test]
fn process_killed_at_any_step_leaves_nothing_and_the_next_start_works() {
    for step in STEPS {
        let board = Board::new();
        let output = snapshot(&board, &format!("kill:{step}"));
        let is_done = step.starts_with("close");
        assert_eq!(output.status.success(), is_done, "{step}");
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(is_done || text.contains("process was ended by signal 9; "), "{step}: {text}");
        board.until_empty();
        assert_works(&board);
    }
}

/// It runs as root, in whatever folder eyelet was started.
#[test]
fn process_imports_nothing_from_the_folder_that_it_was_started_in() {
    let board = Board::new();
    for module in ["os", "signal", "time", "maix"] {
        fs::write(board.file(&format!("{module}.py")), "raise SystemExit(7)").unwrap();
    }
    let output = Command::new(env!("CARGO_BIN_EXE_eyelet"))
        .args(["snapshot", "--camera", "csi", "--csi", "jpeg", "--size", "80x64", "snapshot.jpg"])
        .current_dir(board.file(""))
        .envs(board.environment(""))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// The process has the end of its socket to know it by, and closes the camera.
#[test]
fn eyelet_killed_at_any_step_leaves_a_process_that_closes_the_camera_and_ends() {
    use std::os::unix::process::ExitStatusExt as _;
    for step in STEPS {
        let board = Board::new();
        let output = snapshot(&board, &format!("kill-parent:{step}"));
        assert_eq!(output.status.signal(), Some(9), "{step}");
        board.until_empty();
        assert!(!board.log().contains(&"killed".to_owned()), "{step}");
        assert!(matches!(board.log().last().map(String::as_str), None | Some("close")), "{step}");
        assert_works(&board);
    }
}

/// What MaixPy printed was an error once nobody was there to log it, and it left the camera open.
#[test]
fn eyelet_killed_while_it_logs_what_maixpy_prints_leaves_a_process_that_closes_the_camera() {
    use std::os::unix::process::ExitStatusExt as _;
    let prints = STEPS.map(|step| format!("print:{step}")).join(",");
    for step in STEPS {
        let board = Board::new();
        let output = snapshot_logged(&board, &format!("kill-parent:{step},{prints}"), "debug");
        assert_eq!(output.status.signal(), Some(9), "{step}");
        board.until_empty();
        assert!(!board.log().contains(&"killed".to_owned()), "{step}");
        assert!(matches!(board.log().last().map(String::as_str), None | Some("close")), "{step}");
    }
}

/// A descriptor that eyelet's own parent left to it, such as a service's socket, was MaixPy's too.
#[test]
fn process_keeps_nothing_that_eyelet_was_started_with() {
    let board = Board::new();
    let mut eyelet = Command::new("sh")
        .args(["-c", r#"exec "$0" "$@" 7<"$EYELET_MAIX_PICTURES/0.jpg""#, env!("CARGO_BIN_EXE_eyelet")])
        .args(["serve", "--bind", "127.0.0.1:0", "--camera", "csi", "--csi", "jpeg", "--size", "80x64"])
        .envs(board.environment(""))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    board.until_asked("open 80 64 30 3");
    let inherited = board.file("0.jpg");
    let has = |pid: u32| {
        let files = fs::read_dir(format!("/proc/{pid}/fd")).unwrap().flatten();
        files.filter_map(|file| fs::read_link(file.path()).ok()).any(|target| target == inherited)
    };
    let others: Vec<_> = board.processes().into_iter().filter(|&id| id != eyelet.id()).collect();
    assert!(has(eyelet.id()), "or there is nothing to see");
    assert_eq!((others.len(), others.into_iter().any(has)), (1, false));
    kill_process(Pid::from_child(&eyelet), Signal::TERM).unwrap();
    eyelet.wait().unwrap();
    board.until_empty();
}

#[test]
fn both_killed_at_any_step_leave_nothing_that_the_next_start_minds() {
    use std::os::unix::process::ExitStatusExt as _;
    for step in STEPS {
        let board = Board::new();
        let output = snapshot(&board, &format!("kill-both:{step}"));
        assert_eq!(output.status.signal(), Some(9), "{step}");
        board.until_empty();
        assert_works(&board);
    }
}

#[test]
fn process_killed_between_two_frames_is_a_lost_camera_and_the_next_start_works() {
    let board = Board::new();
    let mut opener = board.opener("");
    let mut camera = open(&mut opener).unwrap();
    camera.start().unwrap();
    drop(camera.next_frame(NEVER).unwrap());
    let [process] = board.processes()[..] else { panic!("one process") };
    kill_process(Pid::from_raw(process.try_into().unwrap()).unwrap(), Signal::KILL).unwrap();
    board.until_asked("killed");
    // One picture may have come before that.
    let mut next = camera.next_frame(NEVER).map(drop);
    if next.is_ok() {
        next = camera.next_frame(NEVER).map(drop);
    }
    let error = next.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Disconnected);
    assert_eq!(error.message(), "the built-in camera's process was ended by signal 9");
    drop(camera);
    let mut camera = open(&mut opener).unwrap();
    camera.start().unwrap();
    drop(camera.next_frame(NEVER).unwrap());
    drop(camera);
    board.until_empty();
}

/// A service manager sends them to every process of a service, and the camera must not be closed before its frames are back.
#[test]
fn signals_for_eyelet_that_reach_the_process_leave_closing_to_eyelet() {
    let board = Board::new();
    let mut camera = board.camera("");
    let [process] = board.processes()[..] else { panic!("one process") };
    camera.start().unwrap();
    for signal in [Signal::TERM, Signal::HUP, Signal::USR1, Signal::TERM] {
        kill_process(Pid::from_raw(process.try_into().unwrap()).unwrap(), signal).unwrap();
        // What is on its way at the time may come from before.
        for _ in 0..3 {
            drop(camera.next_frame(NEVER).unwrap());
        }
    }
    assert_eq!(board.log(), ["open 80 64 200 3"]);
    drop(camera);
    assert_eq!(board.log(), ["open 80 64 200 3", "close"]);
}

/// It would otherwise close the camera, or end, behind eyelet's back.
#[test]
fn interrupt_at_the_terminal_does_not_reach_the_process() {
    let board = Board::new();
    let camera = board.camera("");
    let [process] = board.processes()[..] else { panic!("one process") };
    let process = Pid::from_raw(process.try_into().unwrap()).unwrap();
    assert_eq!(rustix::process::getpgid(Some(process)).unwrap(), process, "it leads a group of its own");
    drop(camera);
}

#[test]
fn process_inherits_nothing_but_its_end_of_the_socket() {
    let board = Board::new();
    let ours = board.file("0.jpg");
    let file = fs::File::open(&ours).unwrap();
    let camera = board.camera("");
    let [process] = board.processes()[..] else { panic!("one process") };
    let files = fs::read_dir(format!("/proc/{process}/fd")).unwrap().flatten();
    let open: Vec<_> = files.filter_map(|file| fs::read_link(file.path()).ok()).collect();
    assert!(!open.contains(&ours), "{open:?}");
    let sockets = open.iter().filter(|target| target.to_string_lossy().starts_with("socket:")).count();
    assert_eq!(sockets, 2, "the second is the stand-in's, to the port: {open:?}");
    assert_ne!(open.iter().filter(|target| target.as_os_str() == "/dev/null").count(), 0, "{open:?}");
    drop((camera, file));
}

/// A service manager took its messages for eyelet's, and it had eyelet's token.
#[test]
fn process_has_nothing_of_the_environment_that_is_meant_for_eyelet() {
    let board = Board::new();
    let ours = ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "EYELET_TOKEN"];
    let mut eyelet = Command::new(env!("CARGO_BIN_EXE_eyelet"))
        .args(["serve", "--bind", "127.0.0.1:0", "--camera", "csi", "--csi", "jpeg", "--size", "80x64"])
        .envs(board.environment(""))
        .envs(ours.map(|name| (name, "/nowhere")))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    board.until_asked("open 80 64 30 3");
    let [process] = board.processes().into_iter().filter(|&id| id != eyelet.id()).collect::<Vec<_>>()[..]
    else {
        panic!("one process");
    };
    let environment = String::from_utf8(fs::read(format!("/proc/{process}/environ")).unwrap()).unwrap();
    let inherited: Vec<_> = ours.into_iter().filter(|name| environment.contains(name)).collect();
    assert!(environment.contains("EYELET_MAIX_PORT") && inherited.is_empty(), "{inherited:?}");
    kill_process(Pid::from_child(&eyelet), Signal::TERM).unwrap();
    eyelet.wait().unwrap();
    board.until_empty();
}
