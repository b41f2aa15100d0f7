//! What flags mean.

use crate::support::{Board, picture};
use std::{
    fs,
    process::{Command, Output},
};

fn snapshot(board: &Board, flags: &[&str]) -> Output {
    let file = board.file("snapshot.jpg");
    let mut command = Command::new(env!("CARGO_BIN_EXE_eyelet"));
    command.arg("snapshot").arg(file).args(flags).envs(board.environment("")).output().unwrap()
}

fn error(output: Output) -> (Option<i32>, String) {
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn auto_is_a_v4l2_camera_or_else_the_built_in_one_where_maixpy_is() {
    let board = Board::new();
    let has_camera = fs::read_dir("/sys/class/video4linux").is_ok_and(|mut nodes| nodes.next().is_some());
    let output = snapshot(&board, &["--size", "80x64", "--csi", "jpeg"]);
    if has_camera {
        // It is taken first, whether there is a picture of it or not.
        assert!(board.log().is_empty(), "{:?}", board.log());
        return;
    }
    assert!(output.status.success(), "{output:?}");
    assert!(fs::read(board.file("snapshot.jpg")).unwrap() == picture(0));
    let mut command = Command::new(env!("CARGO_BIN_EXE_eyelet"));
    let (code, text) = error(command.args(["snapshot", "-"]).output().unwrap());
    assert_eq!(code, Some(1));
    assert!(text.starts_with("error: cannot find a camera: there is no /dev/video* node; "), "{text}");
}

#[test]
fn flags_that_the_built_in_camera_cannot_follow_are_wrong_usage() {
    let board = Board::new();
    for (flags, want) in [
        (
            &["--camera", "/dev/video9", "--csi", "raw"][..],
            "error: --csi does not apply to --camera /dev/video9; omit it, or use --camera csi",
        ),
        (&["--camera", "csi", "--size", "641x480"], "it has no size 641x480; choose even sides from "),
        (&["--camera", "csi", "--control", "zoom=1"], "it has no control zoom; use one of hflip, vflip, "),
        (&["--camera", "csi", "--format", "yuyv"], "no format yuyv; use --format nv21 or jpeg, or omit it"),
        (
            &["--camera", "csi", "--format", "nv21", "--csi", "jpeg"],
            "contradict each other; omit one of them",
        ),
        (&["--camera", "/dev/video9", "--control", "hflip=1", "--csi", "jpeg"], "--csi does not apply"),
        (&["--csi", "mjpeg"], "frames come as auto, raw or jpeg"),
        (&["--camera", "csi", "--csi", "jpeg", "--flip", "h"], "JPEGs cannot be rotated, flipped, masked or"),
        (&["--csi", "jpeg", "--mask", "0,0,8,8"], "masked or written on; use --csi raw"),
    ] {
        let (code, text) = error(snapshot(&board, flags));
        assert_eq!(code, Some(2), "{text}");
        assert!(text.contains(want), "{text}");
    }
    assert!(board.log().is_empty());
}

/// What `serve` with these flags fails of.
fn served(board: &Board, flags: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_eyelet"));
    command.args(["serve", "--bind", "127.0.0.1:0", "--size", "80x64"]).args(flags);
    error(command.envs(board.environment("")).output().unwrap())
}

/// The second found the camera held by the first, which is the same program.
#[test]
fn built_in_camera_that_is_named_twice_is_wrong_usage() {
    let board = Board::new();
    let (code, text) = served(&board, &["--camera", "front=csi", "--camera", "back=csi"]);
    assert_eq!(code, Some(2), "{text}");
    assert!(text.starts_with("error: two cameras are the built-in one, "), "{text}");
    assert!(text.ends_with("; name --camera csi once\n"), "{text}");
    assert!(board.log().is_empty());
}

/// They were refused because of the one beside it.
#[test]
fn flags_for_the_built_in_camera_are_no_matter_of_the_one_beside_it() {
    let board = Board::new();
    let cameras = ["--camera", "front=csi", "--camera", "back=/dev/video63"];
    let flags = ["--csi", "jpeg", "--control", "hflip=1", "--control", "brightness=3"];
    let (code, text) = served(&board, &[&cameras[..], &flags].concat());
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("error: cannot open /dev/video63: "), "{text}");
    assert_eq!(board.log()[1..], ["hmirror 1", "close"]);
}

/// Each left it to the other one, and what the flags said of it was for nobody.
#[test]
fn first_of_two_that_may_be_any_camera_is_the_built_in_one_where_there_is_no_other() {
    if fs::read_dir("/sys/class/video4linux").is_ok_and(|mut nodes| nodes.next().is_some()) {
        return;
    }
    let board = Board::new();
    let flags = ["--camera", "a=auto", "--camera", "b=auto", "--csi", "jpeg", "--control", "hflip=1"];
    let (code, text) = served(&board, &flags);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("error: cannot find a camera: there is no /dev/video* node; "), "{text}");
    assert_eq!(board.log(), ["open 80 64 30 3", "hmirror 1", "close"]);
}

#[test]
fn flags_for_the_built_in_camera_where_none_can_be_it_are_wrong_usage() {
    let board = Board::new();
    let usb = ["--camera", "a=/dev/video62", "--camera", "b=/dev/video63", "--csi", "jpeg"];
    let format = ["--camera", "a=auto", "--camera", "b=/dev/video63", "--format", "yuyv", "--csi", "raw"];
    for (flags, want) in
        [(&usb[..], "--csi does not apply to --camera /dev/video62; "), (&format, "has no format yuyv; ")]
    {
        let (code, text) = served(&board, flags);
        assert_eq!(code, Some(2), "{text}");
        assert!(text.contains(want), "{text}");
    }
    assert!(board.log().is_empty());
}

// The control is one that a V4L2 camera refuses, should there be one.
#[test]
fn auto_beside_the_built_in_camera_is_a_v4l2_camera_or_none() {
    let board = Board::new();
    let (code, text) = served(
        &board,
        &["--camera", "a=csi", "--camera", "b=auto", "--csi", "jpeg", "--control", "no_such=1"],
    );
    assert_eq!(code, Some(1), "{text}");
    let opened = board.log().iter().filter(|line| line.starts_with("open ")).count();
    assert_eq!(opened, 1, "{text}");
}

/// It listed 30 good frames, and then that there was no camera.
#[test]
fn doctor_of_a_camera_that_works_misses_none() {
    let board = Board::new();
    let mut command = Command::new(env!("CARGO_BIN_EXE_eyelet"));
    command.args(["doctor", "--camera", "csi", "--csi", "jpeg", "--size", "80x64"]);
    let output = command.envs(board.environment("")).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("frames: 30 of 80x64 jpeg, "), "{text}");
    assert!(!text.contains("no camera"), "{text}");
}
