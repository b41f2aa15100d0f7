//! The ring and the camera's contract against the model of the kernel.

use crate::{
    capture::Capture,
    driver::BufferFormat,
    ring::Ring,
    tests::fake_queue::{Arrival, Call, FakeQueue, LENGTH},
};
use eyelet_hal::clock::{Clock, ManualClock};
use eyelet_hal::{CameraSource, ErrorKind, Memory, PixelFormat, Requeue, StreamFormat};
use rustix::io::Errno;
use std::{sync::Arc, time::Duration};

pub(super) const MS: Duration = Duration::from_millis(1);
const BUFFERS: u32 = 4;

const GREY: BufferFormat = BufferFormat {
    fourcc: *b"GREY",
    size: (LENGTH / 8, 8),
    bytesperline: 0,
    sizeimage: LENGTH,
    limited: false,
};

/// A grey camera of one buffer's size, and its kernel.
pub(super) fn camera() -> (Capture<FakeQueue>, FakeQueue, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::new(Duration::ZERO));
    let queue = FakeQueue::new(Arc::clone(&clock));
    let format = StreamFormat::new(PixelFormat::Grey, LENGTH / 8, 8).unwrap();
    let ring = Ring::new("/dev/video0".to_owned(), queue.clone());
    (Capture::new(ring, format, GREY, BUFFERS, Arc::clone(&clock) as Arc<dyn Clock>), queue, clock)
}

fn started() -> (Capture<FakeQueue>, FakeQueue, Arc<ManualClock>) {
    let (mut camera, queue, clock) = camera();
    camera.start().unwrap();
    (camera, queue, clock)
}

/// Nothing is left of a stopped camera.
fn assert_clean(queue: &FakeQueue) {
    assert_eq!(queue.violations(), [""; 0]);
    assert_eq!(queue.held(), (0, 0), "mappings, exports");
    assert_eq!(queue.allocated(), 0, "buffers");
}

fn next_kind(camera: &mut Capture<FakeQueue>, timeout: Duration) -> ErrorKind {
    camera.next_frame(timeout).map(drop).unwrap_err().kind()
}

#[test]
fn frames_come_go_back_and_leave_nothing() {
    let (mut camera, queue, clock) = started();
    for sequence in 0..20 {
        queue.arrive_after(33 * MS, Arrival::GOOD);
        let before = clock.monotonic();
        let frame = camera.next_frame(1000 * MS).unwrap();
        assert_eq!(frame.meta().sequence, sequence);
        assert!(frame.meta().captured_at >= before + 33 * MS, "the driver's timestamp");
        let plane = frame.planes()[0];
        assert_eq!(plane.bytes, [plane.bytes[0]; LENGTH as usize]);
        assert!(matches!(plane.memory, Memory::DmaBuf { offset: 0, .. }));
    }
    camera.stop().unwrap();
    assert_clean(&queue);
}

#[test]
fn late_reader_gets_the_newest_and_the_gap_shows() {
    let (mut camera, queue, _) = started();
    for _ in 0..3 {
        queue.arrive(Arrival::GOOD);
    }
    assert_eq!(camera.next_frame(Duration::ZERO).unwrap().meta().sequence, 2);
    // All are back: four more fit.
    for _ in 0..4 {
        assert!(queue.arrive(Arrival::GOOD).is_some());
    }
    assert_eq!(camera.next_frame(Duration::ZERO).unwrap().meta().sequence, 6);
}

#[test]
fn damaged_and_empty_buffers_are_counted_and_skipped() {
    let (mut camera, queue, _) = started();
    queue.arrive(Arrival::GOOD);
    queue.arrive(Arrival::FLAGGED);
    assert_eq!(camera.next_frame(Duration::ZERO).unwrap().meta().sequence, 0, "older, but good");
    queue.arrive(Arrival::EMPTY);
    assert_eq!(next_kind(&mut camera, Duration::ZERO), ErrorKind::CorruptFrame);
    queue.arrive_after(MS, Arrival::FLAGGED);
    queue.arrive_after(MS, Arrival::GOOD);
    assert_eq!(camera.next_frame(10 * MS).unwrap().meta().sequence, 4, "waited past the damaged one");
    assert_eq!(camera.damaged(), 3);
    assert_eq!(next_kind(&mut camera, 10 * MS), ErrorKind::TimedOut);
}

