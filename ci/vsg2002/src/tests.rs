//! The unit with a process and a kernel of the tests' own in front of it: no `/dev/cuse` is needed.

use crate::{
    unit::{Answers, Unit},
    wire::LONGEST,
};
use eyelet_maixcam::{
    model::{Driver, Memory},
    sys::{
        Node,
        abi::{
            self, CacheOp, ChannelAttr, FrameInfo, IonData, Pack, Plain, ReceiveParam, Request, ScalerFrame,
            Stream, Timed,
        },
    },
};
use eyelet_sim::pattern;
use std::{collections::BTreeMap, time::Duration};

const BASE: u64 = 0x9000_0000;
/// Where a process has its struct for a frame.
const FRAME: u64 = 0x7000;

struct Ram(Vec<u8>);

impl Memory for Ram {
    fn read(&self, physical: u64, into: &mut [u8]) -> bool {
        let from = (physical - BASE) as usize;
        into.copy_from_slice(&self.0[from..from + into.len()]);
        true
    }

    fn write(&mut self, physical: u64, from: &[u8]) -> bool {
        let to = (physical - BASE) as usize;
        self.0[to..to + from.len()].copy_from_slice(from);
        true
    }

    fn flush(&mut self, _: u64, _: u64) {}

    fn invalidate(&mut self, _: u64, _: u64) {}
}

/// A process: its memory, by address.
struct Process {
    unit: Unit<Ram>,
    memory: BTreeMap<u64, Vec<u8>>,
    unique: u64,
    /// What the unit is given as the time.
    now: Duration,
}

fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_ne_bytes(bytes[at..at + 4].try_into().unwrap())
}

fn address(bytes: &[u8], at: usize) -> u64 {
    u64::from_ne_bytes(bytes[at..at + 8].try_into().unwrap())
}

impl Process {
    fn new() -> Self {
        let unit = Unit::new(Driver::new(9, BASE, 8 << 20), Ram(vec![0; 8 << 20]));
        Self { unit, memory: BTreeMap::new(), unique: 0, now: Duration::from_secs(100) }
    }

    fn put(&mut self, at: u64, value: &impl Plain) -> u64 {
        self.memory.insert(at, value.bytes().to_vec());
        at
    }

    fn get<T: Plain>(&self, at: u64) -> T {
        T::read(&self.memory[&at]).unwrap()
    }

    fn send(&mut self, node: Node, opcode: u32, body: &[u8]) -> Answers {
        self.unique += 2;
        let mut message = (40 + body.len() as u32).to_ne_bytes().to_vec();
        message.extend(opcode.to_ne_bytes());
        message.extend(self.unique.to_ne_bytes());
        message.resize(40, 0);
        message.extend(body);
        assert!(message.len() <= LONGEST);
        let answers = self.unit.handle(node, &message, self.now);
        for (_, bytes) in &answers {
            assert_eq!(word(bytes, 0) as usize, bytes.len(), "an answer states its length");
        }
        answers
    }

    fn open(&mut self, node: Node) {
        let answers = self.send(node, 14, &[0; 8]);
        assert_eq!(word(&answers[0].1, 4), 0, "{node}");
    }

    fn close(&mut self, node: Node) {
        self.send(node, 18, &[0; 24]);
    }

    /// A line of a camera's process.
    fn camera(&mut self, connection: u64, line: &str) -> String {
        self.unit.camera_line(connection, line, self.now).0
    }

    /// Lets the time pass to the next deadline.
    fn tick(&mut self) -> Answers {
        self.now = self.unit.deadline().expect("something is due");
        self.unit.tick(self.now)
    }

    /// Asks for a frame, once: `None` if it must be waited for.
    fn get_frame(&mut self, milliseconds: i32) -> Option<i32> {
        let asked = ScalerFrame { milliseconds, ..ScalerFrame::zeroed() };
        let at = self.put(FRAME, &asked);
        self.ioctl(Node::Scaler, abi::VPSS_GET_CHN_FRAME, at)
    }

    fn release_frame(&mut self, frame: FrameInfo) -> Option<i32> {
        let given = ScalerFrame { frame: FrameInfo { private_data: 0, ..frame }, ..ScalerFrame::zeroed() };
        let at = self.put(0x8000, &given);
        self.ioctl(Node::Scaler, abi::VPSS_RELEASE_CHN_FRAME, at)
    }

