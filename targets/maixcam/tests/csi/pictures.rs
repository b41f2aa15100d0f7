//! What comes from a camera with which all is well.

use crate::support::{Board, NEVER, PICTURES, SIZE, open, opener, picture};
use eyelet_hal::{CameraSource as _, PixelFormat, clock::monotonic};
use std::time::Duration;

#[test]
fn jpegs_are_those_of_maixpy_with_their_numbers_and_times() {
    let board = Board::new();
    let mut camera = board.camera("");
    assert_eq!((camera.name(), camera.format().pixel), ("csi", PixelFormat::Jpeg));
    camera.start().unwrap();
    let mut last = Duration::ZERO;
    for number in 0..3 * u64::from(PICTURES) {
        let before = monotonic();
        let frame = camera.next_frame(NEVER).unwrap();
        assert_eq!((frame.format().width.get(), frame.format().height.get()), SIZE);
        assert_eq!(frame.meta().sequence, number);
        let taken = frame.meta().captured_at;
        // Each is asked for in advance, but for the first.
        assert!(last < taken && taken <= monotonic() && (number > 0 || before < taken));
        assert!(frame.planes()[0].bytes == picture((number % u64::from(PICTURES)) as u8));
        last = taken;
    }
}

/// One was on its way.
#[test]
fn jpeg_from_before_a_stop_is_not_lent_after_it() {
    let board = Board::new();
    let mut camera = board.camera("");
    camera.start().unwrap();
    drop(camera.next_frame(NEVER).unwrap());
    camera.stop().unwrap();
    camera.start().unwrap();
    let frame = camera.next_frame(NEVER).unwrap();
    assert_eq!(frame.meta().sequence, 0);
    assert!(frame.planes()[0].bytes == picture(2), "the second one is from before the stop");
}

#[test]
fn jpeg_that_is_not_there_in_time_comes_with_a_later_call() {
    let board = Board::new();
    let mut camera = board.camera("slow:encode");
    camera.start().unwrap();
    for number in 0..2 {
        let mut frame = camera.next_frame(Duration::ZERO).map(drop);
        assert!(frame.is_err(), "it takes a second");
        while frame.is_err() {
            frame = camera.next_frame(Duration::from_millis(10)).map(|frame| {
                assert!(frame.planes()[0].bytes == picture(number));
            });
        }
    }
}

#[test]
fn controls_are_set_while_the_camera_opens() {
    let board = Board::new();
    let mut config = board.config("");
    for control in ["hflip=1", "vflip=0", "exposure=20000", "gain=2048"] {
        config.controls.push(control.parse().unwrap());
    }
    drop(open(&mut opener(config)).unwrap());
    let want = ["open 80 64 200 3", "hmirror 1", "vflip 0", "exposure 20000", "gain 2048", "close"];
    assert_eq!(board.log(), want);
}
