//! The USB/IP wire format between `vhci_hcd` and a device: 48-byte headers in network order, then data.
//!
//! Field names follow the kernel's `usbip_protocol.rst`.

use std::io::{self, Read};

/// Length of every header.
pub const HEADER: usize = 48;
/// Length of one isochronous packet descriptor.
pub const ISO_DESCRIPTOR: usize = 16;
/// The most packets in a request (`USBIP_MAX_ISO_PACKETS`).
const MAX_PACKETS: u32 = 1024;
/// More than any request of a camera driver; a longer one means that the stream is out of step.
const MAX_DATA: u32 = 16 << 20;

const CMD_SUBMIT: u32 = 1;
const CMD_UNLINK: u32 = 2;
const RET_SUBMIT: u32 = 3;
const RET_UNLINK: u32 = 4;

/// What the host asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// A transfer.
    Submit(Submit),
    /// Take request `target` back.
    Unlink {
        /// Number of this command.
        seqnum: u32,
        /// Number of the request to take back.
        target: u32,
    },
}

/// A transfer that the device is to complete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Submit {
    /// Number of this request, named in its reply.
    pub seqnum: u32,
    /// Which way the data goes.
    pub data: Data,
    /// Endpoint number without the direction bit.
    pub endpoint: u8,
    /// The setup packet, for endpoint 0.
    pub setup: [u8; 8],
    /// Room in each isochronous packet, in bytes; empty for other transfers.
    pub packets: Vec<u32>,
}

/// The data of a transfer, by direction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Data {
    /// The host gives these bytes.
    Out(Vec<u8>),
    /// The host takes up to so many bytes.
    In(usize),
}

/// What became of one isochronous packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PacketResult {
    /// Room in it, as asked for.
    pub length: u32,
    /// Bytes in it.
    pub actual: u32,
    /// 0 or a negative errno.
    pub status: i32,
}

impl Command {
    /// Reads one command; `None` when the other end has closed.
    ///
    /// # Errors
    /// `InvalidData` for what no kernel sends; otherwise what the stream says.
    pub fn read(from: &mut impl Read) -> io::Result<Option<Self>> {
        let mut header = [0; HEADER];
        match from.read_exact(&mut header) {
            Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            other => other?,
        }
        let word = |index: usize| {
            let at = index * 4;
            u32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]])
        };
        let seqnum = word(1);
        match word(0) {
            CMD_UNLINK => Ok(Some(Self::Unlink { seqnum, target: word(5) })),
            CMD_SUBMIT => {
                let (length, packets) = (word(6), word(8));
                if length > MAX_DATA {
                    return Err(invalid(format!("a transfer of {length} bytes")));
                }
                let data = if word(3) == 0 {
                    let mut bytes = vec![0; length as usize];
                    from.read_exact(&mut bytes)?;
                    Data::Out(bytes)
                } else {
                    Data::In(length as usize)
                };
                let endpoint = u8::try_from(word(4)).map_err(|_| invalid(format!("endpoint {}", word(4))))?;
                let mut setup = [0; 8];
                setup.copy_from_slice(&header[40..48]);
                // Kernels say "not isochronous" as 0 or as -1.
                let packets = if packets == u32::MAX { 0 } else { packets };
                let packets = read_packets(from, packets)?;
                Ok(Some(Self::Submit(Submit { seqnum, data, endpoint, setup, packets })))
            }
            other => Err(invalid(format!("command {other:#x}"))),
        }
    }
}

fn read_packets(from: &mut impl Read, count: u32) -> io::Result<Vec<u32>> {
    if count > MAX_PACKETS {
        return Err(invalid(format!("{count} packets")));
    }
    let mut packets = Vec::with_capacity(count as usize);
    for _ in 0..count {
        let mut descriptor = [0; ISO_DESCRIPTOR];
        from.read_exact(&mut descriptor)?;
        packets.push(u32::from_be_bytes([descriptor[4], descriptor[5], descriptor[6], descriptor[7]]));
    }
    Ok(packets)
}

fn invalid(what: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("the USB/IP stream is out of step: {what}"))
}

/// Appends the reply to a control or bulk transfer. `actual` is the number of bytes moved; `data` holds them if
/// they go to the host.
pub fn ret_submit(out: &mut Vec<u8>, seqnum: u32, status: i32, actual: usize, data: &[u8]) {
    header(out, RET_SUBMIT, seqnum, [status as u32, actual as u32, 0, 0, 0]);
    out.extend_from_slice(data);
}

/// Appends the reply to an isochronous transfer. `data` holds the packets' bytes without gaps: the kernel drops
/// the device when their sum differs from the packets' lengths.
pub fn ret_iso(out: &mut Vec<u8>, seqnum: u32, status: i32, packets: &[PacketResult], data: &[u8]) {
    let errors = packets.iter().filter(|p| p.status != 0).count();
    header(
        out,
        RET_SUBMIT,
        seqnum,
        [status as u32, data.len() as u32, 0, packets.len() as u32, errors as u32],
    );
    out.extend_from_slice(data);
    let mut offset = 0u32;
    for packet in packets {
        for word in [offset, packet.length, packet.actual, packet.status as u32] {
            out.extend_from_slice(&word.to_be_bytes());
        }
        offset += packet.length;
    }
}

