//! The descriptors of the camera (USB 2.0 chapter 9, UVC 1.1 section 3).

use crate::{
    mode::{Encoding, Mode},
    processing,
};

/// How the pictures travel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Transport {
    /// With reserved bandwidth, as almost every camera does: two alternate settings with an endpoint.
    #[default]
    Isochronous,
    /// As bulk data: the endpoint is in alternate setting 0, and there is no other.
    Bulk,
}

/// Descriptor types.
pub mod kind {
    /// The device.
    pub const DEVICE: u8 = 1;
    /// A configuration and all in it.
    pub const CONFIGURATION: u8 = 2;
    /// A string.
    pub const STRING: u8 = 3;
    /// What the device would be at the other speed.
    pub const DEVICE_QUALIFIER: u8 = 6;
    pub(super) const INTERFACE: u8 = 4;
    pub(super) const ENDPOINT: u8 = 5;
    pub(super) const INTERFACE_ASSOCIATION: u8 = 11;
    pub(super) const CLASS_INTERFACE: u8 = 0x24;
}

/// Ids of the entities in the video control interface.
pub mod entity {
    /// The lens.
    pub const CAMERA: u8 = 1;
    /// Brightness and the like.
    pub const PROCESSING: u8 = 2;
    /// Where the pictures leave.
    pub const OUTPUT: u8 = 3;
}

/// The video control interface.
pub const CONTROL_INTERFACE: u8 = 0;
/// The video streaming interface.
pub const STREAMING_INTERFACE: u8 = 1;
/// Number of the streaming endpoint, which is an IN endpoint.
pub const ENDPOINT: u8 = 1;
/// Bytes in a bulk payload: what `uvcvideo` asks for at once at most, 32 packets of 512.
pub const BULK_PAYLOAD: u32 = 32 * 512;
/// Bytes in a microframe in the alternate settings 1 and 2.
pub const ISO_PAYLOADS: [u32; 2] = [1024, 3 * 1024];

const VIDEO: u8 = 0x0e;
const VIDEO_CONTROL: u8 = 1;
const VIDEO_STREAMING: u8 = 2;
const VIDEO_COLLECTION: u8 = 3;
/// `YUY2` as a GUID.
const YUY2: [u8; 16] = *b"YUY2\x00\x00\x10\x00\x80\x00\x00\xaa\x00\x38\x9b\x71";
const UVC_1_1: [u8; 2] = 0x0110u16.to_le_bytes();
const NAMES: [&str; 3] = ["eyelet", "eyelet virtual camera", "0001"];

/// One descriptor: its length, its type, then `body`.
fn put(out: &mut Vec<u8>, kind: u8, body: &[&[u8]]) {
    let len = 2 + body.iter().map(|part| part.len()).sum::<usize>();
    out.extend([len as u8, kind]);
    for part in body {
        out.extend_from_slice(part);
    }
}

/// The device descriptor.
pub fn device() -> Vec<u8> {
    let mut out = Vec::new();
    // USB 2.0, a device of associated interfaces, 64 bytes on endpoint 0; a vendor and product that are not assigned.
    let ids = [0xff, 0xff, 0x01, 0xee, 0x00, 0x01];
    put(&mut out, kind::DEVICE, &[&[0x00, 0x02, 0xef, 2, 1, 64], &ids, &[1, 2, 3, 1]]);
    out
}

/// String `index`: 0 is the list of languages.
pub fn string(index: u8) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let body: Vec<u8> = match index {
        0 => 0x0409u16.to_le_bytes().to_vec(),
        _ => NAMES.get(usize::from(index) - 1)?.encode_utf16().flat_map(u16::to_le_bytes).collect(),
    };
    put(&mut out, kind::STRING, &[&body]);
    Some(out)
}

