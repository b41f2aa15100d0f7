//! SIGKILL at every call of a run, with and without the process that holds the camera: the next start works, and
//! nothing is left.

use super::support::{Board, NEVER, NONE, fed, software};
use eyelet_hal::{CameraSource, JpegEncoder, Quality};
use eyelet_maixcam::{
    csi::{Held, RawCamera},
    model::{CameraConnection, Machine, Process},
    sys::System,
    venc::{HwJpegEncoder, Options, Standby},
};
use std::{sync::Arc, time::Duration};

const HELD: Held = Held { group: 0, channel: 0, width: 128, height: 96, fps: 30, buffers: 4 };

/// A run in the order of the program: the encoder, the process that opens the camera, its frames.
fn run(machine: &Arc<Machine>, process: &Arc<Process>) -> CameraConnection {
    let standby = Standby::default();
    let options = Options::default().watchdog(NEVER).standby(standby.clone());
    let system: Arc<dyn System> = process.clone();
    let mut encoder = HwJpegEncoder::open(system, software(), &options);
    let connection = machine.connect_camera();
    {
        let _down = standby.put_down();
        assert_eq!(connection.line("open 128 96 30 4"), "ok 0");
    }
    let system: Arc<dyn System> = process.clone();
    fed(machine, || {
        let Ok(mut camera) = RawCamera::open(system, &HELD) else { return };
        for _ in 0..2 {
            if camera.start().is_err() {
                return;
            }
            for _ in 0..2 {
                let Ok(frame) = camera.next_frame(Duration::from_secs(60)) else { return };
                // Software may fail too: a dead process has no memory.
                let _ = encoder.encode(&frame, Quality::DEFAULT, &mut Vec::new());
            }
            let _ = camera.stop();
        }
    });
    connection
}

fn works(machine: &Arc<Machine>, calls: u64) {
    let process = machine.process();
    let connection = run(machine, &process);
    assert!(!process.is_dead());
    assert_eq!(connection.line("close"), "ok");
    assert_eq!((machine.leftovers(), machine.violations()), (NONE, vec![]), "killed after call {calls}");
    assert!(machine.driver(|driver| driver.count(eyelet_maixcam::sys::abi::RELEASE_STREAM)) >= 4);
}

#[test]
fn kill_after_any_call_leaves_nothing_that_the_next_start_misses() {
    for both in [false, true] {
        let mut calls = 1;
        loop {
            let machine = Machine::with_ion(4 << 20);
            let process = machine.process();
            process.kill_after(calls);
            let connection = run(&machine, &process);
            let killed = process.is_dead();
            process.kill();
            if both {
                // Its pools stay.
                drop(connection);
            } else {
                // It sees the socket's end, and closes the camera.
                assert_eq!(connection.line("close"), "ok");
            }
            if !killed {
                break;
            }
            works(&machine, calls);
            calls += 1;
        }
        assert!(calls > 60, "a run makes many calls: {calls}");
    }
}

#[test]
fn process_that_is_killed_at_any_frame_is_followed_by_another() {
    for frames in 0..4 {
        let board = Board::new(128, 96);
        let process = board.machine.process();
        let mut camera = board.open(&process).unwrap();
        let machine = Arc::clone(&board.machine);
        camera.start().unwrap();
        fed(&machine, || {
            for _ in 0..frames {
                camera.next_frame(NEVER).unwrap();
            }
        });
        // The last of them is lent while its process dies.
        let frame = (frames == 3).then(|| {
            machine.deliver();
            camera.next_frame(NEVER).unwrap()
        });
        drop(board);
        drop(frame);
        std::thread::scope(|scope| {
            let over = scope.spawn(|| drop(camera));
            while !over.is_finished() {
                machine.expire();
                std::thread::yield_now();
            }
        });
        works(&machine, frames);
    }
}
