//! The model's own rules: what the driver does to those who do not take care. Each is a hazard of the real one.

use crate::support::{Stranger, attr, nv12};
use eyelet_maixcam::{
    model::{Driver, Machine, Violation},
    sys::{
        Channel, Code, Node, System,
        abi::{self, ChannelAttr},
    },
};
use proptest::prelude::*;

fn code<T: std::fmt::Debug>(answer: Result<T, eyelet_maixcam::sys::Refused>) -> Code {
    answer.unwrap_err().code
}

#[test]
fn channels_and_memory_survive_close_and_exit() {
    let machine = Machine::new();
    let stranger = Stranger::on(&machine);
    drop(stranger.make(5));
    stranger.alloc(4096).unwrap();
    stranger.process.kill();
    let left = machine.leftovers();
    assert_eq!((left.channels, left.units, left.ion_slots), (1, 1, 2));
}

#[test]
fn lock_is_held_from_send_to_get_and_survives_the_process() {
    let machine = Machine::new();
    let (first, second) = (Stranger::on(&machine), Stranger::on(&machine));
    let one = first.make(1);
    let two = second.make(2);
    first.send(&*one);
    let physical = second.alloc(32 * 32 * 3 / 2).unwrap();
    let frame = nv12(physical, 32, 32);
    assert_eq!(code(Channel(&*two).send_frame(&frame, 1000)), Code::Busy);
    first.process.kill();
    assert_eq!(code(Channel(&*two).send_frame(&frame, 1000)), Code::Busy, "the killed one's lock");
    // Any process that opens the channel can get the frame.
    let again = second.node(1);
    assert!(again.readable().unwrap());
    let (stream, packs) = Channel(&*again).get_stream(0).unwrap();
    assert!(!again.readable().unwrap());
    second.invalidate(packs[0].physical, packs[0].len.into());
    Channel(&*again).release_stream(&stream, &packs).unwrap();
    assert!(!machine.leftovers().locked);
}

#[test]
fn create_over_an_existing_channel_leaks_a_unit() {
    let machine = Machine::new();
    let stranger = Stranger::on(&machine);
    stranger.make(3);
    stranger.make(3);
    assert_eq!(machine.violations(), [Violation::LeakedUnit]);
    let channel = stranger.node(3);
    Channel(&*channel).destroy().unwrap();
    let left = machine.leftovers();
    assert_eq!((left.channels, left.units, left.ion_slots), (0, 1, 1), "the first one's for ever");
}

#[test]
fn failed_create_is_an_oops_and_the_unit_is_dead() {
    let cases: [(ChannelAttr, &str); 4] = [
        (attr(8, 32), "a side out of range"),
        (attr(32, 40_000), "a side out of range"),
        (ChannelAttr { buffer_size: (16 << 20) + 1024, ..attr(32, 32) }, "a buffer size out of range"),
        (ChannelAttr { buffer_size: 0, ..attr(32, 32) }, "no ION memory"),
    ];
    for (attr, why) in cases {
        let machine = Machine::with_ion(4 << 20);
        let stranger = Stranger::on(&machine);
        let node = stranger.node(1);
        Channel(&*node).create(&attr).unwrap_err();
        assert_eq!(machine.violations(), [Violation::Oops(why)]);
        assert!(stranger.process.is_dead());
    }
    let machine = Machine::new();
    let stranger = Stranger::on(&machine);
    for number in 0..8 {
        stranger.make(number);
    }
    Channel(&*stranger.node(8)).create(&attr(32, 32)).unwrap_err();
    assert_eq!(machine.violations(), [Violation::Oops("no free unit")]);
}

#[test]
fn qualities_50_and_from_100_on_are_refused() {
    let machine = Machine::new();
    let stranger = Stranger::on(&machine);
    let node = stranger.make(1);
    let channel = Channel(&*node);
    let mut param = channel.jpeg_param().unwrap();
    for quality in 0..=200 {
        param.quality = quality;
        let answer = channel.set_jpeg_param(&param);
        match quality {
            50 => assert_eq!(code(answer), Code::NotSupported),
            100.. => assert_eq!(code(answer), Code::IllegalParam),
            _ => answer.unwrap(),
        }
    }
}

