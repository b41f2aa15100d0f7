//! A frame's own copy, to be damaged: the camera's buffer belongs to the camera.

use eyelet_hal::{Error, ErrorKind, Frame, FrameMeta, PixelFormat, Plane, Result, StreamFormat};
use fastrand::Rng;
use std::num::NonZeroU32;

/// In how many places a frame is hit.
const HITS: usize = 8;

/// A copy of a frame that keeps its memory.
#[derive(Debug, Default)]
pub(super) struct Damaged {
    meta: FrameMeta,
    format: Option<StreamFormat>,
    planes: Vec<(Vec<u8>, usize)>,
}

impl Damaged {
    /// Takes over format, time and pixels.
    pub(super) fn take(&mut self, frame: &Frame<'_>) {
        self.meta = frame.meta();
        self.format = Some(frame.format());
        self.planes.resize_with(frame.planes().len(), Default::default);
        for ((bytes, stride), plane) in self.planes.iter_mut().zip(frame.planes()) {
            bytes.clear();
            bytes.extend_from_slice(plane.bytes);
            *stride = plane.stride;
        }
    }

    /// Keeps the upper half of a raw picture; the rest of the planes is beyond its last row.
    pub(super) fn halve(&mut self) {
        if let Some(format) = &mut self.format
            && format.pixel != PixelFormat::Jpeg
        {
            format.height = NonZeroU32::new(format.height.get() / 2).unwrap_or(NonZeroU32::MIN);
        }
    }

    /// Changes a run of bytes in some places of each plane.
    pub(super) fn corrupt(&mut self, rng: &mut Rng) {
        for (bytes, _) in &mut self.planes {
            // One hit in each part, so that none undoes another.
            let part = bytes.len().div_ceil(HITS).max(1);
            for bytes in bytes.chunks_mut(part) {
                let start = rng.usize(..bytes.len());
                let run = rng.usize(1..=(bytes.len() - start).min(64));
                for byte in &mut bytes[start..start + run] {
                    *byte ^= rng.u8(1..);
                }
            }
        }
    }

    /// Cuts the last plane anywhere, but leaves something of a compressed picture.
    pub(super) fn truncate(&mut self, rng: &mut Rng) {
        let Some((bytes, _)) = self.planes.last_mut() else { return };
        let least = usize::from(self.format.is_some_and(|f| f.pixel == PixelFormat::Jpeg));
        if bytes.len() > least {
            bytes.truncate(rng.usize(least..bytes.len()));
        }
    }

    /// The frame that the copy is now; `CorruptFrame` if rows are missing.
    pub(super) fn frame(&self) -> Result<Frame<'_>> {
        let planes: Vec<_> = self.planes.iter().map(|(bytes, stride)| Plane::host(bytes, *stride)).collect();
        let format = self.format.ok_or_else(|| Error::new(ErrorKind::CorruptFrame, "no frame was copied"))?;
        Frame::new(format, self.meta, &planes)
    }
}
