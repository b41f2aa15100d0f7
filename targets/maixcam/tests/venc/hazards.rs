//! The hazards of the driver, one test each: none of them reaches a board through the encoder.

use crate::support::{
    NEVER, NONE, Picture, SHORT, Stranger, encode, encode_at, encoder, encoder_or_software, small,
};
use eyelet_hal::{JpegEncoder, PixelFormat};
use eyelet_maixcam::{
    model::{Driver, Leftovers, Machine},
    sys::{Channel, abi},
};

#[test]
fn sizes_that_crash_the_driver_never_reach_it() {
    let machine = Machine::new();
    let mut encoder = encoder(&machine.process());
    for (width, height) in [(2, 2), (14, 640), (640, 14), (17, 31), (2562, 16), (16, 1442), (16_000, 16)] {
        encode(&mut encoder, &Picture::new(PixelFormat::Nv12, width, height, 1));
        assert_eq!(encoder.name(), "eyelet", "{width}x{height}");
    }
    assert_eq!(encoder.fallback_reason(), None);
    assert_eq!(machine.driver(|driver| driver.count(abi::CREATE_CHN)), 0);
    assert_eq!(machine.violations(), []);
}

#[test]
fn full_carve_out_is_noticed_before_create() {
    // Room for the proof at the beginning and for the frame, but not for the channel's buffer.
    let machine = Machine::new();
    let stranger = Stranger::on(&machine);
    stranger.alloc((16 << 20) - (600 << 10)).unwrap();
    let mut encoder = encoder(&machine.process());
    encode(&mut encoder, &Picture::new(PixelFormat::Nv12, 640, 480, 1));
    assert!(encoder.fallback_reason().unwrap().contains("ION memory"), "{:?}", encoder.fallback_reason());
    assert_eq!(machine.driver(|driver| driver.count(abi::CREATE_CHN)), 0);
    drop(encoder);
    assert_eq!((machine.leftovers(), machine.violations()), (Leftovers { ion_slots: 1, ..NONE }, vec![]));
}

#[test]
fn ninth_unit_is_never_created() {
    let machine = Machine::new();
    let stranger = Stranger::on(&machine);
    let mut encoder = encoder(&machine.process());
    for number in 0..8 {
        stranger.make(number);
    }
    encode(&mut encoder, &small(1));
    assert!(
        encoder.fallback_reason().unwrap().contains("all 8 JPEG units are taken"),
        "{:?}",
        encoder.fallback_reason()
    );
    assert_eq!(machine.violations(), []);
}

#[test]
fn full_allocation_table_is_noticed_before_create() {
    let machine = Machine::new();
    let stranger = Stranger::on(&machine);
    // One is left for the frame; then there is none for the proof.
    for _ in 0..Driver::ION_SLOTS - 1 {
        stranger.alloc(4096).unwrap();
    }
    let mut encoder = encoder(&machine.process());
    encode(&mut encoder, &small(1));
    assert!(encoder.fallback_reason().unwrap().contains("ION memory"), "{:?}", encoder.fallback_reason());
    drop(encoder);
    assert_eq!(machine.leftovers().ion_slots, Driver::ION_SLOTS - 1);
    assert_eq!(machine.violations(), []);
}

#[test]
fn channel_of_another_program_is_never_created_over() {
    let machine = Machine::new();
    let stranger = Stranger::on(&machine);
    stranger.make(8);
    stranger.make(6);
    let mut first = encoder(&machine.process());
    encode(&mut first, &small(1));
    assert_eq!(machine.driver(|driver| driver.channels()), [6, 7, 8], "the highest free one");
    drop(first);

    // And not when it was free while probing.
    let mut second = encoder(&machine.process());
    stranger.make(7);
    encode(&mut second, &small(1));
    assert!(
        second.fallback_reason().unwrap().contains("another program took channel 7"),
        "{:?}",
        second.fallback_reason()
    );
    drop(second);
    assert_eq!(machine.driver(|driver| driver.channels()), [6, 7, 8], "and it is not taken apart either");
    assert_eq!(machine.violations(), []);
}

#[test]
fn channel_0_is_left_to_maixpy() {
    let machine = Machine::new();
    let stranger = Stranger::on(&machine);
    for number in 1..9 {
        stranger.make(number);
    }
    let encoder = encoder_or_software(&machine.process(), NEVER);
    assert!(
        encoder.fallback_reason().unwrap().contains("no free channel"),
        "{:?}",
        encoder.fallback_reason()
    );
}

#[test]
fn every_quality_is_one_that_the_driver_takes() {
    let machine = Machine::new();
    let mut encoder = encoder(&machine.process());
    let picture = Picture::new(PixelFormat::Nv12, 16, 16, 1);
    for quality in 1..=100 {
        encode_at(&mut encoder, &picture, quality);
        assert_eq!(encoder.fallback_reason(), None, "quality {quality}");
    }
}

#[test]
fn kernel_pointer_in_a_pack_is_never_followed() {
    // The model puts a poisoned one there, and maps nothing outside of the carve-out.
    let machine = Machine::new();
    let mut encoder = encoder(&machine.process());
    encode(&mut encoder, &small(1));
    assert_eq!(encoder.fallback_reason(), None);
}

#[test]
fn lock_of_a_crashed_program_does_not_hang_create() {
    let machine = Machine::new();
    let stranger = Stranger::on(&machine);
    let node = stranger.make(1);
    stranger.send(&*node);
    stranger.process.kill();
    let mut encoder = encoder_or_software(&machine.process(), SHORT);
    encode(&mut encoder, &small(1));
    assert_eq!(encoder.name(), "eyelet");
    assert!(encoder.fallback_reason().unwrap().contains("did not return"), "{:?}", encoder.fallback_reason());
    assert_eq!(machine.violations(), []);
}

