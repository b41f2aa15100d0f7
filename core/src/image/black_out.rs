//! Makes a part of a picture black, so that nothing is left of what it showed.

use super::{
    Canvas, Color,
    orientation::{Area, Orientation},
    samples,
};
use eyelet_hal::{PixelFormat, StreamFormat};
use std::ops::Range;

impl Canvas<'_> {
    /// Makes a part of a picture black that was turned so from one of format `stored`: all pixels that share chroma with a pixel
    /// of that part, in this picture or in the stored one, and what pads them.
    pub(crate) fn black_out(&mut self, part: Area, by: Orientation, stored: StreamFormat) {
        let size = (stored.width.get(), stored.height.get());
        // Where formats differ, pixels shared less in the stored one.
        let cell = cell_of(self.format.pixel);
        let part = by.displayed(whole_cells(by.stored(part, size), cell, size), size);
        let (x, y) = whole_cells(part, cell, (self.width(), self.height()));
        if self.format.pixel != PixelFormat::Yuyv {
            let wide = |range: Range<u32>| range.start.into()..range.end.into();
            return self.fill(wide(x), wide(y), Color::BLACK);
        }
        let stride = self.strides[0];
        let pairs = x.start as usize / 2..x.end.div_ceil(2) as usize;
        for row in y {
            let row = &mut self.planes[0][row as usize * stride..][4 * pairs.start..4 * pairs.end];
            row.as_chunks_mut().0.fill([0, 128, 0, 128]);
        }
    }
}

/// How many pixels across and down share their chroma.
fn cell_of(pixel: PixelFormat) -> (u32, u32) {
    samples::of(pixel)
        .iter()
        .fold((1, 1), |(across, down), s| (across.max(1 << s.across), down.max(1 << s.down)))
}

/// An area with all pixels of the cells that it touches, in a picture of this size.
fn whole_cells((x, y): Area, cell: (u32, u32), size: (u32, u32)) -> Area {
    let whole = |range: Range<u32>, cell: u32, end: u32| {
        range.start / cell * cell..range.end.next_multiple_of(cell).min(end)
    };
    (whole(x, cell.0, size.0), whole(y, cell.1, size.1))
}

#[cfg(test)]
mod tests {
    use super::super::random::{Source, any_orientation, any_source, before};
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]

        /// Two pictures that differ under the mask alone, and in what is no pixel, are the same when masked; what is two pixels
        /// away is as it was.
        #[test]
        fn nothing_under_a_mask_is_left(
            source in any_source(), by in any_orientation(), mask: [prop::sample::Index; 4], seed: u64,
        ) {
            let mut other = Source::new(source.format, source.planes[0].1 - source.format.plane(0).unwrap().row_bytes, seed);
            let mut plain = source.turned(by);
            let (columns, rows) = plain.size();
            let (x, y) = (mask[0].index(columns), mask[1].index(rows));
            let (right, bottom) = (x + 1 + mask[2].index(columns - x), y + 1 + mask[3].index(rows - y));
            let under = |x_: usize, y_: usize, more: usize| {
                (x..right).any(|x| x.abs_diff(x_) <= more) && (y..bottom).any(|y| y.abs_diff(y_) <= more)
            };
            // What pixels outside the mask do not share with one under it is the first one's.
            let mut shared = std::collections::BTreeSet::new();
            for outside in [false, true] {
                for at in (0..rows).flat_map(|y| (0..columns).map(move |x| (x, y))) {
                    if under(at.0, at.1, 0) == outside {
                        continue;
                    }
                    for index in 0..samples::of(source.format.pixel).len() {
                        let (plane, byte) = source.at(index, before(by, at, source.size()));
                        if !outside {
                            shared.insert((plane, byte));
                        } else if !shared.contains(&(plane, byte)) {
                            other.planes[plane].0[byte] = source.planes[plane].0[byte];
                        }
                    }
                }
            }
            let unmasked = plain.clone();
            let part = || (x as u32..right as u32, y as u32..bottom as u32);
            plain.canvas(|canvas| canvas.black_out(part(), by, source.format));
            let mut other = other.turned(by);
            other.canvas(|canvas| canvas.black_out(part(), by, source.format));
            for index in 0..samples::of(plain.format.pixel).len() {
                for at in (0..rows).flat_map(|y| (0..columns).map(move |x| (x, y))) {
                    let sample = plain.sample(index, at);
                    prop_assert_eq!(other.sample(index, at), sample);
                    if under(at.0, at.1, 0) {
                        let black = samples::from_color(plain.format.pixel, Color::BLACK)[index];
                        prop_assert_eq!(sample, black);
                    } else if !under(at.0, at.1, 3) {
                        prop_assert_eq!(sample, unmasked.sample(index, at));
                    }
                }
            }
            // An encoder may read what pads an odd width, too.
            let pads = plain.format.pixel == PixelFormat::Yuyv && under(columns - 1, 0, 0);
            prop_assert!(!pads || columns.is_multiple_of(2) || other.planes[0].0[columns * 2] == 0);
        }
    }
}
