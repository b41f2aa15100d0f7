//! The encoder that uses the unit while it can, and software from then on.

use super::{
    fill::fill,
    host::HostReading,
    layout::PictureLayout,
    standby::{Slot, Standby},
    worker::{Source, Worker},
};
use crate::sys::System;
use eyelet_hal::{Error, ErrorKind, Frame, JpegEncoder, Quality, Result, StreamFormat};
use std::{sync::Arc, time::Duration};

/// How the unit is used.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Options {
    /// How long one frame, or the probing, may take before the unit counts as hanging. The driver itself gives a
    /// frame up to 2.5 s.
    pub watchdog: Duration,
    /// Through which the unit can be put down.
    pub standby: Standby,
}

impl Default for Options {
    fn default() -> Self {
        Self { watchdog: Duration::from_secs(4), standby: Standby::default() }
    }
}

impl Options {
    /// With another watchdog.
    #[must_use]
    pub fn watchdog(mut self, watchdog: Duration) -> Self {
        self.watchdog = watchdog;
        self
    }

    /// With what another has to put the unit down.
    #[must_use]
    pub fn standby(mut self, standby: Standby) -> Self {
        self.standby = standby;
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
/// its rows and planes begin at multiples of 64 bytes; a frame as the scaler writes it, in one piece and in no CPU's
/// cache, with any even sides. Any other frame is copied once, into the unit's memory.
///
/// While the unit is [put down](Standby::put_down) the other encoder does the work.
#[derive(Debug)]
pub struct HwJpegEncoder {
    system: Arc<dyn System>,
    options: Options,
    unit: Slot,
    fallback: HostReading,
    scratch: Vec<u8>,
    counts: Counts,
    /// Whether the newest JPEG is the other encoder's.
    left: bool,
    given_up: bool,
    fallback_reason: Option<String>,
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
        let encoder = Self::without(system, fallback, options);
        encoder.take()?;
        Ok(encoder)
    }

    /// As [`try_open`](Self::try_open), but where the unit cannot be used the log says why (that there is none, only at
    /// the level `debug`) and the other encoder does all the work.
    pub fn open(system: Arc<dyn System>, fallback: Box<dyn JpegEncoder>, options: &Options) -> Self {
        let mut encoder = Self::without(system, fallback, options);
        match encoder.take() {
            Ok(()) => {}
            // As on every machine but one.
            Err(error) if error.kind() == ErrorKind::NotFound => {
                tracing::debug!("no SG2002 JPEG unit: {error}; {} encodes", encoder.fallback.name());
                encoder.given_up = true;
                encoder.fallback_reason = Some(error.to_string());
            }
            Err(error) => encoder.give_up(&error),
        }
        encoder
    }

    fn without(system: Arc<dyn System>, fallback: Box<dyn JpegEncoder>, options: &Options) -> Self {
        Self {
            unit: options.standby.slot(),
            options: options.clone(),
            fallback: HostReading::new(Arc::clone(&system), fallback),
            system,
            scratch: Vec::new(),
            counts: Counts::default(),
            left: false,
            given_up: false,
            fallback_reason: None,
        }
    }

    /// Takes the unit, unless it is put down.
    fn take(&self) -> Result<()> {
        let mut unit = self.unit.lock();
        if !self.options.standby.is_down() {
            *unit = Some(Worker::start(Arc::clone(&self.system), self.options.watchdog)?);
        }
        Ok(())
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
        let instead = self.fallback.name();
        tracing::warn!("the SG2002's JPEG unit is not used: {error}; {instead} encodes until the next start");
        self.fallback_reason = Some(error.to_string());
        self.given_up = true;
        let worker = self.unit.lock().take();
        drop(worker);
    }

    /// `false` if this frame is not for the unit.
    fn by_unit(&mut self, frame: &Frame<'_>, quality: Quality, out: &mut Vec<u8>) -> Result<bool> {
        let Ok(layout) = PictureLayout::of(frame.format()) else { return Ok(false) };
        let place = layout.in_place(frame);
        if self.given_up || place.is_none() && frame.planes().iter().any(|plane| plane.bytes.is_empty()) {
            return Ok(false);
        }
        // As long as it is locked the unit cannot be put down.
        let mut unit = self.unit.lock();
        let worker = match &mut *unit {
            Some(worker) => worker,
            None if self.options.standby.is_down() => return Ok(false),
            none => none.insert(Worker::start(Arc::clone(&self.system), self.options.watchdog)?),
        };
        let copied = place.is_none();
        let source = match place {
            Some(place) => Source::At(place),
            None => {
                let mapping = worker.stage(layout)?;
                let mut filled = false;
                mapping.look(&mut |memory| filled = fill(frame, &layout, memory));
                if !filled {
                    return Err(Error::new(
                        ErrorKind::Other,
                        "the unit's memory is smaller than its picture",
                    ));
                }
                Source::Staged
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
        if self.given_up || self.left { self.fallback.name() } else { Self::NAME }
    }

    fn supports(&self, format: StreamFormat) -> bool {
        (!self.given_up && PictureLayout::of(format).is_ok()) || self.fallback.supports(format)
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
        self.fallback.encode(frame, quality, out)
    }
}
