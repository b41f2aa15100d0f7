//! What is to be done to each frame before anything else sees it: masks, rotation, flip and text.

mod editor;
mod mask;
#[cfg(feature = "drawing")]
mod overlay;
mod rotation;
#[cfg(feature = "drawing")]
mod template;

pub use mask::Mask;
#[cfg(feature = "drawing")]
pub use overlay::{Corner, Overlay};
pub use rotation::{Flip, Rotation};

use super::{Hand, Pipeline};
use crate::image::Orientation;
use editor::Editor;
use eyelet_hal::{CameraSource, Error, ErrorKind, PixelFormat, Result, StreamFormat};

/// What is to be done to each frame.
#[derive(Clone, Debug)]
pub(crate) struct Edits {
    rotation: Option<Rotation>,
    flip: Option<Flip>,
    masks: Vec<Mask>,
    #[cfg(feature = "drawing")]
    overlay: Option<Overlay>,
    /// A pointer, so that a program without edits is no larger for them.
    begin: fn(Self) -> Box<dyn Hand>,
}

impl Default for Edits {
    fn default() -> Self {
        Self {
            rotation: None,
            flip: None,
            masks: Vec::new(),
            #[cfg(feature = "drawing")]
            overlay: None,
            begin: |edits| Box::new(Editor::new(edits)),
        }
    }
}

impl Edits {
    pub(crate) fn rotate(&mut self, rotation: Rotation) {
        self.rotation = Some(rotation);
    }

    pub(crate) fn flip(&mut self, flip: Flip) {
        self.flip = Some(flip);
    }

    pub(crate) fn mask(&mut self, mask: Mask) {
        self.masks.push(mask);
    }

    #[cfg(feature = "drawing")]
    pub(crate) fn overlay(&mut self, overlay: Overlay) {
        self.overlay = Some(overlay);
    }

    /// What does it.
    pub(crate) fn begin(self) -> Box<dyn Hand> {
        (self.begin)(self)
    }

    /// From frames to pictures.
    fn orientation(&self) -> Orientation {
        let turned = Orientation::clockwise(self.rotation.map_or(0, Rotation::quarters));
        match self.flip {
            None => turned,
            Some(Flip::Horizontal) => turned.mirrored(),
            Some(Flip::Vertical) => turned.flipped(),
            Some(Flip::Both) => turned.mirrored().flipped(),
        }
    }

    /// The camera's pixel format, with the size of the pictures.
    pub(super) fn shown(&self, format: StreamFormat) -> StreamFormat {
        StreamFormat { pixel: format.pixel, ..self.orientation().format(format) }
    }

    /// Whether this control moves the picture, and with it what is to stay under a mask. What a camera calls by another name is
    /// not known.
    #[cfg(feature = "control")]
    pub(super) fn holds(&self, control: &str) -> bool {
        const MOVES: [&str; 6] = ["mirror", "flip", "rotat", "pan_", "tilt_", "zoom"];
        !self.masks.is_empty() && MOVES.iter().any(|part| control.contains(part))
    }

    /// Whether it can be done to the frames of this open camera.
    ///
    /// # Errors
    /// `Unsupported` if it cannot, with the camera's name.
    pub(crate) fn check_camera(&self, camera: &dyn CameraSource) -> Result<()> {
        let with_name = |why: &str| format!("cannot edit the pictures of {}: {why}", camera.name());
        self.check(camera.format()).map_err(|error| error.map_message(with_name))
    }

    /// Whether it can be done to frames of this format.
    ///
    /// # Errors
    /// `Unsupported` if it cannot.
    pub(crate) fn check(&self, format: StreamFormat) -> Result<()> {
        if format.pixel == PixelFormat::Jpeg {
            let what = "JPEGs cannot be rotated, flipped, masked or written on";
            let remedy = "have the camera deliver raw frames, or use one that does";
            return Err(Error::new(ErrorKind::Unsupported, what).with_remedy(remedy));
        }
        let picture = self.orientation().format(format);
        let size = (picture.width.get(), picture.height.get());
        match self.masks.iter().find(|mask| mask.of != size) {
            None => Ok(()),
            Some(Mask { of, .. }) => {
                let (width, height) = size;
                let what =
                    format!("the masks are for pictures of {}x{}, not of {width}x{height}", of.0, of.1);
                let remedy = "have the camera deliver that size, or place the masks in pictures of this one";
                Err(Error::new(ErrorKind::Unsupported, what).with_remedy(remedy))
            }
        }
    }
}

/// What is done to each frame before [`each_frame`](Pipeline::each_frame) and the encoder get it.
///
/// It needs raw frames in host memory, and costs one copy of each frame that is wanted, into a buffer that all share. Without a
/// call of these nothing is copied or looked at.
///
/// The order is always the same, whatever that of the calls: rotation, flip, masks, text. All places are those of the picture
/// that viewers see, and so are the frames that `each_frame` gets. What a camera, or a wrapper around it, attached to its frames
/// as [data](eyelet_hal::Frame::with_data) is left out where pictures are masked, rotated or flipped: it may tell what is under a
/// mask, and its places are those of the camera's own picture. What `each_frame` attaches is delivered.
impl Pipeline {
    /// Rotates each picture. Its width and height change places with a quarter turn.
    #[must_use]
    pub fn rotate(self, rotation: Rotation) -> Self {
        self.edit(|edits| edits.rotate(rotation))
    }

    /// Flips each picture, after it was rotated.
    #[must_use]
    pub fn flip(self, flip: Flip) -> Self {
        self.edit(|edits| edits.flip(flip))
    }

    /// Makes this part of each picture black, and others that were named before.
    ///
    /// What is under it leaves the camera thread in no way: pictures of another size than the mask is for are not published, but
    /// count as those of an encoder that fails.
    #[must_use]
    pub fn mask(self, mask: Mask) -> Self {
        self.edit(|edits| edits.mask(mask))
    }

    /// Writes this text on each picture.
    #[cfg(feature = "drawing")]
    #[must_use]
    pub fn overlay(self, overlay: Overlay) -> Self {
        self.edit(|edits| edits.overlay(overlay))
    }

    fn edit(mut self, edit: impl FnOnce(&mut Edits)) -> Self {
        edit(self.edits.get_or_insert_default());
        self
    }
}
