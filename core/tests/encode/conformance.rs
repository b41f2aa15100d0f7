//! The HAL's contract, run against the software encoders.

use eyelet_core::encode::{self, ReferenceEncoder};
use eyelet_hal::{
    PixelFormat,
    conformance::{EncoderExpectations, encoder},
};

#[test]
fn reference_encoder_conforms() {
    encoder(&mut ReferenceEncoder::new(), &EncoderExpectations::supporting(PixelFormat::RAW)).assert_passed();
}

#[test]
fn every_named_encoder_conforms_for_every_format() {
    for name in encode::NAMES {
        let mut named = encode::by_name(&name.replace("1..255", "3")).unwrap();
        encoder(&mut *named, &EncoderExpectations::supporting(PixelFormat::ALL)).assert_passed();
    }
}
