//! Encoders by the names that users give them.

use super::{BaselineEncoder, PassThrough, ReferenceEncoder};
use eyelet_hal::{Error, ErrorKind, JpegEncoder, Result};

/// The names that [`by_name`] takes; `1..255` stands for a number.
pub const NAMES: [&str; 5] = ["auto", "software", "eyelet", "eyelet:1..255", "jpeg-encoder"];

/// The software encoder called `name`: `auto` and `software` are the fastest one, the others are selected by their own
/// [`name`](JpegEncoder::name). `eyelet:4` is `eyelet` [with 4 threads](BaselineEncoder::with_threads).
///
/// Each passes through what is compressed already ([`PassThrough`]), so it supports every [`PixelFormat`].
///
/// [`PixelFormat`]: eyelet_hal::PixelFormat
///
/// # Errors
/// `InvalidInput`, which lists the names, if there is no such encoder; `Other` if the system refuses its threads.
pub fn by_name(name: &str) -> Result<Box<dyn JpegEncoder>> {
    if let Some(threads) = name.strip_prefix("eyelet:").and_then(|number| number.parse().ok()) {
        return Ok(Box::new(PassThrough::new(BaselineEncoder::new().with_threads(threads)?)));
    }
    match name {
        "auto" | "software" | BaselineEncoder::NAME => Ok(Box::new(PassThrough::new(BaselineEncoder::new()))),
        ReferenceEncoder::NAME => Ok(Box::new(PassThrough::new(ReferenceEncoder::new()))),
        _ => {
            let known = NAMES.join(", ");
            let error = Error::new(ErrorKind::InvalidInput, format!("no encoder {name:?}"));
            Err(error.with_remedy(format!("use one of {known}")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use eyelet_hal::{PixelFormat, StreamFormat};

    #[test]
    fn every_name_gives_an_encoder_for_every_format() {
        for name in NAMES {
            let name = &name.replace("1..255", "3");
            let encoder = by_name(name).unwrap();
            let best = matches!(&name[..], "auto" | "software");
            assert_eq!(encoder.name(), if best { "eyelet" } else { name });
            for pixel in PixelFormat::ALL {
                assert!(encoder.supports(StreamFormat::new(pixel, 3, 5).unwrap()), "{name} {pixel}");
            }
        }
    }

    #[test]
    fn eyelet_with_one_thread_has_the_plain_name() {
        assert_eq!(by_name("eyelet:1").unwrap().name(), "eyelet");
    }

    #[test]
    fn unknown_name_is_refused_with_the_list_of_names() {
        for name in ["cuda", "eyelet:0", "eyelet:256", "eyelet:", "eyelet:two"] {
            let error = by_name(name).err().unwrap();
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            let known = "auto, software, eyelet, eyelet:1..255, jpeg-encoder";
            assert_eq!(error.to_string(), format!("no encoder {name:?}; use one of {known}"));
        }
    }
}
