//! The hard rules of taking the scaler's frames, as the camera keeps them.

use super::support::{Board, NEVER, NONE, fed, fed_late, next, place};
use eyelet_hal::{
    CameraSource, ErrorKind, PixelFormat, StreamFormat,
    conformance::{self, CameraExpectations},
    monotonic,
};
use eyelet_maixcam::{
    csi::RawCamera,
    model::{CameraServer, Machine},
    sys::{
        Node, System,
        abi::{FrameInfo, ScalerChannelAttr},
    },
};
use std::{sync::Arc, thread, time::Duration};

/// What a driver that is another does to its answer.
type Change<T> = fn(&mut T);

#[test]
fn frame_is_nv21_where_the_scaler_wrote_it_and_has_no_bytes() {
    let board = Board::new(200, 96);
    let mut camera = board.camera();
    let format = StreamFormat::new(PixelFormat::Nv21, 200, 96).unwrap();
    assert_eq!((camera.name(), camera.format()), ("csi", format));
    camera.start().unwrap();
    let frame = next(&board.machine, &mut camera);
    assert_eq!(frame.format(), format);
    assert!(frame.planes().iter().all(|plane| plane.bytes.is_empty() && plane.stride == 256));
    let luma = place(&frame);
    assert!(
        matches!(frame.planes()[1].memory, eyelet_hal::Memory::Physical(chroma) if chroma == luma + 256 * 96)
    );
    assert!(frame.meta().captured_at <= monotonic());
    drop(frame);
    drop(camera);
    let machine = board.close();
    assert_eq!((machine.leftovers(), machine.violations()), (NONE, vec![]));
}

/// Opening must fail with these words.
#[track_caller]
fn refused(board: &Board, words: &str) {
    let error = board.open(&board.machine.process()).unwrap_err();
    assert!(error.to_string().contains(words), "{error}");
    assert!(matches!(error.kind(), ErrorKind::Unsupported | ErrorKind::NotFound), "{error:?}");
}

#[test]
fn open_of_a_driver_with_other_calls_is_refused() {
    let board = Board::new(128, 96);
    board.machine.driver(|driver| driver.faults.scaler_unknown = true);
    refused(&board, "another form of VPSS_GET_GRP_ATTR");
    let machine = board.close();
    assert_eq!((machine.leftovers(), machine.violations()), (NONE, vec![]));
}

#[test]
fn open_of_a_channel_that_differs_is_refused() {
    let changes: [(&str, Change<ScalerChannelAttr>); 4] = [
        ("makes 192x96", |attr| attr.width = 192),
        ("makes 128x98", |attr| attr.height = 98),
        ("of format 18", |attr| attr.pixel_format = 18),
        ("keeps no frames", |attr| attr.depth = 0),
    ];
    for (words, change) in changes {
        let board = Board::new(128, 96);
        board.machine.driver(|driver| driver.faults.scaler_attr = Some(change));
        refused(&board, words);
        let machine = board.close();
        assert_eq!((machine.leftovers(), machine.violations()), (NONE, vec![]), "{words}");
    }
}

#[test]
fn open_with_a_first_frame_that_differs_is_refused_and_gives_it_back() {
    let changes: [(&str, Change<FrameInfo>); 4] = [
        ("the frame is 64x96", |frame| frame.width = 64),
        ("rows have", |frame| frame.stride[1] = 64),
        ("planes are at", |frame| frame.physical[1] += 64),
        ("of format 13", |frame| frame.pixel_format = 13),
    ];
    for (words, change) in changes {
        let board = Board::new(128, 96);
        board.machine.driver(|driver| driver.faults.scaler_frame = Some(change));
        refused(&board, words);
        let machine = board.close();
        assert_eq!((machine.leftovers(), machine.violations()), (NONE, vec![]), "{words}");
    }
}

#[test]
fn open_with_a_frame_outside_of_the_carve_out_is_refused_and_never_gives_it_back() {
    let board = Board::new(128, 96);
    board.machine.driver(|driver| {
        driver.faults.scaler_frame = Some(|frame| frame.physical = [0x1000_0000, 0x1000_0000 + 128 * 96, 0]);
    });
    refused(&board, "is in no allocation of the carve-out");
    assert_eq!(board.machine.violations(), []);

    // Where the list cannot be read it is believed.
    let board = Board::new(128, 96);
    board.machine.set_summary_readable(false);
    drop(board.camera());
    assert_eq!(board.machine.violations(), []);
}

#[test]
fn open_without_the_scaler_or_its_group_is_refused() {
    let board = Board::new(128, 96);
    let mut other = board.held;
    other.group = 3;
    let error = RawCamera::open(board.machine.process(), &other).unwrap_err();
    assert!(error.to_string().contains("no camera is open"), "{error}");
    board.machine.driver(|driver| driver.faults.closed.insert("/dev/cvi-vpss".to_owned(), libc::ENOENT));
    refused(&board, "cannot open /dev/cvi-vpss");
}

