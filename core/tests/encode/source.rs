//! Frames with known content, and what they look like by a naive walk over their pixels.

use eyelet_hal::{Frame, FrameMeta, PixelFormat, Plane, StreamFormat};
use proptest::prelude::*;
use std::ops::Range;

/// One component of a picture: a wave that is at least 24 pixels long, so that JPEG can keep it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wave {
    pub(crate) mean: f64,
    pub(crate) height: f64,
    pub(crate) x: f64,
    pub(crate) y: f64,
    pub(crate) phase: f64,
}

impl Wave {
    pub(crate) fn at(&self, x: usize, y: usize) -> u8 {
        let angle = self.x * x as f64 + self.y * y as f64 + self.phase;
        (self.mean + self.height * angle.sin()).round().clamp(0.0, 255.0) as u8
    }

    pub(crate) fn any(mean: Range<f64>, height: f64) -> impl Strategy<Value = Self> {
        let turn = std::f64::consts::TAU;
        let speed = turn / 34.0;
        (mean, 0.0..height, -speed..speed, -speed..speed, 0.0..turn)
            .prop_map(|(mean, height, x, y, phase)| Self { mean, height, x, y, phase })
    }
}

/// A frame's memory.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    pub(crate) format: StreamFormat,
    pub(crate) planes: Vec<(Vec<u8>, usize)>,
}

impl Source {
    /// `sample(component, x, y)` gives Y, Cb, Cr (R, G, B for `rgb24` and `bgr24`) at any pixel; each row has `pad` more bytes,
    /// all of them `garbage`.
    pub(crate) fn new(
        format: StreamFormat,
        pad: [usize; 3],
        garbage: u8,
        sample: impl Fn(usize, usize, usize) -> u8,
    ) -> Self {
        let (width, height) = (format.width.get() as usize, format.height.get() as usize);
        let mut planes: Vec<(Vec<u8>, usize)> = (0..format.pixel.planes())
            .map(|index| {
                let plane = format.plane(index).unwrap();
                let stride = plane.row_bytes + pad[index];
                (vec![garbage; plane.min_len(stride).unwrap()], stride)
            })
            .collect();
        for y in 0..height {
            // An odd width has one more column in its last pair.
            for x in 0..width {
                for (component, (plane, at)) in places(format.pixel, &planes, x, y).into_iter().enumerate() {
                    // The sample of a 2x2 or 2x1 cell is that of its top left pixel.
                    let (cx, cy) = cell(format.pixel, component, x, y);
                    planes[plane].0[at] = sample(component, cx, cy);
                }
            }
        }
        Self { format, planes }
    }

    pub(crate) fn frame(&self) -> Frame<'_> {
        let planes: Vec<_> = self.planes.iter().map(|(bytes, stride)| Plane::host(bytes, *stride)).collect();
        Frame::new(self.format, FrameMeta::default(), &planes).unwrap()
    }

    /// R, G, B of one pixel, in full-range BT.601.
    pub(crate) fn pixel(&self, x: usize, y: usize) -> [f64; 3] {
        let samples: Vec<f64> = places(self.format.pixel, &self.planes, x, y)
            .into_iter()
            .map(|(plane, at)| self.planes[plane].0[at].into())
            .collect();
        match (self.format.pixel, &samples[..]) {
            (PixelFormat::Rgb24 | PixelFormat::Bgr24, &[r, g, b]) => [r, g, b],
            (PixelFormat::Grey, &[luma]) => [luma; 3],
            (_, &[luma, cb, cr]) => {
                let (cb, cr) = (cb - 128.0, cr - 128.0);
                [luma + 1.402 * cr, luma - 0.344_136 * cb - 0.714_136 * cr, luma + 1.772 * cb]
                    .map(|part| part.clamp(0.0, 255.0))
            }
            (format, other) => panic!("{format} with {} samples", other.len()),
        }
    }

    /// Decibels between `rgb` and what this source looks like.
    pub(crate) fn psnr(&self, rgb: &[u8]) -> f64 {
        let (width, height) = (self.format.width.get() as usize, self.format.height.get() as usize);
        assert_eq!(rgb.len(), width * height * 3);
        let mut squares = 0.0;
        for y in 0..height {
            for x in 0..width {
                for (want, &got) in self.pixel(x, y).iter().zip(&rgb[(y * width + x) * 3..]) {
                    squares += (want - f64::from(got)).powi(2);
                }
            }
        }
        let mean = squares / rgb.len() as f64;
        10.0 * (255.0 * 255.0 / mean.max(1e-9)).log10()
    }
}

/// Where the samples of pixel (x, y) lie: plane and byte of each component.
fn places(pixel: PixelFormat, planes: &[(Vec<u8>, usize)], x: usize, y: usize) -> Vec<(usize, usize)> {
    let at = |plane: usize, row: usize, byte: usize| (plane, row * planes[plane].1 + byte);
    match pixel {
        PixelFormat::Nv12 => vec![at(0, y, x), at(1, y / 2, x / 2 * 2), at(1, y / 2, x / 2 * 2 + 1)],
        PixelFormat::Nv21 => vec![at(0, y, x), at(1, y / 2, x / 2 * 2 + 1), at(1, y / 2, x / 2 * 2)],
        PixelFormat::I420 => vec![at(0, y, x), at(1, y / 2, x / 2), at(2, y / 2, x / 2)],
        PixelFormat::Yuv422p => vec![at(0, y, x), at(1, y, x / 2), at(2, y, x / 2)],
        PixelFormat::Yuyv => vec![at(0, y, x * 2), at(0, y, x / 2 * 4 + 1), at(0, y, x / 2 * 4 + 3)],
        PixelFormat::Rgb24 => vec![at(0, y, x * 3), at(0, y, x * 3 + 1), at(0, y, x * 3 + 2)],
        PixelFormat::Bgr24 => vec![at(0, y, x * 3 + 2), at(0, y, x * 3 + 1), at(0, y, x * 3)],
        PixelFormat::Grey => vec![at(0, y, x)],
        other => panic!("{other} has no pixels"),
    }
}

/// The pixel whose sample all pixels of a chroma cell share.
fn cell(pixel: PixelFormat, component: usize, x: usize, y: usize) -> (usize, usize) {
    match (pixel, component) {
        (PixelFormat::Rgb24 | PixelFormat::Bgr24, _) | (_, 0) => (x, y),
        (PixelFormat::Yuv422p | PixelFormat::Yuyv, _) => (x / 2 * 2, y),
        _ => (x / 2 * 2, y / 2 * 2),
    }
}
