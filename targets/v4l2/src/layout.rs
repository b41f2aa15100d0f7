//! Where the planes of a frame lie in one contiguous V4L2 buffer.

use eyelet_hal::{Memory, PixelFormat, Plane, StreamFormat};
use std::os::fd::BorrowedFd;

/// Offset and stride of a plane in its buffer, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Place {
    offset: usize,
    stride: usize,
}

/// Planes after each other, each with all its rows.
#[derive(Clone, Copy, Debug, Default)]
struct Rows {
    places: [Place; 3],
    /// Bytes of all rows.
    whole: usize,
}

/// Where the planes of a format may lie in a buffer whose driver reports that rows begin every `bytesperline` bytes.
///
/// Drivers leave it 0, count all planes of a row together, or report what cannot be. What a buffer holds proves more, so
/// the length of a payload chooses among the layouts that such drivers mean.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BufferLayout {
    count: usize,
    /// The first is the one unless the length of the payload is exactly that of another.
    ways: [Rows; 3],
    /// Bytes of a frame with packed rows.
    least: usize,
}

/// Drivers round the length of a payload up to whole pages.
const PAGE: usize = 4096;

impl Rows {
    /// Rows of the first plane begin every `luma` bytes, those of half width every half of it, rounded down or up.
    fn new(format: StreamFormat, luma: usize, round_up: bool) -> Self {
        let mut rows = Self::default();
        for (index, place) in rows.places.iter_mut().take(format.pixel.planes()).enumerate() {
            let Some(plane) = format.plane(index) else { break };
            let stride = match (format.pixel, index) {
                (PixelFormat::I420 | PixelFormat::Yuv422p, 1 | 2) => {
                    luma / 2 + usize::from(round_up && luma % 2 == 1)
                }
                _ => luma,
            };
            // Odd widths: a row of pairs is one byte longer than the luma's.
            let stride = stride.max(plane.row_bytes);
            *place = Place { offset: rows.whole, stride };
            rows.whole = rows.whole.saturating_add(stride.saturating_mul(plane.rows));
        }
        rows
    }
}

impl BufferLayout {
    /// The layout that V4L2 gives single-planar formats, the stride of a chroma plane following from the luma's; packed
    /// rows where `bytesperline` is less than a row or does not fit in `sizeimage` bytes (0 if the driver reports none).
    pub(crate) fn new(format: StreamFormat, bytesperline: u32, sizeimage: u32) -> Self {
        let count = format.pixel.planes();
        if format.pixel == PixelFormat::Jpeg {
            return Self { count, ways: [Rows::default(); 3], least: 0 };
        }
        let (given, sizeimage) = (bytesperline as usize, sizeimage as usize);
        let row = format.plane(0).map_or(0, |plane| plane.row_bytes);
        let packed = Rows::new(format, row, false);
        // All planes of a row, for each row of the first.
        let rows = format.height.get() as usize;
        let shared = given.saturating_mul(row) / packed.whole.div_ceil(rows).max(1);
        let shared = if count == 1 || shared < row { packed } else { Rows::new(format, shared, false) };
        let rounded_up = Rows::new(format, given, true);
        let least = packed.whole;
        let stated = Rows::new(format, given, false);
        // Of an odd height, drivers leave out half a row of chroma.
        let fits = sizeimage == 0 || stated.whole.saturating_sub(given) <= sizeimage || sizeimage < least;
        let ways = if given < row || !fits {
            [packed, shared, rounded_up]
        } else if count > 1 && given.checked_mul(rows) == Some(least) {
            [packed, stated, rounded_up]
        } else {
            [stated, if given % 2 == 0 { shared } else { rounded_up }, packed]
        };
        Self { count, ways, least }
    }

    /// Bytes that a buffer must have to hold a frame.
    pub(crate) fn least(&self) -> usize {
        self.least
    }

    fn of(&self, payload: usize) -> &[Place; 3] {
        let exact =
            |way: &&Rows| way.whole == payload || way.whole.checked_next_multiple_of(PAGE) == Some(payload);
        let [first, ..] = &self.ways;
        &self.ways.iter().find(exact).unwrap_or(first).places
    }