    /// An ioctl as the kernel makes it, round after round. `None` if it does not return.
    fn ioctl(&mut self, node: Node, request: Request, argument: u64) -> Option<i32> {
        let mut ins: Vec<(u64, usize)> = Vec::new();
        let mut outs = ins.clone();
        for _ in 0..8 {
            let data: Vec<u8> = ins.iter().flat_map(|&(at, len)| self.memory[&at][..len].to_vec()).collect();
            let room: usize = outs.iter().map(|&(_, len)| len).sum();
            let mut body = vec![0; 8];
            body.extend([2, request.number].into_iter().flat_map(u32::to_ne_bytes));
            body.extend(argument.to_ne_bytes());
            body.extend([data.len() as u32, room as u32].into_iter().flat_map(u32::to_ne_bytes));
            body.extend(data);
            let answers = self.send(node, 39, &body);
            let [(to, bytes)] = &answers[..] else { return None };
            assert_eq!((*to, address(bytes, 8), word(bytes, 4)), (node, self.unique, 0));
            if word(bytes, 20) & 4 == 0 {
                let mut out = &bytes[32..];
                assert!(out.len() <= room, "the kernel refuses more than was asked for");
                for (at, len) in outs.into_iter().filter(|_| !bytes[32..].is_empty()) {
                    self.memory.get_mut(&at).unwrap()[..len].copy_from_slice(&out[..len]);
                    out = &out[len..];
                }
                return Some(word(bytes, 16).cast_signed());
            }
            let segment = |index: usize| {
                let at = 32 + 16 * index;
                (address(bytes, at), address(bytes, at + 8) as usize)
            };
            let (count_in, count_out) = (word(bytes, 24) as usize, word(bytes, 28) as usize);
            ins = (0..count_in).map(segment).collect();
            outs = (count_in..count_in + count_out).map(segment).collect();
        }
        panic!("{} has no end", request.name);
    }

    /// Makes channel 3 for NV12 pictures of 64x64, and memory with one; sends nothing yet.
    fn prepare(&mut self) -> FrameInfo {
        let attr = ChannelAttr {
            payload_type: abi::PT_JPEG,
            width: 64,
            height: 64,
            buffer_size: 64 << 10,
            ..ChannelAttr::zeroed()
        };
        let at = self.put(0x1000, &attr);
        assert_eq!(self.ioctl(Node::Channel(3), abi::CREATE_CHN, at), Some(0));
        let at = self.put(0x1000, &ReceiveParam { frames: -1 });
        assert_eq!(self.ioctl(Node::Channel(3), abi::START_RECV_FRAME, at), Some(0));
        let at = self.put(0x1000, &IonData { size: 8192, cached: 1, ..IonData::zeroed() });
        assert_eq!(self.ioctl(Node::Sys, abi::ION_ALLOC, at), Some(0));
        let physical = self.get::<IonData>(at).physical;
        let at = self.put(0x1000, &CacheOp { physical, size: 8192, ..CacheOp::zeroed() });
        assert_eq!(self.ioctl(Node::Sys, abi::CACHE_FLUSH, at), Some(0));
        FrameInfo {
            width: 64,
            height: 64,
            pixel_format: abi::NV12,
            stride: [64, 64, 0],
            physical: [physical, physical + 4096, 0],
            length: [4096, 2048, 0],
            ..FrameInfo::zeroed()
        }
    }

    fn send_frame(&mut self, frame: &FrameInfo, milliseconds: i32) -> Option<i32> {
        let pointer = self.put(0x3000, frame);
        let at = self.put(0x2000, &Timed { pointer, milliseconds, ..Timed::zeroed() });
        self.ioctl(Node::Channel(3), abi::SEND_FRAME, at)
    }
}

