//! An encoder that is made anew when it keeps failing.

use eyelet_hal::{ErrorKind, Frame, JpegEncoder, Quality, Result, StreamFormat};
use std::fmt;

/// Failures in a row after which it is thrown away.
const TOLERATED: u32 = 3;

/// Makes an encoder: the first one, and another when that is broken.
pub type Make = Box<dyn FnMut() -> Result<Box<dyn JpegEncoder>> + Send>;

/// Hands frames to an encoder, and makes another one when that has failed three times in a row.
///
/// Hardware may need setting up again, and software may hold something that grew wrong. Damaged frames and formats
/// that it does not support are no fault of it. The old one is gone before the new one is made: a device belongs to
/// one of them.
///
/// ```
/// use eyelet_core::encode::{self, Renewing};
/// use eyelet_hal::JpegEncoder;
/// let encoder = Renewing::new(Box::new(|| encode::by_name("auto")))?;
/// assert_eq!(encoder.name(), "eyelet");
/// # Ok::<_, eyelet_hal::Error>(())
/// ```
pub struct Renewing {
    make: Make,
    encoder: Option<Box<dyn JpegEncoder>>,
    /// Of the encoder that is gone.
    name: String,
    failures: u32,
}

impl Renewing {
    /// With the first encoder.
    ///
    /// # Errors
    /// Those of `make`.
    pub fn new(mut make: Make) -> Result<Self> {
        let encoder = Some(make()?);
        Ok(Self { make, encoder, name: String::new(), failures: 0 })
    }
}

impl fmt::Debug for Renewing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Renewing").field(&self.name()).finish()
    }
}

impl JpegEncoder for Renewing {
    fn name(&self) -> &str {
        self.encoder.as_ref().map_or(&self.name, |encoder| encoder.name())
    }

    fn supports(&self, format: StreamFormat) -> bool {
        self.encoder.as_ref().is_some_and(|encoder| encoder.supports(format))
    }

    fn encode(&mut self, frame: &Frame<'_>, quality: Quality, out: &mut Vec<u8>) -> Result<()> {
        if self.failures >= TOLERATED
            && let Some(old) = self.encoder.take()
        {
            self.name = old.name().to_owned();
        }
        let encoder = match &mut self.encoder {
            Some(encoder) => encoder,
            none => {
                let encoder = none.insert((self.make)()?);
                self.failures = 0;
                encoder
            }
        };
        let result = encoder.encode(frame, quality, out);
        match &result {
            Ok(()) => self.failures = 0,
            Err(e) if matches!(e.kind(), ErrorKind::CorruptFrame | ErrorKind::Unsupported) => {}
            Err(_) => self.failures += 1,
        }
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use eyelet_hal::{Error, FrameMeta, MockJpegEncoder, PixelFormat, Plane};
    use std::sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    };

    /// The encoder of this number, which fails so for ever.
    fn failing(number: u32, kind: ErrorKind, alive: &Arc<AtomicU32>) -> Box<dyn JpegEncoder> {
        let mut encoder = MockJpegEncoder::new();
        encoder.expect_name().return_const(format!("mock {number}"));
        encoder.expect_supports().return_const(true);
        alive.fetch_add(1, Ordering::Relaxed);
        let life = Life(Arc::clone(alive));
        encoder.expect_encode().returning(move |_, _, _| {
            let _ = &life;
            Err(Error::new(kind, "broken"))
        });
        Box::new(encoder)
    }

    struct Life(Arc<AtomicU32>);
    impl Drop for Life {
        fn drop(&mut self) {
            self.0.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// The names of the encoders that eight frames in a row met.
    fn names(kind: ErrorKind) -> Vec<String> {
        let alive = Arc::new(AtomicU32::new(0));
        let mut made = 0;
        let mut renewing = Renewing::new(Box::new(move || {
            assert_eq!(alive.load(Ordering::Relaxed), 0, "two at a time");
            made += 1;
            match made {
                2 => Err(Error::new(ErrorKind::Busy, "not yet")),
                _ => Ok(failing(made, kind, &alive)),
            }
        }))
        .unwrap();
        let format = StreamFormat::new(PixelFormat::Grey, 1, 1).unwrap();
        let frame = Frame::new(format, FrameMeta::default(), &[Plane::host(b"x", 1)]).unwrap();
        let mut encode = || {
            let error = renewing.encode(&frame, Quality::DEFAULT, &mut Vec::new()).unwrap_err();
            assert_eq!(renewing.supports(format), error.kind() != ErrorKind::Busy);
            format!("{}: {error}", renewing.name())
        };
        (0..8).map(|_| encode()).collect()
    }

    #[test]
    fn after_three_failures_there_is_another() {
        let [one, three] = ["mock 1: broken", "mock 3: broken"];
        assert_eq!(
            names(ErrorKind::Other),
            [one, one, one, "mock 1: not yet", three, three, three, "mock 4: broken"]
        );
    }

    #[test]
    fn damaged_and_unsupported_frames_are_not_its_fault() {
        for kind in [ErrorKind::CorruptFrame, ErrorKind::Unsupported] {
            assert_eq!(names(kind), ["mock 1: broken"; 8]);
        }
    }
}
