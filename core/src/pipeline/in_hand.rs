//! A frame in the hand of an application, between the camera and the encoder.

use crate::{
    feed::{FrameData, Label},
    image::{Canvas, View},
};
use eyelet_hal::{Error, ErrorKind, Frame, Result, StreamFormat};
use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
};

/// A frame that is about to be encoded: to look at, to draw on, and to say something about.
///
/// It is in the camera's own format, so looking costs nothing but the pixels looked at. The camera's memory is only lent, and
/// often the device's: the first [`canvas`](Self::canvas) of a frame copies its pixels, once, into a buffer that all frames
/// share, and that is what is encoded. A frame that is only looked at goes to the encoder as it came.
#[derive(Debug)]
pub struct FrameInHand<'a> {
    frame: &'a Frame<'a>,
    label: Label,
    copy: &'a mut Vec<u8>,
    drawn: bool,
    data: &'a mut FrameData,
}

impl FrameInHand<'_> {
    /// The frame as the camera lent it, without what is drawn.
    pub fn frame(&self) -> &Frame<'_> {
        self.frame
    }

    /// The number and the time that its picture will have.
    pub fn label(&self) -> Label {
        self.label
    }

    /// Pixel format and size.
    pub fn format(&self) -> StreamFormat {
        self.frame.format()
    }

    /// Its pixels, with what is drawn so far.
    ///
    /// # Errors
    /// `Unsupported` for a compressed frame and for one that is not in host memory.
    pub fn view(&mut self) -> Result<View<'_>> {
        self.view_and_data().map(|(view, _)| view)
    }

    /// Its pixels, to draw on.
    ///
    /// # Errors
    /// As [`view`](Self::view). Handed on, an error is what viewers see instead of pictures without the drawing: a camera of
    /// JPEGs must deliver another format if it is to be drawn on.
    pub fn canvas(&mut self) -> Result<Canvas<'_>> {
        self.canvas_and_data().map(|(canvas, _)| canvas)
    }

    /// Its pixels, and what is known about it: for a loop that looks at the one and adds to the other.
    ///
    /// # Errors
    /// As [`view`](Self::view).
    pub fn view_and_data(&mut self) -> Result<(View<'_>, &mut FrameData)> {
        let view = match self.drawn {
            true => Canvas::over_copy(self.frame, self.copy)?.into_view(),
            false => View::of(self.frame)?,
        };
        Ok((view, self.data))
    }

    /// Its pixels to draw on, and what is known about it.
    ///
    /// # Errors
    /// As [`canvas`](Self::canvas).
    pub fn canvas_and_data(&mut self) -> Result<(Canvas<'_>, &mut FrameData)> {
        let canvas = match self.drawn {
            true => Canvas::over_copy(self.frame, self.copy)?,
            false => Canvas::copy_of(self.frame, self.copy)?,
        };
        self.drawn = true;
        Ok((canvas, self.data))
    }

    /// What is known about this very frame, for those who [listen](crate::feed::Events), in place of what the camera attached.
    /// It is empty at first.
    pub fn data(&mut self) -> &mut FrameData {
        self.data
    }
}

/// A stage between the camera and the encoder, such as an application's hand. Behind a pointer, so that a program without one is
/// no larger for it.
pub(crate) trait Hand: Send {
    /// The camera of this name delivers the frames from now on.
    fn camera(&mut self, _name: &str) {}

    /// The format to show for frames of this one: the camera's pixel format, with the size of the pictures.
    fn shown(&self, format: StreamFormat) -> StreamFormat {
        format
    }

    /// Hands out a frame. The result is the frame to encode instead, if it was changed.
    fn take<'a>(&'a mut self, frame: &'a Frame<'a>, label: Label) -> Result<Option<Frame<'a>>>;
}

/// The hand of a function, with what it uses again and again.
pub(crate) struct EachFrame<F> {
    each: F,
    copy: Vec<u8>,
    data: FrameData,
}

