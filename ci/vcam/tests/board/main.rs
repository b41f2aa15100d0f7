//! The board's binary on the virtual board: `ci/check.sh vboard` runs these.
//!
//! Each test boots a board of its own, so they want to run one at a time.

#![expect(clippy::print_stdout, reason = "frame rates, for the log")]

mod application;
mod board;
mod control;
mod csi;
mod http;
mod jpeg_unit;
mod reel;

use board::{Board, Task, until};
use http::{Client, Message, Viewer};
use reel::{PICTURES, Reels, decode, read_number};
use std::{env, time::Instant};

fn board() -> (Board, Reels) {
    let reels = Reels::new();
    (Board::boot(reels.folder()), reels)
}

fn serve(board: &mut Board, flags: &str) -> (Task, Client) {
    serve_as(board, "eyelet", flags)
}

/// [Serves](serve) with `program`.
fn serve_as(board: &mut Board, program: &str, flags: &str) -> (Task, Client) {
    let task = board.spawn(&format!("{program} serve --bind 0.0.0.0:8000 {flags}"));
    let http = board.http();
    until("healthy stream", || {
        let ended = board.status(&task);
        assert_eq!(ended, None, "eyelet has ended: {}", board.log(&task));
        http.is_healthy().then_some(())
    });
    (task, http)
}

#[track_caller]
fn stop(board: &mut Board, task: &Task) {
    let status = board.terminate(task);
    assert_eq!(status, 0, "SIGTERM ends it cleanly: {}", board.log(task));
    board.assert_kernel_is_content();
}

fn sequence(part: &Message) -> u64 {
    part.header("x-sequence").parse().unwrap()
}

/// Reads `count` pictures as a new viewer; `read` finds the number in each. Tells how many gaps there were.
///
/// A picture may be left out where the machine is too busy, but never silently: its sequence number is left out
/// with it.
#[track_caller]
fn read_pictures(http: Client, count: usize, read: impl Fn(&[u8]) -> u32) -> usize {
    let mut viewer = http.watch();
    let start = Instant::now();
    let mut seen: Vec<(u64, u32)> = Vec::new();
    for _ in 0..count {
        let part = viewer.next();
        let (sequence, number) = (sequence(&part), read(&part.body));
        if let Some(&(last_sequence, last_number)) = seen.last() {
            let (by, reported) = (number + PICTURES - last_number, sequence.wrapping_sub(last_sequence));
            assert_eq!(
                u64::from(by % PICTURES),
                reported % u64::from(PICTURES),
                "{last_sequence} to {sequence}"
            );
        }
        seen.push((sequence, number));
    }
    let gaps = seen.windows(2).filter(|w| w[1].0 != w[0].0 + 1).count();
    println!("{count} pictures, {:.1} fps, {gaps} gaps", count as f64 / start.elapsed().as_secs_f64());
    gaps
}

/// [Reads](read_pictures) them. With `EYELET_QUIET=1` the machine is said to be quiet, and one of three tries must be
/// without a gap.
#[track_caller]
fn assert_every_picture(http: Client, count: usize, read: impl Fn(&[u8]) -> u32) {
    let quiet = env::var_os("EYELET_QUIET").is_some();
    let tries = if quiet { 3 } else { 1 };
    let without_gaps = (0..tries).any(|_| read_pictures(http, count, &read) == 0);
    assert!(without_gaps || !quiet, "gaps in each of three tries");
}

#[test]
#[ignore = "boots a virtual board"]
fn board_has_both_cameras() {
    let (mut board, _reels) = board();
    assert_eq!(board.node("vivid-000-vid-cap", 0).as_deref(), Some("/dev/video0"));
    assert!(board.node("vivid-001-vid-out", 0).is_some());
    let node = board.plug_camera();
    for how in ["unplug", "cut"] {
        board.camera(how);
        until("end of the node", || (board.run(&format!("[ -e {node} ]")).status != 0).then_some(()));
        board.camera("plug");
        assert_eq!(board.usb_node(), node);
    }
    board.assert_kernel_is_content();
}

