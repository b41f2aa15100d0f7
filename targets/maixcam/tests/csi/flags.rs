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
fn auto_without_a_v4l2_camera_is_the_built_in_one_where_maixpy_is() {
    let board = Board::new();
    // It would be taken first.
    let has_camera = fs::read_dir("/sys/class/video4linux").is_ok_and(|mut nodes| nodes.next().is_some());
    if has_camera {
        return;
    }
    let output = snapshot(&board, &["--size", "80x64", "--csi", "jpeg"]);
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
        (&["--csi", "mjpeg"], "frames come as auto, raw or jpeg"),
    ] {
        let (code, text) = error(snapshot(&board, flags));
        assert_eq!(code, Some(2), "{text}");
        assert!(text.contains(want), "{text}");
    }
    assert!(board.log().is_empty());
}
