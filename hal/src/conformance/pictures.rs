//! Frames for encoders: made of nothing, so that the suite needs no device and no file.

use crate::{Frame, FrameMeta, PixelFormat, Plane, Result, StreamFormat};

/// How rows lie in memory.
#[derive(Clone, Copy, Debug)]
pub(super) enum Rows {
    /// One right after the other.
    Packed,
    /// Each followed by this many bytes of rubbish, the last by none.
    Padded(usize),
    /// Rows begin at multiples of this many bytes, and rubbish follows the last one, as drivers like it.
    Aligned(usize),
}

impl Rows {
    fn stride(self, row_bytes: usize) -> usize {
        match self {
            Self::Packed => row_bytes,
            Self::Padded(by) => row_bytes + by,
            Self::Aligned(to) => row_bytes.next_multiple_of(to),
        }
    }
}

/// A picture in memory: bytes and stride of each plane.
pub(super) struct Picture {
    format: StreamFormat,
    planes: Vec<(Vec<u8>, usize)>,
}

impl Picture {
    /// A picture whose content depends on `seed` alone, not on how it lies in memory.
    ///
    /// `None` if the format has no geometry that this knows.
    pub(super) fn new(format: StreamFormat, rows: Rows, seed: u32) -> Option<Self> {
        if format.pixel == PixelFormat::Jpeg {
            return Some(Self { format, planes: vec![(grey_jpeg(format, seed)?, 0)] });
        }
        let planes = (0..format.pixel.planes()).map(|index| {
            let geometry = format.plane(index)?;
            let stride = rows.stride(geometry.row_bytes);
            let len = match rows {
                Rows::Aligned(_) => stride * geometry.rows + stride / 2,
                _ => geometry.min_len(stride)?,
            };
            let mut bytes: Vec<u8> = (0..len).map(|at| hash(at as u32, 0xbad) as u8).collect();
            for (y, row) in bytes.chunks_mut(stride).take(geometry.rows).enumerate() {
                for (x, byte) in row.iter_mut().take(geometry.row_bytes).enumerate() {
                    *byte = texture(x as u32, y as u32, seed.wrapping_add(index as u32));
                }
            }
            Some((bytes, stride))
        });
        Some(Self { format, planes: planes.collect::<Option<_>>()? })
    }

    pub(super) fn frame(&self) -> Result<Frame<'_>> {
        let planes: Vec<_> = self.planes.iter().map(|(bytes, stride)| Plane::host(bytes, *stride)).collect();
        Frame::new(self.format, FrameMeta::default(), &planes)
    }

    /// Cuts a compressed picture short.
    pub(super) fn truncated(mut self) -> Self {
        if let Some((bytes, _)) = self.planes.first_mut() {
            bytes.truncate(bytes.len() - 2);
        }
        self
    }
}

/// A slope with some grain, different for each seed.
fn texture(x: u32, y: u32, seed: u32) -> u8 {
    let slope = (x * 3).wrapping_add(y * 5).wrapping_add(seed.wrapping_mul(37)) as u8;
    let grain = hash(x ^ (y << 16), seed) & 15;
    (slope >> 1).wrapping_add(grain as u8).wrapping_add(32)
}

fn hash(value: u32, seed: u32) -> u32 {
    let mixed = (value ^ seed.wrapping_mul(0x9e37_79b9)).wrapping_mul(0x85eb_ca6b);
    (mixed ^ (mixed >> 15)).wrapping_mul(0xc2b2_ae35) >> 16
}

/// A whole grey JPEG of any size up to 65535: each 8x8 block has a DC difference of nothing and no AC.
///
/// The seed goes into a comment, so that two pictures differ.
pub(super) fn grey_jpeg(format: StreamFormat, seed: u32) -> Option<Vec<u8>> {
    let width = u16::try_from(format.width.get()).ok()?;
    let height = u16::try_from(format.height.get()).ok()?;
    let ([h1, h0], [w1, w0]) = (height.to_be_bytes(), width.to_be_bytes());
    let mut jpeg = vec![0xff, 0xd8, 0xff, 0xfe, 0, 6];
    jpeg.extend(seed.to_be_bytes());
    jpeg.extend([0xff, 0xdb, 0, 67, 0]);
    jpeg.extend([16; 64]);
    jpeg.extend([0xff, 0xc0, 0, 11, 8, h1, h0, w1, w0, 1, 1, 0x11, 0]);
    // A DC table and an AC table, each with the single code `0`: no difference, and end of block.
    for class in [0x00, 0x10] {
        jpeg.extend([0xff, 0xc4, 0, 20, class, 1]);
        jpeg.extend([0; 16]);
    }
    jpeg.extend([0xff, 0xda, 0, 8, 1, 1, 0, 0, 63, 0]);
    let bits = 2 * usize::from(width).div_ceil(8) * usize::from(height).div_ceil(8);
    jpeg.extend(std::iter::repeat_n(0, bits / 8));
    if bits % 8 != 0 {
        jpeg.push(0xff >> (bits % 8)); // padded with ones
    }
    jpeg.extend([0xff, 0xd9]);
    Some(jpeg)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jpeg;

    #[test]
    fn pictures_are_the_same_however_their_rows_lie() {
        for pixel in PixelFormat::ALL {
            for (width, height) in [(1, 1), (3, 5), (17, 33)] {
                let format = StreamFormat::new(pixel, width, height).unwrap();
                let packed = Picture::new(format, Rows::Packed, 1).unwrap();
                for rows in [Rows::Padded(1), Rows::Padded(13), Rows::Aligned(64)] {
                    let padded = Picture::new(format, rows, 1).unwrap();
                    padded.frame().unwrap();
                    for (index, ((a, _), (b, stride))) in packed.planes.iter().zip(&padded.planes).enumerate()
                    {
                        let Some(geometry) = format.plane(index) else {
                            assert_eq!(a, b);
                            continue;
                        };
                        for (y, row) in b.chunks(*stride).take(geometry.rows).enumerate() {
                            let n = geometry.row_bytes;
                            assert_eq!(row[..n], a[y * n..][..n], "{format} plane {index} row {y}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn jpegs_are_whole() {
        for (width, height) in [(1, 1), (16, 16), (641, 479)] {
            let format = StreamFormat::new(PixelFormat::Jpeg, width, height).unwrap();
            let bytes = grey_jpeg(format, 3).unwrap();
            let info = jpeg::inspect(&bytes).unwrap();
            assert_eq!((u32::from(info.width), u32::from(info.height)), (width, height));
            assert_eq!(info.len, bytes.len());
            assert!(info.huffman_tables);
        }
    }
}