#[test]
fn picture_goes_in_and_a_jpeg_comes_out() {
    let mut process = Process::new();
    let frame = process.prepare();
    assert_eq!(process.send_frame(&frame, 500), Some(0));
    assert!(process.unit.to_string().contains("ion=2 channels=1 units=1 locked=true"));

    let packs = process.put(0x6000, &Pack::zeroed());
    process.memory.get_mut(&packs).unwrap().resize(3 * 144, 0x55);
    let stream = process.put(0x5000, &Stream { packs, pack_count: 2, ..Stream::zeroed() });
    let timed = process.put(0x4000, &Timed { pointer: stream, milliseconds: 500, ..Timed::zeroed() });
    assert_eq!(process.ioctl(Node::Channel(3), abi::GET_STREAM, timed), Some(0));
    let got: Stream = process.get(stream);
    assert_eq!((got.packs, got.pack_count), (packs, 1), "the pointer stays the caller's");
    let pack: Pack = process.get(packs);
    let mut jpeg = vec![0; (pack.len - pack.offset) as usize];
    assert!(process.unit.memory().read(pack.physical + u64::from(pack.offset), &mut jpeg));
    assert!(jpeg.starts_with(&[0xff, 0xd8]) && jpeg.ends_with(&[0xff, 0xd9]));
    assert!(process.memory[&packs][2 * 144..].iter().all(|&byte| byte == 0x55), "two packs were asked for");

    let op = CacheOp { physical: pack.physical, size: pack.len.into(), ..CacheOp::zeroed() };
    let at = process.put(0x1000, &op);
    assert_eq!(process.ioctl(Node::Sys, abi::CACHE_INVALIDATE, at), Some(0));
    assert_eq!(process.ioctl(Node::Channel(3), abi::RELEASE_STREAM, stream), Some(0));
    assert_eq!(process.ioctl(Node::Channel(3), abi::DESTROY_CHN, 0), Some(0));
    let status = process.unit.to_string();
    assert!(status.starts_with("ion=1 channels=0 units=0 locked=false "), "{status}");
    assert!(status.ends_with(" frames=1 flushes=1 unread=0 violations=[]"), "{status}");
}

#[test]
fn range_that_was_not_flushed_is_reported() {
    let mut process = Process::new();
    let mut frame = process.prepare();
    // One byte more than was flushed.
    frame.length[1] += 2049;
    process.send_frame(&frame, 500);
    assert!(process.unit.to_string().contains("NotFlushed"), "{}", process.unit);
}

#[test]
fn waiting_call_returns_when_the_unit_is_free_or_a_signal_comes() {
    let mut process = Process::new();
    let frame = process.prepare();
    assert_eq!(process.send_frame(&frame, 500), Some(0));
    let at = process.put(0x1000, &CacheOp { physical: BASE, size: 1 << 20, ..CacheOp::zeroed() });
    assert_eq!(process.ioctl(Node::Sys, abi::CACHE_FLUSH, at), Some(0));
    assert_eq!(process.send_frame(&frame, 500), Some(0xc007_8012_u32.cast_signed()), "busy");
    assert_eq!(process.send_frame(&frame, -1), None, "it waits");
    let interrupted = process.unique;
    assert_eq!(process.send_frame(&frame, -1), None);
    let waiting = process.unique;
    let answers = process.send(Node::Channel(3), 36, &interrupted.to_ne_bytes());
    assert_eq!((address(&answers[0].1, 8), word(&answers[0].1, 16).cast_signed()), (interrupted, -1));

    let packs = process.put(0x6000, &Pack::zeroed());
    let stream = Stream { packs, pack_count: 1, ..Stream::zeroed() };
    let pack_room = process.memory[&packs].clone();
    let mut body = vec![0; 8];
    body.extend([2, abi::GET_STREAM.number].into_iter().flat_map(u32::to_ne_bytes));
    body.extend(0x4000u64.to_ne_bytes());
    body.extend([16 + 384 + 144, 384 + 144].into_iter().flat_map(u32::to_ne_bytes));
    body.extend(Timed { pointer: 0x5000, ..Timed::zeroed() }.bytes());
    body.extend(stream.bytes());
    body.extend(pack_room);
    let answers = process.send(Node::Channel(3), 39, &body);
    let woken: Vec<_> = answers.iter().map(|(_, bytes)| address(bytes, 8)).collect();
    assert!(woken.contains(&waiting) && woken.contains(&process.unique) && woken.len() == 2, "{woken:?}");
}