/// The configuration descriptor and all in it.
pub fn configuration(modes: &[Mode], transport: Transport) -> Vec<u8> {
    let mut inner = Vec::new();
    put(&mut inner, kind::INTERFACE_ASSOCIATION, &[&[CONTROL_INTERFACE, 2, VIDEO, VIDEO_COLLECTION, 0, 2]]);
    interface(&mut inner, CONTROL_INTERFACE, 0, 0, VIDEO_CONTROL);
    inner.extend(control_class());
    match transport {
        Transport::Isochronous => {
            interface(&mut inner, STREAMING_INTERFACE, 0, 0, VIDEO_STREAMING);
            inner.extend(streaming_class(modes));
            // The multiplier of transactions in a microframe is in bits 11 and 12.
            for (alternate, packet) in [(1, 1024u16), (2, 1024 | 2 << 11)] {
                interface(&mut inner, STREAMING_INTERFACE, alternate, 1, VIDEO_STREAMING);
                endpoint(&mut inner, 0x05, packet, 1);
            }
        }
        Transport::Bulk => {
            interface(&mut inner, STREAMING_INTERFACE, 0, 1, VIDEO_STREAMING);
            inner.extend(streaming_class(modes));
            endpoint(&mut inner, 0x02, 512, 0);
        }
    }
    let mut out = Vec::new();
    let total = (9 + inner.len()) as u16;
    // Two interfaces, configuration 1, bus powered with 100 mA.
    put(&mut out, kind::CONFIGURATION, &[&total.to_le_bytes(), &[2, 1, 0, 0x80, 50]]);
    out.extend(inner);
    out
}

fn interface(out: &mut Vec<u8>, number: u8, alternate: u8, endpoints: u8, subclass: u8) {
    put(out, kind::INTERFACE, &[&[number, alternate, endpoints, VIDEO, subclass, 0, 0]]);
}

fn endpoint(out: &mut Vec<u8>, attributes: u8, packet: u16, interval: u8) {
    put(out, kind::ENDPOINT, &[&[0x80 | ENDPOINT, attributes], &packet.to_le_bytes(), &[interval]]);
}

fn class(out: &mut Vec<u8>, subtype: u8, body: &[&[u8]]) {
    let body: Vec<u8> = body.concat();
    put(out, kind::CLASS_INTERFACE, &[&[subtype], &body]);
}

fn control_class() -> Vec<u8> {
    let mut units = Vec::new();
    let camera_terminal = [0, 0, 0, 0, 0, 0, 3, 0, 0, 0];
    class(&mut units, 0x02, &[&[entity::CAMERA, 0x01, 0x02, 0, 0], &camera_terminal[..]]);
    let [low, high] = processing::BITS;
    class(&mut units, 0x05, &[&[entity::PROCESSING, entity::CAMERA, 0, 0, 2, low, high, 0, 0]]);
    class(&mut units, 0x03, &[&[entity::OUTPUT, 0x01, 0x01, 0, entity::PROCESSING, 0]]);
    let mut out = Vec::new();
    let total = (13 + units.len()) as u16;
    let clock = 48_000_000u32.to_le_bytes();
    class(&mut out, 0x01, &[&UVC_1_1, &total.to_le_bytes(), &clock, &[1, STREAMING_INTERFACE]]);
    out.extend(units);
    out
}