#[test]
fn short_frame_is_corrupt_and_its_buffer_goes_back() {
    let (mut camera, queue, _) = started();
    for _ in 0..10 {
        queue.arrive(Arrival { bytesused: LENGTH - 1, ..Arrival::GOOD }).unwrap();
        assert_eq!(next_kind(&mut camera, Duration::ZERO), ErrorKind::CorruptFrame);
    }
    queue.arrive(Arrival { bytesused: u32::MAX, ..Arrival::GOOD });
    let frame = camera.next_frame(Duration::ZERO).unwrap();
    assert_eq!(frame.planes()[0].bytes.len(), LENGTH as usize, "never beyond the mapping");
}

#[test]
fn deadline_stays_across_signals() {
    let (mut camera, queue, clock) = started();
    for _ in 0..8 {
        queue.fail(Call::Poll, Errno::INTR);
    }
    let before = clock.monotonic();
    assert_eq!(next_kind(&mut camera, 100 * MS), ErrorKind::TimedOut);
    let took = clock.monotonic() - before;
    assert!((100 * MS..102 * MS).contains(&took), "{took:?}");
}

#[test]
fn interrupted_calls_are_repeated() {
    let (mut camera, queue, _) = camera();
    let all = [
        Call::Request,
        Call::Query,
        Call::Map,
        Call::Export,
        Call::Queue,
        Call::Dequeue,
        Call::On,
        Call::Off,
    ];
    for call in all {
        queue.fail(call, Errno::INTR);
    }
    camera.start().unwrap();
    queue.arrive(Arrival::GOOD);
    camera.next_frame(Duration::ZERO).unwrap();
    camera.stop().unwrap();
    assert_clean(&queue);
}

#[test]
fn timestamp_of_another_clock_is_not_used() {
    let (mut camera, queue, clock) = started();
    queue.arrive(Arrival { flags: 0, ..Arrival::GOOD });
    clock.advance(Duration::from_secs(5));
    let meta = camera.next_frame(Duration::ZERO).unwrap().meta();
    assert!(meta.captured_at >= Duration::from_secs(5));
}

#[test]
fn timestamp_that_stands_still_goes_back_or_lies_ahead_is_not_used() {
    let (mut camera, queue, clock) = started();
    clock.advance(Duration::from_secs(10));
    let mut read = |stamp| {
        queue.arrive(Arrival::GOOD);
        queue.stamp(stamp);
        camera.next_frame(Duration::ZERO).unwrap().meta().captured_at
    };
    let good = Duration::from_secs(9);
    assert_eq!(read(good), good);
    let mut last = good;
    for stamp in [good, good - MS, Duration::from_secs(999), Duration::ZERO, Duration::MAX] {
        let at = read(stamp);
        assert!(at >= Duration::from_secs(10) && at > last, "{at:?} of {stamp:?}");
        last = at;
    }
}

#[test]
fn pictures_of_limited_range_are_stretched_and_their_buffers_go_back() {
    let (mut camera, queue, _) = camera();
    camera.set_format(camera.format(), BufferFormat { limited: true, ..GREY });
    camera.start().unwrap();
    for _ in 0..10 {
        queue.arrive(Arrival::GOOD);
        let frame = camera.next_frame(Duration::ZERO).unwrap();
        let plane = frame.planes()[0];
        // The model fills buffers with their numbers, all of them blacker than black.
        assert_eq!(plane.bytes, [0; LENGTH as usize]);
        assert!(matches!(plane.memory, Memory::Host), "not where the driver put it");
    }
    camera.stop().unwrap();
    assert_clean(&queue);
}

#[test]
fn buffer_that_the_driver_did_not_have_is_an_error() {
    for index in [BUFFERS, u32::MAX] {
        let (mut camera, queue, _) = started();
        queue.arrive(Arrival::GOOD);
        queue.misname(index);
        assert_eq!(next_kind(&mut camera, MS), ErrorKind::Other);
        // The one before it that was good is not kept from the driver.
        queue.arrive(Arrival::GOOD);
        let error = camera.next_frame(MS);
        assert!(error.is_ok());
        drop(error);
        camera.stop().unwrap();
        assert_clean(&queue);
    }
    // Twice the same.
    let (mut camera, queue, _) = started();
    queue.arrive(Arrival::GOOD);
    std::mem::forget(camera.next_frame(MS).unwrap());
    queue.arrive(Arrival::GOOD);
    queue.misname(0);
    assert_eq!(next_kind(&mut camera, MS), ErrorKind::Other);
    assert_eq!(queue.violations(), [""; 0]);
}

