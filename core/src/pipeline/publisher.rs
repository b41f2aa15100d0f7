//! From a frame to the newest picture in the feed.

use super::{Hand, no_signal::no_signal, pool::Pool, sequence::Sequence, stamps::Stamps};
use crate::feed::{Hub, Label, Picture, PictureKind, RunId, budget::Member};
use bytes::Bytes;
use eyelet_hal::{
    Error, ErrorKind, Frame, JpegEncoder, PixelFormat, Quality, Result, StreamFormat, clock::Clock,
};
use std::{sync::Arc, time::Duration};

/// What becomes of a frame while no pictures are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unwanted {
    /// It is skipped, and the picture before it is forgotten, since that is older.
    Forget,
    /// It is skipped, and the picture before it stays for the next viewer.
    Keep,
    /// It is encoded all the same.
    Encode,
}

/// Encodes what is wanted into recycled buffers, numbers it and puts it into the feed.
pub(crate) struct Publisher {
    clock: Arc<dyn Clock>,
    hub: Hub,
    pool: Pool,
    run: RunId,
    sequence: Sequence,
    stamps: Stamps,
    format: Option<StreamFormat>,
    /// Masks, rotation and the like: all that follows sees what comes of them.
    edits: Option<Box<dyn Hand>>,
    /// The application's.
    hand: Option<Box<dyn Hand>>,
    /// The camera's part in the server's bit budget.
    budget: Option<Member>,
    /// Whether the last picture was a JPEG before it came to the encoder.
    compressed: Option<bool>,
    /// A gap before one of so many next frames is of frames that were left at the camera.
    left: u8,
}

impl Publisher {
    pub(crate) fn new(clock: Arc<dyn Clock>, hub: Hub) -> Self {
        Self {
            clock,
            budget: hub.budget.get().cloned(),
            hub,
            pool: Pool::default(),
            run: RunId::random(),
            sequence: Sequence::default(),
            stamps: Stamps::default(),
            format: None,
            edits: None,
            hand: None,
            compressed: None,
            left: 0,
        }
    }

    /// Has every wanted frame edited by this first.
    pub(super) fn edited(self, edits: Option<Box<dyn Hand>>) -> Self {
        Self { edits, ..self }
    }

    /// Hands every wanted frame to this.
    pub(super) fn in_hand(self, hand: Option<Box<dyn Hand>>) -> Self {
        Self { hand, ..self }
    }

    /// The camera of this name begins to count its frames anew.
    pub(crate) fn restart(&mut self, camera: &str) {
        if let Some(edits) = &mut self.edits {
            edits.camera(camera);
        }
        self.sequence.restart();
        self.stamps.restart(self.clock.monotonic());
    }

    /// Counts `frame`, and encodes and publishes it if pictures are wanted. An error leaves the feed as it was.
    pub(crate) fn frame(
        &mut self,
        frame: &Frame<'_>,
        encoder: &mut dyn JpegEncoder,
        unwanted: Unwanted,
    ) -> Result<()> {
        let counted = self.count(frame);
        let wanted = self.hub.feed.wanted() || unwanted == Unwanted::Encode;
        let quality = if wanted { self.quality(frame, unwanted) } else { None };
        let in_hand = self.hand.is_some() && self.hub.events.wanted();
        // Taken out, since the frame to publish may be in it.
        let mut edits = self.edits.take_if(|_| quality.is_some() || in_hand);
        let published = self.through(&mut edits, frame, counted, |publisher, frame| {
            publisher.hand_on(frame, encoder, counted, quality)
        });
        self.edits = self.edits.take().or(edits);
        if published.is_ok() && quality.is_none() {
            self.hub.metrics.frames_skipped.inc();
            if !wanted && unwanted == Unwanted::Forget {
                self.hub.feed.clear();
            }
        }
        published
    }

    /// Has the application see a frame, and encodes and publishes it if its picture is to have a quality.
    fn hand_on(
        &mut self,
        frame: &Frame<'_>,
        encoder: &mut dyn JpegEncoder,
        counted: (u64, Duration),
        quality: Option<Quality>,
    ) -> Result<()> {
        let mut hand = self.hand.take_if(|_| quality.is_some() || self.hub.events.wanted());
        let published = self.through(&mut hand, frame, counted, |publisher, frame| {
            // Before the picture, which takes longer: who shows both need not wait.
            if let Some(data) = frame.data() {
                publisher.hub.events.publish(&publisher.label(counted), data);
            }
            quality.map_or(Ok(()), |quality| publisher.encode(frame, encoder, counted, quality))
        });
        self.hand = self.hand.take().or(hand);
        published
    }

