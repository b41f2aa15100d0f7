//! A build without the feature `drawing` has no font: the drawn title is all there is.

use crate::image::Image;

/// Nothing, where the picture is too small for drawn letters; the result is the row below.
pub(super) fn title(image: &mut Image) -> u32 {
    image.height() / 2
}

/// Nothing.
pub(super) fn reason(_: &mut Image, _: u32, _: &str) {}
