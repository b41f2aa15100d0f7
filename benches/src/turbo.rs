//! libjpeg-turbo, the encoder to compare with.

use crate::natural::Delivered;
use eyelet_hal::{PixelFormat, Quality, StreamFormat};
use turbojpeg::{Compressor, Image, Subsamp, YuvPlanesImage};

/// libjpeg-turbo for frames of one format. It reads planes and RGB; the other formats are taken apart for it.
pub struct Turbo {
    compressor: Compressor,
    luma: Vec<u8>,
    chroma: [Vec<u8>; 2],
    jpeg: Vec<u8>,
}

impl Turbo {
    /// # Panics
    /// When libjpeg-turbo refuses its settings, and for sizes that do not fit in memory.
    pub fn new(quality: Quality, format: StreamFormat) -> Self {
        let mut compressor = Compressor::new().expect("libjpeg-turbo starts");
        compressor.set_quality(quality.get().into()).expect("a quality it knows");
        let pixels = format.width.get() as usize * format.height.get() as usize;
        let chroma = [0, 1].map(|_| vec![0; pixels / 2]);
        Self { compressor, luma: vec![0; pixels], chroma, jpeg: vec![0; pixels * 4] }
    }

    /// The JPEG of a frame of NV12, YUYV, RGB24 or grey.
    ///
    /// # Panics
    /// When libjpeg-turbo refuses the frame.
    pub fn encode(&mut self, frame: &Delivered) -> &[u8] {
        let (width, height) = (frame.format.width.get() as usize, frame.format.height.get() as usize);
        let first = &frame.planes[0].0[..];
        let [cb, cr] = &mut self.chroma;
        let (luma, subsamp) = match frame.format.pixel {
            PixelFormat::Rgb24 => {
                return self.packed(first, turbojpeg::PixelFormat::RGB, Subsamp::Sub2x2, (width, height));
            }
            PixelFormat::Grey => {
                return self.packed(first, turbojpeg::PixelFormat::GRAY, Subsamp::Gray, (width, height));
            }
            PixelFormat::Nv12 => {
                let pairs = frame.planes[1].0.as_chunks::<2>().0;
                for ((pair, cb), cr) in pairs.iter().zip(cb.iter_mut()).zip(cr.iter_mut()) {
                    (*cb, *cr) = (pair[0], pair[1]);
                }
                (first, Subsamp::Sub2x2)
            }
            PixelFormat::Yuyv => {
                let cells = first.as_chunks::<4>().0.iter().zip(self.luma.as_chunks_mut::<2>().0);
                for (((cell, luma), cb), cr) in cells.zip(cb.iter_mut()).zip(cr.iter_mut()) {
                    *luma = [cell[0], cell[2]];
                    (*cb, *cr) = (cell[1], cell[3]);
                }
                (&self.luma[..], Subsamp::Sub2x1)
            }
            other => panic!("no libjpeg-turbo for {other}"),
        };
        let image = YuvPlanesImage {
            y_plane: luma,
            u_plane: &cb[..],
            v_plane: &cr[..],
            width,
            height,
            y_stride: width,
            u_stride: width / 2,
            v_stride: width / 2,
            subsamp,
        };
        let len =
            self.compressor.compress_yuv_planes_to_slice(&image, &mut self.jpeg).expect("a frame of planes");
        &self.jpeg[..len]
    }

    fn packed(
        &mut self,
        pixels: &[u8],
        format: turbojpeg::PixelFormat,
        subsamp: Subsamp,
        (width, height): (usize, usize),
    ) -> &[u8] {
        self.compressor.set_subsamp(subsamp).expect("a sampling it knows");
        let image = Image { pixels, width, pitch: width * format.size(), height, format };
        let len = self.compressor.compress_to_slice(image, &mut self.jpeg).expect("a frame of packed pixels");
        &self.jpeg[..len]
    }
}
