//! Endpoint 0: standard requests, the stream's negotiation, and the way to the picture's controls.

use crate::{
    descriptor::{self, CONTROL_INTERFACE, STREAMING_INTERFACE, Transport, entity, kind},
    mode::Mode,
    probe::{self, Probe},
    processing::{GET_CUR, GET_DEF, GET_INFO, GET_LEN, GET_MAX, GET_MIN, Processing, SET_CUR},
};

/// What a request changes beyond endpoint 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Nothing.
    None,
    /// The host wants pictures in this mode.
    Start(Probe),
    /// The host wants no more of them.
    Stop,
}

/// The refusal of a request, seen by the host as a halted endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stall;

/// A setup packet.
#[derive(Clone, Copy, Debug)]
struct Setup {
    kind: u8,
    request: u8,
    value: u16,
    index: u16,
}

impl Setup {
    fn parse(bytes: [u8; 8]) -> Self {
        let word = |at| u16::from_le_bytes([bytes[at], bytes[at + 1]]);
        Self { kind: bytes[0], request: bytes[1], value: word(2), index: word(4) }
    }
}

/// The state behind endpoint 0.
#[derive(Debug)]
pub struct Endpoint0 {
    transport: Transport,
    configured: bool,
    alternate: u8,
    probe: Probe,
    committed: Probe,
    pub(crate) processing: Processing,
}

// Request types: direction, type and recipient.
const DEVICE_IN: u8 = 0x80;
const DEVICE_OUT: u8 = 0x00;
const INTERFACE_IN: u8 = 0x81;
const INTERFACE_OUT: u8 = 0x01;
const ENDPOINT_IN: u8 = 0x82;
const ENDPOINT_OUT: u8 = 0x02;
const CLASS_IN: u8 = 0xa1;
const CLASS_OUT: u8 = 0x21;

// Standard requests.
const GET_STATUS: u8 = 0;
const CLEAR_FEATURE: u8 = 1;
const SET_FEATURE: u8 = 3;
const GET_DESCRIPTOR: u8 = 6;
const GET_CONFIGURATION: u8 = 8;
const SET_CONFIGURATION: u8 = 9;
const GET_INTERFACE: u8 = 10;
const SET_INTERFACE: u8 = 11;

const PROBE_CONTROL: u8 = 1;
const COMMIT_CONTROL: u8 = 2;

impl Endpoint0 {
    /// The state of a camera that was just plugged in.
    pub fn new(modes: &[Mode], transport: Transport) -> Self {
        let first = Probe::for_mode(modes, 0, transport);
        Self {
            transport,
            configured: false,
            alternate: 0,
            probe: first,
            committed: first,
            processing: Processing::new(),
        }
    }

    /// Answers one request: the bytes for the host (to be cut to what it asked for), and what else changes.
    ///
    /// # Errors
    /// [`Stall`] for what a camera like this does not know.
    pub fn request(
        &mut self,
        setup: [u8; 8],
        data: &[u8],
        modes: &[Mode],
    ) -> Result<(Vec<u8>, Effect), Stall> {
        let setup = Setup::parse(setup);
        let none = |bytes: Vec<u8>| Ok((bytes, Effect::None));
        let [selector, interface] = [(setup.value >> 8) as u8, setup.index as u8];
        match (setup.kind, setup.request) {
            (DEVICE_IN | INTERFACE_IN | ENDPOINT_IN, GET_STATUS) => none(vec![0, 0]),
            (DEVICE_OUT | INTERFACE_OUT, CLEAR_FEATURE | SET_FEATURE) => none(vec![]),
            // The host clears a halt after a stall on a bulk endpoint.
            (ENDPOINT_OUT, CLEAR_FEATURE) => none(vec![]),
            (DEVICE_IN, GET_DESCRIPTOR) => none(self.descriptor(setup.value, modes).ok_or(Stall)?),
            (DEVICE_IN, GET_CONFIGURATION) => none(vec![self.configured.into()]),
            (DEVICE_OUT, SET_CONFIGURATION) => {
                self.configured = setup.value != 0;
                self.alternate = 0;
                Ok((vec![], Effect::Stop))
            }
            (INTERFACE_IN, GET_INTERFACE) => {
                none(vec![if interface == STREAMING_INTERFACE { self.alternate } else { 0 }])
            }
            (INTERFACE_OUT, SET_INTERFACE) => self.set_interface(interface, setup.value),
            (CLASS_IN | CLASS_OUT, request) => match (interface, (setup.index >> 8) as u8, selector) {
                (STREAMING_INTERFACE, 0, PROBE_CONTROL) => self.probe(request, data, modes),
                (STREAMING_INTERFACE, 0, COMMIT_CONTROL) => self.commit(request, data, modes),
                (CONTROL_INTERFACE, entity::PROCESSING, selector) => {
                    none(self.processing.request(selector, request, data)?)
                }
                _ => Err(Stall),
            },
            _ => Err(Stall),
        }
    }

    fn descriptor(&self, value: u16, modes: &[Mode]) -> Option<Vec<u8>> {
        match (value >> 8) as u8 {
            kind::DEVICE => Some(descriptor::device()),
            kind::CONFIGURATION => Some(descriptor::configuration(modes, self.transport)),
            kind::STRING => descriptor::string(value as u8),
            // The camera knows high speed only, and says so by refusing `DEVICE_QUALIFIER`.
            _ => None,
        }
    }

