//! Where the planes of a frame lie in one contiguous V4L2 buffer.

use eyelet_hal::{Memory, PixelFormat, Plane, StreamFormat};
use std::os::fd::BorrowedFd;

/// Offset and stride of a plane in its buffer, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Place {
    offset: usize,
    stride: usize,
}

/// The planes of a format in a buffer whose rows begin every `bytesperline` bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    count: usize,
    places: [Place; 3],
}

impl Layout {
    /// The layout that V4L2 gives single-planar formats: planes follow each other, each with all its rows;
    /// the stride of a chroma plane follows from the luma's. A driver that leaves `bytesperline` 0 has packed
    /// rows.
    pub(super) fn new(format: StreamFormat, bytesperline: u32) -> Self {
        let count = format.pixel.planes();
        let mut places = [Place::default(); 3];
        if format.pixel == PixelFormat::Jpeg {
            return Self { count, places };
        }
        let row = |index| format.plane(index).map_or(0, |plane| plane.row_bytes);
        let rows = |index| format.plane(index).map_or(0, |plane| plane.rows);
        let luma = (bytesperline as usize).max(row(0));
        let mut offset = 0usize;
        for (index, place) in places.iter_mut().take(count).enumerate() {
            let stride = match (format.pixel, index) {
                (PixelFormat::I420 | PixelFormat::Yuv422p, 1 | 2) => (luma / 2).max(row(index)),
                (_, 0) => luma,
                // Odd widths: a row of pairs is one byte longer than the luma's.
                _ => luma.max(row(index)),
            };
            *place = Place { offset, stride };
            offset = offset.saturating_add(stride.saturating_mul(rows(index)));
        }
        Self { count, places }
    }

    /// The planes of a payload. A payload that is too short gives short planes, which make no
    /// [`Frame`](eyelet_hal::Frame).
    pub(super) fn planes<'a>(
        &self,
        payload: &'a [u8],
        dma_buf: Option<BorrowedFd<'a>>,
    ) -> ([Plane<'a>; 3], usize) {
        let mut planes = [Plane::host(&[], 0); 3];
        for (index, plane) in planes.iter_mut().take(self.count).enumerate() {
            let Place { offset, stride } = self.places[index];
            let end = if index + 1 < self.count { self.places[index + 1].offset } else { payload.len() };
            let bytes = payload.get(offset..end.min(payload.len())).unwrap_or_default();
            *plane = Plane::host(bytes, stride);
            // Without bytes it must not pass for a plane that lives elsewhere.
            if let (Some(fd), Ok(offset), false) = (dma_buf, u32::try_from(offset), bytes.is_empty()) {
                plane.memory = Memory::DmaBuf { fd, offset };
            }
        }
        (planes, self.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use eyelet_hal::{Frame, FrameMeta};
    use proptest::prelude::*;
    use std::os::fd::AsFd;

    fn format(pixel: PixelFormat, width: u32, height: u32) -> StreamFormat {
        StreamFormat::new(pixel, width, height).unwrap()
    }

    fn places(pixel: PixelFormat, bytesperline: u32) -> Vec<(usize, usize)> {
        let layout = Layout::new(format(pixel, 640, 480), bytesperline);
        layout.places[..layout.count].iter().map(|p| (p.offset, p.stride)).collect()
    }

    #[test]
    fn padded_rows_move_the_chroma() {
        assert_eq!(places(PixelFormat::Nv12, 704), [(0, 704), (704 * 480, 704)]);
        assert_eq!(
            places(PixelFormat::I420, 704),
            [(0, 704), (704 * 480, 352), (704 * 480 + 352 * 240, 352)]
        );
        assert_eq!(
            places(PixelFormat::Yuv422p, 704),
            [(0, 704), (704 * 480, 352), (704 * 480 + 352 * 480, 352)]
        );
        assert_eq!(places(PixelFormat::Yuyv, 1408), [(0, 1408)]);
        assert_eq!(places(PixelFormat::Jpeg, 0), [(0, 0)]);
    }

    #[test]
    fn a_driver_that_says_no_stride_has_packed_rows() {
        assert_eq!(places(PixelFormat::Rgb24, 0), [(0, 1920)]);
        assert_eq!(places(PixelFormat::Nv21, 0), [(0, 640), (640 * 480, 640)]);
    }

    proptest! {
        /// A whole payload is a frame; one that lacks its last byte is none, dma-buf or not.
        #[test]
        fn whole_is_a_frame_and_short_is_none(
            pixel in prop::sample::select(PixelFormat::ALL.to_vec()),
            width in 1u32..70, height in 1u32..50, pad in 0u32..9, exported: bool,
        ) {
            let format = format(pixel, width, height);
            let row = format.plane(0).map_or(0, |p| p.row_bytes);
            let layout = Layout::new(format, u32::try_from(row).unwrap() + pad * 2);
            let last = layout.count - 1;
            let Place { offset, stride } = layout.places[last];
            let need = offset + format.plane(last).map_or(1, |p| p.min_len(stride).unwrap());
            let file = std::fs::File::open("/dev/null").unwrap();
            let fd = exported.then(|| file.as_fd());
            let payload: Vec<u8> = (0..need).map(|i| i as u8).collect();
            for (length, whole) in [(need, true), (need - 1, false), (0, false)] {
                let (planes, count) = layout.planes(&payload[..length], fd);
                let frame = Frame::new(format, FrameMeta::default(), &planes[..count]);
                prop_assert_eq!(frame.is_ok(), whole, "{} bytes of {}", length, need);
            }
            let (planes, count) = layout.planes(&payload, fd);
            for (plane, place) in planes[..count].iter().zip(layout.places) {
                prop_assert_eq!(plane.bytes[0], place.offset as u8, "a plane begins at its offset");
                match plane.memory {
                    Memory::DmaBuf { offset, .. } => prop_assert_eq!(offset as usize, place.offset),
                    Memory::Host => prop_assert!(!exported),
                    _ => prop_assert!(false),
                }
            }
        }
    }
}
