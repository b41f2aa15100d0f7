//! Whatever happens to the unit, pictures go on, and one line of the log says why.

use crate::support::{NONE, SHORT, Stranger, encode, encoder_or_software, logged, small};
use eyelet_hal::JpegEncoder;
use eyelet_maixcam::model::{Damage, Driver, Machine};
use std::time::Duration;

const LONG: Duration = Duration::from_secs(600);

/// An encoder on a machine with this fault from the beginning: software does the work, and the one line holds this.
#[track_caller]
fn without_unit(fault: impl FnOnce(&mut Driver), line: &str) {
    let machine = Machine::new();
    machine.driver(fault);
    let ((), log) = logged(|| {
        let mut encoder = encoder_or_software(&machine.process(), LONG);
        for seed in 0..3 {
            encode(&mut encoder, &small(seed));
            assert_eq!(encoder.name(), "eyelet");
        }
    });
    assert_eq!(log.len(), 1, "{log:?}");
    assert!(log[0].contains(line) && log[0].contains("eyelet encodes"), "{log:?}");
    assert_eq!((machine.leftovers(), machine.violations()), (NONE, vec![]));
}

/// The unit does its work until this fault; then software does, and the one line holds this.
#[track_caller]
fn until(fault: impl FnOnce(&mut Driver), watchdog: Duration, line: &str) -> std::sync::Arc<Machine> {
    let machine = Machine::new();
    let process = machine.process();
    let ((), log) = logged(|| {
        let mut encoder = encoder_or_software(&process, watchdog);
        encode(&mut encoder, &small(1));
        // On a loaded machine a short watchdog may bark too early: then there is nothing to see.
        if encoder.name() == "sg2002" {
            machine.driver(fault);
        }
        for seed in 2..5 {
            encode(&mut encoder, &small(seed));
            assert_eq!(encoder.name(), "eyelet");
        }
        assert!(encoder.fallback_reason().is_some());
    });
    assert_eq!(log.len(), 1, "{log:?}");
    assert!(log[0].contains(line) && log[0].contains("eyelet encodes"), "{log:?}");
    assert_eq!(machine.violations(), []);
    machine
}

fn closed(node: &'static str, errno: i32) -> impl FnOnce(&mut Driver) {
    move |driver| driver.faults.closed.extend([(node.to_owned(), errno)])
}

#[test]
fn missing_nodes_fall_back() {
    for node in ["/dev/cvi-sys", "/dev/mem"] {
        without_unit(closed(node, libc::ENOENT), &format!("cannot open {node}"));
    }
    without_unit(
        |driver| {
            let nodes = (0..9).map(|number| (format!("/dev/cvi_vc_enc{number}"), libc::ENOENT));
            driver.faults.closed.extend(nodes);
        },
        "no free channel",
    );
}

#[test]
fn auto_without_a_unit_logs_nothing() {
    let machine = Machine::new();
    machine.driver(closed("/dev/cvi-base", libc::ENOENT));
    let (encoder, log) = logged(|| encoder_or_software(&machine.process(), LONG));
    assert_eq!((encoder.name(), log), ("eyelet", vec![]));
    assert!(encoder.fallback_reason().unwrap().starts_with("cannot open /dev/cvi-base: "));
}

#[test]
fn vanishing_nodes_fall_back() {
    let machine = until(|driver| driver.faults.gone = true, LONG, "JPEG unit is not used");
    assert_ne!(machine.leftovers(), NONE, "what could not be given back is left to the next run");
}

#[test]
fn missing_permission_falls_back() {
    for node in ["/dev/cvi-base", "/dev/cvi-sys", "/dev/mem"] {
        without_unit(closed(node, libc::EACCES), "run as root");
    }
    without_unit(
        |driver| {
            let nodes = (0..9).map(|number| (format!("/dev/cvi_vc_enc{number}"), libc::EACCES));
            driver.faults.closed.extend(nodes);
        },
        "run as root",
    );
}

#[test]
fn wrong_chip_id_falls_back() {
    without_unit(|driver| driver.chip_id = 4, "this is not an SG2002");
}

#[test]
fn full_ion_from_the_beginning_falls_back() {
    let machine = Machine::with_ion(1 << 20);
    let stranger = Stranger::on(&machine);
    stranger.alloc(1 << 20).unwrap();
    let (mut encoder, log) = logged(|| encoder_or_software(&machine.process(), LONG));
    assert!(log.len() == 1 && log[0].contains("ION memory"), "{log:?}");
    encode(&mut encoder, &small(1));
}

#[test]
fn damaged_output_falls_back() {
    for damage in [Damage::NoStart, Damage::NoEnd, Damage::Empty, Damage::OtherSize] {
        let machine = until(|driver| driver.faults.damage = Some(damage), LONG, "JPEG");
        assert_eq!(machine.leftovers(), NONE, "{damage:?}");
    }
}

#[test]
fn hang_in_get_stream_falls_back() {
    let machine = until(|driver| driver.faults.hang_in_get = true, SHORT, "did not return");
    // When it returns at last, the thread that was left behind gives everything back.
    machine.driver(|driver| driver.faults.hang_in_get = false);
    while machine.leftovers() != NONE {
        std::thread::yield_now();
    }
    assert_eq!(machine.violations(), []);
}

#[test]
fn unit_that_is_busy_for_ever_falls_back() {
    until(|driver| driver.faults.busy_on_send = true, LONG, "SEND_FRAME refused: busy");
}

#[test]
fn unit_that_does_not_finish_falls_back() {
    until(|driver| driver.faults.time_out_in_get = true, LONG, "did not finish a frame");
}

#[test]
fn hang_while_probing_falls_back() {
    let machine = Machine::new();
    let process = machine.process();
    // A killed run's frame does not come back.
    let mut first = encoder_or_software(&process, LONG);
    encode(&mut first, &small(1));
    process.kill();
    drop(first);
    let stranger = Stranger::on(&machine);
    let physical = stranger.alloc(64 * 48 * 3 / 2).unwrap();
    let node = stranger.node(8);
    let frame = crate::support::nv12(physical, 64, 48);
    eyelet_maixcam::sys::Channel(&*node).send_frame(&frame, 0).unwrap();
    drop(node);
    machine.driver(|driver| driver.faults.hang_in_get = true);
    let (mut second, log) = logged(|| encoder_or_software(&machine.process(), SHORT));
    assert!(log.len() == 1 && log[0].contains("did not return"), "{log:?}");
    encode(&mut second, &small(2));
    assert_eq!(second.name(), "eyelet");
}

#[test]
fn run_without_faults_logs_nothing() {
    let machine = Machine::new();
    let ((), log) = logged(|| drop(encode(&mut encoder_or_software(&machine.process(), LONG), &small(1))));
    assert_eq!(log, Vec::<String>::new());
}
