//! The encoder that uses the unit while it can, and software from then on.

use super::{
    fill::fill,
    layout::PictureLayout,
    worker::{Source, Worker},
};
use crate::sys::{Mapping, System};
use eyelet_hal::{Error, ErrorKind, Frame, JpegEncoder, Quality, Result, StreamFormat};
use std::{sync::Arc, time::Duration};

/// How the unit is used.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Options {
    /// How long one frame, or the probing, may take before the unit counts as hanging. The driver itself gives a
    /// frame up to 2.5 s.
    pub watchdog: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self { watchdog: Duration::from_secs(4) }
    }
}

impl Options {
    /// With another watchdog.
    #[must_use]
    pub fn watchdog(mut self, watchdog: Duration) -> Self {
        self.watchdog = watchdog;
        self
    }
}

/// What was done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// Frames that the unit encoded.
    pub frames: u64,
    /// Frames that were copied into the unit's memory for that; the others it read where they were.
    pub copies: u64,
    /// Frames that were left to the other encoder.
    pub left: u64,
}

/// JPEGs from the SG2002's JPEG unit, or from another encoder where the unit cannot or will not.
///
/// Frames that the unit cannot take (odd sizes, RGB, compressed ones) are left to the other encoder one by one. At
/// the first surprise (a refused call, a damaged picture, a hang) the unit is given back, a warning says why, and
/// the other encoder does the work from then on; [`name`](JpegEncoder::name) says which of the two made the newest JPEG.
///
/// A frame in physical memory is read where it is, without a copy, when its sides are multiples of 16 pixels and
/// its rows and planes begin at multiples of 64 bytes. Any other frame is copied once, into the unit's memory.
#[derive(Debug)]
pub struct HwJpegEncoder {
    worker: Option<Worker>,
    fallback: Fallback,
    staged: Option<(PictureLayout, Arc<dyn Mapping>)>,
    scratch: Vec<u8>,
    counts: Counts,
    /// Whether the newest JPEG is the other encoder's.
    left: bool,
    fallback_reason: Option<String>,
}

struct Fallback(Box<dyn JpegEncoder>);

impl std::fmt::Debug for Fallback {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0.name())
    }
}

impl HwJpegEncoder {
    /// Its name.
    pub const NAME: &'static str = "sg2002";

    /// An encoder on this system, with another one beside it that knows every format.
    ///
    /// # Errors
    /// Why the unit cannot be used.
    pub fn try_open(
        system: Arc<dyn System>,
        fallback: Box<dyn JpegEncoder>,
        options: &Options,
    ) -> Result<Self> {
        let worker = Worker::start(system, options.watchdog)?;
        Ok(Self { worker: Some(worker), ..Self::without(fallback) })
    }

    /// As [`try_open`](Self::try_open), but where the unit cannot be used the log says why (that there is none, only at
    /// the level `debug`) and the other encoder does all the work.
    pub fn open(system: Arc<dyn System>, fallback: Box<dyn JpegEncoder>, options: &Options) -> Self {
        match Worker::start(system, options.watchdog) {
            Ok(worker) => Self { worker: Some(worker), ..Self::without(fallback) },
            // As on every machine but one.
            Err(error) if error.kind() == ErrorKind::NotFound => {
                tracing::debug!("no SG2002 JPEG unit: {error}; {} encodes", fallback.name());
                Self { fallback_reason: Some(error.to_string()), ..Self::without(fallback) }
            }
            Err(error) => {
                let mut encoder = Self::without(fallback);
                encoder.give_up(&error);
                encoder
            }
        }
    }

    fn without(fallback: Box<dyn JpegEncoder>) -> Self {
        Self {
            worker: None,
            fallback: Fallback(fallback),
            staged: None,
            scratch: Vec::new(),
            counts: Counts::default(),
            left: false,
            fallback_reason: None,
        }
    }

    /// Why the other encoder does all the work: the unit is not used any more, or was not from the beginning.
    pub fn fallback_reason(&self) -> Option<&str> {
        self.fallback_reason.as_deref()
    }

    /// What was done so far.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// The unit is not used any more.
    fn give_up(&mut self, error: &Error) {
        let instead = self.fallback.0.name();
        tracing::warn!("the SG2002's JPEG unit is not used: {error}; {instead} encodes until the next start");
        self.fallback_reason = Some(error.to_string());
        // The mapping goes before the memory is given back.
        self.staged = None;
        self.worker = None;
    }

    /// `false` if this frame is not for the unit.
    fn by_unit(&mut self, frame: &Frame<'_>, quality: Quality, out: &mut Vec<u8>) -> Result<bool> {
        let (Some(worker), Ok(layout)) = (&mut self.worker, PictureLayout::of(frame.format())) else {
            return Ok(false);
        };
        let (source, copied) = match layout.in_place(frame) {
            Some(place) => (Source::At(place), false),
            None if frame.planes().iter().any(|plane| plane.bytes.is_empty()) => return Ok(false),
            None => {
                let mapping = match &self.staged {
                    Some((staged, mapping)) if *staged == layout => Arc::clone(mapping),
                    _ => {
                        self.staged = None;
                        let mapping = worker.stage(layout)?;
                        self.staged = Some((layout, Arc::clone(&mapping)));
                        mapping
                    }
                };
                let mut filled = false;
                mapping.look(&mut |memory| filled = fill(frame, &layout, memory));
                if !filled {
                    return Err(Error::new(
                        ErrorKind::Other,
                        "the unit's memory is smaller than its picture",
                    ));
                }
                (Source::Staged, true)
            }
        };
        self.scratch.clear();
        let jpeg = worker.encode(layout, source, quality, std::mem::take(&mut self.scratch))?;
        self.scratch = jpeg;
        if out.is_empty() {
            std::mem::swap(out, &mut self.scratch);
        } else {
            out.extend_from_slice(&self.scratch);
        }
        self.counts.frames += 1;
        self.counts.copies += u64::from(copied);
        Ok(true)
    }
}

impl JpegEncoder for HwJpegEncoder {
    fn name(&self) -> &str {
        if self.worker.is_some() && !self.left { Self::NAME } else { self.fallback.0.name() }
    }

    fn supports(&self, format: StreamFormat) -> bool {
        (self.worker.is_some() && PictureLayout::of(format).is_ok()) || self.fallback.0.supports(format)
    }

    fn encode(&mut self, frame: &Frame<'_>, quality: Quality, out: &mut Vec<u8>) -> Result<()> {
        match self.by_unit(frame, quality, out) {
            Ok(true) => {
                self.left = false;
                return Ok(());
            }
            Ok(false) => {}
            Err(error) => self.give_up(&error),
        }
        self.left = true;
        self.counts.left += 1;
        self.fallback.0.encode(frame, quality, out)
    }
}
