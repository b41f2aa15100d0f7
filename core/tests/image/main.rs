//! Images: drawing, text and conversion, and pictures decoded from JPEG.

mod decoding;
mod drawing;