impl<F> EachFrame<F> {
    pub(crate) fn new(each: F) -> Self {
        Self { each, copy: Vec::new(), data: FrameData::default() }
    }
}

impl<F: FnMut(&mut FrameInHand<'_>) -> Result<()> + Send> Hand for EachFrame<F> {
    fn take<'a>(&'a mut self, frame: &'a Frame<'a>, label: Label) -> Result<Option<Frame<'a>>> {
        self.data.clear();
        let mut in_hand =
            FrameInHand { frame, label, copy: &mut self.copy, drawn: false, data: &mut self.data };
        // What `each` keeps may be half changed after a panic, but is the application's own, and the rest is begun anew with
        // each frame.
        catch_unwind(AssertUnwindSafe(|| (self.each)(&mut in_hand)))
            .unwrap_or_else(|panic| Err(panicked(&*panic)))
            .map_err(final_for_the_encoder)?;
        let drawn = in_hand.drawn;
        let changed = match (drawn, self.data.is_empty()) {
            (true, _) => Canvas::over_copy(frame, &mut self.copy)?.into_frame(frame.meta())?,
            (false, false) => Frame::new(frame.format(), frame.meta(), frame.planes())?,
            (false, true) => return Ok(None),
        };
        Ok(Some(match self.data.is_empty() {
            true => changed.with_data_of(frame),
            false => changed.with_data(&self.data),
        }))
    }
}

/// The error for a frame at which the application panicked.
fn panicked(panic: &(dyn Any + Send)) -> Error {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref().map(String::as_str)).unwrap_or("without a text");
    Error::new(ErrorKind::Other, format!("each_frame panicked: {text}"))
}

/// A frame without a picture counts as the encoder's failure, but another encoder would not help: only a damaged frame is
/// something else.
fn final_for_the_encoder(error: Error) -> Error {
    if error.kind() == ErrorKind::CorruptFrame {
        return error;
    }
    let wrapped = Error::new(ErrorKind::Unsupported, error.message());
    match error.remedy().map(str::to_owned) {
        Some(remedy) => wrapped.with_remedy(remedy),
        None => wrapped,
    }
    .with_source(error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{feed::RunId, image::Color};
    use eyelet_hal::{FrameMeta, PixelFormat, Plane};
    use std::time::Duration;

    #[test]
    fn data_belongs_to_its_frame_and_replaces_what_the_camera_attached() {
        let format = StreamFormat::new(PixelFormat::Grey, 2, 1).unwrap();
        let label = |sequence| Label { run: RunId::new(0), sequence, captured_at: Duration::ZERO };
        let mut hand = EachFrame::new(|in_hand: &mut FrameInHand<'_>| {
            assert!(in_hand.data().is_empty(), "of the frame before");
            let sequence = in_hand.label().sequence;
            if sequence % 2 == 1 {
                in_hand.data().value("n", sequence as f64);
            }
            if sequence > 1 {
                in_hand.canvas()?.set_pixel(0, 0, Color::WHITE);
            }
            Ok(())
        });
        let attached = "the camera's".to_owned();
        let mut take = |sequence| {
            let meta = FrameMeta::new(9, Duration::from_secs(5));
            let frame = Frame::new(format, meta, &[Plane::host(&[7, 7], 2)]).unwrap().with_data(&attached);
            hand.take(&frame, label(sequence)).unwrap().map(|changed| {
                assert_eq!((changed.meta(), changed.format()), (meta, format));
                (changed.planes()[0].bytes.to_vec(), changed.data().unwrap().to_string())
            })
        };
        assert_eq!(take(0), None);
        assert_eq!(take(1), Some((vec![7, 7], r#"{"values":{"n":1.0}}"#.to_owned())));
        assert_eq!(take(2), Some((vec![255, 7], attached.clone())));
        assert_eq!(take(3), Some((vec![255, 7], r#"{"values":{"n":3.0}}"#.to_owned())));
    }
}
