//! The SG2002's JPEG unit on the virtual board: `ci/vsg2002` is behind its device nodes.

use crate::{
    board::{Board, until},
    read_pictures,
    reel::{decode, read_number},
    serve, stop,
};
use std::time::Instant;
use zune_jpeg::{
    JpegDecoder,
    zune_core::{bytestream::ZCursor, colorspace::ColorSpace, options::DecoderOptions},
};

/// vivid, with a picture that is always the same: no text, and nothing moves by default.
const STILL: &str = "--camera /dev/video0 --size 640x480 --format yuyv --control osd_text_mode=2";

/// What is held of the unit and the scaler when they are not in use.
pub(crate) const FREE: &str =
    "ion=0 channels=0 units=0 locked=false pools=0 leases=0 waiters=0 camera=false ";

/// Plugs the unit in.
fn board() -> Board {
    let (mut board, _) = crate::board();
    plug(&mut board);
    board
}

/// Makes the nodes of the unit and the scaler.
pub(crate) fn plug(board: &mut Board) {
    board.spawn("eyelet-vsg2002 run");
    // It answers when all nodes are made.
    until("the JPEG unit", || (board.run("eyelet-vsg2002 status").status == 0).then_some(()));
    assert!(status(board).starts_with(FREE));
}

#[track_caller]
pub(crate) fn status(board: &mut Board) -> String {
    let status = board.ok("eyelet-vsg2002 status");
    println!("unit: {}", status.trim());
    assert!(status.trim().ends_with("violations=[]"), "{status}");
    status
}

/// A number of the status.
#[track_caller]
pub(crate) fn number(status: &str, name: &str) -> u64 {
    let of_name = |word: &str| word.strip_prefix(name)?.strip_prefix('=')?.parse().ok();
    status.split(' ').find_map(of_name).unwrap_or_else(|| panic!("no {name} in {status}"))
}

/// Width, height and the pixels as Y, Cb, Cr.
#[track_caller]
fn pixels(jpeg: &[u8]) -> (usize, usize, Vec<u8>) {
    let options = DecoderOptions::default().set_strict_mode(true).jpeg_set_out_colorspace(ColorSpace::YCbCr);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(jpeg), options);
    let pixels = decoder.decode().unwrap_or_else(|e| panic!("a JPEG of {} bytes: {e:?}", jpeg.len()));
    let (width, height) = decoder.dimensions().unwrap();
    (width, height, pixels)
}

/// The peak signal-to-noise ratio of two pictures in dB.
fn psnr(a: &[u8], b: &[u8]) -> f64 {
    assert_eq!(a.len(), b.len());
    let sum: u64 = a.iter().zip(b).map(|(&a, &b)| u64::from(a.abs_diff(b)).pow(2)).sum();
    // Equal pictures count as if one sample were off by one.
    10.0 * (255.0f64.powi(2) * a.len() as f64 / sum.max(1) as f64).log10()
}

#[test]
#[ignore = "boots a virtual board"]
fn jpeg_unit_encodes() {
    let mut board = board();
    let (task, http) = serve(&mut board, &format!("{STILL} --encoder software"));
    let (_, _, expected) = pixels(&http.watch().next().body);
    assert_eq!(http.state()["encoder"]["name"], "eyelet");
    stop(&mut board, &task);
    assert!(status(&mut board).contains(" frames=0 "));

    let (task, http) = serve(&mut board, &format!("{STILL} --encoder sg2002"));
    let mut viewer = http.watch();
    let start = Instant::now();
    let mut worst = f64::INFINITY;
    for _ in 0..300 {
        let (width, height, got) = pixels(&viewer.next().body);
        assert_eq!((width, height), (640, 480));
        worst = worst.min(psnr(&expected, &got));
    }
    // The unit's model compresses as the software encoder does: what differs came from the way there and back.
    println!("300 frames: {:.1} fps, at least {worst:.1} dB", 300.0 / start.elapsed().as_secs_f64());
    assert!(worst > 35.0, "{worst:.1} dB");
    assert_eq!(http.state()["encoder"]["name"], "sg2002");
    assert!(
        status(&mut board).starts_with("ion=2 channels=1 units=1 "),
        "a picture's memory and a channel's"
    );
    drop(viewer);
    stop(&mut board, &task);
    let left = status(&mut board);
    assert!(left.starts_with(FREE), "{left}");
    assert!(number(&left, "frames") >= 300, "the unit made them: {left}");
    assert!(left.contains(" unread=0 "), "{left}");
}

#[test]
#[ignore = "boots a virtual board"]
fn jpeg_unit_makes_each_picture_of_its_own_frame() {
    let mut board = board();
    let node = board.plug_camera();
    let flags = format!("--camera {node} --format yuyv --size 320x240 --encoder sg2002");
    let (task, http) = serve(&mut board, &flags);
    // Two programs take turns on an emulated processor: pictures may be left out.
    read_pictures(http, 90, |jpeg| {
        let (width, _, luma) = decode(jpeg);
        read_number(width, &luma).expect("a number in the picture")
    });
    assert_eq!(http.state()["encoder"]["name"], "sg2002");
    stop(&mut board, &task);
    let left = status(&mut board);
    assert!(left.starts_with(FREE), "{left}");
}

#[test]
#[ignore = "boots a virtual board"]
fn jpeg_unit_of_a_killed_run_is_given_back() {
    let mut board = board();
    for round in 1..=3 {
        let (task, http) = serve(&mut board, &format!("{STILL} --encoder sg2002"));
        let mut viewer = http.watch();
        for _ in 0..10 * round {
            pixels(&viewer.next().body);
        }
        assert_eq!(http.state()["encoder"]["name"], "sg2002");
        board.ok(&format!("kill -9 $(cat {task}.pid)"));
        until("end of the streamer", || board.status(&task));
        let left = status(&mut board);
        assert!(left.starts_with("ion=2 channels=1 units=1 "), "the driver frees nothing: {left}");
    }
    // A mere look gives it back.
    board.ok("eyelet doctor");
    let left = status(&mut board);
    assert!(left.starts_with(FREE), "{left}");
}

#[test]
#[ignore = "boots a virtual board"]
fn stream_outlives_the_jpeg_unit() {
    let mut board = board();
    let (task, http) = serve(&mut board, &format!("{STILL} --encoder sg2002"));
    let mut viewer = http.watch();
    let (_, _, expected) = pixels(&viewer.next().body);
    let nodes = board.ok("pidof eyelet-vsg2002");
    board.ok(&format!("kill -9 {}", nodes.trim()));
    until("the software encoder", || {
        let (_, _, got) = pixels(&viewer.next().body);
        assert!(psnr(&expected, &got) > 35.0);
        (http.state()["encoder"]["name"] != "sg2002").then_some(())
    });
    let log = board.log(&task);
    assert_eq!(log.matches("JPEG unit is not used: ").count(), 1, "one line says why: {log}");
    // The warning about open access at startup is another matter.
    let warnings = log.lines().filter(|line| line.contains(" WARN ") && !line.contains(" can watch;"));
    assert_eq!(warnings.count(), 1, "and one is enough: {log}");
    drop(viewer);
    stop(&mut board, &task);
}
