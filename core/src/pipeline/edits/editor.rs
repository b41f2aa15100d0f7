//! Does what was asked for to each frame.

#[cfg(feature = "drawing")]
use super::overlay::Plate;
use super::{Edits, Hand};
use crate::{
    feed::Label,
    image::{Orientation, View, turned},
};
use eyelet_hal::{Frame, Result, StreamFormat};

/// The stage of the pipeline that edits frames, with what it uses again and again.
pub(super) struct Editor {
    orientation: Orientation,
    #[cfg(feature = "drawing")]
    plate: Option<Plate>,
    edits: Edits,
    buffer: Vec<u8>,
    /// Whether what the camera attaches to its frames goes on with them.
    keeps_data: bool,
    /// Whether it is logged that it does not.
    is_logged: bool,
}

impl Editor {
    pub(super) fn new(edits: Edits) -> Self {
        Self {
            orientation: edits.orientation(),
            #[cfg(feature = "drawing")]
            plate: edits.overlay.clone().map(Plate::new),
            // Its boxes would show what is under a mask, and stand in the wrong places of a picture that is turned.
            keeps_data: edits.masks.is_empty() && edits.orientation() == Orientation::default(),
            is_logged: false,
            edits,
            buffer: Vec::new(),
        }
    }
}

impl Hand for Editor {
    fn camera(&mut self, _name: &str) {
        #[cfg(feature = "drawing")]
        if let Some(plate) = &mut self.plate {
            plate.camera(_name);
        }
    }

    fn shown(&self, format: StreamFormat) -> StreamFormat {
        self.edits.shown(format)
    }

    fn take<'a>(&'a mut self, frame: &'a Frame<'a>, _label: Label) -> Result<Option<Frame<'a>>> {
        self.edits.check(frame.format())?;
        // The copy is turned as it is made: only this thread sees what is not masked yet, and without an error nobody else will.
        let mut canvas = turned(&View::of(frame)?, self.orientation, &mut self.buffer)?;
        for mask in &self.edits.masks {
            mask.cover(&mut canvas, self.orientation, frame.format());
        }
        #[cfg(feature = "drawing")]
        if let Some(plate) = &mut self.plate {
            plate.put(&mut canvas, &_label)?;
        }
        let edited = canvas.into_frame(frame.meta())?;
        if self.keeps_data {
            return Ok(Some(edited.with_data_of(frame)));
        }
        if frame.data().is_some() && !std::mem::replace(&mut self.is_logged, true) {
            tracing::warn!(
                "the data that the camera attaches to its frames is left out, since pictures are masked, rotated or flipped; \
                 attach it in each_frame"
            );
        }
        Ok(Some(edited))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Flip, Mask, Rotation};
    use super::*;
    use crate::feed::RunId;
    use eyelet_hal::{FrameMeta, PixelFormat, Plane};
    use std::time::Duration;

    /// Boxes of the camera's own would show what is under a mask, and stand in the wrong places of a turned picture.
    #[test]
    fn data_of_the_camera_is_left_out_where_pixels_are_hidden_or_moved() {
        let format = StreamFormat::new(PixelFormat::Grey, 2, 1).unwrap();
        let label = Label { run: RunId::new(0), sequence: 0, captured_at: Duration::ZERO };
        let attached = "the camera's".to_owned();
        let kept = |edit: fn(&mut Edits)| {
            let mut edits = Edits::default();
            edit(&mut edits);
            let frame = Frame::new(format, FrameMeta::default(), &[Plane::host(&[7, 8], 2)]).unwrap();
            let mut editor = edits.begin();
            editor.take(&frame.with_data(&attached), label).unwrap().unwrap().data().is_some()
        };
        assert!(!kept(|edits| edits.mask(Mask::new([0, 0, 1, 1], (2, 1)).unwrap())));
        assert!(!kept(|edits| edits.rotate(Rotation::Deg180)));
        assert!(!kept(|edits| edits.flip(Flip::Horizontal)));
        assert!(kept(|edits| {
            edits.rotate(Rotation::Deg180);
            edits.flip(Flip::Both);
        }));
        #[cfg(feature = "drawing")]
        assert!(kept(|edits| edits.overlay("text".parse().unwrap())));
    }
}
