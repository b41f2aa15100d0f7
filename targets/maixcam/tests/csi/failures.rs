//! What goes wrong with MaixPy, and what is said about it.

use crate::support::{Board, NEVER, SHORT_WAIT, logged, open, opener, until};
use eyelet_hal::{CameraSource as _, Error, ErrorKind, PixelFormat};
use eyelet_maixcam::csi::CsiMode;
use std::{fs, thread, time::Duration};

/// Why the camera of a MaixPy that fails so does not open.
fn refused(board: &Board, fail: &str) -> Error {
    let mut opener = if fail.starts_with("block") { board.impatient(fail) } else { board.opener(fail) };
    let error = open(&mut opener).unwrap_err();
    board.until_empty();
    // The next one is none the worse for it.
    drop(board.camera(""));
    error
}

#[test]
fn python_that_is_not_there_is_not_found() {
    let board = Board::new();
    let mut config = board.config("");
    config.environment.push(("PATH".into(), "/nowhere".into()));
    let error = open(&mut opener(config)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    let text = error.to_string();
    assert!(text.starts_with("cannot start python3 for the built-in camera: "), "{text}");
    assert!(text.contains("; use the MaixCAM's own system"), "{text}");
}

#[test]
fn python_that_may_not_run_is_told_from_a_limit() {
    let board = Board::new();
    let python = board.file("python3");
    fs::write(&python, "").unwrap();
    let mut config = board.config("");
    config.environment.push(("PATH".into(), python.parent().unwrap().into()));
    let text = open(&mut opener(config)).unwrap_err().to_string();
    assert!(text.contains("permission denied"), "{text}");
    assert!(text.ends_with("; does python3 run in the shell?"), "{text}");
}

#[test]
fn import_that_fails_is_not_found_with_its_reason() {
    let error = refused(&Board::new(), "raise:import");
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert_eq!(error.message(), "MaixPy cannot be imported: no libsys.so");
}

#[test]
fn opening_that_fails_is_an_error_with_its_reason() {
    for (step, why) in [("open", "camera open failed"), ("opened", "camera opened failed")] {
        let error = refused(&Board::new(), &format!("raise:{step}"));
        assert_eq!(error.message(), format!("MaixPy cannot open the built-in camera: {why}"));
    }
}

#[test]
fn process_that_ends_while_it_opens_the_camera_is_reported_with_how_it_ended() {
    for step in ["import", "open", "opened"] {
        let board = Board::new();
        for (how, what) in [
            ("exit", "has ended with exit code 3"),
            ("crash", "was ended by signal 11"),
            ("kill", "was ended by signal 9"),
        ] {
            let error = refused(&board, &format!("{how}:{step}"));
            assert_eq!(error.kind(), ErrorKind::Disconnected);
            assert_eq!(error.message(), format!("the built-in camera's process {what}"));
        }
    }
}

#[test]
fn import_and_opening_that_hang_end_in_time() {
    for step in ["import", "open", "opened"] {
        let error = refused(&Board::new(), &format!("block:{step}"));
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert_eq!(error.message(), "MaixPy has not opened the built-in camera within 200ms");
    }
}

/// Half a minute after Ctrl-C MaixPy was in the middle of reloading the drivers, and so they remained.
#[test]
fn opening_that_is_given_up_is_waited_for_and_closed() {
    let board = Board::new();
    let mut config = board.config("slow:open");
    (config.patience.stop, config.patience.end) = (SHORT_WAIT, SHORT_WAIT);
    let mut opener = opener(config);
    assert_eq!(opener.open().unwrap_err().kind(), ErrorKind::Opening);
    let ((), log) = logged(|| drop(opener));
    assert_eq!(board.log(), ["open 80 64 200 3", "close"]);
    let [line] = &log[..] else { panic!("{log:?}") };
    let want = "waiting for MaixPy to finish opening the camera, so that it can close it";
    assert!(line.ends_with(want), "{line}");
}

/// SIGTERM was for all that MaixPy had started, such as the program that unloads and loads its drivers.
#[test]
fn program_that_maixpy_leaves_running_is_waited_for() {
    let board = Board::new();
    let mut config = board.config("leave:closed");
    (config.patience.stop, config.patience.end) = (NEVER, NEVER);
    drop(open(&mut opener(config)).unwrap());
    assert!(board.file("ran").exists());
    assert_eq!(board.log(), ["open 80 64 200 3", "close"]);
}

#[test]
fn program_that_maixpy_runs_is_not_ended_with_it() {
    let board = Board::new();
    let mut config = board.config("wait:opened");
    (config.patience.open, config.patience.stop, config.patience.end) = (SHORT_WAIT, Duration::ZERO, NEVER);
    let mut opener = opener(config);
    assert_eq!(opener.open().unwrap_err().kind(), ErrorKind::Opening);
    let python = board.processes();
    until(|| board.file("runs").exists());
    thread::scope(|scope| {
        scope.spawn(|| drop(opener));
        until(|| !board.processes().iter().any(|process| python.contains(process)));
        fs::write(board.file("go"), "").unwrap();
    });
    assert!(board.file("ran").exists());
    board.until_asked("killed");
}

#[test]
fn import_that_is_slow_is_waited_for() {
    let board = Board::new();
    drop(board.camera("slow:import"));
    assert_eq!(board.log(), ["open 80 64 200 3", "close"]);
}

#[test]
fn maixpy_that_prints_a_lot_harms_nothing() {
    let board = Board::new();
    let mut camera = board.camera("print:import,print:opened,print:read,print:close");
    camera.start().unwrap();
    for _ in 0..3 {
        drop(camera.next_frame(NEVER).unwrap());
    }
    drop(camera);
    assert_eq!(board.log(), ["open 80 64 200 3", "close"]);
}

/// What the first frame of a MaixPy that fails so is.
fn first_frame(board: &Board, fail: &str) -> Error {
    let mut camera = board.impatient_when_open(fail);
    camera.start().unwrap();
    let error = camera.next_frame(NEVER).unwrap_err();
    drop(camera);
    board.until_empty();
    error
}

#[test]
fn read_that_keeps_failing_is_a_lost_camera_with_the_reason() {
    for (fail, why) in [
        ("raise:read", "camera read failed"),
        ("none:read", "MaixPy returned no picture"),
        ("raise:encode", "camera encode failed"),
        ("none:encode", "MaixPy returned no picture"),
    ] {
        let error = first_frame(&Board::new(), fail);
        assert_eq!(error.kind(), ErrorKind::Disconnected);
        assert_eq!(error.message(), format!("MaixPy cannot read the built-in camera: {why}"));
    }
}

/// While nobody watches, the process has long ended when its report is read. Then that was all that was said.
#[test]
fn read_that_keeps_failing_is_lost_with_the_reason_also_when_the_process_has_ended() {
    let board = Board::new();
    let mut camera = board.camera("raise:read");
    camera.start().unwrap();
    assert_eq!(camera.next_frame(Duration::ZERO).unwrap_err().kind(), ErrorKind::TimedOut);
    until(|| board.processes().is_empty());
    let error = camera.next_frame(NEVER).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Disconnected);
    assert_eq!(error.message(), "MaixPy cannot read the built-in camera: camera read failed");
}

