//! The size of a camera's JPEGs, where it is not the one that was negotiated.

use eyelet_hal::{Frame, PixelFormat, Result, StreamFormat, jpeg};

/// After this many pictures in a row of another size, that is the camera's. Fewer are left over from before a change of
/// resolution, or damaged.
const AGREED: u32 = 3;

/// Tracks the size of a camera's JPEGs.
#[derive(Debug, Default)]
pub(crate) struct ActualSize {
    other: Option<StreamFormat>,
    /// In a row with that size.
    frames: u32,
}

impl ActualSize {
    /// `frame` with the format of its picture; `None` if it has that already, or if the picture's size may be temporary: then
    /// the encoder refuses it.
    ///
    /// # Errors
    /// None that a frame can cause.
    pub(crate) fn relabelled<'a>(&mut self, frame: &'a Frame<'_>) -> Result<Option<Frame<'a>>> {
        let format = frame.format();
        if format.pixel != PixelFormat::Jpeg {
            return Ok(None);
        }
        let size = frame.planes().first().and_then(|plane| jpeg::size(plane.bytes));
        // A damaged picture has no size.
        let Some((width, height)) = size else { return Ok(None) };
        let actual = StreamFormat::new(PixelFormat::Jpeg, width.into(), height.into());
        if actual == Some(format) {
            *self = Self::default();
            return Ok(None);
        }
        if self.other == actual {
            self.frames = self.frames.saturating_add(1);
        } else {
            *self = Self { other: actual, frames: 1 };
        }
        match actual {
            Some(actual) if self.frames >= AGREED => {
                let relabelled = Frame::new(actual, frame.meta(), frame.planes())?;
                Ok(Some(relabelled.with_data_of(frame)))
            }
            _ => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use eyelet_hal::{FrameMeta, Plane};

    /// Enough of a picture for its size.
    fn picture(width: u8, height: u8) -> Vec<u8> {
        vec![0xff, 0xd8, 0xff, 0xc0, 0, 11, 8, 0, height, 0, width, 1, 1, 0x11, 0]
    }

    /// The formats of frames labelled 16x16 whose pictures have these sizes.
    fn seen(sizes: &[(u8, u8)]) -> Vec<String> {
        let format = StreamFormat::new(PixelFormat::Jpeg, 16, 16).unwrap();
        let mut actual = ActualSize::default();
        let mut one = |&(width, height): &(u8, u8)| {
            let bytes = picture(width, height);
            let frame = Frame::new(format, FrameMeta::new(7, Default::default()), &[Plane::host(&bytes, 0)]);
            let frame = frame.unwrap();
            let relabelled = actual.relabelled(&frame).unwrap();
            assert!(relabelled.as_ref().is_none_or(|other| other.meta() == frame.meta()));
            relabelled.as_ref().unwrap_or(&frame).format().to_string()
        };
        sizes.iter().map(&mut one).collect()
    }

    #[test]
    fn three_pictures_of_another_size_change_the_format() {
        let (stated, real) = ("16x16 jpeg", "16x18 jpeg");
        assert_eq!(seen(&[(16, 18); 5]), [stated, stated, real, real, real]);
        assert_eq!(seen(&[(16, 16), (16, 18), (16, 18), (16, 16), (16, 18), (16, 18)]), [stated; 6]);
        assert_eq!(seen(&[(16, 18), (18, 16), (16, 18), (18, 16)]), [stated; 4]);
        // One damaged header in between.
        assert_eq!(seen(&[(16, 18), (16, 18), (0, 0), (16, 18)]), [stated, stated, stated, real]);
    }
}
