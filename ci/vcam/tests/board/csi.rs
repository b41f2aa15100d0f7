//! The built-in camera on the virtual board: `ci/vsg2002` is behind the nodes, and `ci/maix` is the package that opens the
//! camera.

use crate::{
    board::{Board, Task, until},
    http::Client,
    jpeg_unit::{self, FREE, number, status},
    read_pictures,
    reel::{Reels, decode, read_number},
    serve_as, stop,
};
use std::path::Path;

/// Small pictures: an emulated processor makes fewer of them a second than the board.
const RAW: &str = "--camera csi --csi raw --size 320x240 --encoder sg2002";

/// A program for `with-maix`: somebody else's, which holds the camera open.
const OTHER: &str = "python3 -u -c \"\
from maix import camera, image
held = camera.Camera(640, 480, image.Format.FMT_YVU420SP, fps=10, buff_num=4)
print('open')
import time
time.sleep(1000)\"";

fn board() -> (Board, Reels) {
    let reels = Reels::new().with_files();
    let package = Path::new(env!("CARGO_MANIFEST_DIR")).join("../maix/maix");
    let mut board = Board::boot_with_python(reels.folder(), &package);
    jpeg_unit::plug(&mut board);
    board.ok(
        "printf '%s\\n' '#!/bin/sh' 'export EYELET_MAIX_PORT=/run/eyelet-maix.sock PYTHONPATH=/test' \
         'export EYELET_MAIX_PICTURES=/test/reels' 'exec \"$@\"' >/test/with-maix && chmod +x /test/with-maix",
    );
    // Python compiles what it imports for the first time: longer than a start may take on an emulated processor.
    board.ok("with-maix python3 -c 'import maix.camera, signal, socket'");
    (board, reels)
}

fn serve(board: &mut Board, flags: &str) -> (Task, Client) {
    serve_as(board, "with-maix eyelet", flags)
}

/// One picture of the scaler through the JPEG unit, from a start to an end of its own.
#[track_caller]
fn assert_starts(board: &mut Board, after: &str) {
    board.ok(&format!("timeout 120 with-maix eyelet snapshot {RAW} /tmp/one.jpg 2>&1"));
    assert_nothing_is_held(board, after);
}

/// Whose parent is gone ends by itself.
#[track_caller]
fn wait_for_the_process(board: &mut Board) {
    until("end of the camera's process", || (board.run("pidof python3").status != 0).then_some(()));
}

/// Right after the end of eyelet, which waits for the camera's process.
#[track_caller]
fn assert_nothing_is_held(board: &mut Board, after: &str) {
    assert_eq!(board.run("pidof python3").text, "", "{after}");
    let left = status(board);
    assert!(left.starts_with(FREE), "{after}: {left}");
}

#[test]
#[ignore = "boots a virtual board"]
fn raw_frames_of_the_built_in_camera_reach_the_viewer_without_a_copy() {
    let (mut board, _reels) = board();
    let (task, http) = serve(&mut board, RAW);
    // Until the first viewer no picture is made.
    let before = status(&mut board);
    read_pictures(http, 300, |jpeg| {
        let (width, height, luma) = decode(jpeg);
        assert_eq!((width, height), (320, 240));
        read_number(width, &luma).expect("a number in the picture")
    });
    let after = status(&mut board);
    let state = http.state();
    assert_eq!(state["encoder"]["name"], "sg2002", "{state}");
    assert_eq!(state["source"]["format"], "nv21", "{state}");
    assert!(number(&after, "frames") >= 300 + number(&before, "frames"), "the unit made them: {after}");
    // A picture that the processor wrote is flushed from its cache, or the unit would report it as a violation.
    assert_eq!(number(&after, "flushes"), 0, "{after}");
    // The scaler's blocks and the unit's own buffer: no memory for a picture.
    assert_eq!(
        (number(&after, "ion"), number(&after, "pools"), number(&after, "lost")),
        (2, 1, 0),
        "{after}"
    );
    assert!(number(&after, "leases") <= 1, "{after}");
    stop(&mut board, &task);
    assert_nothing_is_held(&mut board, "SIGTERM");
}