#[test]
fn bad_buffer_behind_a_good_one_lets_that_go_back() {
    let (mut camera, queue, _) = started();
    queue.arrive(Arrival::GOOD);
    queue.arrive(Arrival::GOOD);
    queue.misname_last(u32::MAX);
    assert_eq!(next_kind(&mut camera, MS), ErrorKind::Other);
    for _ in 0..BUFFERS - 1 {
        assert!(queue.arrive(Arrival::GOOD).is_some(), "only the one that was misnamed is lost");
    }
    camera.stop().unwrap();
    assert_clean(&queue);
}

#[test]
fn buffers_too_small_for_a_frame_are_an_error_with_the_numbers() {
    let (mut camera, queue, _) = camera();
    let format = StreamFormat::new(PixelFormat::Grey, LENGTH, 8).unwrap();
    camera.set_format(format, GREY);
    let error = camera.start().unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot use /dev/video0: a 64x8 grey frame needs 512 bytes, and its driver's buffers have 64; choose another \
         format or size"
    );
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert_clean(&queue);
}

/// A driver whose poll reports buffers that are not there kept a core busy until the deadline.
#[test]
fn false_alarms_of_poll_are_paused_for() {
    let (mut camera, queue, _) = started();
    queue.arrive(Arrival::GOOD);
    for _ in 0..1_000_000 {
        queue.fail(Call::Dequeue, Errno::AGAIN);
    }
    assert_eq!(next_kind(&mut camera, 100 * MS), ErrorKind::TimedOut);
    assert!(queue.calls(Call::Dequeue) < 120, "{}", queue.calls(Call::Dequeue));
}

#[test]
fn unplugged_camera_is_disconnected_and_still_stops_and_drops() {
    let (mut camera, queue, _) = started();
    queue.arrive(Arrival::GOOD);
    let frame = camera.next_frame(Duration::ZERO).unwrap();
    queue.unplug();
    drop(frame); // VIDIOC_QBUF fails now
    for _ in 0..3 {
        let error = camera.next_frame(100 * MS).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Disconnected, "{error}");
        assert!(error.to_string().ends_with("plug the camera in again"), "{error}");
    }
    assert_eq!(camera.stop().unwrap_err().kind(), ErrorKind::Disconnected);
    assert!(!camera.is_started());
    assert_eq!(queue.held(), (0, 0));
    assert_eq!(camera.start().unwrap_err().kind(), ErrorKind::Disconnected);
}

#[test]
fn failed_poll_without_a_reason_is_a_disconnect() {
    let (mut camera, queue, _) = started();
    queue.unplug();
    for _ in 0..1000 {
        queue.fail(Call::Dequeue, Errno::AGAIN);
    }
    assert_eq!(next_kind(&mut camera, MS), ErrorKind::Disconnected);
    assert_eq!(queue.calls(Call::Dequeue), 1);
}

#[test]
fn signal_lost_for_a_moment_is_damage_and_for_longer_a_disconnect() {
    let (mut camera, queue, _) = started();
    for _ in 0..5 {
        for _ in 0..3 {
            queue.fail(Call::Dequeue, Errno::IO);
        }
        queue.arrive(Arrival::GOOD);
        camera.next_frame(10 * MS).unwrap();
    }
    assert_eq!(camera.damaged(), 15);
    queue.arrive(Arrival::GOOD);
    for _ in 0..4 {
        queue.fail(Call::Dequeue, Errno::IO);
    }
    assert_eq!(next_kind(&mut camera, 10 * MS), ErrorKind::Disconnected);
    // Of an error that no reading passes nothing is waited for.
    let (mut camera, queue, _) = started();
    queue.arrive(Arrival::GOOD);
    queue.fail(Call::Dequeue, Errno::NODEV);
    assert_eq!(next_kind(&mut camera, 10 * MS), ErrorKind::Disconnected);
    assert_eq!(queue.calls(Call::Dequeue), 1);
}

#[test]
fn fatal_error_is_a_disconnect_and_a_new_start_works() {
    let (mut camera, queue, _) = started();
    queue.fatal_error();
    assert_eq!(next_kind(&mut camera, MS), ErrorKind::Disconnected);
    assert_eq!(next_kind(&mut camera, MS), ErrorKind::Disconnected);
    camera.stop().unwrap();
    camera.start().unwrap();
    queue.arrive(Arrival::GOOD);
    camera.next_frame(Duration::ZERO).unwrap();
}

