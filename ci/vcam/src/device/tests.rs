//! A host in virtual time: it submits requests as `uvcvideo` does and puts frames together from the replies.

use super::*;
use crate::mode::fixture;
use proptest::prelude::*;
use std::collections::HashSet;

/// A reply, by its wire format alone.
#[derive(Debug)]
struct Reply {
    seqnum: u32,
    unlink: bool,
    status: i32,
    /// Each payload with its status.
    payloads: Vec<(i32, Vec<u8>)>,
}

/// Cuts `bytes` into replies. `isochronous` requests have data on their endpoint.
fn replies(mut bytes: &[u8]) -> Vec<Reply> {
    let mut all = Vec::new();
    let word =
        |bytes: &[u8], at: usize| u32::from_be_bytes(bytes[at * 4..at * 4 + 4].try_into().expect("4 bytes"));
    while !bytes.is_empty() {
        let (header, rest) = bytes.split_at(usbip::HEADER);
        let (unlink, packets) = (word(header, 0) == 4, word(header, 8) as usize);
        // Control OUT requests report bytes that are not in the reply; the tests here read only IN requests.
        let len = if unlink { 0 } else { word(header, 6) as usize };
        let (data, rest) = rest.split_at(len);
        let (descriptors, rest) = rest.split_at(packets * usbip::ISO_DESCRIPTOR);
        let mut payloads = Vec::new();
        let mut at = 0;
        for descriptor in descriptors.chunks(usbip::ISO_DESCRIPTOR) {
            let actual = word(descriptor, 2) as usize;
            assert!(actual <= word(descriptor, 1) as usize, "more than there is room for");
            payloads.push((word(descriptor, 3) as i32, data[at..at + actual].to_vec()));
            at += actual;
        }
        if packets == 0 {
            payloads.push((0, data.to_vec()));
        } else {
            assert_eq!(at, len, "vhci drops a device whose packets do not add up");
        }
        all.push(Reply { seqnum: word(header, 1), unlink, status: word(header, 5) as i32, payloads });
        bytes = rest;
    }
    all
}

fn control(seqnum: u32, setup: [u8; 8], data: Data) -> Command {
    Command::Submit(Submit { seqnum, data, endpoint: 0, setup, packets: vec![] })
}

fn request(seqnum: u32, transport: Transport) -> Command {
    let packets = if transport == Transport::Isochronous { vec![1024; 32] } else { vec![] };
    let data = Data::In(if packets.is_empty() { 16_384 } else { 32 * 1024 });
    Command::Submit(Submit { seqnum, data, endpoint: ENDPOINT, setup: [0; 8], packets })
}

fn start(device: &mut Device<'_>, transport: Transport) {
    let mut out = Vec::new();
    match transport {
        Transport::Isochronous => {
            let set_interface = [1, 11, 1, 0, 1, 0, 0, 0];
            device.command(control(1, set_interface, Data::Out(vec![])), Duration::ZERO, &mut out);
        }
        Transport::Bulk => {
            let commit = [0x21, 1, 0, 2, 1, 0, 34, 0];
            device.command(control(1, commit, Data::Out(vec![0; 34])), Duration::ZERO, &mut out);
        }
    }
    assert!(device.streaming().is_some());
}

/// A frame as the host sees it.
#[derive(Debug, Default, PartialEq)]
struct Received {
    bytes: Vec<u8>,
    error_bit: bool,
    lost: bool,
}

/// Streams for `span` with five requests queued at any time, as `uvcvideo` does.
fn watch(transport: Transport, show: &mut Show, span: Duration) -> Vec<Received> {
    let modes = fixture::modes();
    let mut device = Device::new(&modes, transport);
    start(&mut device, transport);
    let (mut out, mut now, mut seqnum) = (Vec::new(), Duration::ZERO, 10);
    for _ in 0..5 {
        device.command(request(seqnum, transport), now, &mut out);
        seqnum += 1;
    }
    let (mut frames, mut current) = (Vec::new(), Received::default());
    let mut last_id = None;
    while now < span {
        let next = device.advance(now, show, &mut out).unwrap();
        for reply in replies(&out) {
            for (status, payload) in reply.payloads {
                current.lost |= status != 0;
                let Some(&flags) = payload.get(1) else { continue };
                current.bytes.extend(&payload[2..]);
                current.error_bit |= flags & 0x40 != 0;
                if flags & 2 != 0 {
                    assert_ne!(last_id.replace(flags & 1), Some(flags & 1), "the frame id toggles");
                    frames.push(std::mem::take(&mut current));
                }
            }
        }
        let answered = replies(&out).len();
        out.clear();
        for _ in 0..answered {
            device.command(request(seqnum, transport), now, &mut out);
            seqnum += 1;
        }
        match next {
            _ if answered > 0 => {}
            Some(next) => {
                assert!(next > now, "time must pass");
                now = next;
            }
            None => break,
        }
    }
    frames
}

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn camera_delivers_thirty_whole_pictures_a_second() {
    for transport in [Transport::Isochronous, Transport::Bulk] {
        let mut show = Show::default();
        let frames = watch(transport, &mut show, SECOND);
        assert!((29..=31).contains(&frames.len()), "{transport:?}: {}", frames.len());
        for frame in frames {
            let want = Received { bytes: fixture::JPEG.to_vec(), ..Default::default() };
            assert_eq!(frame, want);
        }
    }
}