fn streaming_class(modes: &[Mode]) -> Vec<u8> {
    let mut formats = Vec::new();
    let mut count = 0;
    for encoding in [Encoding::Mjpeg, Encoding::Yuyv] {
        let frames: Vec<_> = modes.iter().filter(|m| m.encoding == encoding).collect();
        if frames.is_empty() {
            continue;
        }
        count += 1;
        let number = frames.len() as u8;
        let subtype = match encoding {
            Encoding::Mjpeg => {
                class(&mut formats, 0x06, &[&[count, number, 1, 1, 0, 0, 0, 0]]);
                0x07
            }
            Encoding::Yuyv => {
                class(&mut formats, 0x04, &[&[count, number], &YUY2, &[16, 1, 0, 0, 0, 0]]);
                0x05
            }
        };
        for (index, mode) in frames.iter().enumerate() {
            let bits = (u64::from(mode.frame_bytes()) * 8 * 30).min(u32::MAX.into()) as u32;
            let interval = Mode::INTERVAL_100NS.to_le_bytes();
            class(
                &mut formats,
                subtype,
                &[
                    &[index as u8 + 1, 0],
                    &mode.width.to_le_bytes(),
                    &mode.height.to_le_bytes(),
                    &bits.to_le_bytes(),
                    &bits.to_le_bytes(),
                    &mode.frame_bytes().to_le_bytes(),
                    &interval,
                    &[1],
                    &interval,
                ],
            );
        }
        // BT.709 primaries and transfer, BT.601 matrix: sRGB as JFIF has it.
        class(&mut formats, 0x0d, &[&[1, 1, 4]]);
    }
    let mut out = Vec::new();
    let total = (13 + count as usize + formats.len()) as u16;
    let controls = vec![0; count.into()];
    class(
        &mut out,
        0x01,
        &[&[count], &total.to_le_bytes(), &[0x80 | ENDPOINT, 0, entity::OUTPUT, 0, 0, 0, 1], &controls],
    );
    out.extend(formats);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mode::fixture;

    /// The descriptors in `bytes`, by their length fields alone.
    fn walk(mut bytes: &[u8]) -> Vec<&[u8]> {
        let mut all = Vec::new();
        while let Some(&len) = bytes.first() {
            let (one, rest) = bytes.split_at(len.into());
            all.push(one);
            bytes = rest;
        }
        all
    }

    fn u16_at(bytes: &[u8], at: usize) -> usize {
        u16::from_le_bytes([bytes[at], bytes[at + 1]]).into()
    }

    #[test]
    fn every_length_is_that_of_the_standard() {
        for transport in [Transport::Isochronous, Transport::Bulk] {
            let bytes = configuration(&fixture::modes(), transport);
            assert_eq!(u16_at(&bytes, 2), bytes.len());
            let mut streaming = false;
            for one in walk(&bytes) {
                streaming |= one[1] == 4 && one[6] == 2;
                let want = match (one[1], one[2], streaming) {
                    (2 | 4, _, _) => 9,
                    (11, _, _) => 8,
                    (5, _, _) => 7,
                    (0x24, 0x01, false) => 12 + one[11],
                    (0x24, 0x02, false) => 15 + one[14],
                    (0x24, 0x05, false) => 10 + one[7],
                    (0x24, 0x03, false) => 9,
                    (0x24, 0x01, true) => 13 + one[3] * one[12],
                    (0x24, 0x06, true) => 11,
                    (0x24, 0x04, true) => 27,
                    (0x24, 0x05 | 0x07, true) => 26 + 4 * one[25],
                    (0x24, 0x0d, true) => 6,
                    other => panic!("no such descriptor: {other:?}"),
                };
                assert_eq!(one[0], want, "{one:02x?}");
            }
        }
        assert_eq!(device().len(), 18);
    }

    #[test]
    fn class_totals_cover_their_interface() {
        let bytes = configuration(&fixture::modes(), Transport::Isochronous);
        let all = walk(&bytes);
        for (subclass, total_at) in [(1, 5), (2, 4)] {
            let start = all.iter().position(|d| d[1] == 4 && d[6] == subclass).unwrap() + 1;
            let class: Vec<_> = all[start..].iter().take_while(|d| d[1] == 0x24).collect();
            let sum: usize = class.iter().map(|d| d.len()).sum();
            assert_eq!(u16_at(class[0], total_at), sum);
        }
    }

    #[test]
    fn bulk_has_its_endpoint_in_alternate_setting_zero() {
        let alternates = |transport| {
            let bytes = configuration(&fixture::modes(), transport);
            walk(&bytes).iter().filter(|d| d[1] == 4 && d[2] == 1).map(|d| (d[3], d[4])).collect::<Vec<_>>()
        };
        assert_eq!(alternates(Transport::Bulk), [(0, 1)]);
        assert_eq!(alternates(Transport::Isochronous), [(0, 0), (1, 1), (2, 1)]);
    }

    #[test]
    fn string_descriptors_have_their_length_and_utf16() {
        assert_eq!(string(0).unwrap(), [4, 3, 0x09, 0x04]);
        assert_eq!(string(1).unwrap()[..6], [14, 3, b'e', 0, b'y', 0]);
        assert_eq!(string(4), None);
    }
}
