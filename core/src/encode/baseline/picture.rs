//! A frame cut into units of 16 columns, each where it lies in memory.

use super::words::words;
use crate::encode::pixels::{Pixels, Rows};
use eyelet_hal::PixelFormat;

/// How many chroma samples there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sampling {
    /// 4:2:0: one for two columns and two rows.
    Half,
    /// 4:2:2: one for two columns.
    Wide,
    /// None at all.
    Grey,
}

impl Sampling {
    /// Rows of pixels in a unit.
    pub(super) const fn rows(self) -> usize {
        match self {
            Self::Half => 16,
            Self::Wide | Self::Grey => 8,
        }
    }

    /// Luma blocks in a unit.
    pub(super) const fn luma_blocks(self) -> usize {
        self.rows() / 4
    }
}

/// How samples lie in the planes of a [`Unit`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SampleLayout {
    Planar,
    /// Pairs of Cb, Cr.
    CbCr,
    /// Pairs of Cr, Cb.
    CrCb,
    Yuyv,
    Rgb,
    Bgr,
    Grey,
}

/// Rows of bytes, from the first sample of a unit on.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Strip<'a> {
    bytes: &'a [u8],
    stride: usize,
}

impl<'a> Strip<'a> {
    /// The first `N` bytes of row `y`.
    #[inline(always)]
    pub(super) fn row<const N: usize>(&self, y: usize) -> &'a [u8; N] {
        let row = self.bytes[y * self.stride..].first_chunk();
        row.expect("a unit has all its rows: `Picture::unit` ensures it")
    }

    /// The byte `ahead` of the first of row `y`, if there is one.
    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    pub(super) fn ahead(&self, y: usize, ahead: usize) -> Option<&'a u8> {
        self.bytes.get(y * self.stride + ahead)
    }

    /// The first `N` words of row `y`, first byte lowest; `None` unless they are aligned.
    #[inline(always)]
    pub(super) fn words<const N: usize>(&self, y: usize) -> Option<[u64; N]> {
        words(&self.bytes[y * self.stride..])?.first_chunk().map(|words| words.map(u64::from_le))
    }
}

/// 16 columns and [`Sampling::rows`] rows of a picture, whole: one MCU, or two MCUs of a grey picture.
#[derive(Clone, Copy, Debug)]
pub(super) struct Unit<'a> {
    pub(super) layout: SampleLayout,
    pub(super) sampling: Sampling,
    pub(super) planes: [Strip<'a>; 3],
}

/// Room for a unit at the edge, to be completed with copies of the last column and the last row.
#[derive(Debug)]
#[repr(align(8))]
pub(super) struct Margin {
    planes: [[u8; 16 * 48]; 3],
}

impl Margin {
    pub(super) const fn new() -> Self {
        Self { planes: [[0; 16 * 48]; 3] }
    }
}

/// A raw frame, by units.
pub(super) struct Picture<'a> {
    pub(super) layout: SampleLayout,
    pub(super) sampling: Sampling,
    pub(super) width: usize,
    pub(super) height: usize,
    planes: [Rows<'a>; 3],
}

/// Bytes, columns and rows of each plane's share of a unit: bytes of a cell, pixels across it, rows of pixels it covers.
#[derive(Clone, Copy)]
struct Cell {
    bytes: usize,
    columns: usize,
    rows: usize,
}

impl SampleLayout {
    fn cells(self, sampling: Sampling) -> &'static [Cell] {
        const SAMPLE: Cell = Cell { bytes: 1, columns: 1, rows: 1 };
        const PAIR: Cell = Cell { bytes: 2, columns: 2, rows: 2 };
        const WIDE: Cell = Cell { bytes: 1, columns: 2, rows: 1 };
        const HALF: Cell = Cell { bytes: 1, columns: 2, rows: 2 };
        match (self, sampling) {
            (Self::Planar, Sampling::Half) => &[SAMPLE, HALF, HALF],
            (Self::Planar, _) => &[SAMPLE, WIDE, WIDE],
            (Self::CbCr | Self::CrCb, _) => &[SAMPLE, PAIR],
            (Self::Yuyv, _) => &[Cell { bytes: 4, columns: 2, rows: 1 }],
            (Self::Rgb | Self::Bgr, _) => &[Cell { bytes: 3, columns: 1, rows: 1 }],
            (Self::Grey, _) => &[SAMPLE],
        }
    }
}

