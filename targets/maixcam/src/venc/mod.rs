//! The SG2002's JPEG unit.
//!
//! [`HwJpegEncoder`] is the encoder; [`by_name`] opens it, or another, by name. Its parts, from the outside in: `worker` has
//! the thread and the watchdog, `unit` the order of the calls, `layout`, `fill` and `jfif` the bytes, `ledger` and `mem`
//! what must survive a kill, `host` the way of the camera's frames to software, `standby` how the unit is put down, and [`sys`](crate::sys) the calls themselves, on the kernel or on a model.
//!
//! ```no_run
//! use eyelet_hal::JpegEncoder;
//! use eyelet_maixcam::venc::{Standby, by_name};
//!
//! let encoder = by_name("auto", &Standby::default())?; // the unit where there is one, software elsewhere
//! println!("{} encodes", encoder.name());
//! # Ok::<(), eyelet_hal::Error>(())
//! ```

mod encoder;
mod fill;
mod host;
mod jfif;
mod layout;
mod ledger;
mod mem;
mod standby;
mod unit;
mod worker;

pub use encoder::{Counts, HwJpegEncoder, Options};
pub use standby::{Down, Standby};

#[cfg(any(test, feature = "model"))]
use crate::model;
use crate::sys::Kernel;
use eyelet_core::encode;
use eyelet_hal::{Error, ErrorKind, JpegEncoder, Result};
use host::HostReading;
use std::sync::Arc;

/// The names that [`by_name`] takes besides those of the software encoders.
pub const NAMES: &[&str] = &[
    "auto",
    HwJpegEncoder::NAME,
    #[cfg(any(test, feature = "model"))]
    model::NAME,
];

/// The encoder that goes by `name`, which `standby` can put down: `auto` is the unit where it can be used and software elsewhere, `sg2002` insists
/// on the unit, and everything else is [`encode::by_name`]'s. Each takes every format. With the feature `model`,
/// `sg2002-model` is the unit of a model board of its own.
///
/// # Errors
/// `InvalidInput` with the known names when there is no such encoder; for `sg2002`, why the unit cannot be used.
pub fn by_name(name: &str, standby: &Standby) -> Result<Box<dyn JpegEncoder>> {
    let options = Options::default().standby(standby.clone());
    match name {
        "auto" => {
            let software = encode::by_name("auto")?;
            Ok(Box::new(HwJpegEncoder::open(Arc::new(Kernel::default()), software, &options)))
        }
        #[cfg(any(test, feature = "model"))]
        model::NAME => {
            let software = encode::by_name("auto")?;
            Ok(Box::new(HwJpegEncoder::try_open(model::Machine::new().process(), software, &options)?))
        }
        HwJpegEncoder::NAME => {
            let software = encode::by_name("auto")?;
            Ok(Box::new(HwJpegEncoder::try_open(Arc::new(Kernel::default()), software, &options)?))
        }
        _ => encode::by_name(name).map(reading).map_err(|error| {
            if error.kind() != ErrorKind::InvalidInput {
                return error;
            }
            let names = NAMES.iter().chain(&encode::NAMES[1..]).copied().collect::<Vec<_>>().join(", ");
            Error::new(error.kind(), format!("no encoder {name:?}"))
                .with_remedy(format!("use one of {names}"))
        }),
    }
}

/// Takes the built-in camera's frames too.
fn reading(encoder: Box<dyn JpegEncoder>) -> Box<dyn JpegEncoder> {
    Box::new(HostReading::new(Arc::new(Kernel::default()), encoder))
}

/// Whether the unit can be used, for `doctor`: looks, and gives back what a killed run left, but encodes nothing.
///
/// # Errors
/// Why it cannot be used, with the remedy.
pub fn check() -> Result<()> {
    worker::Worker::start(Arc::new(Kernel::default()), Options::default().watchdog).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn by_name(name: &str) -> Result<Box<dyn JpegEncoder>> {
        super::by_name(name, &Standby::default())
    }

    #[test]
    fn by_name_without_a_unit_is_software_for_auto_and_an_error_for_sg2002() {
        // No machine that runs tests has these nodes.
        assert_eq!(by_name("sg2002-model").unwrap().name(), "sg2002");
        assert_eq!(by_name("auto").unwrap().name(), "eyelet");
        assert_eq!(by_name("software").unwrap().name(), "eyelet");
        let error = by_name("sg2002").err().unwrap();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert!(error.to_string().starts_with("cannot open /dev/cvi-base: "), "{error}");
        assert_eq!(check().unwrap_err().to_string(), error.to_string());
    }

    #[test]
    fn by_name_of_an_unknown_encoder_lists_the_known_ones() {
        let error = by_name("cuda").err().unwrap();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        let text = error.to_string();
        assert_eq!(
            text,
            "no encoder \"cuda\"; use one of auto, sg2002, sg2002-model, software, eyelet, eyelet:1..255, \
             jpeg-encoder"
        );
    }
}