#[test]
fn allocator_has_a_hundred_allocations_at_most() {
    let machine = Machine::new();
    let (first, second) = (Stranger::on(&machine), Stranger::on(&machine));
    for _ in 0..Driver::ION_SLOTS / 2 {
        first.alloc(1).unwrap();
        second.alloc(1).unwrap();
    }
    assert_eq!(first.alloc(1), None);
    first.process.kill();
    assert_eq!(second.alloc(1), None, "a killed process frees nothing");
}

#[test]
fn running_channel_is_not_reset() {
    let machine = Machine::new();
    let stranger = Stranger::on(&machine);
    let node = stranger.make(1);
    assert_eq!(code(Channel(&*node).reset()), Code::Busy);
    Channel(&*node).stop().unwrap();
    Channel(&*node).reset().unwrap();
}

#[test]
fn channel_that_was_not_created_says_so() {
    let machine = Machine::new();
    let stranger = Stranger::on(&machine);
    let node = stranger.node(4);
    assert_eq!(code(Channel(&*node).attr()), Code::NullPointer);
    assert_eq!(code(Channel(&*node).destroy()), Code::NullPointer);
    assert_eq!(stranger.process.open(Node::Channel(9)).unwrap_err().kind(), std::io::ErrorKind::NotFound);
    node.readable().unwrap();
    assert_eq!(machine.violations(), [Violation::PolledNothing]);
}

#[test]
fn call_without_blocked_signals_is_a_violation() {
    let machine = Machine::new();
    let careless = machine.process();
    let node = careless.open(Node::Channel(1)).unwrap();
    let _ = Channel(&*node).attr();
    assert_eq!(machine.violations(), [Violation::SignalsNotBlocked]);
}

#[test]
fn cache_must_be_flushed_and_invalidated() {
    let machine = Machine::new();
    let stranger = Stranger::on(&machine);
    let node = stranger.make(1);
    let physical = stranger.alloc(32 * 32 * 3 / 2).unwrap();
    Channel(&*node).send_frame(&nv12(physical, 32, 32), 0).unwrap();
    assert_eq!(machine.violations(), [Violation::NotFlushed]);
    let (stream, packs) = Channel(&*node).get_stream(0).unwrap();
    let memory = stranger.process.open(Node::Mem).unwrap();
    let jpeg = memory.map(packs[0].physical, packs[0].len as usize).unwrap();
    jpeg.look(&mut |bytes| assert_ne!(bytes[..2], [0xff, 0xd8], "what was there before"));
    assert_eq!(machine.violations(), [Violation::NotFlushed, Violation::NotInvalidated]);
    stranger.invalidate(packs[0].physical, packs[0].len.into());
    jpeg.look(&mut |bytes| assert_eq!(bytes[..2], [0xff, 0xd8]));
    Channel(&*node).release_stream(&stream, &packs).unwrap();
    assert_eq!((machine.violations().len(), machine.driver(|driver| driver.unread())), (2, 0));
}

proptest! {
    /// Calls are delivered in the order in which they come.
    #[test]
    fn any_call_is_answered(calls in prop::collection::vec(
        (0u8..12, prop::sample::select(abi::REQUESTS), prop::collection::vec(any::<u8>(), 0..420), any::<bool>()),
        0..40,
    )) {
        struct NoMemory;
        impl eyelet_maixcam::model::Memory for NoMemory {
            fn read(&self, _: u64, into: &mut [u8]) -> bool { into.len() < 1 << 20 }
            fn write(&mut self, _: u64, _: &[u8]) -> bool { true }
            fn flush(&mut self, _: u64, _: u64) {}
            fn invalidate(&mut self, _: u64, _: u64) {}
        }
        let mut driver = Driver::new(9, 0x8000_0000, 1 << 20);
        for (node, request, mut bytes, plausible) in calls {
            let node = match node { 9 => Node::Sys, 10 => Node::Base, 11 => Node::Mem, n => Node::Channel(n) };
            if plausible && request == abi::CREATE_CHN {
                bytes = eyelet_maixcam::sys::abi::Plain::bytes(&attr(32, 32)).to_vec();
            }
            let (mut second, mut third) = (bytes.clone(), bytes.clone());
            let argument: &mut [&mut [u8]] = &mut [&mut bytes, &mut second, &mut third];
            let _ = driver.ioctl(node, request.number, argument, &mut NoMemory);
        }
    }
}