/// The alarm for calls that hang came first, and ended MaixPy with the camera open.
#[test]
fn sensor_without_frames_is_given_up_and_the_camera_closed() {
    let board = Board::new();
    let mut camera = board.camera("slow:read,none:read");
    camera.start().unwrap();
    let error = camera.next_frame(NEVER).unwrap_err();
    assert_eq!(error.message(), "MaixPy cannot read the built-in camera: MaixPy returned no picture");
    drop(camera);
    assert_eq!(board.log(), ["open 80 64 200 3", "close"]);
}

#[test]
fn process_that_ends_while_it_reads_is_a_lost_camera_at_once() {
    for step in ["read", "encode"] {
        for (how, what) in [
            ("exit", "has ended with exit code 3"),
            ("crash", "was ended by signal 11"),
            ("kill", "was ended by signal 9"),
        ] {
            let error = first_frame(&Board::new(), &format!("{how}:{step}"));
            assert_eq!(error.kind(), ErrorKind::Disconnected);
            assert_eq!(error.message(), format!("the built-in camera's process {what}"));
        }
    }
}

#[test]
fn read_that_hangs_is_a_timeout_and_the_process_is_ended() {
    for step in ["read", "encode"] {
        let board = Board::new();
        let mut camera = board.impatient_when_open(&format!("block:{step}"));
        camera.start().unwrap();
        assert_eq!(camera.next_frame(SHORT_WAIT).unwrap_err().kind(), ErrorKind::TimedOut);
        drop(camera);
        board.until_empty();
        board.until_asked("killed");
    }
}