#[test]
fn faults_hit_as_many_frames_as_configured() {
    for transport in [Transport::Isochronous, Transport::Bulk] {
        let mut show = Show::default();
        show.faults.add(Fault::ErrorBit, 2);
        show.faults.add(Fault::Truncated, 3);
        let frames = watch(transport, &mut show, SECOND);
        assert_eq!(frames.iter().filter(|f| f.error_bit).count(), 2);
        let short = frames.iter().filter(|f| f.bytes == fixture::JPEG[..fixture::JPEG.len() / 2]).count();
        assert_eq!(short, 3);
        assert_eq!(show.faults.count(), 0);
    }
}

#[test]
fn lost_packet_has_a_status_and_no_bytes() {
    let mut show = Show::default();
    show.faults.add(Fault::LostPacket, 1);
    let frames = watch(Transport::Isochronous, &mut show, SECOND);
    // The whole picture was in that packet, its end too: it comes with the next.
    assert!(frames[0].lost);
    assert_eq!(frames.iter().filter(|f| f.lost).count(), 1);
}

#[test]
fn stall_ends_one_request() {
    for transport in [Transport::Isochronous, Transport::Bulk] {
        let modes = fixture::modes();
        let mut device = Device::new(&modes, transport);
        start(&mut device, transport);
        let mut show = Show::default();
        show.faults.add(Fault::Stall, 1);
        let mut out = Vec::new();
        device.command(request(7, transport), Duration::ZERO, &mut out);
        device.advance(SECOND, &mut show, &mut out).unwrap();
        let replies = replies(&out);
        assert_eq!((replies[0].seqnum, replies[0].status), (7, EPIPE));
    }
}

#[test]
fn held_camera_sends_packets_without_pictures() {
    let mut show = Show { flow: Flow::Held, ..Default::default() };
    assert!(watch(Transport::Isochronous, &mut show, SECOND).is_empty());
    assert!(watch(Transport::Bulk, &mut show, SECOND).is_empty());
    assert_eq!(show.begun, 0);
}

#[derive(Clone, Debug)]
enum Step {
    Submit,
    Unlink(u32),
    Pass(u64),
    Alternate(u8),
    Fail(Fault),
    Hold(bool),
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => Just(Step::Submit),
        2 => (0u32..40).prop_map(Step::Unlink),
        3 => (0u64..20_000).prop_map(Step::Pass),
        1 => (0u8..4).prop_map(Step::Alternate),
        1 => prop::sample::select(vec![Fault::ErrorBit, Fault::Truncated, Fault::LostPacket, Fault::Stall])
            .prop_map(Step::Fail),
        1 => any::<bool>().prop_map(Step::Hold),
    ]
}

proptest! {
    /// Whatever the host does, each request ends once: answered, or taken back.
    #[test]
    fn every_request_ends_once(steps in prop::collection::vec(any_step(), 0..60), bulk: bool) {
        let transport = if bulk { Transport::Bulk } else { Transport::Isochronous };
        let modes = fixture::modes();
        let mut device = Device::new(&modes, transport);
        start(&mut device, transport);
        let (mut show, mut now) = (Show::default(), Duration::ZERO);
        let (mut open, mut seqnum) = (HashSet::new(), 0);
        for step in steps {
            let mut out = Vec::new();
            match step {
                Step::Submit => {
                    device.command(request(seqnum, transport), now, &mut out);
                    open.insert(seqnum);
                    seqnum += 1;
                }
                Step::Unlink(target) => {
                    device.command(Command::Unlink { seqnum: 1000, target }, now, &mut out);
                    let was_open = open.remove(&target);
                    prop_assert_eq!(replies(&out)[0].status, if was_open { ECONNRESET } else { 0 });
                    out.clear();
                }
                Step::Pass(micros) => now += Duration::from_micros(micros),
                Step::Alternate(alternate) => {
                    let set_interface = [1, 11, alternate, 0, 1, 0, 0, 0];
                    device.command(control(1001, set_interface, Data::Out(vec![])), now, &mut out);
                    out.clear();
                }
                Step::Fail(fault) => show.faults.add(fault, 1),
                Step::Hold(held) => show.flow = if held { Flow::Held } else { Flow::Running },
            }
            device.advance(now, &mut show, &mut out).unwrap();
            for reply in replies(&out) {
                prop_assert!(!reply.unlink && open.remove(&reply.seqnum), "{}", reply.seqnum);
            }
        }
    }
}
