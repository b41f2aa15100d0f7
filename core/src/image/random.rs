//! Random pictures, turned and looked at pixel by pixel: what tests compare with.

use super::{Canvas, Orientation, View, samples, turned};
use eyelet_hal::{Frame, FrameMeta, PixelFormat, Plane, StreamFormat};
use proptest::prelude::*;

/// Planes of random bytes, with padding.
#[derive(Clone, Debug)]
pub(super) struct Source {
    pub(super) format: StreamFormat,
    /// Each with its stride.
    pub(super) planes: Vec<(Vec<u8>, usize)>,
}

impl Source {
    pub(super) fn new(format: StreamFormat, pad: usize, seed: u64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let plane = |index| {
            let plane = format.plane(index).unwrap();
            let stride = plane.row_bytes + pad;
            ((0..stride * plane.rows).map(|_| random.u8(..)).collect(), stride)
        };
        Self { format, planes: (0..format.pixel.planes()).map(plane).collect() }
    }

    pub(super) fn turned(&self, by: Orientation) -> Source {
        let planes: Vec<_> = self.planes.iter().map(|(bytes, stride)| Plane::host(bytes, *stride)).collect();
        let frame = Frame::new(self.format, FrameMeta::default(), &planes).unwrap();
        // With what is left from another frame.
        let mut buffer = vec![self.planes[0].0[0].wrapping_add(1); 999];
        let view = View::of(&frame).unwrap();
        let canvas = turned(&view, by, &mut buffer).unwrap();
        Self::of(&canvas)
    }

    fn of(canvas: &Canvas<'_>) -> Self {
        let format = canvas.format();
        let plane = |index| {
            let plane = format.plane(index).unwrap();
            assert_eq!(canvas.planes[index].len(), plane.row_bytes * plane.rows);
            (canvas.planes[index].to_vec(), plane.row_bytes)
        };
        Self { format, planes: (0..format.pixel.planes()).map(plane).collect() }
    }

    /// Draws on it, without its padding.
    pub(super) fn canvas(&mut self, draw: impl FnOnce(&mut Canvas<'_>)) {
        let mut packed = self.packed();
        let mut canvas = Canvas::packed(self.format, &mut packed).unwrap();
        draw(&mut canvas);
        *self = Self::of(&canvas);
    }

    /// All its bytes, in the order of the planes.
    pub(super) fn packed(&self) -> Vec<u8> {
        self.planes.iter().flat_map(|(bytes, _)| bytes.clone()).collect()
    }

    pub(super) fn size(&self) -> (usize, usize) {
        (self.format.width.get() as usize, self.format.height.get() as usize)
    }

    /// Where component `index` of a pixel is.
    pub(super) fn at(&self, index: usize, (x, y): (usize, usize)) -> (usize, usize) {
        let s = samples::of(self.format.pixel)[index];
        let stride = self.planes[s.plane].1;
        (s.plane, (y >> s.down) * stride + (x >> s.across) * s.step + s.offset)
    }

    pub(super) fn sample(&self, index: usize, at: (usize, usize)) -> u8 {
        let (plane, at) = self.at(index, at);
        self.planes[plane].0[at]
    }
}

/// Where pixel (x, y) of a turned picture was in one of `size`, written out anew.
pub(super) fn before(
    by: Orientation,
    (x, y): (usize, usize),
    (width, height): (usize, usize),
) -> (usize, usize) {
    let (columns, rows) = if by.transpose { (height, width) } else { (width, height) };
    let x = if by.mirror { columns - 1 - x } else { x };
    let y = if by.flip { rows - 1 - y } else { y };
    if by.transpose { (y, x) } else { (x, y) }
}

prop_compose! {
    pub(super) fn any_source()(
        pixel in prop::sample::select(PixelFormat::RAW.to_vec()), width in 1u32..24, height in 1u32..24, pad in 0usize..5, seed: u64,
    ) -> Source {
        Source::new(StreamFormat::new(pixel, width, height).unwrap(), pad, seed)
    }
}

prop_compose! {
    pub(super) fn any_orientation()(transpose: bool, mirror: bool, flip: bool) -> Orientation {
        Orientation { transpose, mirror, flip }
    }
}