#[test]
fn closing_that_hangs_is_ended() {
    for step in ["close", "closed"] {
        let board = Board::new();
        drop(board.impatient_when_open(&format!("block:{step}")));
        board.until_empty();
    }
}

#[test]
fn third_failure_in_a_row_says_that_the_board_should_be_restarted() {
    let board = Board::new();
    let mut opener = board.opener("raise:open");
    let remedies = [(); 4].map(|()| open(&mut opener).unwrap_err().remedy().unwrap().to_owned());
    let ordinary = "stop other programs that use the camera, and check its cable";
    assert_eq!(remedies, [ordinary, ordinary, "restart the board", "restart the board"]);
}

#[test]
fn raw_frames_that_are_impossible_are_jpegs_with_the_reason_in_one_line() {
    let board = Board::new();
    let mut config = board.config("");
    config.mode = CsiMode::Auto;
    let mut opener = opener(config);
    let (camera, log) = logged(|| open(&mut opener).unwrap());
    assert_eq!(camera.format().pixel, PixelFormat::Jpeg);
    let [line] = &log[..] else { panic!("{log:?}") };
    assert!(line.contains("the built-in camera gives no raw frames; MaixPy encodes them error="), "{line}");
    assert_eq!(board.log(), ["open 80 64 200 4", "close", "open 80 64 200 3"]);
}

#[test]
fn raw_frames_that_are_impossible_are_an_error_if_only_they_will_do() {
    let board = Board::new();
    let mut config = board.config("");
    config.mode = CsiMode::Raw;
    let error = open(&mut opener(config)).unwrap_err();
    let want = "the built-in camera gives no raw frames, and no others were asked for: ";
    assert!(error.message().starts_with(want), "{error}");
    assert_eq!(board.log(), ["open 80 64 200 4", "close"]);
}

/// It opened each time, which counted as success.
#[test]
fn third_opening_in_a_row_without_a_picture_says_that_the_board_should_be_restarted() {
    let board = Board::new();
    let mut config = board.config("block:read");
    (config.patience.stop, config.patience.end) = (SHORT_WAIT, SHORT_WAIT);
    let mut opener = opener(config);
    let remedies = [(); 3].map(|()| {
        let mut camera = open(&mut opener).unwrap();
        camera.start().unwrap();
        camera.next_frame(SHORT_WAIT).unwrap_err().remedy().map(str::to_owned)
    });
    assert_eq!(remedies, [None, None, Some("restart the board".to_owned())]);
}

#[test]
fn picture_ends_a_row_of_failures() {
    let board = Board::new();
    let mut config = board.config("");
    (config.patience.stop, config.patience.end) = (SHORT_WAIT, SHORT_WAIT);
    // The second picture is far away when it is not waited for.
    config.fps = 1;
    let mut opener = opener(config);
    for _ in 0..4 {
        let mut camera = open(&mut opener).unwrap();
        camera.start().unwrap();
        drop(camera.next_frame(NEVER).unwrap());
        assert_eq!(camera.next_frame(Duration::ZERO).unwrap_err().remedy(), None);
    }
}