#[test]
fn open_without_frames_times_out() {
    let board = Board::new(128, 96);
    let error = thread::scope(|scope| {
        let open = scope.spawn(|| RawCamera::open(board.machine.process(), &board.held).unwrap_err());
        while !open.is_finished() {
            board.machine.wait_until_wanted(|| open.is_finished());
            board.machine.expire();
        }
        open.join().unwrap()
    });
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    let machine = board.close();
    assert_eq!((machine.leftovers(), machine.violations()), (NONE, vec![]));
}

#[test]
fn only_one_frame_is_lent_however_slow_its_reader_is() {
    let board = Board::new(128, 96);
    let mut camera = board.camera();
    camera.start().unwrap();
    for _ in 0..3 {
        let frame = next(&board.machine, &mut camera);
        for _ in 0..20 {
            board.machine.deliver();
            assert_eq!(board.machine.leftovers().leases, 1);
        }
        drop(frame);
    }
    assert_eq!(board.machine.driver(|driver| driver.frames_lost()), 0, "GET never starves");
    drop(camera);
    let machine = board.close();
    assert_eq!((machine.leftovers(), machine.violations()), (NONE, vec![]));
}

#[test]
fn frame_after_a_stall_is_the_newest() {
    let board = Board::new(128, 96);
    let mut camera = board.camera();
    camera.start().unwrap();
    let first = next(&board.machine, &mut camera).meta().sequence;
    let frame = next(&board.machine, &mut camera);
    // Meanwhile the camera goes on. The older of the two that wait is older than the time between frames.
    let now = monotonic();
    for age in (0..6u32).rev() {
        board.machine.deliver_at(now.saturating_sub(Duration::from_millis(40) * age));
    }
    drop(frame);
    fed(&board.machine, || {
        let meta = camera.next_frame(NEVER).unwrap().meta();
        // Or one that came while this machine had other things to do.
        assert!(meta.sequence >= first + 7, "five were skipped, and the number shows it: {meta:?}");
        drop(camera);
    });
    let machine = board.close();
    assert_eq!((machine.leftovers(), machine.violations()), (NONE, vec![]));
}

#[test]
fn time_stamps_that_are_always_late_do_not_cost_frames() {
    const LATE: Duration = Duration::from_millis(300);
    let board = Board::new(128, 96);
    let mut camera = board.camera();
    camera.start().unwrap();
    let mut skipped = 0;
    let mut last = None;
    for _ in 0..12 {
        let sequence = fed_late(&board.machine, LATE, || camera.next_frame(NEVER).unwrap().meta().sequence);
        skipped += last.map_or(0, |last| sequence - last - 1);
        last = Some(sequence);
    }
    assert!(skipped <= 4, "{skipped} frames were thrown away");
}

#[test]
fn frame_that_nobody_takes_gives_way_to_a_newer_one() {
    let board = Board::new(128, 96);
    let mut camera = board.camera();
    camera.start().unwrap();
    board.machine.deliver();
    // The thread has it, and gives it back by and by to wait for another.
    while board.machine.leftovers().leases == 0 {
        thread::yield_now();
    }
    board.machine.wait_until_wanted(|| false);
    assert_eq!(board.machine.leftovers().leases, 0);
    board.machine.deliver();
    let frame = camera.next_frame(NEVER).unwrap();
    assert_eq!(board.machine.leftovers().leases, 1);
    assert_eq!(frame.meta().sequence, 0, "the count begins with what is lent");
}

#[test]
fn numbers_of_frames_wrap_around() {
    let board = Board::new(128, 96);
    board.machine.driver(|driver| driver.faults.first_frame = u32::MAX - 2);
    let mut camera = board.camera();
    camera.start().unwrap();
    let sequences: Vec<_> = (0..4).map(|_| next(&board.machine, &mut camera).meta().sequence).collect();
    assert_eq!(sequences, [0, 1, 2, 3]);
}

#[test]
fn dead_process_is_seen_as_frames_that_do_not_come() {
    let board = Board::new(128, 96);
    let mut camera = board.camera();
    camera.start().unwrap();
    drop(next(&board.machine, &mut camera));
    let machine = Arc::clone(&board.machine);
    drop(board);
    machine.wait_until_wanted(|| false);
    machine.expire();
    assert_eq!(camera.next_frame(Duration::from_millis(20)).unwrap_err().kind(), ErrorKind::TimedOut);
    thread::scope(|scope| {
        let over = scope.spawn(|| drop(camera));
        while !over.is_finished() {
            machine.expire();
            thread::yield_now();
        }
    });
    // Its own process starts another, with every node of ours closed.
    let next = machine.connect_camera();
    assert_eq!(next.line("open 128 96 30 4"), "ok 0");
    assert_eq!(next.line("close"), "ok");
    assert_eq!((machine.leftovers(), machine.violations()), (NONE, vec![]));
}