#[test]
fn poll_that_waits_is_woken() {
    let mut process = Process::new();
    let frame = process.prepare();
    let mut poll = vec![0; 24];
    poll[8] = 77;
    poll[16] = 1;
    let answers = process.send(Node::Channel(3), 40, &poll);
    assert_eq!(word(&answers[0].1, 16), 0, "nothing to get");
    let pointer = process.put(0x3000, &frame);
    let timed = Timed { pointer, milliseconds: 500, ..Timed::zeroed() };
    let mut body = vec![0; 8];
    body.extend([2, abi::SEND_FRAME.number].into_iter().flat_map(u32::to_ne_bytes));
    body.extend(0x2000u64.to_ne_bytes());
    body.extend([16 + 152, 0].into_iter().flat_map(u32::to_ne_bytes));
    body.extend(timed.bytes());
    body.extend(frame.bytes());
    let answers = process.send(Node::Channel(3), 39, &body);
    let wake = &answers[1].1;
    assert_eq!((wake.len(), word(wake, 4), address(wake, 8), address(wake, 16)), (24, 1, 0, 77));
    let answers = process.send(Node::Channel(3), 40, &poll);
    assert_eq!(word(&answers[0].1, 16), 1, "now there is");
}

#[test]
fn node_is_created_with_its_name() {
    let mut process = Process::new();
    let mut hello = vec![0; 16];
    (hello[0], hello[4]) = (7, 41);
    let (_, bytes) = process.send(Node::Channel(8), 4096, &hello).remove(0);
    assert!(bytes.ends_with(b"DEVNAME=cvi_vc_enc8\0"));
    assert_eq!(bytes.len(), 16 + 72 + 20);
    assert_eq!((word(&bytes, 16), word(&bytes, 20), word(&bytes, 28)), (7, 41, 1));
}

#[test]
fn unknown_numbers_and_torn_messages_are_answered() {
    let mut process = Process::new();
    let unknown = Request { name: "UNKNOWN", number: 0x5655 };
    assert_eq!(process.ioctl(Node::Channel(1), unknown, 0x1234), Some(-1));
    assert_eq!(process.ioctl(Node::Sys, unknown, 0x1234), Some(-25));
    for len in 0..80 {
        let mut message = vec![0xff; len];
        if len >= 8 {
            message[4..8].copy_from_slice(&39u32.to_ne_bytes());
        }
        assert!(process.unit.handle(Node::Sys, &message, Duration::ZERO).is_empty());
    }
}

/// What a call that was answered late returned, and what it wrote.
fn late(answers: &Answers) -> (u64, i32, Vec<u8>) {
    let [(Node::Scaler, bytes)] = &answers[..] else { panic!("{answers:?}") };
    (address(bytes, 8), word(bytes, 16).cast_signed(), bytes[32..].to_vec())
}

fn code(number: u32) -> Option<i32> {
    Some(number.cast_signed())
}

#[test]
fn frames_come_at_their_times_and_are_read_by_the_jpeg_unit_in_place() {
    let mut process = Process::new();
    assert_eq!(process.camera(1, "open 192 64 30 4"), "ok 0");
    process.open(Node::Scaler);
    process.prepare();
    let mut numbers = Vec::new();
    for _ in 0..5 {
        assert_eq!(process.get_frame(1000), None, "it waits");
        let (asked, before) = (process.unique, process.now);
        let (unique, result, bytes) = late(&process.tick());
        assert_eq!((unique, result), (asked, 0));
        assert_eq!(process.now - before, Duration::from_secs(1) / 30);
        let frame = ScalerFrame::read(&bytes).unwrap().frame;
        assert_eq!((frame.width, frame.height, frame.stride[0]), (192, 64, 192));
        assert_eq!(u128::from(frame.pts), process.now.as_micros());
        let mut luma = vec![0; 192 * 64];
        assert!(process.unit.memory().read(frame.physical[0], &mut luma));
        assert_eq!(pattern::read_sequence(&luma, 192, 64, 192), Some(frame.time_ref));
        numbers.push(frame.time_ref);
        assert_eq!(process.release_frame(frame), Some(0));
    }
    assert_eq!(numbers, [0, 1, 2, 3, 4]);
    process.close(Node::Scaler);
    assert_eq!(process.camera(1, "close"), "ok");
    assert_eq!(process.unit.deadline(), None, "nothing is due");
    let status = process.unit.to_string();
    assert!(status.contains(" pools=0 leases=0 waiters=0 camera=false lost=0 "), "{status}");
    assert!(status.ends_with("violations=[]"), "{status}");
}