#[test]
fn lock_of_a_crashed_program_does_not_hang_send_or_destroy() {
    let machine = Machine::new();
    let process = machine.process();
    let mut first = encoder(&process);
    encode(&mut first, &small(1));
    let stranger = Stranger::on(&machine);
    let node = {
        // It made its channel long ago.
        let node = stranger.make(1);
        stranger.send(&*node);
        node
    };
    encode(&mut first, &small(2));
    assert!(
        first.fallback_reason().unwrap().contains("SEND_FRAME refused: busy"),
        "{:?}",
        first.fallback_reason()
    );
    drop(first); // With a watchdog that never barks: a hang in DESTROY would be one here.

    // The channel is left to the next run, when the other program has finished.
    let (stream, packs) = Channel(&*node).get_stream(0).unwrap();
    stranger.invalidate(packs[0].physical, packs[0].len.into());
    Channel(&*node).release_stream(&stream, &packs).unwrap();
    process.kill();
    let mut second = encoder(&machine.process());
    encode(&mut second, &small(3));
    drop(second);
    assert_eq!(machine.driver(|driver| driver.channels()), [1]);
    assert_eq!(machine.violations(), []);
}

#[test]
fn frame_that_times_out_is_fatal_and_the_next_run_reports_why() {
    let machine = Machine::new();
    let process = machine.process();
    let mut first = encoder(&process);
    encode(&mut first, &small(1));
    machine.driver(|driver| driver.faults.time_out_in_get = true);
    encode(&mut first, &small(2));
    assert_eq!(first.name(), "eyelet");
    assert!(
        first.fallback_reason().unwrap().contains("start the board again"),
        "{:?}",
        first.fallback_reason()
    );
    drop(first); // The lock is held for ever: destroying the channel would hang.
    process.kill();

    machine.driver(|driver| driver.faults.time_out_in_get = false);
    let second = encoder_or_software(&machine.process(), NEVER);
    assert!(
        second.fallback_reason().unwrap().contains("left the JPEG unit locked"),
        "{:?}",
        second.fallback_reason()
    );
    drop(second);
    assert_eq!(machine.driver(|driver| driver.count(abi::DESTROY_CHN)), 0);

    machine.reboot();
    let mut third = encoder(&machine.process());
    encode(&mut third, &small(3));
    drop(third);
    assert_eq!((machine.leftovers(), machine.violations()), (NONE, vec![]));
}

#[test]
fn unit_after_a_timeout_works_once_the_drivers_are_reloaded() {
    let machine = Machine::new();
    let process = machine.process();
    let mut first = encoder(&process);
    machine.driver(|driver| driver.faults.time_out_in_get = true);
    encode(&mut first, &small(2));
    drop(first);
    process.kill();
    machine.driver(|driver| {
        driver.faults.time_out_in_get = false;
        driver.reload();
    });
    let mut second = encoder(&machine.process());
    encode(&mut second, &small(3));
    assert_eq!(second.fallback_reason(), None);
}

#[test]
fn frame_that_is_sent_is_always_fetched() {
    // Whatever is refused, no frame stays in the unit and no channel is destroyed with one in it.
    for which in 0..3 {
        let machine = Machine::new();
        let mut encoder = encoder(&machine.process());
        encode(&mut encoder, &small(1));
        machine.driver(|driver| match which {
            0 => driver.faults.refuse_release = true,
            1 => driver.faults.damage = Some(eyelet_maixcam::model::Damage::Empty),
            _ => driver.faults.refuse_quality = true,
        });
        encode_at(&mut encoder, &small(2), 70);
        assert_eq!(encoder.name(), "eyelet");
        drop(encoder);
        assert_eq!((machine.leftovers(), machine.violations()), (NONE, vec![]), "{which}");
    }
}

#[test]
fn two_encoders_do_not_share_the_unit() {
    let machine = Machine::new();
    let mut first = encoder(&machine.process());
    let second = encoder_or_software(&machine.process(), NEVER);
    assert!(
        second.fallback_reason().unwrap().contains("another eyelet uses it"),
        "{:?}",
        second.fallback_reason()
    );
    encode(&mut first, &small(1));
    drop((first, second));
    let mut third = encoder(&machine.process());
    encode(&mut third, &small(1));
}

#[test]
fn notes_of_another_boot_are_forgotten() {
    let machine = Machine::new();
    let process = machine.process();
    let mut first = encoder(&process);
    encode(&mut first, &small(1));
    process.kill();
    drop(first);
    machine.reboot();
    machine.set_summary_readable(false);
    // What the notes name has other owners now.
    let stranger = Stranger::on(&machine);
    stranger.make(8);
    let mine: Vec<_> = (0..20).map(|_| stranger.alloc(100_000).unwrap()).collect();
    let mut second = encoder(&machine.process());
    encode(&mut second, &small(1));
    drop(second);
    assert_eq!(machine.driver(|driver| driver.channels()), [8]);
    assert_eq!(machine.leftovers().ion_slots, 1 + mine.len());
}

#[test]
fn channel_of_another_program_is_left_alone_after_a_reload_of_the_drivers() {
    let machine = Machine::new();
    let process = machine.process();
    let mut first = encoder(&process);
    encode(&mut first, &small(1));
    process.kill();
    drop(first);
    machine.driver(Driver::reload);
    let stranger = Stranger::on(&machine);
    stranger.make(8); // The number that ours had.
    let mut second = encoder(&machine.process());
    encode(&mut second, &small(1));
    drop(second);
    assert_eq!(machine.driver(|driver| driver.channels()), [8]);
    assert_eq!(machine.violations(), []);
}