#[test]
#[ignore = "boots a virtual board"]
fn vivid_is_encoded_and_streamed() {
    let (mut board, _reels) = board();
    let flags = "--camera /dev/video0 --size 640x480 --format yuyv";
    let (task, http) = serve(&mut board, flags);

    let mut viewer = http.watch();
    let start = Instant::now();
    let mut last = None;
    for _ in 0..100 {
        let part = viewer.next();
        assert_eq!(part.header("content-type"), "image/jpeg");
        let (width, height, _) = decode(&part.body);
        assert_eq!((width, height), (640, 480));
        let sequence = sequence(&part);
        assert!(last.is_none_or(|last| last < sequence), "{last:?} then {sequence}");
        last = Some(sequence);
    }
    println!("vivid 640x480 yuyv: {:.1} fps", 100.0 / start.elapsed().as_secs_f64());

    let snapshot = http.get("/snapshot");
    assert_eq!((snapshot.status, snapshot.header("content-type")), (200, "image/jpeg"));
    assert_eq!(decode(&snapshot.body).0, 640);
    let source = &http.state()["source"];
    assert_eq!(source["connected"], true, "{source}");
    assert_eq!((&source["width"], &source["format"]), (&640.into(), &"yuyv".into()), "{source}");
    assert!(http.metric("eyelet_frames_encoded_total") >= 100.0);
    drop(viewer);
    stop(&mut board, &task);

    // Nothing holds the device: the driver could be unloaded, and a second start works.
    assert_eq!(board.ok("cat /sys/module/vivid/refcnt").trim(), "0");
    let (task, http) = serve(&mut board, flags);
    decode(&http.watch().next().body);
    stop(&mut board, &task);
    board.ok("eyelet snapshot --camera /dev/video0 /tmp/one.jpg");
}

#[test]
#[ignore = "boots a virtual board"]
fn both_cameras_keep_the_contract() {
    let (mut board, _reels) = board();
    let node = board.plug_camera();
    let output = board.node("vivid-001-vid-out", 0).unwrap();
    let listed = board.ok("eyelet doctor");
    assert!(listed.contains("/dev/video0") && listed.contains(&node), "{listed}");
    assert!(!listed.contains(&output), "an output is no camera: {listed}");
    let json = board.ok("eyelet doctor --json 2>/dev/null");
    serde_json::from_str::<serde_json::Value>(&json).unwrap();
    for camera in ["/dev/video0", &node] {
        let report = board.ok(&format!("eyelet doctor --conformance --camera {camera}"));
        // The encoder's part is the same for both, and tested elsewhere.
        println!("{}", report.split("\neyelet: ").next().unwrap());
    }
    board.assert_kernel_is_content();
}

#[test]
#[ignore = "boots a virtual board"]
fn mjpg_passes_byte_for_byte() {
    let (mut board, reels) = board();
    let node = board.plug_camera();
    let (task, http) = serve(&mut board, &format!("--camera {node} --format jpeg --size 640x480"));
    assert_every_picture(http, 300, |jpeg| reels.number(jpeg).expect("the very bytes of the camera"));
    assert_eq!(http.state()["source"]["format"], "jpeg");
    stop(&mut board, &task);
}

#[test]
#[ignore = "boots a virtual board"]
fn yuyv_keeps_its_numbers() {
    let (mut board, _reels) = board();
    let node = board.plug_camera();
    let (task, http) = serve(&mut board, &format!("--camera {node} --format yuyv --size 320x240"));
    assert_every_picture(http, 90, |jpeg| {
        let (width, height, luma) = decode(jpeg);
        assert_eq!((width, height), (320, 240));
        read_number(width, &luma).expect("a number in the picture")
    });
    stop(&mut board, &task);
}

/// Reads on until a picture is one of the camera's, or is not.
#[track_caller]
fn read_until(viewer: &mut Viewer, reels: &Reels, live: bool) {
    until(if live { "picture" } else { "\"no signal\"" }, || {
        let part = viewer.next();
        decode(&part.body);
        (reels.number(&part.body).is_some() == live).then_some(())
    });
}

#[test]
#[ignore = "boots a virtual board"]
fn stream_of_an_unplugged_camera_resumes_when_it_is_back() {
    let (mut board, reels) = board();
    // Alone on the board, the USB camera is what `auto` takes, under whatever name it comes back.
    board.ok("rmmod vivid");
    board.plug_camera();
    let (task, http) = serve(&mut board, "--camera auto");
    let mut viewers = [http.watch(), http.watch()];
    for round in 1..=10 {
        for viewer in &mut viewers {
            read_until(viewer, &reels, true);
        }
        // In the last rounds another process holds the node open, so the number stays taken.
        let node = board.usb_node();
        let holder = (round > 8).then(|| board.spawn(&format!("sleep 1000 <{node}")));
        if let Some(holder) = &holder {
            let opened = format!("[ \"$(readlink /proc/$(cat {holder}.pid)/fd/0)\" = {node} ]");
            until("holder", || (board.run(&opened).status == 0).then_some(()));
        }
        board.camera(if round % 2 == 0 { "cut" } else { "unplug" });
        for viewer in &mut viewers {
            read_until(viewer, &reels, false);
        }
        let health = http.get("/healthz");
        assert_eq!(health.status, 503);
        assert!(!health.body.is_empty(), "the reason");
        assert_eq!(http.state()["source"]["connected"], false);
        board.camera("plug");
        println!("round {round}: {} after {node}", board.usb_node());
        until("healthy stream", || http.is_healthy().then_some(()));
        if let Some(holder) = holder {
            board.terminate(&holder);
        }
    }
    for viewer in &mut viewers {
        read_until(viewer, &reels, true);
    }
    drop(viewers);
    stop(&mut board, &task);
}

