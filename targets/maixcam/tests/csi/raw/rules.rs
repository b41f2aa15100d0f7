//! The model's own rules: what the scaler does, and does to those who do not take care.

use super::support::{Board, NONE, Stranger, call, get};
use eyelet_maixcam::{
    model::{Machine, Setting, Violation},
    sys::{
        Channel, Code, Node, Refused, Scaler, System,
        abi::{self, ChannelAttr, FrameInfo, Plain, Request, ScalerGroupAttr},
    },
};
use std::{sync::Arc, thread, time::Duration};

fn code<T: std::fmt::Debug>(answer: Result<T, Refused>) -> Code {
    answer.unwrap_err().code
}

/// A board, a program on it and its scaler, opened.
fn scaler() -> (Board, Stranger, Box<dyn eyelet_maixcam::sys::Device>) {
    let board = Board::new(128, 96);
    let stranger = Stranger::on(&board.machine);
    let node = stranger.node(Node::Scaler);
    (board, stranger, node)
}

#[test]
fn oldest_frame_comes_first_and_is_overwritten_when_the_ring_is_full() {
    let (board, _stranger, node) = scaler();
    for _ in 0..5 {
        board.machine.deliver();
    }
    let frames = [get(&*node), get(&*node)];
    assert_eq!(frames.map(|frame| frame.time_ref), [3, 4], "two wait, the newest");
    for frame in &frames {
        Scaler(&*node).release_frame(0, 0, frame).unwrap();
    }
    let [first, _] = frames;
    assert_eq!((first.width, first.height, first.pixel_format), (128, 96, abi::NV21));
    assert_eq!((first.stride, first.length), ([128, 128, 0], [128 * 96, 128 * 48, 0]));
    assert_eq!(first.physical[1], first.physical[0] + 128 * 96);
    assert!(first.private_data != 0 && first.address == [0; 3]);
    let now = eyelet_hal::monotonic();
    assert!(now.abs_diff(Duration::from_micros(first.pts)) < Duration::from_secs(600));
}

#[test]
fn width_of_the_scaler_is_rounded_up_to_whole_lines_of_the_cache() {
    let board = Board::new(200, 96);
    let node = Stranger::on(&board.machine).node(Node::Scaler);
    let attr = Scaler(&*node).channel_attr(0, 0).unwrap();
    assert_eq!((attr.width, attr.height, attr.pixel_format, attr.depth), (256, 96, abi::NV21, 2));
    board.machine.deliver();
    assert_eq!(get(&*node).stride[0], 256);
}

#[test]
fn waiter_is_served_when_a_frame_is_complete() {
    let (board, _stranger, node) = scaler();
    thread::scope(|scope| {
        let waiting = scope.spawn(|| {
            board.machine.wait_until_wanted(|| false);
            board.machine.deliver();
        });
        assert_eq!(get(&*node).time_ref, 0);
        waiting.join().unwrap();
    });
}

#[test]
fn wait_without_a_frame_ends_with_buffer_empty() {
    let (board, _stranger, node) = scaler();
    thread::scope(|scope| {
        scope.spawn(|| {
            board.machine.wait_until_wanted(|| false);
            board.machine.expire();
        });
        assert_eq!(code(Scaler(&*node).get_frame(0, 0, 1000)), Code::BufferEmpty);
    });
    board.machine.deliver();
    assert_eq!(get(&*node).time_ref, 0, "and the next wait is the only one");
    assert_eq!(board.machine.violations(), []);
}

#[test]
fn group_or_channel_that_is_not_there_is_refused() {
    let (board, _stranger, node) = scaler();
    let scaler = Scaler(&*node);
    assert_eq!(code(scaler.group_attr(1)), Code::Unexist);
    assert_eq!(code(scaler.group_attr(16)), Code::IllegalParam);
    assert_eq!(code(scaler.channel_attr(0, 4)), Code::IllegalParam);
    assert_eq!(code(scaler.channel_attr(0, 1)), Code::NotReady);
    assert_eq!(code(scaler.get_frame(3, 0, 1000)), Code::Unexist);
    let machine = board.close();
    assert_eq!(code(scaler.get_frame(0, 0, 1000)), Code::Unexist, "the camera was closed");
    assert_eq!((machine.leftovers(), machine.violations()), (NONE, vec![]));
}

#[test]
fn unknown_number_succeeds_and_changes_nothing() {
    let (board, _stranger, node) = scaler();
    let unknown = Request { name: "UNKNOWN", number: 0xc01c_5399 };
    let mut argument = ScalerGroupAttr { max_width: 77, ..ScalerGroupAttr::zeroed() };
    assert_eq!(node.ioctl(unknown, &mut [argument.bytes_mut()]).unwrap(), 0);
    assert_eq!(argument.max_width, 77);
    board.machine.driver(|driver| driver.faults.scaler_unknown = true);
    assert_eq!(Scaler(&*node).get_frame(0, 0, 1000).unwrap().physical[0], 0);
}

