//! What the unit can take, and how a picture lies in the memory that it reads. Pure arithmetic.
//!
//! The limits are checked here, before the driver is asked: it crashes where it should refuse.

use crate::sys::abi::{self, ChannelAttr, FrameInfo, Plain};
use eyelet_hal::{Frame, Memory, PixelFormat, Quality, StreamFormat};
use std::ops::Deref;

/// The least side, in pixels.
pub(super) const MIN_SIDE: u32 = 16;
/// The largest picture that is known to work on the board, in pixels.
pub(super) const MAX_SIZE: (u32, u32) = (2560, 1440);
/// The unit works on whole blocks of this many pixels, in both directions.
const BLOCK: u32 = 16;
/// Rows in memory begin at multiples of this many bytes, a cache line.
const STRIDE: u32 = 64;

/// How the unit reads the chroma.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Chroma {
    /// One plane of pairs, half as high.
    Pairs,
    /// Two planes, half as wide and half as high.
    Quarter,
    /// Two planes, half as wide.
    Half,
}

/// A picture that the unit can encode, and where its planes lie in one piece of memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PictureLayout {
    width: u32,
    height: u32,
    number: u32,
    chroma: Chroma,
    /// Bytes from row to row of the luma plane.
    stride: u32,
}

impl PictureLayout {
    /// The layout for frames of this format, or why the unit cannot take them.
    pub(super) fn of(format: StreamFormat) -> Result<Self, &'static str> {
        let (number, chroma) = match format.pixel {
            PixelFormat::Nv12 => (abi::NV12, Chroma::Pairs),
            PixelFormat::Nv21 => (abi::NV21, Chroma::Pairs),
            PixelFormat::I420 => (abi::YUV_PLANAR_420, Chroma::Quarter),
            // YUYV is taken apart on its way into the unit's memory.
            PixelFormat::Yuv422p | PixelFormat::Yuyv => (abi::YUV_PLANAR_422, Chroma::Half),
            _ => return Err("it takes nv12, nv21, i420, yuv422p and yuyv"),
        };
        let (width, height) = (format.width.get(), format.height.get());
        if width < MIN_SIDE || height < MIN_SIDE {
            return Err("it takes sides of 16 pixels and more");
        }
        if width % 2 != 0 || height % 2 != 0 {
            return Err("it takes even sides");
        }
        if width > MAX_SIZE.0 || height > MAX_SIZE.1 {
            return Err("it takes 2560x1440 at most");
        }
        Ok(Self { width, height, number, chroma, stride: width.next_multiple_of(STRIDE) })
    }

    /// Where the planes lie: of each its first byte, its stride, its rows with the padding that the unit reads,
    /// and how many bytes of a row it reads.
    pub(super) fn planes(&self) -> Planes<PlaneLayout> {
        let stride = self.stride as usize;
        let (wide, high) = (self.width.next_multiple_of(BLOCK) as usize, self.padded_height() as usize);
        let (stride2, wide2, high2, count) = match self.chroma {
            Chroma::Pairs => (stride, wide, high / 2, 1),
            Chroma::Quarter => (stride / 2, wide / 2, high / 2, 2),
            Chroma::Half => (stride / 2, wide / 2, high, 2),
        };
        let mut planes = Planes::default();
        planes.push(PlaneLayout { at: 0, stride, rows: high, row_bytes: wide });
        for index in 0..count {
            let at = stride * high + index * stride2 * high2;
            planes.push(PlaneLayout { at, stride: stride2, rows: high2, row_bytes: wide2 });
        }
        planes
    }

    fn padded_height(&self) -> u32 {
        self.height.next_multiple_of(BLOCK)
    }

    /// Bytes of all planes with their padding; below 2^24.
    pub(super) fn len(&self) -> u32 {
        let luma = self.stride * self.padded_height();
        if self.chroma == Chroma::Half { 2 * luma } else { luma / 2 * 3 }
    }

    /// Bytes for the JPEG: as many as the picture has, which no sensible quality needs; a multiple of 1024 up to
    /// 16 MiB. Beyond it the driver patches pieces together, or fails.
    pub(super) fn jpeg_len(&self) -> u32 {
        self.len().max(64 << 10).next_multiple_of(1024)
    }

    /// What a channel for such pictures is made with.
    pub(super) fn attr(&self) -> ChannelAttr {
        ChannelAttr {
            payload_type: abi::PT_JPEG,
            max_width: self.width,
            max_height: self.height,
            buffer_size: self.jpeg_len(),
            by_frame: 1,
            width: self.width,
            height: self.height,
            rate_control: abi::RC_MJPEG_FIXQP,
            ..ChannelAttr::zeroed()
        }
    }

    /// Width and height of the JPEG.
    pub(super) fn size(&self) -> (u32, u32) {
        (self.width, self.height)
    }

    /// What the driver gets to know of a picture.
    pub(super) fn frame(&self, place: &Place) -> FrameInfo {
        let mut info = FrameInfo {
            width: self.width,
            height: self.height,
            pixel_format: self.number,
            color_gamut: abi::GAMUT_BT709,
            pool: u32::MAX,
            ..FrameInfo::zeroed()
        };
        for (index, plane) in place.iter().enumerate() {
            info.physical[index] = plane.physical;
            info.length[index] = plane.len;
            info.stride[index] = plane.stride;
        }
        info
    }

    /// The place of a picture that lies at `physical` as this layout says.
    pub(super) fn at(&self, physical: u64) -> Place {
        let mut place = Place::default();
        for plane in self.planes().iter() {
            place.push(PhysicalPlane {
                physical: physical + plane.at as u64,
                len: (plane.stride * plane.rows) as u32,
                stride: plane.stride as u32,
                cached: true,
            });
        }
        place
    }

    /// The place of a frame that the unit can read where it is. `None` if it must be copied: it lies in host
    /// memory only, or so that the unit would read past its end, or in rows that the unit cannot step over.
    ///
    /// The unit reads whole blocks of 16x16 pixels. Past the rows and lines of a picture that is none, a frame of the
    /// scaler has what is harmless to read: its rows are longer and hold more of the scene, below the luma there is the
    /// chroma, and below that, up to 7 lines past the frame's end, the next frame or other memory of the carve-out's,
    /// of which no pixel is seen.
    pub(super) fn in_place(&self, frame: &Frame<'_>) -> Option<Place> {
        let whole_blocks = self.width.is_multiple_of(BLOCK) && self.height.is_multiple_of(BLOCK);
        if !whole_blocks && !self.is_scalers(frame) || frame.format().pixel == PixelFormat::Yuyv {
            return None;
        }
        let own = self.planes();
        let stride = u32::try_from(frame.planes().first()?.stride).ok()?;
        if !stride.is_multiple_of(STRIDE) || stride > 4 * MAX_SIZE.0 {
            return None;
        }
        let mut place = Place::default();
        for (index, (plane, own)) in frame.planes().iter().zip(own.iter()).enumerate() {
            let Memory::Physical(physical) = plane.memory else { return None };
            // The unit has one stride and derives that of the chroma.
            let derived = if index > 0 && self.chroma != Chroma::Pairs { stride / 2 } else { stride };
            if plane.stride != derived as usize || !physical.is_multiple_of(u64::from(STRIDE)) {
                return None;
            }
            let len = derived.checked_mul(own.rows as u32)?;
            physical.checked_add(len.into())?;
            place.push(PhysicalPlane { physical, len, stride: derived, cached: !plane.bytes.is_empty() });
        }
        Some(place)
    }

    /// Whether a frame lies as the scaler writes it: two planes in one piece, rows of whole cache lines, and no
    /// bytes that the CPU has seen.
    fn is_scalers(&self, frame: &Frame<'_>) -> bool {
        let &[luma, chroma] = frame.planes() else { return false };
        let (Memory::Physical(first), Memory::Physical(second)) = (luma.memory, chroma.memory) else {
            return false;
        };
        luma.bytes.is_empty()
            && chroma.bytes.is_empty()
            && luma.stride >= self.width.next_multiple_of(BLOCK) as usize
            && (luma.stride as u64).checked_mul(self.height.into()).and_then(|len| first.checked_add(len))
                == Some(second)
    }
}