#[test]
#[ignore = "boots a virtual board"]
fn damaged_pictures_are_counted_and_not_shown() {
    let (mut board, reels) = board();
    let node = board.plug_camera();
    // By default the driver drops what it knows to be damaged; with `nodrop` it hands it over with a flag.
    for nodrop in [0, 1] {
        board.camera("unplug");
        board.ok(&format!("echo {nodrop} >/sys/module/uvcvideo/parameters/nodrop"));
        board.camera("plug");
        assert_eq!(board.usb_node(), node);
        let (task, http) = serve(&mut board, &format!("--camera {node} --format jpeg"));
        let mut viewer = http.watch();
        // Until the first viewer joined, frames were left at the camera; a gap right after them is not a loss.
        read_until(&mut viewer, &reels, true);
        for _ in 0..5 {
            decode(&viewer.next().body);
        }
        for fault in ["error 3", "truncate 3", "lose 3", "stall 1"] {
            read_until(&mut viewer, &reels, true);
            let dropped = |http: Client| http.state()["frames"]["dropped"].as_u64().unwrap();
            let before = dropped(http);
            board.camera(fault);
            until("end of the faults", || {
                let part = viewer.next();
                decode(&part.body);
                board.camera("status").contains(" faults=0").then_some(())
            });
            // What was on its way then has come by now. Each picture is whole: one of the camera's, or "no signal".
            for _ in 0..20 {
                decode(&viewer.next().body);
            }
            read_until(&mut viewer, &reels, true);
            let counted = dropped(http) - before;
            println!("nodrop={nodrop}, {fault}: {counted} dropped");
            // What the driver itself keeps back by default shows only as a gap in its numbers.
            let delivered = nodrop == 1 || fault.starts_with("truncate");
            let least = match fault {
                "stall 1" => 0,
                "lose 3" if delivered => 1,
                _ if delivered => 3,
                _ => 0,
            };
            assert!(counted >= least, "{fault}: {counted} dropped");
        }
        drop(viewer);
        stop(&mut board, &task);
    }
}

#[test]
#[ignore = "boots a virtual board"]
fn bad_input_is_one_line_with_a_remedy() {
    let (mut board, _reels) = board();
    let output = board.node("vivid-001-vid-out", 0).unwrap();
    board.ok("mkdir -p /etc; printf 'root::0:0::/:/bin/sh\\nguest::1000:1000::/:/bin/sh\\n' >/etc/passwd");
    board.ok("chmod 600 /dev/video0");
    let busy = board.spawn("eyelet serve --camera /dev/video0 --bind 127.0.0.1:8001");
    until("the streamer", || board.log(&busy).contains("streaming on").then_some(()));
    let snapshot = |camera: &str| format!("eyelet snapshot --camera {camera} /tmp/none.jpg");
    let commands = [
        snapshot("/dev/null"),
        snapshot("/dev/nothing"),
        snapshot(&output),
        snapshot("/dev/video0"), // busy
        format!("su guest -c '{}'", snapshot("/dev/video0")),
    ];
    for command in commands {
        assert_one_line(&mut board, &command);
    }
    stop(&mut board, &busy);
    // Larger than the board's memory.
    assert_one_line(&mut board, &snapshot("/dev/video0 --format yuyv --size 9999x9999"));
    let node = board.plug_camera();
    assert_one_line(&mut board, &snapshot(&format!("{node} --format nv12")));
    // A size that it has not becomes its nearest.
    board.ok(&snapshot(&format!("{node} --size 9999x9999")));
}

#[track_caller]
fn assert_one_line(board: &mut Board, command: &str) {
    let output = board.run(&format!("timeout 60 {command} 2>&1 >/dev/null"));
    println!("{command}: {}", output.text.trim());
    assert_eq!(output.status, 1, "{command}: {}", output.text);
    let lines: Vec<_> = output.text.lines().collect();
    let one_line = lines.len() == 1 && lines[0].starts_with("error: ") && lines[0].contains("; ");
    assert!(one_line, "{command}: {lines:?}");
}