/// Appends the reply to an unlink: `ECONNRESET` if the request was still queued, 0 if it was answered already.
pub fn ret_unlink(out: &mut Vec<u8>, seqnum: u32, status: i32) {
    header(out, RET_UNLINK, seqnum, [status as u32, 0, 0, 0, 0]);
}

fn header(out: &mut Vec<u8>, command: u32, seqnum: u32, fields: [u32; 5]) {
    // Device, direction and endpoint are zero in replies; eight bytes of padding end the header.
    for word in [command, seqnum, 0, 0, 0].into_iter().chain(fields).chain([0, 0]) {
        out.extend_from_slice(&word.to_be_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn words(words: &[u32]) -> Vec<u8> {
        words.iter().flat_map(|w| w.to_be_bytes()).collect()
    }

    /// The examples of the kernel's `usbip_protocol.rst`.
    #[test]
    fn examples_of_the_kernel_documentation_are_read() {
        let interrupt_in = words(&[1, 0xd05, 0x1000f, 1, 1, 0x200, 0x40, u32::MAX, 0, 4, 0, 0]);
        let read = Command::read(&mut &interrupt_in[..]).unwrap().unwrap();
        let want = Submit { seqnum: 0xd05, data: Data::In(64), endpoint: 1, setup: [0; 8], packets: vec![] };
        assert_eq!(read, Command::Submit(want));

        let mut interrupt_out = words(&[1, 0xd06, 0x1000f, 0, 1, 0, 0x40, u32::MAX, 0, 4, 0, 0]);
        interrupt_out.extend([7; 64]);
        let read = Command::read(&mut &interrupt_out[..]).unwrap().unwrap();
        let want = Submit {
            seqnum: 0xd06,
            data: Data::Out(vec![7; 64]),
            endpoint: 1,
            setup: [0; 8],
            packets: vec![],
        };
        assert_eq!(read, Command::Submit(want));

        let mut reply = Vec::new();
        ret_submit(&mut reply, 0xd06, 0, 64, &[]);
        assert_eq!(reply, words(&[3, 0xd06, 0, 0, 0, 0, 0x40, 0, 0, 0, 0, 0]));
    }

    #[test]
    fn isochronous_packets_lie_without_gaps_but_keep_their_offsets() {
        let mut reply = Vec::new();
        let packets = [
            PacketResult { length: 8, actual: 2, status: 0 },
            PacketResult { length: 8, actual: 0, status: crate::status::EILSEQ },
            PacketResult { length: 8, actual: 1, status: 0 },
        ];
        ret_iso(&mut reply, 9, 0, &packets, &[1, 2, 3]);
        let mut want = words(&[3, 9, 0, 0, 0, 0, 3, 0, 3, 1, 0, 0]);
        want.extend([1, 2, 3]);
        want.extend(words(&[0, 8, 2, 0, 8, 8, 0, -84i32 as u32, 16, 8, 1, 0]));
        assert_eq!(reply, want);
    }

    #[test]
    fn unlink_names_its_target() {
        let bytes = words(&[2, 5, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0]);
        assert_eq!(Command::read(&mut &bytes[..]).unwrap(), Some(Command::Unlink { seqnum: 5, target: 3 }));
        let mut reply = Vec::new();
        ret_unlink(&mut reply, 5, crate::status::ECONNRESET);
        assert_eq!(reply, words(&[4, 5, 0, 0, 0, -104i32 as u32, 0, 0, 0, 0, 0, 0]));
    }

    proptest! {
        #[test]
        fn request_is_read_to_its_last_byte(
            seqnum: u32, out in any::<bool>(), length in 0u32..300, endpoint in 0u8..16, setup: [u8; 8],
            packets in prop::collection::vec(0u32..4096, 0..40), next: u32,
        ) {
            let count = if packets.is_empty() { u32::MAX } else { packets.len() as u32 };
            let mut bytes = words(&[1, seqnum, 0, u32::from(!out), endpoint.into(), 0, length, 0, count, 1]);
            bytes.extend(setup);
            let data = if out {
                bytes.extend(vec![0x5a; length as usize]);
                Data::Out(vec![0x5a; length as usize])
            } else {
                Data::In(length as usize)
            };
            for &room in &packets {
                bytes.extend(words(&[0, room, 0, 0]));
            }
            // What follows is the next command, not a part of this one.
            bytes.extend(words(&[2, next, 0, 0, 0, seqnum, 0, 0, 0, 0, 0, 0]));
            let mut rest = &bytes[..];
            let want = Command::Submit(Submit { seqnum, data, endpoint, setup, packets });
            prop_assert_eq!(Command::read(&mut rest).unwrap(), Some(want));
            let unlink = Command::Unlink { seqnum: next, target: seqnum };
            prop_assert_eq!(Command::read(&mut rest).unwrap(), Some(unlink));
            prop_assert_eq!(Command::read(&mut rest).unwrap(), None);
        }

        #[test]
        fn any_bytes_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Command::read(&mut &bytes[..]);
        }
    }
}
