//! Images: drawing, text and conversion, and pictures decoded from JPEG.

mod canvas;
mod decoding;
#[cfg(all(feature = "drawing", feature = "png"))]
mod drawing;
