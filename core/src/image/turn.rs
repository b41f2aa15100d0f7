//! Rotates and flips frames, in the pass that copies them.

use super::{Canvas, View, orientation::Orientation};
use eyelet_hal::{PixelFormat, Result};
use std::array;

/// Cells that are moved at a time: of a row from right to left, or in both directions where rows become columns.
const TILE: usize = 8;
/// Rows that are read before the next columns of them: a cache line of each, so that whole lines are written.
const BAND: usize = 64;

/// A copy of the pixels of `view`, turned, in a buffer that is used again and again: it grows to the size of a frame once. Every
/// byte of the copy is written.
///
/// Formats in which two pixels side by side share their chroma become [`I420`](PixelFormat::I420) where rows become columns: each
/// chroma sample is then the mean of two, one above the other.
///
/// # Errors
/// None in practice: a view has a format whose frames fit into memory.
pub(crate) fn turned<'a>(view: &View<'_>, by: Orientation, buffer: &'a mut Vec<u8>) -> Result<Canvas<'a>> {
    let format = by.format(view.format);
    buffer.resize(format.packed_len().unwrap_or_default(), 0);
    let mut canvas = Canvas::packed(format, buffer)?;
    let (width, height) = (view.width() as usize, view.height() as usize);
    let (half_width, half_height) = (width.div_ceil(2), height.div_ceil(2));
    let [first, second, third] = &mut canvas.planes;
    let plane = |index: usize, columns, rows| {
        let (bytes, stride) = view.planes[index];
        Plane { bytes, stride, columns, rows }
    };
    match view.format.pixel {
        PixelFormat::Nv12 | PixelFormat::Nv21 => {
            plane(0, width, height).turn::<1>(by, first);
            plane(1, half_width, half_height).turn::<2>(by, second);
        }
        PixelFormat::I420 => {
            plane(0, width, height).turn::<1>(by, first);
            plane(1, half_width, half_height).turn::<1>(by, second);
            plane(2, half_width, half_height).turn::<1>(by, third);
        }
        PixelFormat::Yuv422p => {
            plane(0, width, height).turn::<1>(by, first);
            for (index, to) in [(1, second), (2, third)] {
                let chroma = plane(index, half_width, height);
                match by.transpose {
                    true => chroma.transpose_halved::<1>(0, by, to),
                    false => chroma.turn::<1>(by, to),
                }
            }
        }
        PixelFormat::Yuyv if by.transpose => {
            plane(0, width, height).transpose(by, first, |[luma, _]: [u8; 2]| [luma]);
            plane(0, half_width, height).transpose_halved::<4>(1, by, second);
            plane(0, half_width, height).transpose_halved::<4>(3, by, third);
        }
        PixelFormat::Yuyv if by.mirror => mirror_yuyv(&plane(0, half_width, height), by, width, first),
        PixelFormat::Yuyv => plane(0, half_width, height).turn::<4>(by, first),
        PixelFormat::Rgb24 | PixelFormat::Bgr24 => plane(0, width, height).turn::<3>(by, first),
        _ => plane(0, width, height).turn::<1>(by, first),
    }
    Ok(canvas)
}

/// A plane of cells of a few bytes each, to read.
struct Plane<'a> {
    bytes: &'a [u8],
    stride: usize,
    columns: usize,
    rows: usize,
}

impl Plane<'_> {
    fn row<const N: usize>(&self, y: usize) -> &[[u8; N]] {
        self.bytes[y * self.stride..][..self.columns * N].as_chunks().0
    }

    /// Cells of N bytes, turned into `to`, which has no padding.
    fn turn<const N: usize>(&self, by: Orientation, to: &mut [u8]) {
        if by.transpose {
            return self.transpose(by, to, |cell: [u8; N]| cell);
        }
        for (y, to) in to.chunks_exact_mut(self.columns * N).enumerate() {
            let from = self.row::<N>(if by.flip { self.rows - 1 - y } else { y });
            if by.mirror {
                mirror(from, to.as_chunks_mut().0);
            } else {
                to.copy_from_slice(from.as_flattened());
            }
        }
    }

    /// What `pick` makes of cells of N bytes, with rows as columns.
    fn transpose<const N: usize, const M: usize>(
        &self,
        by: Orientation,
        to: &mut [u8],
        pick: impl Fn([u8; N]) -> [u8; M],
    ) {
        let to = to.as_chunks_mut::<M>().0;
        let (columns, rows) = (self.columns, self.rows);
        // The first of `len` cells from `x` on, and from `y` on, in `to`.
        let column = |y: usize, len| if by.mirror { rows - y - len } else { y };
        let row = |x: usize| if by.flip { columns - 1 - x } else { x };
        for band in (0..rows).step_by(BAND) {
            for left in (0..columns).step_by(TILE) {
                for top in (band..rows.min(band + BAND)).step_by(TILE) {
                    let (wide, high) = (TILE.min(columns - left), TILE.min(rows - top));
                    // Of a constant size, so that no place in it is checked.
                    if (wide, high) == (TILE, TILE) {
                        let tile: [&[[u8; N]; TILE]; TILE] = array::from_fn(|at| {
                            let y = if by.mirror { top + TILE - 1 - at } else { top + at };
                            &self.row(y)[left..].as_chunks().0[0]
                        });
                        for at in 0..TILE {
                            let start = row(left + at) * rows + column(top, TILE);
                            let to: &mut [[u8; M]; TILE] = &mut to[start..].as_chunks_mut().0[0];
                            for (to, row) in to.iter_mut().zip(tile) {
                                *to = pick(row[at]);
                            }
                        }
                        continue;
                    }
                    for y in top..top + high {
                        for (x, cell) in (left..left + wide).zip(&self.row(y)[left..]) {
                            to[row(x) * rows + column(y, 1)] = pick(*cell);
                        }
                    }
                }
            }
        }
    }

    /// The mean of byte `offset` of each two cells of N bytes, one above the other, with rows as columns.
    fn transpose_halved<const N: usize>(&self, offset: usize, by: Orientation, to: &mut [u8]) {
        let rows = self.rows.div_ceil(2);
        for y in 0..rows {
            let above = self.row::<N>(2 * y);
            let below = self.row::<N>((2 * y + 1).min(self.rows - 1));
            let column = if by.mirror { rows - 1 - y } else { y };
            let cells = above.iter().zip(below).map(|(above, below)| above[offset].midpoint(below[offset]));
            let to = to.iter_mut().skip(column).step_by(rows);
            match by.flip {
                true => to.rev().zip(cells).for_each(|(to, cell)| *to = cell),
                false => to.zip(cells).for_each(|(to, cell)| *to = cell),
            }
        }
    }
}

