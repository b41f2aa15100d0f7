//! A part of the picture that nobody sees.

use crate::image::{Canvas, Orientation};
use eyelet_hal::{Error, ErrorKind, Result, StreamFormat};

/// A part of a picture that becomes black, in the places of the picture that viewers see: after rotation and flip.
///
/// It is meant for pictures of one size. A camera that delivers another one may show more to the sides or another part of the
/// scene, so that no other place is sure to cover the same: there is no picture then.
///
/// In formats in which pixels share their chroma, those that share it with a masked one become black too: one more column or row
/// at each odd side of the mask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mask {
    left: u32,
    top: u32,
    right: u32,
    bottom: u32,
    /// The size of the pictures that it is for.
    pub(super) of: (u32, u32),
}

impl Mask {
    /// The part of a picture of size `of` whose top left pixel is (`x`, `y`), `width` pixels wide and `height` high.
    ///
    /// ```
    /// use eyelet_core::pipeline::Mask;
    /// let window = Mask::new([400, 0, 240, 120], (640, 480))?;
    /// assert!(Mask::new([640, 0, 10, 10], (640, 480)).is_err());
    /// # let _ = window;
    /// # Ok::<_, eyelet_hal::Error>(())
    /// ```
    ///
    /// # Errors
    /// `InvalidInput` for a mask without pixels, or with none in the picture. One that reaches beyond an edge ends there.
    pub fn new([x, y, width, height]: [u32; 4], of: (u32, u32)) -> Result<Self> {
        let refuse = |why: &str, remedy: String| {
            let what = format!("cannot mask {x},{y},{width},{height}: {why}");
            Err(Error::new(ErrorKind::InvalidInput, what).with_remedy(remedy))
        };
        if width == 0 || height == 0 {
            return refuse("it has no pixels", "give it a width and a height".to_owned());
        }
        let (right, bottom) = (x.saturating_add(width).min(of.0), y.saturating_add(height).min(of.1));
        if x >= right || y >= bottom {
            return refuse("it lies outside the picture", format!("choose a place in {}x{}", of.0, of.1));
        }
        Ok(Self { left: x, top: y, right, bottom, of })
    }

    /// Covers it in a picture that was turned so from a frame of this format.
    pub(super) fn cover(&self, canvas: &mut Canvas<'_>, by: Orientation, stored: StreamFormat) {
        canvas.black_out((self.left..self.right, self.top..self.bottom), by, stored);
    }
}