#[test]
#[ignore = "boots a virtual board"]
fn jpegs_of_maixpy_reach_the_viewer_byte_for_byte() {
    let (mut board, reels) = board();
    let flags = "--camera csi --csi jpeg --size 640x480";
    let (task, http) = serve(&mut board, flags);
    read_pictures(http, 300, |jpeg| reels.number(jpeg).expect("the very bytes of the camera"));
    let (state, held) = (http.state(), status(&mut board));
    assert_eq!(state["source"]["format"], "jpeg", "{state}");
    // Nothing of eyelet's is on the hardware.
    assert_eq!((number(&held, "frames"), number(&held, "channels")), (0, 0), "{held}");
    assert!(held.contains(" leases=0 waiters=0 camera=true "), "{held}");
    stop(&mut board, &task);
    assert_nothing_is_held(&mut board, "SIGTERM");
}

#[test]
#[ignore = "boots a virtual board"]
fn both_modes_of_the_built_in_camera_keep_the_contract() {
    let (mut board, _reels) = board();
    for mode in ["raw", "jpeg"] {
        let flags = format!("--conformance --camera csi --csi {mode}");
        let report = board.ok(&format!("timeout 120 with-maix eyelet doctor {flags} 2>&1"));
        println!("{report}");
        assert_nothing_is_held(&mut board, mode);
    }
    board.assert_kernel_is_content();
}

#[test]
#[ignore = "boots a virtual board"]
fn start_after_a_kill_at_any_step_works_and_leaves_nothing() {
    let (mut board, _reels) = board();
    for who in ["kill", "kill-parent", "kill-both"] {
        for step in ["import", "open", "opened", "close", "closed"] {
            let failure = format!("{who}:{step}");
            let command = format!("EYELET_MAIX_FAIL={failure} with-maix eyelet snapshot {RAW} /tmp/one.jpg");
            let output = board.run(&format!("timeout 120 env {command} 2>&1"));
            let expected = match (who, step) {
                // The picture was there before.
                ("kill", "close" | "closed") => 0,
                ("kill", _) => 1,
                _ => 128 + 9,
            };
            assert_eq!(output.status, expected, "{failure}: {}", output.text);
            wait_for_the_process(&mut board);
            assert_starts(&mut board, &failure);
        }
    }
}

#[test]
#[ignore = "boots a virtual board"]
fn start_after_a_kill_while_it_streams_works_and_leaves_nothing() {
    let (mut board, _reels) = board();
    for who in ["eyelet", "both"] {
        let (task, http) = serve(&mut board, RAW);
        decode(&http.watch().next().body);
        let child = if who == "both" { "$(pidof python3)" } else { "" };
        board.ok(&format!("kill -9 {child} $(cat {task}.pid)"));
        until("end of the streamer", || board.status(&task));
        wait_for_the_process(&mut board);
        assert_starts(&mut board, who);
    }
}

#[test]
#[ignore = "boots a virtual board"]
fn stream_outlives_the_built_in_cameras_process_and_somebody_elses() {
    let (mut board, _reels) = board();
    let (task, http) = serve(&mut board, RAW);
    let mut viewer = http.watch();
    decode(&viewer.next().body);
    // Somebody else's MaixPy finds the camera taken, and the stream goes on.
    let output = board.run(&format!("with-maix {OTHER} 2>&1"));
    assert!(output.status != 0 && output.text.contains("in use"), "{}", output.text);
    let mut numbered = || {
        until("picture of the camera", || {
            let (width, _, luma) = decode(&viewer.next().body);
            read_number(width, &luma)
        })
    };
    let last = numbered();
    // A picture may come twice where the machine is too busy for the next.
    until("the next picture", || (numbered() > last).then_some(()));

    board.ok("kill -9 $(pidof python3)");
    until("\"no signal\"", || (!http.is_healthy()).then_some(()));
    until("stream", || http.is_healthy().then_some(()));
    numbered();

    // And once more.
    board.ok("kill -9 $(pidof python3)");
    until("\"no signal\"", || (!http.is_healthy()).then_some(()));
    until("stream", || http.is_healthy().then_some(()));
    numbered();
    drop(viewer);
    stop(&mut board, &task);
    assert_nothing_is_held(&mut board, "SIGTERM");

    let other = board.spawn(&format!("with-maix {OTHER}"));
    until("the other's camera", || board.log(&other).contains("open").then_some(()));
    let refused = board.run(&format!("timeout 120 with-maix eyelet snapshot {RAW} /tmp/one.jpg 2>&1"));
    assert!(refused.status == 1 && refused.text.contains("in use"), "{}", refused.text);
    board.ok(&format!("kill -9 $(cat {other}.pid)"));
    until("end of the other", || board.status(&other));
    assert_starts(&mut board, "the other's end");
}
