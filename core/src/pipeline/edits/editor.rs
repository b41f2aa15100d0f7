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
}

impl Editor {
    pub(super) fn new(edits: Edits) -> Self {
        Self {
            orientation: edits.orientation(),
            #[cfg(feature = "drawing")]
            plate: edits.overlay.clone().map(Plate::new),
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

    fn format(&self, format: StreamFormat) -> StreamFormat {
        self.orientation.format(format)
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
        Ok(Some(canvas.into_frame(frame.meta())?.with_data_of(frame)))
    }
}