    fn set_interface(&mut self, interface: u8, alternate: u16) -> Result<(Vec<u8>, Effect), Stall> {
        let known = match (interface, self.transport) {
            (STREAMING_INTERFACE, Transport::Isochronous) => 0..=2,
            (CONTROL_INTERFACE | STREAMING_INTERFACE, _) => 0..=0,
            _ => return Err(Stall),
        };
        if !known.contains(&alternate) {
            return Err(Stall);
        }
        if interface == CONTROL_INTERFACE {
            return Ok((vec![], Effect::None));
        }
        self.alternate = alternate as u8;
        Ok((vec![], if alternate == 0 { Effect::Stop } else { Effect::Start(self.committed) }))
    }

    fn probe(&mut self, request: u8, data: &[u8], modes: &[Mode]) -> Result<(Vec<u8>, Effect), Stall> {
        let bytes = match request {
            SET_CUR => {
                self.probe = Probe::negotiate(modes, data, self.transport);
                vec![]
            }
            GET_CUR | GET_MIN | GET_MAX => self.probe.to_bytes(modes).to_vec(),
            GET_DEF => Probe::for_mode(modes, 0, self.transport).to_bytes(modes).to_vec(),
            GET_LEN => vec![probe::LEN as u8, 0],
            GET_INFO => vec![3],
            _ => return Err(Stall),
        };
        Ok((bytes, Effect::None))
    }

    fn commit(&mut self, request: u8, data: &[u8], modes: &[Mode]) -> Result<(Vec<u8>, Effect), Stall> {
        match request {
            SET_CUR => {
                self.committed = Probe::negotiate(modes, data, self.transport);
                // A bulk camera gets no other sign that a stream begins.
                let effect = match self.transport {
                    Transport::Bulk => Effect::Start(self.committed),
                    Transport::Isochronous => Effect::None,
                };
                Ok((vec![], effect))
            }
            GET_CUR => Ok((self.committed.to_bytes(modes).to_vec(), Effect::None)),
            GET_LEN => Ok((vec![probe::LEN as u8, 0], Effect::None)),
            GET_INFO => Ok((vec![3], Effect::None)),
            _ => Err(Stall),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mode::fixture;
    use proptest::prelude::*;

    fn setup(kind: u8, request: u8, value: u16, index: u16) -> [u8; 8] {
        let ([v0, v1], [i0, i1]) = (value.to_le_bytes(), index.to_le_bytes());
        [kind, request, v0, v1, i0, i1, 0xff, 0]
    }

    #[test]
    fn stream_is_negotiated_as_uvcvideo_does_it() {
        let modes = fixture::modes();
        let mut camera = Endpoint0::new(&modes, Transport::Isochronous);
        let mut wish = vec![0; 34];
        (wish[2], wish[3]) = (2, 1);
        for request in [SET_CUR, GET_MIN, GET_MAX, SET_CUR] {
            let kind = if request == SET_CUR { CLASS_OUT } else { CLASS_IN };
            camera.request(setup(kind, request, 0x100, 1), &wish, &modes).unwrap();
        }
        let (offer, _) = camera.request(setup(CLASS_IN, GET_CUR, 0x100, 1), &[], &modes).unwrap();
        assert_eq!((offer[2], offer[3], offer.len()), (2, 1, 34));
        let (_, effect) = camera.request(setup(CLASS_OUT, SET_CUR, 0x200, 1), &offer, &modes).unwrap();
        assert_eq!(effect, Effect::None);
        let (_, effect) = camera.request(setup(INTERFACE_OUT, SET_INTERFACE, 2, 1), &[], &modes).unwrap();
        let want = Probe { mode: 1, frame_bytes: 614_400, payload_bytes: 3072 };
        assert_eq!(effect, Effect::Start(want));
        let (_, effect) = camera.request(setup(INTERFACE_OUT, SET_INTERFACE, 0, 1), &[], &modes).unwrap();
        assert_eq!(effect, Effect::Stop);
    }

    #[test]
    fn bulk_starts_at_commit_and_has_no_other_setting() {
        let modes = fixture::modes();
        let mut camera = Endpoint0::new(&modes, Transport::Bulk);
        let (_, effect) = camera.request(setup(CLASS_OUT, SET_CUR, 0x200, 1), &[0; 34], &modes).unwrap();
        assert_eq!(effect, Effect::Start(Probe { mode: 0, frame_bytes: 614_400, payload_bytes: 16_384 }));
        let other = camera.request(setup(INTERFACE_OUT, SET_INTERFACE, 1, 1), &[], &modes);
        assert_eq!(other, Err(Stall));
    }

    #[test]
    fn controls_are_the_processing_units() {
        let modes = fixture::modes();
        let mut camera = Endpoint0::new(&modes, Transport::Isochronous);
        let mut ask = |kind, request, index, data: &[u8]| {
            camera.request(setup(kind, request, 0x200, index), data, &modes).map(|(bytes, _)| bytes)
        };
        assert_eq!(ask(CLASS_OUT, SET_CUR, 0x200, &5i16.to_le_bytes()), Ok(vec![]));
        assert_eq!(ask(CLASS_IN, GET_CUR, 0x200, &[]), Ok(vec![5, 0]));
        assert_eq!(ask(CLASS_IN, GET_CUR, 0x100, &[]), Err(Stall), "the lens has none");
    }

    proptest! {
        #[test]
        fn any_request_is_answered(
            requests in prop::collection::vec((any::<[u8; 8]>(), prop::collection::vec(any::<u8>(), 0..40)), 0..20),
        ) {
            let modes = fixture::modes();
            let mut camera = Endpoint0::new(&modes, Transport::Isochronous);
            for (setup, data) in requests {
                let _ = camera.request(setup, &data, &modes);
            }
        }
    }
}
