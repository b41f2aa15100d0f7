//! Encodes one natural picture some times, or edits it, and nothing else: what instruction counters run.
//!
//!     instructions ENCODER|EDIT FORMAT WIDTH HEIGHT TIMES

#![forbid(unsafe_code)]

mod edited;
/// The benches' pictures, without the benches' dependencies.
#[path = "../../../benches/src/natural.rs"]
#[allow(dead_code)]
mod natural;
/// The benches' way through the camera thread.
#[path = "../../../benches/src/unencoded.rs"]
mod unencoded;

use eyelet_core::encode;
use eyelet_hal::Quality;
use natural::Picture;
use std::{env, error::Error};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [name, format, width, height, times] = &arguments[..] else {
        return Err("usage: instructions ENCODER|EDIT FORMAT WIDTH HEIGHT TIMES".into());
    };
    let delivered = Picture::new(width.parse()?, height.parse()?, 7).delivered(format.parse()?);
    let times = times.parse()?;
    if edited::NAMES.contains(&&**name) {
        return Ok(edited::edited(name, delivered, times)?);
    }
    let mut encoder = encode::by_name(name)?;
    let mut jpeg = Vec::with_capacity(1 << 20);
    for _ in 0..times {
        jpeg.clear();
        encoder.encode(&delivered.frame(), Quality::DEFAULT, &mut jpeg)?;
    }
    Ok(())
}
