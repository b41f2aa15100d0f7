//! The HAL's contract, run against the SG2002 encoder on a model of its driver.

use eyelet_core::encode;
use eyelet_hal::{
    PixelFormat,
    conformance::{EncoderExpectations, encoder},
};
use eyelet_maixcam::{
    model::Machine,
    venc::{HwJpegEncoder, Options},
};
use std::time::Duration;

#[test]
fn unit_with_software_beside_it_takes_every_format() {
    let machine = Machine::new();
    let options = Options::default().watchdog(Duration::from_secs(600));
    let software = encode::by_name("auto").unwrap();
    let mut unit = HwJpegEncoder::try_open(machine.process(), software, &options).unwrap();
    encoder(&mut unit, &EncoderExpectations::supporting(PixelFormat::ALL)).assert_passed();
    assert_eq!(unit.fallback_reason(), None);
    assert!(unit.counts().frames > 0, "the unit took part");
    drop(unit);
    assert_eq!(machine.violations(), []);
}
