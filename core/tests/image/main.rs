//! Images: drawing, text and conversion, and pictures decoded from JPEG.

mod decoding;
#[cfg(all(feature = "drawing", feature = "png"))]
mod drawing;
