//! Any order of frames, faults, kills and other programs: never a violation, and nothing left in the end.

use crate::support::{FORMATS, NONE, Picture, Stranger, encode_at, encoder_or_software};
use eyelet_hal::JpegEncoder;
use eyelet_maixcam::model::{Damage, Leftovers, Machine};
use proptest::prelude::*;
use std::time::Duration;

#[derive(Clone, Debug)]
enum Step {
    /// One frame.
    Encode { pixel: usize, size: (u32, u32), quality: u8 },
    /// The process is killed after this many further calls, unless it ends before.
    Kill(u64),
    /// The encoder is dropped and another process begins.
    Restart,
    /// The board's other program takes or gives back a channel.
    Channel(u8),
    /// It takes or gives back memory.
    Memory(u32),
    /// The driver misbehaves from now on, or behaves again.
    Fault(u8),
    /// The vendor's modules are loaded anew, which does not happen while we run.
    Reload,
}

fn step() -> impl Strategy<Value = Step> {
    let side = (0u32..60, 0u32..60).prop_map(|(w, h)| (8 + 2 * w, 8 + 2 * h));
    prop_oneof![
        8 => (0..FORMATS.len(), side, 1u8..=100)
            .prop_map(|(pixel, size, quality)| Step::Encode { pixel, size, quality }),
        2 => (1u64..40).prop_map(Step::Kill),
        3 => Just(Step::Restart),
        1 => (1u8..9).prop_map(Step::Channel),
        1 => (1u32..9_000_000).prop_map(Step::Memory),
        1 => (0u8..8).prop_map(Step::Fault),
        1 => Just(Step::Reload),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]
    #[test]
    fn no_sequence_reaches_an_oops_a_held_lock_or_a_leak(steps in prop::collection::vec(step(), 1..40)) {
        let never = Duration::from_secs(600);
        let machine = Machine::new();
        let stranger = Stranger::on(&machine);
        let (mut channels, mut memory) = (Vec::new(), Vec::new());
        let mut process = machine.process();
        let mut encoder = Some(encoder_or_software(&process, never));
        for (seed, step) in steps.into_iter().enumerate() {
            match step {
                Step::Encode { pixel, size, quality } => {
                    let picture = Picture::new(FORMATS[pixel], size.0, size.1, seed as u8);
                    // Some encoder always makes the picture.
                    encode_at(encoder.as_mut().unwrap() as &mut dyn JpegEncoder, &picture, quality);
                }
                Step::Kill(calls) => process.kill_after(process.calls() + calls),
                Step::Restart => {
                    drop(encoder.take());
                    process.kill();
                    process = machine.process();
                    encoder = Some(encoder_or_software(&process, never));
                }
                Step::Channel(number) => {
                    if let Some(at) = channels.iter().position(|&(held, _)| held == number) {
                        let (_, node): (u8, Box<dyn eyelet_maixcam::sys::Device>) = channels.remove(at);
                        if !machine.leftovers().locked {
                            let _ = eyelet_maixcam::sys::Channel(&*node).destroy();
                        }
                    } else if machine.leftovers().units < 8 && !machine.leftovers().locked
                        && !machine.driver(|driver| driver.channels()).contains(&number)
                        && stranger.alloc(64 << 10).map(|proof| stranger.free(proof)).is_some()
                    {
                        channels.push((number, stranger.make(number)));
                    }
                }
                Step::Memory(size) => match memory.pop() {
                    Some(physical) => stranger.free(physical),
                    None => memory.extend(stranger.alloc(size)),
                },
                Step::Fault(which) => machine.driver(|driver| {
                    let faults = &mut driver.faults;
                    match which {
                        0 => faults.busy_on_send ^= true,
                        1 => faults.refuse_quality ^= true,
                        2 => faults.refuse_release ^= true,
                        3 => faults.damage = Some(Damage::NoEnd),
                        4 => faults.damage = None,
                        5 => faults.two_packs ^= true,
                        6 => faults.offset = 64 - faults.offset,
                        _ => *faults = eyelet_maixcam::model::Faults::default(),
                    }
                }),
                Step::Reload => {
                    drop(encoder.take());
                    channels.clear();
                    process.kill();
                    machine.driver(eyelet_maixcam::model::Driver::reload);
                    process = machine.process();
                    encoder = Some(encoder_or_software(&process, never));
                }
            }
        }
        // The board behaves again, everybody goes, and one run comes that may tidy up.
        drop(encoder.take());
        process.kill();
        machine.driver(|driver| driver.faults = eyelet_maixcam::model::Faults::default());
        if !machine.leftovers().locked {
            for (_, node) in channels {
                let _ = eyelet_maixcam::sys::Channel(&*node).destroy();
            }
        }
        drop(encoder_or_software(&machine.process(), never));
        let left = machine.leftovers();
        // The bitstream buffers of channels that were alive when their module went are the vendor's loss.
        let want = Leftovers { ion_slots: left.ion_slots, ..NONE };
        prop_assert_eq!(left, want);
        let ours = machine.driver(|driver| driver.ion_summary()).matches("eyelet-").count();
        prop_assert_eq!((ours, machine.violations()), (0, vec![]));
    }
}