/// One plane in the unit's memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct PlaneLayout {
    /// Its first byte.
    pub(super) at: usize,
    /// Bytes from row to row.
    pub(super) stride: usize,
    /// Rows that the unit reads, padding included.
    pub(super) rows: usize,
    /// Bytes of a row that the unit reads, padding included.
    pub(super) row_bytes: usize,
}

/// One plane in physical memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct PhysicalPlane {
    /// Its physical address.
    pub(super) physical: u64,
    /// Bytes that the unit reads.
    pub(super) len: u32,
    /// Bytes from row to row.
    pub(super) stride: u32,
    /// Whether the CPU's cache may hold something of it that is not in memory.
    pub(super) cached: bool,
}

/// A picture in physical memory.
pub(super) type Place = Planes<PhysicalPlane>;

/// Up to three of something, one for each plane.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Planes<T> {
    all: [T; 3],
    count: usize,
}

impl<T> Planes<T> {
    fn push(&mut self, plane: T) {
        self.all[self.count] = plane;
        self.count += 1;
    }
}

impl<T> Deref for Planes<T> {
    type Target = [T];
    fn deref(&self) -> &[T] {
        &self.all[..self.count]
    }
}

/// The driver's number for a quality. It refuses 50 and everything from 100 on, and 0 would be its default.
pub(super) fn driver_quality(quality: Quality) -> u32 {
    match quality.get() {
        50 => 51,
        100.. => 99,
        quality => quality.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use eyelet_hal::{FrameMeta, Plane};
    use proptest::prelude::*;

    fn format(pixel: PixelFormat, width: u32, height: u32) -> StreamFormat {
        StreamFormat::new(pixel, width, height).unwrap()
    }

    fn any_format() -> impl Strategy<Value = StreamFormat> {
        (prop::sample::select(PixelFormat::ALL.to_vec()), 1u32..3000, 1u32..2000)
            .prop_map(|(pixel, width, height)| format(pixel, width, height))
    }

    proptest! {
        #[test]
        fn layout_is_within_the_drivers_limits(format in any_format()) {
            let Ok(layout) = PictureLayout::of(format) else { return Ok(()) };
            let attr = layout.attr();
            prop_assert!(attr.width >= 16 && attr.height >= 16 && attr.width % 2 == 0 && attr.height % 2 == 0);
            prop_assert!(attr.buffer_size % 1024 == 0 && attr.buffer_size <= 16 << 20 && attr.buffer_size > 0);
            let planes = layout.planes();
            let mut end = 0;
            for (index, plane) in planes.iter().enumerate() {
                prop_assert_eq!(plane.at, end, "planes follow one another");
                prop_assert!(plane.row_bytes <= plane.stride);
                let visible = Some(format.pixel).filter(|&pixel| pixel != PixelFormat::Yuyv);
                if visible.is_some() {
                    let own = format.plane(index).unwrap();
                    prop_assert!(plane.rows >= own.rows && plane.row_bytes >= own.row_bytes);
                }
                end += plane.stride * plane.rows;
            }
            prop_assert_eq!(end, layout.len() as usize);
            prop_assert_eq!(planes[0].stride % 64, 0);
        }

        #[test]
        fn every_quality_is_accepted(quality in 1u8..=100) {
            let number = driver_quality(Quality::new(quality).unwrap());
            prop_assert!((1..=49).contains(&number) || (51..=99).contains(&number));
            prop_assert!(number.abs_diff(quality.into()) <= 1);
        }
    }

    #[test]
    fn layout_of_what_the_unit_cannot_take_is_an_error() {
        for (pixel, width, height) in [
            (PixelFormat::Rgb24, 640, 480),
            (PixelFormat::Grey, 640, 480),
            (PixelFormat::Jpeg, 640, 480),
            (PixelFormat::Nv12, 14, 480),
            (PixelFormat::Nv12, 640, 14),
            (PixelFormat::Nv12, 641, 480),
            (PixelFormat::Nv12, 640, 481),
            (PixelFormat::Nv12, 2562, 480),
            (PixelFormat::Nv12, 640, 1442),
        ] {
            assert!(PictureLayout::of(format(pixel, width, height)).is_err(), "{width}x{height} {pixel}");
        }
    }

    #[test]
    fn physical_frame_is_read_in_place_only_where_the_unit_reads_nothing_else() {
        let physical = |physical, stride| Plane { bytes: &[], stride, memory: Memory::Physical(physical) };
        let place = |width, height, planes: &[Plane<'_>]| {
            let format = format(PixelFormat::Nv21, width, height);
            let frame = Frame::new(format, FrameMeta::default(), planes).unwrap();
            PictureLayout::of(format).unwrap().in_place(&frame)
        };
        let (luma, chroma) = (physical(0x8800_0000, 704), physical(0x8900_0000, 704));
        let found = place(640, 480, &[luma, chroma]).unwrap();
        let want = [
            PhysicalPlane { physical: 0x8800_0000, len: 704 * 480, stride: 704, cached: false },
            PhysicalPlane { physical: 0x8900_0000, len: 704 * 240, stride: 704, cached: false },
        ];
        assert_eq!(*found, want);
        assert_eq!(place(640, 488, &[luma, chroma]), None, "half a block more would be read");
        assert_eq!(place(648, 480, &[luma, chroma]), None, "half a block more would be read");
        assert_eq!(place(640, 480, &[luma, physical(0x8900_0000, 768)]), None, "two strides");
        assert_eq!(place(640, 480, &[luma, physical(0x8900_0001, 704)]), None, "not at a cache line");
        assert_eq!(place(640, 480, &[physical(0x8800_0000, 650), physical(0x8900_0000, 650)]), None);
        let scalers = |width, height: u32| {
            let chroma = physical(0x8800_0000 + u64::from(704 * height), 704);
            place(width, height, &[luma, chroma])
                .map(|place| place.iter().map(|plane| plane.len).collect::<Vec<_>>())
        };
        assert_eq!(scalers(650, 472), Some(vec![704 * 480, 704 * 240]), "what is read past it is harmless");
        let host = Plane::host(&[0; 704 * 240], 704);
        assert_eq!(place(640, 480, &[luma, host]), None, "not physical");
    }
}