#[test]
fn buffer_that_could_not_go_back_is_one_error_and_tried_again() {
    let (mut camera, queue, _) = started();
    queue.arrive(Arrival::GOOD);
    let frame = camera.next_frame(Duration::ZERO).unwrap();
    queue.fail(Call::Queue, Errno::INVAL);
    drop(frame);
    let error = camera.next_frame(MS).unwrap_err();
    assert!(error.to_string().starts_with("cannot give a buffer back to /dev/video0: "), "{error}");
    assert_eq!(next_kind(&mut camera, MS), ErrorKind::TimedOut);
    for _ in 0..BUFFERS {
        assert!(queue.arrive(Arrival::GOOD).is_some(), "all buffers are with the kernel again");
    }
}

#[test]
fn buffer_that_is_not_leased_cannot_go_back() {
    let clock = Arc::new(ManualClock::new(Duration::ZERO));
    let queue = FakeQueue::new(Arc::clone(&clock));
    let mut ring = Ring::new("/dev/video0".to_owned(), queue.clone());
    ring.requeue(0);
    ring.start(BUFFERS).unwrap();
    queue.arrive(Arrival::GOOD);
    let filled = ring.next(Duration::ZERO, &*clock).unwrap();
    for index in [filled.index, filled.index, 3, BUFFERS, u32::MAX] {
        ring.requeue(index);
    }
    assert_eq!(ring.buffer(&filled).0, [0; 0], "no look at what was given back");
    drop(ring);
    assert_clean(&queue);
}

#[test]
fn forgotten_frames_use_the_buffers_up() {
    let (mut camera, queue, _) = started();
    for _ in 0..BUFFERS {
        queue.arrive(Arrival::GOOD);
        std::mem::forget(camera.next_frame(Duration::ZERO).unwrap());
    }
    let error = camera.next_frame(MS).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Busy, "{error}");
    camera.stop().unwrap();
    assert_clean(&queue);
}

#[test]
fn stopped_is_invalid_and_start_and_stop_may_be_repeated() {
    let (mut camera, queue, _) = camera();
    assert_eq!(next_kind(&mut camera, MS), ErrorKind::InvalidInput);
    camera.stop().unwrap();
    for _ in 0..3 {
        camera.start().unwrap();
        camera.start().unwrap();
        queue.arrive(Arrival::GOOD);
        camera.next_frame(Duration::ZERO).unwrap();
        camera.stop().unwrap();
        camera.stop().unwrap();
        assert_clean(&queue);
    }
    assert_eq!(queue.calls(Call::On), 3);
}

#[test]
fn driver_s_counter_across_a_wrap_has_no_gap() {
    let (mut camera, queue, _) = started();
    queue.set_sequence(u32::MAX);
    let mut sequences = [0; 3];
    for sequence in &mut sequences {
        queue.arrive(Arrival::GOOD);
        *sequence = camera.next_frame(Duration::ZERO).unwrap().meta().sequence;
    }
    assert_eq!(sequences, [0xffff_ffff, 0x1_0000_0000, 0x1_0000_0001]);
}

#[test]
fn driver_without_dma_buf_or_with_few_buffers_streams() {
    let (mut camera, queue, _) = camera();
    queue.limit(1);
    queue.fail(Call::Export, Errno::NOTTY);
    camera.start().unwrap();
    for _ in 0..3 {
        queue.arrive(Arrival::GOOD);
        let frame = camera.next_frame(Duration::ZERO).unwrap();
        assert!(matches!(frame.planes()[0].memory, Memory::Host));
    }
    camera.stop().unwrap();
    queue.limit(0);
    assert_eq!(camera.start().unwrap_err().kind(), ErrorKind::OutOfMemory);
    assert_clean(&queue);
}

/// Each call of `start`, failing at each of its turns, leaves nothing behind.
#[test]
fn failed_start_leaves_nothing() {
    for (call, turns) in [
        (Call::Request, 1),
        (Call::Query, BUFFERS),
        (Call::Map, BUFFERS),
        (Call::Queue, BUFFERS),
        (Call::On, 1),
    ] {
        for turn in 0..turns {
            let (mut camera, queue, _) = camera();
            queue.fail_after(turn, call, Errno::NOMEM);
            assert_eq!(camera.start().unwrap_err().kind(), ErrorKind::OutOfMemory, "{call:?}");
            assert!(!camera.is_started());
            assert_clean(&queue);
            camera.start().unwrap();
        }
    }
}
