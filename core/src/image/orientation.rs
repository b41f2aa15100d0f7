//! How a camera was held: the orientation of EXIF 2.32, tag 0x0112, or what the user asks for.

use eyelet_hal::{PixelFormat, StreamFormat};
use std::ops::Range;

/// The transformation from stored to displayed pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Orientation {
    /// First, rows become columns.
    pub(super) transpose: bool,
    /// Then left and right are swapped, and top and bottom.
    pub(super) mirror: bool,
    pub(super) flip: bool,
}

/// Columns and rows of a picture.
pub(crate) type Area = (Range<u32>, Range<u32>);

impl Orientation {
    /// A rotation by so many quarters, clockwise.
    pub(crate) fn clockwise(quarters: u8) -> Self {
        let (transpose, mirror, flip) = match quarters % 4 {
            0 => (false, false, false),
            1 => (true, true, false),
            2 => (false, true, true),
            _ => (true, false, true),
        };
        Self { transpose, mirror, flip }
    }

    /// Then left and right swapped.
    pub(crate) fn mirrored(self) -> Self {
        Self { mirror: !self.mirror, ..self }
    }

    /// Then top and bottom swapped.
    pub(crate) fn flipped(self) -> Self {
        Self { flip: !self.flip, ..self }
    }

    /// The format of a frame of this one after it. Pixels that share their chroma with the one beside them would share it with
    /// the one below, which no format has: with both, then.
    pub(crate) fn format(self, format: StreamFormat) -> StreamFormat {
        let pixel = match format.pixel {
            PixelFormat::Yuv422p | PixelFormat::Yuyv if self.transpose => PixelFormat::I420,
            pixel => pixel,
        };
        let (width, height) = self.size(format.width, format.height);
        StreamFormat { pixel, width, height }
    }

    /// Where this part of a displayed picture is in the stored one, which is `width` x `height`.
    pub(super) fn stored(self, (x, y): Area, (width, height): (u32, u32)) -> Area {
        let (columns, rows) = self.size(width, height);
        let (x, y) = (swapped(self.mirror, x, columns), swapped(self.flip, y, rows));
        if self.transpose { (y, x) } else { (x, y) }
    }

    /// Where this part of a stored picture of `width` x `height` is in the displayed one.
    pub(super) fn displayed(self, (x, y): Area, (width, height): (u32, u32)) -> Area {
        let (columns, rows) = self.size(width, height);
        let (x, y) = if self.transpose { (y, x) } else { (x, y) };
        (swapped(self.mirror, x, columns), swapped(self.flip, y, rows))
    }

    /// Reads it from an APP1 segment; `None` if it is not there.
    pub(super) fn in_app1(payload: &[u8]) -> Option<Self> {
        let tiff = payload.strip_prefix(b"Exif\0\0")?;
        let big = match tiff.get(..4)? {
            b"MM\0*" => true,
            b"II*\0" => false,
            _ => return None,
        };
        let u16_at = |at: usize| {
            let bytes: [u8; 2] = tiff.get(at..at.checked_add(2)?)?.try_into().ok()?;
            Some(if big { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) })
        };
        let (first, second) = (usize::from(u16_at(4)?), usize::from(u16_at(6)?));
        let folder = if big { (first << 16) | second } else { (second << 16) | first };
        let entries = 0..usize::from(u16_at(folder)?);
        let entry = |index: usize| folder.checked_add(2 + 12 * index);
        let at = entries.map_while(entry).find(|&at| u16_at(at) == Some(0x0112))?;
        // One number of 16 bits.
        if u16_at(at + 2)? != 3 {
            return None;
        }
        let (transpose, mirror, flip) = match u16_at(at + 8)? {
            1 => (false, false, false),
            2 => (false, true, false),
            3 => (false, true, true),
            4 => (false, false, true),
            5 => (true, false, false),
            6 => (true, true, false),
            7 => (true, true, true),
            8 => (true, false, true),
            _ => return None,
        };
        Some(Self { transpose, mirror, flip })
    }

    /// The size of a picture that is stored as `width` x `height`.
    pub(super) fn size<T>(self, width: T, height: T) -> (T, T) {
        if self.transpose { (height, width) } else { (width, height) }
    }

    /// Where the pixels of stored row `y` go, from the left, in a picture stored as `width` x `height`: the index of
    /// the first, and the distance to the next.
    pub(super) fn row(self, y: usize, (width, height): (usize, usize)) -> (usize, isize) {
        let at = |x: usize| {
            let (x, y) = if self.transpose { (y, x) } else { (x, y) };
            let (columns, rows) = self.size(width, height);
            let x = if self.mirror { columns - 1 - x } else { x };
            let y = if self.flip { rows - 1 - y } else { y };
            y * columns + x
        };
        let step = if width > 1 { at(1) as isize - at(0) as isize } else { 0 };
        (at(0), step)
    }
}

