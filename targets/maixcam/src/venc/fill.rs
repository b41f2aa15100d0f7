//! A host frame into the unit's memory: the one copy of a picture that there is.
//!
//! The padding that the unit reads repeats the last column and the last row, or it would shine through at the edges.

use super::layout::{PictureLayout, PlaneLayout};
use eyelet_hal::{Frame, PixelFormat};

/// Writes `frame` to `memory` as `layout`, made for its format, says. `false` if the frame is not in host memory or
/// `memory` is too small; nothing is written then.
pub(super) fn fill(frame: &Frame<'_>, layout: &PictureLayout, memory: &mut [u8]) -> bool {
    if frame.planes().iter().any(|plane| plane.bytes.is_empty()) || memory.len() < layout.len() as usize {
        return false;
    }
    let planes = layout.planes();
    if frame.format().pixel == PixelFormat::Yuyv {
        deinterleave(frame, &planes, memory);
        return true;
    }
    let pairs = planes.len() == 2;
    for (index, plane) in planes.iter().enumerate() {
        let Some(own) = frame.format().plane(index) else { return false };
        let from = &frame.planes()[index];
        let cell = if pairs && index == 1 { 2 } else { 1 };
        for y in 0..own.rows {
            let row = &from.bytes[y * from.stride..][..own.row_bytes];
            let to = &mut memory[plane.at + y * plane.stride..][..plane.row_bytes];
            to[..own.row_bytes].copy_from_slice(row);
            extend(to, own.row_bytes, cell);
        }
        repeat_last(plane, own.rows, memory);
    }
    true
}

/// Repeats the last cell of the first `used` bytes up to the row's end.
fn extend(row: &mut [u8], used: usize, cell: usize) {
    let mut at = used;
    while at + cell <= row.len() {
        row.copy_within(at - cell..at, at);
        at += cell;
    }
}

fn repeat_last(plane: &PlaneLayout, rows: usize, memory: &mut [u8]) {
    let last = plane.at + (rows - 1) * plane.stride;
    for y in rows..plane.rows {
        memory.copy_within(last..last + plane.row_bytes, plane.at + y * plane.stride);
    }
}

/// Y0 Cb Y1 Cr into three planes, in one pass.
fn deinterleave(frame: &Frame<'_>, planes: &[PlaneLayout], memory: &mut [u8]) {
    let &[luma, cb, cr] = planes else { return };
    let Some(own) = frame.format().plane(0) else { return };
    let cells = own.row_bytes / 4;
    let from = &frame.planes()[0];
    let (lumas, chromas) = memory.split_at_mut(cb.at);
    let (cbs, crs) = chromas.split_at_mut(cr.at - cb.at);
    for y in 0..own.rows {
        let row = from.bytes[y * from.stride..][..own.row_bytes].as_chunks::<4>().0;
        let luma_row = &mut lumas[y * luma.stride..][..luma.row_bytes];
        let cb_row = &mut cbs[y * cb.stride..][..cb.row_bytes];
        let cr_row = &mut crs[y * cr.stride..][..cr.row_bytes];
        let places = luma_row.as_chunks_mut::<2>().0.iter_mut().zip(cb_row.iter_mut()).zip(cr_row.iter_mut());
        for (((pair, cb), cr), &[y0, u, y1, v]) in places.zip(row) {
            *pair = [y0, y1];
            *cb = u;
            *cr = v;
        }
        extend(luma_row, 2 * cells, 1);
        extend(cb_row, cells, 1);
        extend(cr_row, cells, 1);
    }
    for plane in planes {
        repeat_last(plane, own.rows, memory);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use eyelet_hal::{FrameMeta, Plane, StreamFormat};
    use proptest::prelude::*;

    /// Sample `component` of pixel (x, y) in a frame with these planes, written out with nothing shared.
    fn sample(pixel: PixelFormat, planes: &[Plane<'_>], x: usize, y: usize, component: usize) -> u8 {
        let at = |plane: usize, y: usize, x: usize| planes[plane].bytes[y * planes[plane].stride + x];
        match (pixel, component) {
            (PixelFormat::Yuyv, 0) => at(0, y, 2 * x),
            (PixelFormat::Yuyv, c) => at(0, y, x / 2 * 4 + 2 * c - 1),
            (_, 0) => at(0, y, x),
            (PixelFormat::Nv12, c) => at(1, y / 2, x / 2 * 2 + c - 1),
            (PixelFormat::Nv21, c) => at(1, y / 2, x / 2 * 2 + 2 - c),
            (PixelFormat::I420, c) => at(c, y / 2, x / 2),
            (_, c) => at(c, y, x / 2),
        }
    }

    proptest! {
        #[test]
        fn filled_memory_holds_the_frame_and_repeats_its_edge(
            pixel in prop::sample::select(vec![
                PixelFormat::Nv12, PixelFormat::Nv21, PixelFormat::I420, PixelFormat::Yuv422p, PixelFormat::Yuyv,
            ]),
            width in 8u32..40, height in 8u32..30, pad in 0usize..9, seed: u64,
        ) {
            let format = StreamFormat::new(pixel, 2 * width, 2 * height).unwrap();
            let mut random = fastrand::Rng::with_seed(seed);
            let buffers: Vec<(Vec<u8>, usize)> = (0..pixel.planes()).map(|index| {
                let plane = format.plane(index).unwrap();
                let stride = plane.row_bytes + pad;
                ((0..plane.min_len(stride).unwrap()).map(|_| random.u8(..)).collect(), stride)
            }).collect();
            let planes: Vec<_> = buffers.iter().map(|(bytes, stride)| Plane::host(bytes, *stride)).collect();
            let frame = Frame::new(format, FrameMeta::default(), &planes).unwrap();

            let layout = PictureLayout::of(format).unwrap();
            let mut memory = vec![0xaa; layout.len() as usize + 3];
            prop_assert!(!fill(&frame, &layout, &mut memory[..layout.len() as usize - 1]));
            prop_assert!(fill(&frame, &layout, &mut memory));
            prop_assert_eq!(&memory[layout.len() as usize..], &[0xaa; 3], "nothing past the end");

            // As the unit reads it: YUYV has become planar 4:2:2.
            let read_as = if pixel == PixelFormat::Yuyv { PixelFormat::Yuv422p } else { pixel };
            let read: Vec<_> =
                layout.planes().iter().map(|plane| Plane::host(&memory[plane.at..], plane.stride)).collect();
            let (width, height) = (2 * width as usize, 2 * height as usize);
            for y in 0..height.next_multiple_of(16) {
                for x in 0..width.next_multiple_of(16) {
                    let (seen_x, seen_y) = (x.min(width - 1), y.min(height - 1));
                    for component in 0..3 {
                        let want = sample(pixel, &planes, seen_x, seen_y, component);
                        let got = sample(read_as, &read, x, y, component);
                        prop_assert_eq!(got, want, "component {} of ({}, {})", component, x, y);
                    }
                }
            }
        }
    }
}
