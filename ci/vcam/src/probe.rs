//! The negotiation of a stream: the probe and commit control (UVC 1.1, table 4-47).

use crate::{
    descriptor::{BULK_PAYLOAD, ISO_PAYLOADS, Transport},
    mode::{Encoding, Mode},
};

/// Length of the control in UVC 1.1.
pub const LEN: usize = 34;

/// What host and camera agree on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Probe {
    /// Index into the camera's modes.
    pub mode: usize,
    /// The most bytes in a frame.
    pub frame_bytes: u32,
    /// The most bytes in a payload.
    pub payload_bytes: u32,
}

impl Probe {
    /// What the camera offers for `mode`.
    pub fn for_mode(modes: &[Mode], mode: usize, transport: Transport) -> Self {
        let frame_bytes = modes[mode].frame_bytes();
        // A microframe is 125 us; compressed frames are far smaller than their bound.
        let per_microframe = frame_bytes * 30 / 8000;
        let payload_bytes = match (transport, modes[mode].encoding) {
            (Transport::Bulk, _) => BULK_PAYLOAD,
            (_, Encoding::Yuyv) if per_microframe > ISO_PAYLOADS[0] * 9 / 10 => ISO_PAYLOADS[1],
            _ => ISO_PAYLOADS[0],
        };
        Self { mode, frame_bytes, payload_bytes }
    }

    /// The offer that comes nearest to what the host wrote: unknown formats and sizes become the first.
    pub fn negotiate(modes: &[Mode], wanted: &[u8], transport: Transport) -> Self {
        let format = wanted.get(2).copied().unwrap_or(0);
        let frame = wanted.get(3).copied().unwrap_or(0);
        let encodings = encodings(modes);
        let encoding = encodings[usize::from(format).clamp(1, encodings.len()) - 1];
        let of_format: Vec<_> =
            modes.iter().enumerate().filter(|(_, m)| m.encoding == encoding).map(|(i, _)| i).collect();
        let mode = of_format[usize::from(frame).clamp(1, of_format.len()) - 1];
        Self::for_mode(modes, mode, transport)
    }

    /// The control's bytes.
    pub fn to_bytes(self, modes: &[Mode]) -> [u8; LEN] {
        let encoding = modes[self.mode].encoding;
        let format = encodings(modes).iter().position(|&e| e == encoding).unwrap_or(0) + 1;
        let frame = modes[..=self.mode].iter().filter(|m| m.encoding == encoding).count();
        let mut bytes = [0; LEN];
        bytes[0] = 1; // the frame interval is kept
        bytes[2] = format as u8;
        bytes[3] = frame as u8;
        bytes[4..8].copy_from_slice(&Mode::INTERVAL_100NS.to_le_bytes());
        bytes[18..22].copy_from_slice(&self.frame_bytes.to_le_bytes());
        bytes[22..26].copy_from_slice(&self.payload_bytes.to_le_bytes());
        bytes[26..30].copy_from_slice(&48_000_000u32.to_le_bytes());
        bytes[30] = 3; // payloads have a frame id and an end-of-frame bit
        bytes
    }
}

/// The encodings, in the order of the format descriptors.
fn encodings(modes: &[Mode]) -> Vec<Encoding> {
    let mut all: Vec<_> = modes.iter().map(|m| m.encoding).collect();
    all.dedup();
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mode::fixture;
    use proptest::prelude::*;

    #[test]
    fn offer_names_its_own_descriptor() {
        let modes = fixture::modes();
        let names: Vec<_> = (0..modes.len())
            .map(|mode| {
                let offer = Probe::for_mode(&modes, mode, Transport::Isochronous);
                let bytes = offer.to_bytes(&modes);
                (bytes[2], bytes[3], offer.payload_bytes)
            })
            .collect();
        assert_eq!(names, [(1, 1, 1024), (2, 1, 3072), (2, 2, 1024)]);
    }

    proptest! {
        #[test]
        fn any_wish_becomes_an_offer_that_is_kept(wish in prop::collection::vec(any::<u8>(), 0..40)) {
            let modes = fixture::modes();
            let offer = Probe::negotiate(&modes, &wish, Transport::Bulk);
            let again = Probe::negotiate(&modes, &offer.to_bytes(&modes), Transport::Bulk);
            prop_assert_eq!(offer, again);
        }
    }
}