/// The cells of a row from right to left.
fn mirror<const N: usize>(from: &[[u8; N]], to: &mut [[u8; N]]) {
    let swap = |to: &mut [[u8; N]], from: &[[u8; N]]| {
        to.iter_mut().zip(from.iter().rev()).for_each(|(to, from)| *to = *from);
    };
    // Most of them in pieces of a constant size, whose loop is unrolled.
    let (left, from) = from.as_rchunks::<TILE>();
    let (to, right) = to.as_chunks_mut::<TILE>();
    to.iter_mut().zip(from.iter().rev()).for_each(|(to, from)| swap(to, from));
    swap(right, left);
}

/// Swaps left and right. The pixels of a pair change places; of an odd width the pairs are others.
fn mirror_yuyv(from: &Plane<'_>, by: Orientation, width: usize, to: &mut [u8]) {
    for (y, to) in to.chunks_exact_mut(from.columns * 4).enumerate() {
        let from = from.row::<4>(if by.flip { from.rows - 1 - y } else { y });
        let to = to.as_chunks_mut().0.iter_mut();
        if width.is_multiple_of(2) {
            to.zip(from.iter().rev())
                .for_each(|(to, &[first, cb, second, cr])| *to = [second, cb, first, cr]);
            continue;
        }
        // The last pixel of a row has a pair to itself, whose other half is padding.
        let before = from.iter().rev().skip(1).map(|pair| pair[2]).chain([from[0][0]]);
        for ((to, &[first, cb, _, cr]), second) in to.zip(from.iter().rev()).zip(before) {
            *to = [first, cb, second, cr];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{
        random::{any_orientation, any_source, before},
        samples,
    };
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]

        #[test]
        fn turned_picture_has_each_pixel_in_its_place(source in any_source(), by in any_orientation()) {
            let out = source.turned(by);
            prop_assert_eq!(out.format, by.format(source.format));
            let halved = out.format.pixel != source.format.pixel;
            for (index, s) in samples::of(out.format.pixel).iter().enumerate() {
                // Brightness, R, G and B by pixels; chroma by cells, which of an odd side are counted from its other end.
                let of = samples::of(source.format.pixel)[index];
                let (width, height) = source.size();
                let size = (width.div_ceil(1 << of.across), height.div_ceil(1 << of.down));
                let (columns, rows) = (out.size().0.div_ceil(1 << s.across), out.size().1.div_ceil(1 << s.down));
                for at in (0..rows).flat_map(|y| (0..columns).map(move |x| (x, y))) {
                    let cell = |(x, y): (usize, usize)| source.sample(index, (x << of.across, y << of.down));
                    let want = if halved && index > 0 {
                        let (x, y) = before(by, at, (size.0, size.1.div_ceil(2)));
                        let (above, below) = (cell((x, 2 * y)), cell((x, (2 * y + 1).min(size.1 - 1))));
                        above.midpoint(below)
                    } else {
                        cell(before(by, at, size))
                    };
                    prop_assert_eq!(out.sample(index, (at.0 << s.across, at.1 << s.down)), want, "{} at {:?}", index, at);
                }
            }
        }

        #[test]
        fn turned_back_is_what_it_was(source in any_source(), quarters in 0u8..4, flips in 0u8..4) {
            let mirrored = |by: Orientation| if flips & 1 == 1 { by.mirrored() } else { by };
            let flipped = |by: Orientation| if flips & 2 == 2 { by.flipped() } else { by };
            let plain = source.turned(Orientation::default());
            prop_assume!(Orientation::clockwise(quarters).format(plain.format).pixel == plain.format.pixel);
            let turned = plain.turned(flipped(mirrored(Orientation::clockwise(quarters))));
            let mut back = turned.turned(flipped(mirrored(Orientation::default())));
            back = back.turned(Orientation::clockwise(4 - quarters));
            for (index, _) in samples::of(plain.format.pixel).iter().enumerate() {
                let (width, height) = plain.size();
                for at in (0..height).flat_map(|y| (0..width).map(move |x| (x, y))) {
                    prop_assert_eq!(back.sample(index, at), plain.sample(index, at));
                }
            }
            if Orientation::clockwise(1).format(plain.format).pixel == plain.format.pixel {
                let mut four = plain.clone();
                for _ in 0..4 {
                    four = four.turned(Orientation::clockwise(1));
                }
                prop_assert_eq!(four.packed(), plain.packed());
            }
        }
    }
}
