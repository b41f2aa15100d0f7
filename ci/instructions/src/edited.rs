//! Frames that are edited, and encoded by nothing.

use crate::{natural::Delivered, unencoded::time_of};
use eyelet_core::pipeline::{Flip, Mask, Overlay, Rotation};
use eyelet_hal::{Result, clock::ManualClock};
use std::{sync::Arc, time::Duration};

pub(crate) const NAMES: [&str; 7] =
    ["unedited", "rotate-90", "flip-h", "flip-v", "mask", "overlay", "overlay-each"];

/// Does to a picture what `name` says so many times.
///
/// # Errors
/// None for a picture of 320x240.
pub(crate) fn edited(name: &str, delivered: Delivered, times: u64) -> Result<()> {
    // A quarter of the picture.
    let mask = Mask::new([80, 60, 160, 120], (320, 240))?;
    // The first text changes once a second, the other one with every picture. Digits have different numbers of pixels, so the
    // clock of both stands still.
    let [overlay, each]: [Overlay; 2] =
        ["{name} {time:%F %T}".parse()?, "{name} {time:%F %T} {sequence}".parse()?];
    let clock = Arc::new(ManualClock::new(Duration::from_secs(1_795_656_151)));
    time_of(&Arc::new(delivered), times, |pipeline| match name {
        "rotate-90" => pipeline.rotate(Rotation::Deg90),
        "flip-h" => pipeline.flip(Flip::Horizontal),
        "flip-v" => pipeline.flip(Flip::Vertical),
        "mask" => pipeline.mask(mask),
        "overlay" => pipeline.overlay(overlay).clock(clock),
        "overlay-each" => pipeline.overlay(each).clock(clock),
        _ => pipeline,
    });
    Ok(())
}
