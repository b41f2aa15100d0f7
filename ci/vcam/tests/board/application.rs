//! A program of one's own on the virtual board: `ci/vboard/try.sh` runs this.

use crate::{
    board::{Board, until},
    reel::{Reels, decode},
    sequence,
};
use std::{env, fs, time::Instant};

const PICTURES: usize = 90;

/// The program is started without arguments, and is expected to stream the board's only camera on port 8000.
#[test]
#[ignore = "boots a virtual board, for the program in EYELET_APPLICATION"]
fn application_streams_the_usb_camera_and_survives_its_unplugging() {
    let program =
        env::var_os("EYELET_APPLICATION").expect("EYELET_APPLICATION is not set; run ci/vboard/try.sh");
    let reels = Reels::new();
    fs::copy(&program, reels.folder().join("application")).unwrap();
    let mut board = Board::boot(reels.folder());
    board.ok("rmmod vivid");
    board.plug_camera();
    let task = board.spawn("/test/reels/application");
    let http = board.http();
    until("healthy stream", || {
        assert_eq!(board.status(&task), None, "it has ended: {}", board.log(&task));
        http.is_healthy().then_some(())
    });

    let mut viewer = http.watch();
    let (start, mut last, mut unchanged) = (Instant::now(), None, 0);
    for _ in 0..PICTURES {
        let part = viewer.next();
        decode(&part.body);
        unchanged += usize::from(reels.number(&part.body).is_some());
        let sequence = sequence(&part);
        assert!(last.is_none_or(|last| last < sequence), "{last:?} then {sequence}");
        last = Some(sequence);
    }
    let fps = PICTURES as f64 / start.elapsed().as_secs_f64();
    println!("{PICTURES} pictures, {fps:.1} fps, {unchanged} of them the camera's very bytes");

    board.camera("unplug");
    until("report that the camera is gone", || (http.get("/healthz").status == 503).then_some(()));
    board.camera("plug");
    until("healthy stream", || http.is_healthy().then_some(()));
    decode(&viewer.next().body);
    println!("the camera was unplugged and is back, and the stream has gone on");
    drop(viewer);
    println!("its log:\n{}", board.log(&task));
    board.terminate(&task);
    board.assert_kernel_is_content();
}
