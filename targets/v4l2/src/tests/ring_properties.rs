//! The ring and the camera under any sequence of events, against the model of the kernel.

use crate::{
    tests::fake_queue::{Arrival, Call, LENGTH},
    tests::ring::{MS, camera},
};
use eyelet_hal::clock::Clock;
use eyelet_hal::{CameraSource, ErrorKind};
use proptest::prelude::*;
use rustix::io::Errno;

/// What happens to a camera, by its user, its driver and its cable.
#[derive(Clone, Debug)]
enum Event {
    Start,
    Stop,
    Next { wait_ms: u64, keep: bool },
    Arrive(Arrival),
    ArriveAfter(u64, Arrival),
    Fail(Call, Errno),
    FatalError,
    Unplug,
}

fn any_event() -> impl Strategy<Value = Event> {
    let arrival = || {
        let kinds = prop_oneof![
            6 => Just(Arrival::GOOD),
            1 => Just(Arrival::FLAGGED),
            1 => Just(Arrival::EMPTY),
            1 => Just(Arrival { bytesused: LENGTH / 2, ..Arrival::GOOD }),
            1 => Just(Arrival { flags: 0, bytesused: u32::MAX, lost: 0 }),
        ];
        (kinds, prop_oneof![8 => Just(0u32), 1 => 1u32..1000]).prop_map(|(a, lost)| Arrival { lost, ..a })
    };
    let call = prop::sample::select(vec![
        Call::Request,
        Call::Query,
        Call::Map,
        Call::Export,
        Call::Queue,
        Call::Dequeue,
        Call::On,
        Call::Off,
        Call::Poll,
    ]);
    let errno = prop::sample::select(vec![
        Errno::INTR,
        Errno::INTR,
        Errno::AGAIN,
        Errno::IO,
        Errno::INVAL,
        Errno::NOMEM,
        Errno::BUSY,
        Errno::NODEV,
    ]);
    prop_oneof![
        3 => Just(Event::Start),
        1 => Just(Event::Stop),
        10 => (0u64..50, prop::bool::weighted(0.1)).prop_map(|(wait_ms, keep)| Event::Next { wait_ms, keep }),
        8 => arrival().prop_map(Event::Arrive),
        4 => (0u64..60, arrival()).prop_map(|(ms, a)| Event::ArriveAfter(ms, a)),
        3 => (call, errno).prop_map(|(c, e)| Event::Fail(c, e)),
        1 => Just(Event::FatalError),
        1 => Just(Event::Unplug),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    /// Whatever happens: no violation of ownership, sequence numbers grow, frames are whole and of one buffer
    /// each, calls come back in time, a stopped camera holds nothing, and nothing panics, drops included.
    #[test]
    fn any_events_keep_the_contract(
        events in prop::collection::vec(any_event(), 1..80),
        limit in prop::option::of(0u32..6),
        first in prop_oneof![Just(0u32), Just(u32::MAX - 3), any::<u32>()],
    ) {
        let (mut camera, queue, clock) = camera();
        queue.set_sequence(first);
        if let Some(limit) = limit {
            queue.limit(limit);
        }
        let mut last_sequence = None;
        let mut forgotten = Vec::new();
        let mut disturbed = false;
        for event in events {
            match event {
                Event::Start => {
                    if !camera.is_started() {
                        last_sequence = None;
                        forgotten.clear();
                    }
                    let _ = camera.start();
                }
                Event::Stop => {
                    let _ = camera.stop();
                    prop_assert!(!camera.is_started());
                }
                Event::Next { wait_ms, keep } => {
                    let was_started = camera.is_started();
                    let waiting = queue.filled();
                    let wait = MS * u32::try_from(wait_ms).unwrap();
                    let before = clock.monotonic();
                    match camera.next_frame(wait) {
                        Ok(frame) => {
                            prop_assert!(was_started);
                            let sequence = frame.meta().sequence;
                            prop_assert!(Some(sequence) > last_sequence, "{last_sequence:?}, then {sequence}");
                            last_sequence = Some(sequence);
                            let bytes = frame.planes()[0].bytes;
                            prop_assert_eq!(bytes.len(), LENGTH as usize);
                            prop_assert!(bytes.iter().all(|b| *b == bytes[0]), "of two buffers");
                            prop_assert!(!forgotten.contains(&bytes[0]), "two frames over one buffer");
                            prop_assert!(disturbed || queue.filled() == 0, "{waiting} waited, not drained");
                            if keep {
                                forgotten.push(bytes[0]);
                                std::mem::forget(frame);
                            }
                        }
                        Err(error) => {
                            prop_assert!(was_started || error.kind() == ErrorKind::InvalidInput, "{error}");
                            prop_assert!(error.to_string().contains("/dev/video0"), "{error}");
                        }
                    }
                    let took = clock.monotonic() - before;
                    // Each signal of the fake cuts the rest in halves; calls cost microseconds.
                    prop_assert!(took <= wait + 5 * MS, "{took:?} instead of {wait:?}");
                }
                Event::Arrive(arrival) => drop(queue.arrive(arrival)),
                Event::ArriveAfter(ms, arrival) => queue.arrive_after(MS * u32::try_from(ms).unwrap(), arrival),
                Event::Fail(call, errno) => {
                    disturbed = true;
                    queue.fail(call, errno);
                }
                Event::FatalError => queue.fatal_error(),
                Event::Unplug => queue.unplug(),
            }
            prop_assert_eq!(queue.violations(), [""; 0]);
            if !camera.is_started() {
                prop_assert_eq!(queue.held(), (0, 0));
            }
        }
        drop(camera);
        prop_assert_eq!(queue.violations(), [""; 0]);
        prop_assert_eq!(queue.held(), (0, 0));
    }
}
