//! SIGKILL after every call that an encoder makes: the next run gives back what was left, and works.

use crate::support::{NONE, Picture, encode, encoder, encoder_or_software, logged, small};
use eyelet_hal::{JpegEncoder, PixelFormat, Quality};
use eyelet_maixcam::{
    model::{Leftovers, Machine, Process},
    venc::HwJpegEncoder,
};
use std::{sync::Arc, time::Duration};

/// What a run does: frames of two sizes and qualities.
fn work(process: &Arc<Process>) -> HwJpegEncoder {
    let mut encoder = encoder_or_software(process, Duration::from_secs(600));
    let mut jpeg = Vec::new();
    for picture in [small(1), small(2), Picture::new(PixelFormat::Yuyv, 32, 32, 3)] {
        for quality in [80, 90] {
            encoder.encode(&picture.frame(), Quality::new(quality).unwrap(), &mut jpeg).unwrap();
        }
    }
    encoder
}

/// A run that is killed after this many calls; `false` if it ended before.
fn killed_after(machine: &Arc<Machine>, calls: u64) -> bool {
    let process = machine.process();
    process.kill_after(calls);
    drop(work(&process));
    let killed = process.is_dead();
    process.kill();
    killed
}

fn works(machine: &Arc<Machine>) {
    let mut next = encoder(&machine.process());
    encode(&mut next, &small(4));
    assert_eq!(next.name(), "sg2002");
}

#[test]
fn kill_after_any_call_leaves_nothing_that_the_next_run_misses() {
    let mut calls = 1;
    loop {
        let machine = Machine::new();
        if !killed_after(&machine, calls) {
            break;
        }
        works(&machine);
        assert_eq!((machine.leftovers(), machine.violations()), (NONE, vec![]), "killed after call {calls}");
        calls += 1;
    }
    assert!(calls > 80, "a run makes many calls: {calls}");
}

#[test]
fn kill_without_the_allocators_list_loses_one_allocation_at_most_and_logs_it() {
    let mut lost = 0;
    for calls in 1.. {
        let machine = Machine::new();
        machine.set_summary_readable(false);
        if !killed_after(&machine, calls) {
            break;
        }
        let ((), log) = logged(|| works(&machine));
        let left = machine.leftovers();
        assert!(left.ion_slots <= 1, "killed after call {calls}: {left:?}");
        let logged = log.iter().any(|line| line.contains("ION memory behind"));
        assert!(logged || left.ion_slots == 0, "killed after call {calls}: {log:?}");
        lost += left.ion_slots;
        assert_eq!(left, Leftovers { ion_slots: left.ion_slots, ..NONE }, "killed after call {calls}");
        assert_eq!(machine.violations(), [], "killed after call {calls}");
    }
    assert!(lost > 0, "the notes alone cannot hold an allocation that was taken in the moment of the kill");
}

#[test]
fn run_that_is_killed_during_recovery_is_recovered_too() {
    // The worst moment for the first: its frame is in the unit.
    let locked_after = |calls: &u64| {
        let machine = Machine::new();
        killed_after(&machine, *calls) && machine.leftovers().locked
    };
    let sent = (1..1000).find(locked_after).unwrap();
    for calls in 1.. {
        let machine = Machine::new();
        assert!(killed_after(&machine, sent));
        assert!(machine.leftovers().locked);
        if !killed_after(&machine, calls) {
            break;
        }
        works(&machine);
        assert_eq!((machine.leftovers(), machine.violations()), (NONE, vec![]), "killed after call {calls}");
    }
}

#[test]
fn frame_in_the_unit_is_fetched_by_the_next_run() {
    // The call after which the unit is locked: SEND.
    let mut found = 0;
    for calls in 1.. {
        let machine = Machine::new();
        if !killed_after(&machine, calls) {
            break;
        }
        if machine.leftovers().locked {
            found += 1;
            works(&machine);
            assert_eq!((machine.leftovers(), machine.violations()), (NONE, vec![]));
        }
    }
    assert_eq!(found, 6, "once for each frame");
}