/// The same part of a line of this length, counted from its other end.
fn swapped(swap: bool, part: Range<u32>, len: u32) -> Range<u32> {
    if swap { len - part.end..len - part.start } else { part }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn app1(big: bool, value: u16) -> Vec<u8> {
        let head: &[u8] = if big { b"Exif\0\0MM\0*\0\0\0\x08" } else { b"Exif\0\0II*\0\x08\0\0\0" };
        let mut bytes = head.to_vec();
        let number = |n: u16| if big { n.to_be_bytes() } else { n.to_le_bytes() };
        let count: &[u8] = if big { &[0, 0, 0, 1] } else { &[1, 0, 0, 0] };
        bytes.extend(number(2)); // entries: the width, the orientation
        for (tag, value) in [(0x0100, 640), (0x0112, value)] {
            bytes.extend([number(tag), number(3)].concat());
            bytes.extend(count);
            bytes.extend([number(value), [0, 0]].concat());
        }
        bytes
    }

    /// The picture `abc` over `def`, turned.
    fn turned(value: u16, big: bool) -> String {
        let orientation = Orientation::in_app1(&app1(big, value)).unwrap();
        let (columns, _) = orientation.size(3, 2);
        let mut pixels = ['?'; 6];
        for (y, row) in ["abc", "def"].iter().enumerate() {
            let (first, step) = orientation.row(y, (3, 2));
            for (x, pixel) in row.chars().enumerate() {
                pixels[first.checked_add_signed(step * x as isize).unwrap()] = pixel;
            }
        }
        pixels.chunks(columns).map(String::from_iter).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn each_of_the_eight_orientations_turns_the_picture() {
        for (value, want) in [
            (1, "abc def"),
            (2, "cba fed"),
            (3, "fed cba"),
            (4, "def abc"),
            (5, "ad be cf"),
            (6, "da eb fc"),
            (7, "fc eb da"),
            (8, "cf be ad"),
        ] {
            assert_eq!(turned(value, true), want, "{value}, big-endian");
            assert_eq!(turned(value, false), want, "{value}, little-endian");
        }
    }

    #[test]
    fn rotation_is_clockwise_and_flips_come_after_it() {
        let exif = |value| Orientation::in_app1(&app1(true, value)).unwrap();
        for (quarters, value) in [(0, 1), (1, 6), (2, 3), (3, 8), (4, 1)] {
            assert_eq!(Orientation::clockwise(quarters), exif(value), "{quarters}");
        }
        assert_eq!(Orientation::default().mirrored(), exif(2));
        assert_eq!(Orientation::default().flipped(), exif(4));
        // Clockwise `da eb fc`, then left and right swapped: `ad be cf`.
        assert_eq!(Orientation::clockwise(1).mirrored(), exif(5));
        assert_eq!(Orientation::clockwise(1).flipped(), exif(7));
    }

    #[test]
    fn area_of_the_displayed_picture_is_that_of_its_pixels() {
        for quarters in 0..4 {
            let turns = Orientation::clockwise(quarters);
            for by in [turns, turns.mirrored(), turns.flipped()] {
                let (first, step) = by.row(2, (5, 4));
                let (columns, _) = by.size(5, 4);
                let at = |x| first.checked_add_signed(step * x).unwrap();
                let shown = by.displayed((3..4, 2..3), (5, 4));
                let (x, y) = ((at(3) % columns) as u32, (at(3) / columns) as u32);
                assert_eq!(shown, (x..x + 1, y..y + 1));
                assert_eq!(by.stored(shown, (5, 4)), (3..4, 2..3));
            }
        }
    }

    #[test]
    fn invalid_orientation_is_none() {
        for value in [0, 9, u16::MAX] {
            assert_eq!(Orientation::in_app1(&app1(true, value)), None);
        }
        let whole = app1(false, 6);
        for len in 0..whole.len() - 2 {
            assert_eq!(Orientation::in_app1(&whole[..len]), None, "{len}");
        }
        let mut far = whole.clone();
        far[10..14].fill(0xff);
        assert_eq!(Orientation::in_app1(&far), None);
    }
}