#[test]
fn group_that_is_gone_disconnects_with_the_reason() {
    let board = Board::new(128, 96);
    let mut camera = board.camera();
    camera.start().unwrap();
    let frame = next(&board.machine, &mut camera);
    // Another program's MaixPy takes the camera down under our feet.
    assert_eq!(board.connection.line("close"), "ok");
    drop(frame);
    let error = camera.next_frame(NEVER).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Disconnected);
    assert!(error.to_string().contains("does not exist"), "{error}");
    assert_eq!(camera.next_frame(NEVER).unwrap_err().kind(), ErrorKind::Disconnected, "for good");
    camera.stop().unwrap();
    assert_eq!(camera.start().unwrap_err().kind(), ErrorKind::Disconnected);
}

#[test]
fn channel_that_another_program_changes_disconnects_with_the_reason() {
    let board = Board::new(128, 96);
    let mut camera = board.camera();
    camera.start().unwrap();
    drop(next(&board.machine, &mut camera));
    board.machine.driver(|driver| driver.faults.scaler_frame = Some(|frame| frame.height = 64));
    board.machine.deliver();
    let error = camera.next_frame(NEVER).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Disconnected);
    assert!(error.to_string().contains("another program"), "{error}");
    drop(camera);
    assert_eq!((board.machine.leftovers().leases, board.machine.violations()), (0, vec![]));

    // Where no frames come from it any more, its description tells.
    let board = Board::new(128, 96);
    let mut camera = board.camera();
    camera.start().unwrap();
    board.machine.driver(|driver| driver.faults.scaler_attr = Some(|attr| attr.width = 64));
    board.machine.wait_until_wanted(|| false);
    board.machine.expire();
    let error = camera.next_frame(NEVER).unwrap_err();
    assert!(error.kind() == ErrorKind::Disconnected && error.to_string().contains("makes 64x96"), "{error}");
}

#[test]
fn stopped_camera_holds_no_frame_and_a_dropped_one_no_node() {
    let board = Board::new(128, 96);
    let mut camera = board.camera();
    assert_eq!(board.machine.leftovers().leases, 0, "not even its first frame");
    assert_eq!(camera.next_frame(Duration::ZERO).unwrap_err().kind(), ErrorKind::InvalidInput);
    for _ in 0..3 {
        camera.start().unwrap();
        drop(next(&board.machine, &mut camera));
        board.machine.deliver();
        fed(&board.machine, || camera.stop()).unwrap();
        assert_eq!(board.machine.leftovers().leases, 0);
    }
    camera.start().unwrap();
    drop(next(&board.machine, &mut camera));
    fed(&board.machine, || drop(camera));
    let machine = board.close();
    // A start with a node of ours open would be a violation.
    assert_eq!(machine.connect_camera().line("open 128 96 30 4"), "ok 0");
    assert_eq!((machine.leftovers().leases, machine.violations()), (0, vec![]));
}

#[test]
fn frames_cost_one_wake_up_each() {
    let board = Board::new(128, 96);
    let mut camera = board.camera();
    camera.start().unwrap();
    fed(&board.machine, || {
        for _ in 0..300 {
            camera.next_frame(NEVER).unwrap();
        }
        let counts = camera.counts();
        assert_eq!(counts.frames, 300);
        // Fewer where the frame was there already.
        assert!(counts.wake_ups <= 300, "{counts:?}");
        drop(camera);
    });
    assert_eq!(board.machine.violations(), []);
}

#[test]
fn camera_keeps_the_hal_contract() {
    let folder = tempfile::tempdir().unwrap();
    let machine = Machine::new();
    let server = CameraServer::start(&machine, folder.path().join("port")).unwrap();
    // A process of its own, as far as the model can tell.
    let mut process = std::os::unix::net::UnixStream::connect(server.path()).unwrap();
    let mut answers = std::io::BufReader::new(process.try_clone().unwrap());
    let mut say = |line: &str| {
        use std::io::{BufRead, Write};
        writeln!(process, "{line}").unwrap();
        let mut answer = String::new();
        answers.read_line(&mut answer).unwrap();
        answer
    };
    assert_eq!(say("open 128 96 60 4"), "ok 0\n");
    let held =
        eyelet_maixcam::csi::Held { group: 0, channel: 0, width: 128, height: 96, fps: 60, buffers: 4 };
    let system: Arc<dyn System> = machine.process();
    let mut camera = RawCamera::open(system, &held).unwrap();
    let report = conformance::camera(&mut camera, &CameraExpectations::default());
    report.assert_passed();
    drop(camera);
    assert_eq!(say("close"), "ok\n");
    assert_eq!((machine.leftovers(), machine.violations()), (NONE, vec![]));
    drop(server);
    drop(machine.process().open(Node::Sys));
}