impl<'a> Picture<'a> {
    /// What [`Pixels`] lets through.
    pub(super) fn new(pixels: &Pixels<'a>) -> Self {
        let (layout, sampling) = match pixels.pixel {
            PixelFormat::Nv12 => (SampleLayout::CbCr, Sampling::Half),
            PixelFormat::Nv21 => (SampleLayout::CrCb, Sampling::Half),
            PixelFormat::I420 => (SampleLayout::Planar, Sampling::Half),
            PixelFormat::Yuv422p => (SampleLayout::Planar, Sampling::Wide),
            PixelFormat::Yuyv => (SampleLayout::Yuyv, Sampling::Wide),
            PixelFormat::Rgb24 => (SampleLayout::Rgb, Sampling::Half),
            PixelFormat::Bgr24 => (SampleLayout::Bgr, Sampling::Half),
            _ => (SampleLayout::Grey, Sampling::Grey),
        };
        let (width, height) = (pixels.width.into(), pixels.height.into());
        Self { layout, sampling, width, height, planes: pixels.planes }
    }

    /// Rows of units.
    pub(super) fn unit_rows(&self) -> usize {
        self.height.div_ceil(self.sampling.rows())
    }

    /// MCUs in a row of units.
    pub(super) fn mcus_in_row(&self) -> usize {
        self.width.div_ceil(if self.sampling == Sampling::Grey { 8 } else { 16 })
    }

    /// The unit whose first pixel is `(x, y)`; `margin` is where it is put together if it is not whole.
    #[inline(always)]
    pub(super) fn unit<'m>(&'m self, x: usize, y: usize, margin: &'m mut Margin) -> Unit<'m> {
        let whole = x + 16 <= self.width && y + self.sampling.rows() <= self.height;
        let planes = if whole { self.inside(x, y) } else { self.edge(x, y, margin) };
        Unit { layout: self.layout, sampling: self.sampling, planes }
    }

    #[inline(always)]
    fn inside(&self, x: usize, y: usize) -> [Strip<'a>; 3] {
        let mut strips = [Strip::default(); 3];
        for ((strip, plane), cell) in
            strips.iter_mut().zip(&self.planes).zip(self.layout.cells(self.sampling))
        {
            let start = y / cell.rows * plane.stride + x / cell.columns * cell.bytes;
            *strip = Strip { bytes: &plane.bytes[start..], stride: plane.stride };
        }
        strips
    }

    #[cold]
    #[inline(never)]
    fn edge<'m>(&self, x: usize, y: usize, margin: &'m mut Margin) -> [Strip<'m>; 3] {
        let cells = self.layout.cells(self.sampling);
        for ((to, plane), cell) in margin.planes.iter_mut().zip(&self.planes).zip(cells) {
            let last_column = (self.width - 1) / cell.columns;
            let last_row = (self.height - 1) / cell.rows;
            let stride = 16 / cell.columns * cell.bytes;
            for (row, to) in to.chunks_exact_mut(stride).take(self.sampling.rows() / cell.rows).enumerate() {
                let from = plane.row((y / cell.rows + row).min(last_row));
                for (column, to) in to.chunks_exact_mut(cell.bytes).enumerate() {
                    let at = (x / cell.columns + column).min(last_column);
                    to.copy_from_slice(&from[at * cell.bytes..][..cell.bytes]);
                    // Of the last two pixels of an odd width there is only the first.
                    if self.layout == SampleLayout::Yuyv
                        && (at * 2 + 1 >= self.width || x / 2 + column > last_column)
                    {
                        let last = if at * 2 + 1 < self.width { 2 } else { 0 };
                        (to[0], to[2]) = (from[at * 4 + last], from[at * 4 + last]);
                    }
                }
            }
        }
        let mut strips = [Strip::default(); 3];
        for ((strip, plane), cell) in strips.iter_mut().zip(&margin.planes).zip(cells) {
            *strip = Strip { bytes: plane, stride: 16 / cell.columns * cell.bytes };
        }
        strips
    }
}
