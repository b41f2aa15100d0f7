//! A picture, and what it shows.

use super::Label;
use bytes::Bytes;

/// Whether a picture shows what the camera sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PictureKind {
    /// From the camera.
    Live,
    /// Drawn because the camera is gone: for viewers, not for uploads or snapshots.
    NoSignal,
}

/// One JPEG, and which one it is.
#[derive(Clone, Debug)]
pub struct Picture {
    /// The picture, SOI to EOI. Cloning it copies no pixels.
    pub jpeg: Bytes,
    /// Which one it is.
    pub label: Label,
    /// Live, or drawn in place of a camera picture.
    pub kind: PictureKind,
}

#[cfg(test)]
impl Picture {
    /// A live one of the fewest bytes.
    pub(crate) fn example(sequence: u64) -> Self {
        let label = Label { run: super::RunId::new(0), sequence, captured_at: std::time::Duration::ZERO };
        Self { jpeg: Bytes::from_static(b"\xff\xd8\xff\xd9"), label, kind: PictureKind::Live }
    }
}