#[test]
fn release_with_the_drivers_pointer_is_a_violation() {
    let (board, _stranger, node) = scaler();
    board.machine.deliver();
    let frame = get(&*node);
    assert_eq!(call(&*node, abi::VPSS_RELEASE_CHN_FRAME, &frame, 0), 0);
    assert_eq!(board.machine.violations(), [Violation::KernelPointer]);
}

#[test]
fn second_release_is_a_violation() {
    let (board, _stranger, node) = scaler();
    board.machine.deliver();
    let frame = get(&*node);
    Scaler(&*node).release_frame(0, 0, &frame).unwrap();
    Scaler(&*node).release_frame(0, 0, &frame).unwrap();
    assert_eq!(board.machine.violations(), [Violation::DoubleRelease]);
}

#[test]
fn release_of_a_foreign_address_is_a_violation_but_not_of_a_pool_that_is_gone() {
    let (board, _stranger, node) = scaler();
    board.machine.deliver();
    let frame = get(&*node);
    let machine = Arc::clone(&board.machine);
    // Its process is killed, and the next one's reload clears its pools. Its own nodes are closed by then.
    drop(board);
    drop(node);
    let next = machine.connect_camera();
    assert_eq!(next.line("open 64 64 30 4"), "ok 0");
    assert_eq!(next.line("close"), "ok");
    let again = machine.connect_camera();
    assert_eq!(again.line("open 64 64 30 1"), "ok 0");
    let node = Stranger::on(&machine).node(Node::Scaler);
    let past = FrameInfo { physical: [frame.physical[0] + 64 * 96 * 3, 0, 0], ..frame };
    assert_eq!(code(Scaler(&*node).release_frame(0, 0, &past)), Code::IllegalParam);
    assert_eq!(machine.violations(), []);
    let foreign = FrameInfo { physical: [0x1000, 0, 0], ..frame };
    assert_eq!(code(Scaler(&*node).release_frame(0, 0, &foreign)), Code::IllegalParam);
    assert_eq!(machine.violations(), [Violation::ForeignRelease]);
}

#[test]
fn second_waiter_is_a_violation() {
    let (board, _stranger, node) = scaler();
    let other = Stranger::on(&board.machine);
    thread::scope(|scope| {
        let first = scope.spawn(move || get(&*node).time_ref);
        board.machine.wait_until_wanted(|| false);
        let second = other.node(Node::Scaler);
        assert_eq!(code(Scaler(&*second).get_frame(0, 0, 1000)), Code::Errno(libc::EPERM));
        board.machine.deliver();
        assert_eq!(first.join().unwrap(), 0);
    });
    // The thread of the scope had signals.
    assert!(board.machine.violations().contains(&Violation::TwoWaiters));
}

#[test]
fn wait_shorter_than_half_a_second_is_a_violation() {
    for (milliseconds, want) in
        [(0, vec![Violation::ShortWait]), (499, vec![Violation::ShortWait]), (500, vec![])]
    {
        let (board, _stranger, node) = scaler();
        board.machine.deliver();
        Scaler(&*node).get_frame(0, 0, milliseconds).unwrap();
        assert_eq!(board.machine.violations(), want, "{milliseconds} ms");
    }
}

#[test]
fn wait_that_a_signal_may_interrupt_is_a_violation() {
    let board = Board::new(128, 96);
    let process = board.machine.process();
    let node = process.open(Node::Scaler).unwrap();
    board.machine.deliver();
    let frame = Scaler(&*node).get_frame(0, 0, 1000).unwrap();
    Scaler(&*node).release_frame(0, 0, &frame).unwrap();
    assert_eq!(board.machine.violations(), [Violation::SignalsNotBlocked]);
}

#[test]
fn scaler_opened_before_a_camera_is_held_is_a_violation() {
    let machine = Machine::new();
    drop(Stranger::on(&machine).node(Node::Scaler));
    assert_eq!(machine.violations(), [Violation::OpenedFirst]);
}

#[test]
fn node_that_is_open_while_a_camera_starts_is_a_violation() {
    for (node, pins) in [
        (Node::Base, true),
        (Node::Channel(8), true),
        (Node::Scaler, true),
        (Node::Sys, false),
        (Node::Mem, false),
    ] {
        // A camera was killed: the next one's start loads the drivers anew.
        let board = Board::new(128, 96);
        let machine = Arc::clone(&board.machine);
        drop(board);
        assert_eq!(machine.leftovers().pools, 1);
        let stranger = Stranger::on(&machine);
        let open = stranger.node(node);
        let connection = machine.connect_camera();
        let answer = connection.line("open 128 96 30 4");
        if pins {
            assert!(answer.starts_with("error pools are left"), "{answer}");
            assert_eq!(machine.violations(), [Violation::HeldAtStart(node)]);
        } else {
            assert_eq!((&*answer, machine.violations()), ("ok 0", vec![]));
        }
        drop(open);
        if pins {
            assert_eq!(connection.line("open 128 96 30 4"), "ok 0", "with {node} closed");
        }
        assert_eq!(machine.leftovers().pools, 1, "the old pool is gone");
    }
}

