//! From the scaler to the JPEG unit without a copy, and to software when need be.

use super::support::{Board, NONE, decode, encoder, fed, next, number, software};
use eyelet_hal::{CameraSource, JpegEncoder, Quality};
use eyelet_maixcam::{
    model::{Machine, Violation},
    sys::System,
    venc::{HwJpegEncoder, Options, Standby},
};
use std::sync::Arc;

#[test]
fn three_hundred_frames_go_to_the_unit_without_a_copy() {
    let board = Board::new(640, 480);
    let process = board.machine.process();
    let mut camera = board.open(&process).unwrap();
    let mut encoder = encoder(&process, &Standby::default());
    camera.start().unwrap();
    let mut jpeg = Vec::new();
    let first = 1;
    for count in 0..300 {
        let frame = next(&board.machine, &mut camera);
        jpeg.clear();
        encoder.encode(&frame, Quality::DEFAULT, &mut jpeg).unwrap();
        assert_eq!(frame.meta().sequence, u64::from(count));
        assert_eq!(number(&jpeg), Some(first + count), "the picture is this frame's");
    }
    let counts = encoder.counts();
    assert_eq!((counts.frames, counts.copies, counts.left), (300, 0, 0));
    assert!(camera.counts().wake_ups <= 300, "{:?}", camera.counts());
    drop(encoder);
    drop(camera);
    let machine = board.close();
    assert_eq!((machine.leftovers(), machine.violations()), (NONE, vec![]));
}

#[test]
fn every_size_of_the_scaler_is_read_in_place() {
    for (width, height) in
        [(640, 480), (1280, 720), (1920, 1080), (2560, 1440), (200, 96), (330, 250), (128, 98)]
    {
        let board = Board::on(Machine::with_ion(48 << 20), width, height);
        let process = board.machine.process();
        let mut camera = board.open(&process).unwrap();
        let mut encoder = encoder(&process, &Standby::default());
        camera.start().unwrap();
        // Once around the pool: past its last block is no memory of the camera's.
        for _ in 0..5 {
            let frame = next(&board.machine, &mut camera);
            let mut jpeg = Vec::new();
            encoder.encode(&frame, Quality::DEFAULT, &mut jpeg).unwrap();
            let (wide, high, luma) = decode(&jpeg);
            assert_eq!((wide, high), (width as usize, height as usize));
            assert!(
                eyelet_sim::pattern::read_sequence(&luma, wide, high, wide).is_some(),
                "{width}x{height}"
            );
        }
        assert_eq!((encoder.name(), encoder.counts().copies, encoder.counts().left), ("sg2002", 0, 0));
        drop(encoder);
        drop(camera);
        let machine = board.close();
        assert_eq!((machine.leftovers(), machine.violations()), (NONE, vec![]), "{width}x{height}");
    }
}

#[test]
fn software_reads_frames_through_dev_mem_and_sees_each_one() {
    let board = Board::new(640, 480).unhurried();
    let process = board.machine.process();
    let mut camera = board.open(&process).unwrap();
    // Without a unit from the beginning.
    board.machine.driver(|driver| driver.chip_id = 4);
    let system: Arc<dyn System> = process.clone();
    let mut encoder = HwJpegEncoder::open(system, software(), &Options::default());
    camera.start().unwrap();
    for count in 0..12 {
        let frame = next(&board.machine, &mut camera);
        let mut jpeg = Vec::new();
        encoder.encode(&frame, Quality::DEFAULT, &mut jpeg).unwrap();
        assert_eq!((encoder.name(), number(&jpeg)), ("eyelet", Some(1 + count)));
    }
    drop(encoder);
    drop(camera);
    let machine = board.close();
    assert_eq!((machine.leftovers(), machine.violations()), (NONE, vec![]));
}

#[test]
fn software_without_dev_mem_is_an_error_with_the_remedy() {
    let board = Board::new(640, 480);
    let process = board.machine.process();
    let mut camera = board.open(&process).unwrap();
    board.machine.driver(|driver| driver.faults.closed.insert("/dev/mem".to_owned(), libc::EPERM));
    let system: Arc<dyn System> = process.clone();
    let mut encoder = HwJpegEncoder::open(system, software(), &Options::default());
    camera.start().unwrap();
    let error =
        encoder.encode(&next(&board.machine, &mut camera), Quality::DEFAULT, &mut Vec::new()).unwrap_err();
    assert!(error.to_string().contains("cannot map a frame") && error.remedy().is_some(), "{error}");
    drop(camera);
    assert_eq!(board.machine.violations(), []);
}

#[test]
fn unit_that_is_put_down_holds_no_node_and_is_taken_again() {
    let board = Board::new(640, 480);
    let process = board.machine.process();
    let standby = Standby::default();
    let mut encoder = encoder(&process, &standby);
    let mut jpegs = Vec::new();
    {
        let mut camera = board.open(&process).unwrap();
        camera.start().unwrap();
        encoder.encode(&next(&board.machine, &mut camera), Quality::DEFAULT, &mut jpegs).unwrap();
        assert_eq!(encoder.name(), "sg2002");
    }
    // Its process is killed; the next one's start loads the drivers anew.
    let machine = Arc::clone(&board.machine);
    drop(board);
    let down = standby.put_down();
    assert_eq!(
        (machine.leftovers().channels, machine.leftovers().ion_slots),
        (0, 1),
        "the pool alone is left"
    );
    let board = Board::on(Arc::clone(&machine), 640, 480);
    let mut camera = board.open(&process).unwrap();
    camera.start().unwrap();
    // Software takes over meanwhile, and nothing is logged for good.
    encoder.encode(&next(&machine, &mut camera), Quality::DEFAULT, &mut jpegs).unwrap();
    assert_eq!((encoder.name(), machine.leftovers().channels), ("eyelet", 0));
    drop(down);
    encoder.encode(&next(&machine, &mut camera), Quality::DEFAULT, &mut jpegs).unwrap();
    assert_eq!((encoder.name(), encoder.fallback_reason()), ("sg2002", None));
    drop((encoder, camera));
    let machine = board.close();
    assert_eq!((machine.leftovers(), machine.violations()), (NONE, vec![]));
}

#[test]
fn camera_that_starts_beside_a_unit_in_use_is_a_violation() {
    let machine = Machine::new();
    let encoder = encoder(&machine.process(), &Standby::default());
    let connection = machine.connect_camera();
    assert_eq!(connection.line("open 128 96 30 4"), "ok 0");
    assert!(matches!(machine.violations()[..], [Violation::HeldAtStart(_)]), "{:?}", machine.violations());
    drop(encoder);
}

#[test]
fn encoder_that_is_opened_while_the_unit_is_down_takes_it_later() {
    let machine = Machine::new();
    let standby = Standby::default();
    let (first, second) = (standby.put_down(), standby.put_down());
    let process = machine.process();
    let mut encoder = encoder(&process, &standby);
    drop(first);
    let board = Board::on(Arc::clone(&machine), 640, 480);
    let mut camera = board.open(&process).unwrap();
    camera.start().unwrap();
    for (down, name) in [(Some(second), "eyelet"), (None, "sg2002")] {
        let frame = next(&machine, &mut camera);
        encoder.encode(&frame, Quality::DEFAULT, &mut Vec::new()).unwrap();
        assert_eq!(encoder.name(), name);
        drop(down);
    }
    fed(&machine, || drop(camera));
    drop(encoder);
    assert_eq!(machine.violations(), []);
}
