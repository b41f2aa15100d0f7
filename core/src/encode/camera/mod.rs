//! Baseline JPEG made for camera frames: every raw format is read as it lies in memory, and nothing is allocated.
//!
//! A frame is walked once, in units of 16 columns. Each unit's samples become blocks of quantised coefficients, and
//! these become bits, while they are still in the first-level cache. Only how blocks are made differs from processor
//! to processor ([`Path`]); every way gives the same bytes.

#[cfg(target_arch = "x86_64")]
mod avx2;
mod bits;
mod codes;
mod entropy;
mod header;
mod picture;
mod portable;
mod quantizer;
mod samples;
mod scan;
mod swar;
mod tables;
mod words;

use super::pixels::Pixels;
use bits::BitWriter;
use codes::Codes;
use entropy::put_block;
use eyelet_hal::{Frame, JpegEncoder, Quality, Result, StreamFormat};
use picture::Picture;
use portable::{Portable, Zigzag};
use scan::scan;
use std::fmt;
use swar::Swar;

/// How blocks are made. All ways give the same bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Path {
    /// For every processor, and for compilers to vectorise.
    Portable,
    /// For 64-bit processors without vectors: two columns in a register.
    Swar,
    /// For x86-64 processors with AVX2.
    Avx2,
}

impl Path {
    /// Every way there is.
    pub const ALL: [Self; 3] = [Self::Portable, Self::Swar, Self::Avx2];

    /// Whether this processor can go it.
    pub fn is_available(self) -> bool {
        match self {
            Self::Portable | Self::Swar => true,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => avx2::is_available(),
            #[cfg(not(target_arch = "x86_64"))]
            Self::Avx2 => false,
        }
    }

    /// The fastest on this processor.
    pub fn best() -> Self {
        if Self::Avx2.is_available() {
            Self::Avx2
        } else if cfg!(target_pointer_width = "64") {
            Self::Swar
        } else {
            Self::Portable
        }
    }
}

/// Baseline JPEG in software, for every raw [`PixelFormat`](eyelet_hal::PixelFormat) and every size a JPEG can have
/// (1x1 to 65535x65535), made for camera frames.
///
/// Samples in YCbCr go in as they are, at the chroma resolution that they have: 4:2:0 stays 4:2:0, 4:2:2 stays
/// 4:2:2, grey has one component. RGB becomes 4:2:0, each chroma sample that of the mean of its four pixels.
/// Quantisation steps are those of ITU-T T.81, Annex K, scaled by quality as the IJG library does, and the Huffman tables
/// are those of Annex K.
///
/// Between frames it keeps the tables of the last quality. Encoding allocates nothing but what `out` grows by.
pub struct CameraEncoder {
    path: Path,
    maker: Option<(Quality, Maker)>,
}

/// What makes blocks of one quality.
#[derive(Debug)]
enum Maker {
    Portable(Portable),
    Swar(Swar),
    #[cfg(target_arch = "x86_64")]
    Avx2(avx2::Avx2),
}

impl Maker {
    fn new(path: Path, quality: Quality) -> Self {
        #[cfg(target_arch = "x86_64")]
        if path == Path::Avx2
            && let Some(maker) = avx2::Avx2::new(quality)
        {
            return Self::Avx2(maker);
        }
        match path {
            Path::Portable => Self::Portable(Portable::new(quality)),
            Path::Swar | Path::Avx2 => Self::Swar(Swar::new(quality)),
        }
    }

    /// Appends the entropy-coded data.
    fn scan(&self, picture: &Picture<'_>, out: &mut Vec<u8>) {
        let mut blocks = [Zigzag::default(); 6];
        match self {
            Self::Portable(maker) => {
                scan(picture, &mut blocks, out, |unit, blocks| maker.blocks(unit, blocks), put);
            }
            Self::Swar(maker) => {
                let mut rows = swar::Rows::default();
                scan(picture, &mut blocks, out, |unit, blocks| maker.blocks(unit, &mut rows, blocks), put);
            }
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(maker) => maker.scan(picture, out),
        }
    }
}

#[inline(always)]
fn put(bits: &mut BitWriter, blocks: &[Zigzag; 6], index: usize, codes: &Codes, last: &mut i16) {
    put_block(bits, codes, &blocks[index], last);
}

impl CameraEncoder {
    pub(super) const NAME: &'static str = "eyelet";

    /// An encoder that goes the fastest way on this processor.
    pub fn new() -> Self {
        Self { path: Path::best(), maker: None }
    }

    /// An encoder that goes this way; `None` if the processor cannot.
    pub fn with_path(path: Path) -> Option<Self> {
        path.is_available().then_some(Self { path, maker: None })
    }

    /// How blocks are made.
    pub fn path(&self) -> Path {
        self.path
    }
}

impl Default for CameraEncoder {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for CameraEncoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CameraEncoder").field("path", &self.path).finish_non_exhaustive()
    }
}

impl JpegEncoder for CameraEncoder {
    fn name(&self) -> &str {
        Self::NAME
    }

    fn supports(&self, format: StreamFormat) -> bool {
        Pixels::supports(format)
    }

    fn encode(&mut self, frame: &Frame<'_>, quality: Quality, out: &mut Vec<u8>) -> Result<()> {
        let pixels = Pixels::of(frame)?;
        let picture = Picture::new(&pixels);
        header::write(out, picture.sampling, (pixels.width, pixels.height), quality);
        let maker = match &mut self.maker {
            Some((of, maker)) if *of == quality => maker,
            maker => &mut maker.insert((quality, Maker::new(self.path, quality))).1,
        };
        maker.scan(&picture, out);
        out.extend_from_slice(&[0xff, 0xd9]);
        Ok(())
    }
}