#[test]
fn wait_for_a_frame_ends_with_its_time() {
    let mut process = Process::new();
    process.camera(1, "open 192 64 1 4");
    process.open(Node::Scaler);
    process.unit.camera_hung_up(1);
    assert_eq!(process.get_frame(1000), None);
    let (asked, before) = (process.unique, process.now);
    process.now += Duration::from_millis(999);
    assert!(process.unit.tick(process.now).is_empty());
    let (unique, result, _) = late(&process.tick());
    assert_eq!((unique, Some(result)), (asked, code(0xc006_800e)));
    assert_eq!(process.now - before, Duration::from_secs(1));
    assert!(process.unit.to_string().contains(" waiters=0 "), "{}", process.unit);
    assert_eq!(process.get_frame(1000), None, "the next one waits again: {}", process.unit);
}

#[test]
fn signal_ends_a_wait_for_a_frame() {
    let mut process = Process::new();
    process.camera(1, "open 192 64 1 4");
    process.open(Node::Scaler);
    assert_eq!(process.get_frame(1000), None);
    let waiting = process.unique;
    let answers = process.send(Node::Scaler, 36, &waiting.to_ne_bytes());
    assert_eq!((late(&answers).0, late(&answers).1), (waiting, -1));
    let (_, status) = (process.tick(), process.unit.to_string());
    assert!(status.contains(" leases=0 waiters=0 ") && status.ends_with("violations=[]"), "{status}");
}

#[test]
fn second_waiter_is_reported() {
    let mut process = Process::new();
    process.camera(1, "open 192 64 1 4");
    process.open(Node::Scaler);
    assert_eq!(process.get_frame(1000), None);
    assert_eq!(process.get_frame(1000), Some(-1));
    assert!(process.unit.to_string().ends_with("violations=[TwoWaiters]"), "{}", process.unit);
}

#[test]
fn killed_camera_stops_and_its_pools_stay_until_the_next_start() {
    let mut process = Process::new();
    process.camera(1, "open 192 64 30 4");
    assert_eq!(process.camera(2, "open 192 64 30 4"), "error the camera is in use");
    process.unit.camera_hung_up(1);
    assert_eq!(process.unit.deadline(), None, "no frames come");
    assert!(process.unit.to_string().contains(" pools=1 "), "{}", process.unit);
    assert_eq!(process.camera(2, "open 128 64 30 4"), "ok 0");
    assert_eq!(process.camera(2, "close"), "ok");
    let status = process.unit.to_string();
    assert!(status.starts_with("ion=0 ") && status.contains(" pools=0 "), "{status}");
    assert!(status.ends_with("violations=[]"), "{status}");
}

#[test]
fn open_node_forbids_a_start_until_it_is_closed() {
    let mut process = Process::new();
    process.camera(1, "open 192 64 30 4");
    process.open(Node::Scaler);
    process.unit.camera_hung_up(1);
    assert!(process.camera(2, "open 192 64 30 4").starts_with("error "));
    assert!(process.unit.to_string().contains("HeldAtStart(Scaler)"), "{}", process.unit);
    process.close(Node::Scaler);
    assert_eq!(process.camera(3, "open 192 64 30 4"), "ok 0");
}

#[test]
fn number_that_the_scaler_does_not_know_succeeds() {
    let mut process = Process::new();
    let unknown = Request { name: "UNKNOWN", number: 0xc0a8_5399 };
    assert_eq!(process.ioctl(Node::Scaler, unknown, 0x1234), Some(0));
}

#[test]
fn frame_that_the_host_was_late_for_is_not_made_up_for() {
    let mut process = Process::new();
    process.camera(1, "open 192 64 10 4");
    process.now += Duration::from_secs(60);
    process.unit.tick(process.now);
    assert_eq!(process.unit.deadline(), Some(process.now), "one more at once");
    process.tick();
    assert_eq!(process.unit.deadline(), Some(process.now + Duration::from_millis(100)), "then by the clock");
}