    /// Goes on with what `hand` makes of `frame`, or with `frame` as it is.
    fn through(
        &mut self,
        hand: &mut Option<Box<dyn Hand>>,
        frame: &Frame<'_>,
        counted: (u64, Duration),
        go_on: impl FnOnce(&mut Self, &Frame<'_>) -> Result<()>,
    ) -> Result<()> {
        // Not an option, which would be copied, frame and all, where there is no hand.
        let changed;
        let frame = match hand {
            None => frame,
            Some(hand) => match hand.take(frame, self.label(counted)) {
                Ok(None) => frame,
                Ok(Some(frame)) => {
                    changed = frame;
                    &changed
                }
                Err(error) => return Err(self.no_picture(error)),
            },
        };
        go_on(self, frame)
    }

    /// The quality of the picture of `frame`, which is wanted; `None` if the bit budget has no room for one.
    fn quality(&self, frame: &Frame<'_>, unwanted: Unwanted) -> Option<Quality> {
        let most = self.hub.settings.quality();
        let Some(budget) = &self.budget else { return Some(most) };
        let compressed = self.compressed.unwrap_or_else(|| is_compressed(frame));
        let (room, quality) = budget.frame(self.clock.monotonic(), most, compressed);
        (room || unwanted == Unwanted::Encode).then_some(quality)
    }

    /// Frames are left at the camera for a while, since no pictures are wanted.
    pub(crate) fn leave(&mut self) {
        // The next one is the newest that the camera could keep. Those that it could not keep are missing after it.
        self.left = 2;
    }

    /// Counts `frame`, which waited at the camera while no pictures were wanted.
    pub(crate) fn skip(&mut self, frame: &Frame<'_>) {
        self.count(frame);
        self.hub.metrics.frames_skipped.inc();
        self.hub.feed.clear();
    }

    /// Counts `frame`, which is not encoded since the encoder has failed.
    pub(crate) fn pass_over(&mut self, frame: &Frame<'_>) {
        self.count(frame);
        self.hub.metrics.frames_failed.inc();
    }

    /// The frame's number in this run, and when it was captured.
    fn count(&mut self, frame: &Frame<'_>) -> (u64, Duration) {
        let now = self.clock.monotonic();
        let metrics = &self.hub.metrics;
        let (sequence, missing) = self.sequence.frame(frame.meta().sequence);
        let left = if self.left > 0 { missing } else { 0 };
        self.left = self.left.saturating_sub(1);
        metrics.frames_captured.inc_by(1 + left);
        metrics.frames_skipped.inc_by(left);
        metrics.frames_dropped.inc_by(missing - left);
        let format = self.shown(frame.format());
        self.format = Some(format);
        self.hub.status.captured(now, 1 + left, format);
        (sequence, self.stamps.captured_at(frame.meta().captured_at, now))
    }

    /// The camera's pixel format, with the size of its pictures.
    pub(super) fn shown(&self, format: StreamFormat) -> StreamFormat {
        self.edits.as_ref().map_or(format, |edits| edits.shown(format))
    }

    fn label(&self, (sequence, captured_at): (u64, Duration)) -> Label {
        Label { run: self.run, sequence, captured_at: self.clock.to_unix(captured_at) }
    }

    /// Counts a frame that has no picture.
    fn no_picture(&self, error: Error) -> Error {
        // A damaged frame is no failure of the encoder; the caller counts it.
        if error.kind() != ErrorKind::CorruptFrame {
            self.hub.metrics.frames_failed.inc();
        }
        error
    }

    fn encode(
        &mut self,
        frame: &Frame<'_>,
        encoder: &mut dyn JpegEncoder,
        counted: (u64, Duration),
        quality: Quality,
    ) -> Result<()> {
        let mut buffer = self.pool.take();
        let began = self.clock.monotonic();
        let encoded = match encoder.encode(frame, quality, &mut buffer) {
            Ok(()) if self.budget.is_some() => self.keep_to_budget(frame, encoder, quality, &mut buffer),
            encoded => encoded,
        };
        if let Err(error) = encoded {
            self.pool.give(buffer);
            return Err(self.no_picture(error));
        }
        let took = self.clock.monotonic().saturating_sub(began);
        let picture =
            Picture { jpeg: self.pool.share(buffer), label: self.label(counted), kind: PictureKind::Live };
        let metrics = &self.hub.metrics;
        metrics.frames_encoded.inc();
        metrics.encode_seconds.observe(took.as_secs_f64());
        self.hub.status.encoded(encoder.name(), took, picture.jpeg.len());
        let age = self.clock.monotonic().saturating_sub(counted.1);
        metrics.capture_to_publish_seconds.observe(age.as_secs_f64());
        self.hub.feed.publish(picture);
        Ok(())
    }

    /// Encodes once more what is far too large for the bit budget, and counts what is to be published.
    fn keep_to_budget(
        &mut self,
        frame: &Frame<'_>,
        encoder: &mut dyn JpegEncoder,
        mut quality: Quality,
        buffer: &mut Vec<u8>,
    ) -> Result<()> {
        self.compressed = Some(is_compressed(frame));
        let Some(budget) = &self.budget else { return Ok(()) };
        if let Some(lower) = budget.encoded(self.clock.monotonic(), buffer.len(), quality) {
            quality = lower;
            buffer.clear();
            encoder.encode(frame, quality, buffer)?;
        }
        budget.published(self.clock.monotonic(), buffer.len(), quality);
        Ok(())
    }

    /// Publishes a picture that is already a whole JPEG, as taken now.
    pub(crate) fn jpeg(&mut self, jpeg: Bytes, format: StreamFormat) {
        self.hub.metrics.frames_captured.inc();
        self.hub.status.captured(self.clock.monotonic(), 1, format);
        self.format = Some(format);
        self.put(jpeg, PictureKind::Live);
    }

    /// Publishes the "no signal" picture.
    pub(crate) fn no_signal(&mut self, reason: &str) {
        let (width, height) = self.format.map_or((640, 480), |f| (f.width.get(), f.height.get()));
        self.put(no_signal(width, height, reason), PictureKind::NoSignal);
    }

    fn put(&mut self, jpeg: Bytes, kind: PictureKind) {
        let sequence = self.sequence.extra();
        let label = Label { run: self.run, sequence, captured_at: self.clock.unix() };
        self.hub.feed.publish(Picture { jpeg, label, kind });
    }
}

/// Whether an encoder can only pass this frame through.
fn is_compressed(frame: &Frame<'_>) -> bool {
    frame.format().pixel == PixelFormat::Jpeg
}