#[test]
fn node_of_a_killed_process_is_closed() {
    let machine = Machine::new();
    let stranger = Stranger::on(&machine);
    let _open = stranger.node(Node::Channel(8));
    stranger.process.kill();
    assert_eq!(machine.connect_camera().line("open 128 96 30 4"), "ok 0");
    assert_eq!(machine.violations(), []);
}

#[test]
fn camera_closed_with_a_frame_lent_leaves_its_pool_and_is_a_violation() {
    let (board, _stranger, node) = scaler();
    board.machine.deliver();
    let frame = get(&*node);
    let machine = board.close();
    assert_eq!(machine.violations(), [Violation::ClosedWithLeases]);
    assert_eq!((machine.leftovers().pools, machine.leftovers().leases), (1, 1));
    Scaler(&*node).release_frame(0, 0, &frame).unwrap();
    assert_eq!((machine.leftovers().pools, machine.leftovers().leases), (1, 0));
}

#[test]
fn camera_closed_under_a_waiter_is_a_violation() {
    let (board, _stranger, node) = scaler();
    thread::scope(|scope| {
        scope.spawn(|| {
            board.machine.wait_until_wanted(|| false);
            assert_eq!(board.connection.line("close"), "ok");
        });
        assert_eq!(code(Scaler(&*node).get_frame(0, 0, 1000)), Code::Unexist);
    });
    assert_eq!(board.machine.violations(), [Violation::ClosedUnderWaiter]);
}

#[test]
fn more_frames_lent_than_can_be_spared_starve_the_scaler() {
    let (board, _stranger, node) = scaler();
    board.machine.deliver();
    board.machine.deliver();
    get(&*node);
    assert_eq!(board.machine.violations(), [], "one of four can be spared");
    get(&*node);
    assert_eq!(board.machine.violations(), [Violation::TooManyLeases]);
    for _ in 0..4 {
        board.machine.deliver();
    }
    assert!(board.machine.violations().contains(&Violation::Starved));
    assert!(board.machine.driver(|driver| driver.frames_lost()) > 0);
}

/// A channel of the JPEG unit for pictures of 128x96.
fn unit(stranger: &Stranger) -> Box<dyn eyelet_maixcam::sys::Device> {
    let node = stranger.node(Node::Channel(8));
    let attr = ChannelAttr {
        payload_type: abi::PT_JPEG,
        width: 128,
        height: 96,
        buffer_size: 64 << 10,
        ..ChannelAttr::zeroed()
    };
    Channel(&*node).create(&attr).unwrap();
    Channel(&*node).start().unwrap();
    node
}

#[test]
fn block_sent_to_the_unit_while_the_scaler_has_it_is_a_violation() {
    let (board, stranger, node) = scaler();
    let unit = unit(&stranger);
    board.machine.deliver();
    let frame = get(&*node);
    Channel(&*unit).send_frame(&frame, 500).unwrap();
    let (stream, packs) = Channel(&*unit).get_stream(500).unwrap();
    Channel(&*unit).release_stream(&stream, &packs).unwrap();
    assert_eq!(board.machine.violations(), [], "no flush: no CPU has written to it");
    Scaler(&*node).release_frame(0, 0, &frame).unwrap();
    Channel(&*unit).send_frame(&frame, 500).unwrap();
    assert_eq!(board.machine.violations(), [Violation::SentUnderScaler]);
}

#[test]
fn frame_given_back_while_the_unit_reads_it_is_a_violation() {
    let (board, stranger, node) = scaler();
    let unit = unit(&stranger);
    board.machine.deliver();
    let frame = get(&*node);
    Channel(&*unit).send_frame(&frame, 500).unwrap();
    Scaler(&*node).release_frame(0, 0, &frame).unwrap();
    assert_eq!(board.machine.violations(), [Violation::ReleasedInUnit]);
}

#[test]
fn killed_camera_gives_no_frames_and_the_next_one_clears_its_pools() {
    let board = Board::new(128, 96);
    let machine = Arc::clone(&board.machine);
    drop(board);
    machine.deliver();
    assert_eq!((machine.leftovers().pools, machine.driver(|driver| driver.camera_fps())), (1, None));
    let next = machine.connect_camera();
    assert_eq!(next.line("open 640 480 30 4"), "ok 0");
    assert_eq!(next.line("close"), "ok");
    assert_eq!((machine.leftovers(), machine.violations()), (NONE, vec![]));
}

#[test]
fn camera_is_one_process_at_a_time() {
    let board = Board::new(128, 96);
    let other = board.machine.connect_camera();
    assert_eq!(other.line("open 128 96 30 4"), "error the camera is in use");
    assert_eq!(other.line("hmirror 1"), "error the camera is not open");
    drop(other);
    for line in ["hmirror 1", "vflip 0", "exposure 10000", "gain 2"] {
        assert_eq!(board.connection.line(line), "ok");
    }
    let settings = board.machine.driver(|driver| driver.camera_settings());
    let want = [Setting::HMirror(true), Setting::VFlip(false), Setting::Exposure(10_000), Setting::Gain(2)];
    assert_eq!(settings, want);
    board.close();
}