    /// The planes of a payload. A payload that is too short gives short planes, which make no
    /// [`Frame`](eyelet_hal::Frame).
    pub(crate) fn planes<'a>(
        &self,
        payload: &'a [u8],
        dma_buf: Option<BorrowedFd<'a>>,
    ) -> ([Plane<'a>; 3], usize) {
        let mut planes = [Plane::host(&[], 0); 3];
        let places = self.of(payload.len());
        for (index, plane) in planes.iter_mut().take(self.count).enumerate() {
            let Place { offset, stride } = places[index];
            let end = if index + 1 < self.count { places[index + 1].offset } else { payload.len() };
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
        chosen(pixel, bytesperline, 0, usize::MAX)
    }

    /// Offsets and strides of a 640x480 picture in this many bytes.
    fn chosen(pixel: PixelFormat, bytesperline: u32, sizeimage: u32, payload: usize) -> Vec<(usize, usize)> {
        let layout = BufferLayout::new(format(pixel, 640, 480), bytesperline, sizeimage);
        layout.of(payload)[..layout.count].iter().map(|p| (p.offset, p.stride)).collect()
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
    fn driver_without_a_stride_has_packed_rows() {
        assert_eq!(places(PixelFormat::Rgb24, 0), [(0, 1920)]);
        assert_eq!(places(PixelFormat::Nv21, 0), [(0, 640), (640 * 480, 640)]);
    }

    #[test]
    fn stride_that_cannot_be_follows_from_the_payload() {
        let packed = [(0, 640), (307_200, 320), (384_000, 320)];
        for (bytesperline, sizeimage, payload) in [
            (960, 4 << 20, 460_800),       // all planes of a row counted together
            (960, 4 << 20, 4 << 20),       // the same, and the payload says nothing
            (1920, 460_800, 460_800),      // more than the whole buffer
            (u32::MAX, u32::MAX, 460_800), // the payload knows better
            (641, 4 << 20, 460_800),       // odd
            (1, 0, 460_800),
            (0, 0, 462_848), // whole pages
        ] {
            assert_eq!(chosen(PixelFormat::I420, bytesperline, sizeimage, payload), packed, "{bytesperline}");
        }
        assert_eq!(chosen(PixelFormat::Nv12, 960, 0, 460_800), [(0, 640), (307_200, 640)]);
        assert_eq!(chosen(PixelFormat::Yuyv, 4096, 4 << 20, 614_400), [(0, 1280)]);
        assert_eq!(chosen(PixelFormat::Yuyv, 640, 614_400, 614_400), [(0, 1280)]);
    }

    #[test]
    fn stride_that_can_be_is_kept() {
        // Counted together with their padding: 704 and half of it, twice.
        assert_eq!(chosen(PixelFormat::I420, 1056, 506_880, 506_880)[1], (704 * 480, 352));
        // What looks like a sum, and is no sum.
        assert_eq!(chosen(PixelFormat::I420, 960, 691_200, 691_200)[1], (960 * 480, 480));
        // Halves rounded up.
        assert_eq!(chosen(PixelFormat::I420, 641, 461_760, 461_760)[1], (641 * 480, 321));
        // A driver whose buffer is too small for anything is no proof of packed rows.
        assert_eq!(chosen(PixelFormat::Yuyv, 1408, 16, 675_840), [(0, 1408)]);
        // A picture with padding that came short stays short, not skewed.
        assert_eq!(chosen(PixelFormat::Yuyv, 1408, 675_840, 640_000), [(0, 1408)]);
    }

    #[test]
    fn odd_height_with_half_a_row_left_out_keeps_its_padding() {
        let layout = BufferLayout::new(format(PixelFormat::Nv12, 640, 481), 704, 704 * 481 * 3 / 2);
        assert_eq!(layout.of(704 * 481 * 3 / 2)[1], Place { offset: 704 * 481, stride: 704 });
    }

    proptest! {
        /// A whole payload is a frame; one that lacks its last byte is none, dma-buf or not.
        #[test]
        fn whole_payload_is_a_frame_and_a_short_one_is_none(
            pixel in prop::sample::select(PixelFormat::ALL.to_vec()),
            width in 1u32..70, height in 1u32..50, pad in 0u32..9, exported: bool,
        ) {
            let format = format(pixel, width, height);
            let row = format.plane(0).map_or(0, |p| p.row_bytes);
            let layout = BufferLayout::new(format, u32::try_from(row).unwrap() + pad * 2, 0);
            let last = layout.count - 1;
            let places = layout.ways[0].places;
            let Place { offset, stride } = places[last];
            let need = offset + format.plane(last).map_or(1, |p| p.min_len(stride).unwrap());
            // Whole pages may be packed rows.
            prop_assume!(need % PAGE > 1);
            let file = std::fs::File::open("/dev/null").unwrap();
            let fd = exported.then(|| file.as_fd());
            let payload: Vec<u8> = (0..need).map(|i| i as u8).collect();
            for (length, whole) in [(need, true), (need - 1, false), (0, false)] {
                let (planes, count) = layout.planes(&payload[..length], fd);
                let frame = Frame::new(format, FrameMeta::default(), &planes[..count]);
                prop_assert_eq!(frame.is_ok(), whole, "{} bytes of {}", length, need);
            }
            let (planes, count) = layout.planes(&payload, fd);
            for (plane, place) in planes[..count].iter().zip(places) {
                prop_assert_eq!(plane.bytes[0], place.offset as u8, "a plane begins at its offset");
                match plane.memory {
                    Memory::DmaBuf { offset, .. } => prop_assert_eq!(offset as usize, place.offset),
                    Memory::Host => prop_assert!(!exported),
                    _ => prop_assert!(false),
                }
            }
        }

        /// Whatever a driver reports, planes lie in the payload, and nothing overflows.
        #[test]
        fn any_numbers_of_a_driver_give_planes_or_none(
            pixel in prop::sample::select(PixelFormat::ALL.to_vec()),
            width in prop_oneof![1u32..70, any::<u32>()], height in prop_oneof![1u32..50, any::<u32>()],
            bytesperline in prop_oneof![0u32..300, any::<u32>()],
            sizeimage in prop_oneof![0u32..9000, any::<u32>()],
            length in 0usize..9000,
        ) {
            let Some(format) = StreamFormat::new(pixel, width, height) else { return Ok(()) };
            let payload = vec![0; length];
            let (planes, count) = BufferLayout::new(format, bytesperline, sizeimage).planes(&payload, None);
            let _ = Frame::new(format, FrameMeta::default(), &planes[..count]);
        }
    }
}
