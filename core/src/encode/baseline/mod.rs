//! Baseline JPEG made for camera frames: every raw format is read as it lies in memory, and nothing is allocated.
//!
//! A frame is walked once, in units of 16 columns. Each unit's samples become blocks of quantised coefficients, and
//! these become bits, while they are still in the first-level cache. Only the code that computes blocks differs from
//! processor to processor ([`Backend`]); every backend produces the same bytes.

#[cfg(target_arch = "x86_64")]
mod avx2;
mod bands;
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
mod workers;

use super::pixels::Pixels;
use bands::Bands;
use bits::BitWriter;
use codes::Codes;
use entropy::put_block;
use eyelet_hal::{Error, ErrorKind, Frame, JpegEncoder, Quality, Result, StreamFormat};
use header::Restarts;
use picture::Picture;
use portable::{Portable, Zigzag};
use scan::scan;
use std::{borrow::Cow, fmt, num::NonZeroU8, ops::Range};
use swar::Swar;

/// The code that computes blocks. All backends produce the same bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Backend {
    /// For every processor, and for compilers to vectorise.
    Portable,
    /// For 64-bit processors without vectors: two columns in a register.
    Swar,
    /// For x86-64 processors with AVX2.
    Avx2,
}

impl Backend {
    /// All backends, available on this processor or not.
    pub const ALL: [Self; 3] = [Self::Portable, Self::Swar, Self::Avx2];

    /// Whether this processor can run it.
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
pub struct BaselineEncoder {
    name: Cow<'static, str>,
    backend: Backend,
    blocks: Option<(Quality, BlockEncoder)>,
    bands: Option<Bands>,
}

/// A backend with the divisors of one quality.
#[derive(Debug)]
enum BlockEncoder {
    Portable(Portable),
    Swar(Swar),
    #[cfg(target_arch = "x86_64")]
    Avx2(avx2::Avx2),
}

impl BlockEncoder {
    fn new(backend: Backend, quality: Quality) -> Self {
        #[cfg(target_arch = "x86_64")]
        if backend == Backend::Avx2
            && let Some(avx2) = avx2::Avx2::new(quality)
        {
            return Self::Avx2(avx2);
        }
        match backend {
            Backend::Portable => Self::Portable(Portable::new(quality)),
            Backend::Swar | Backend::Avx2 => Self::Swar(Swar::new(quality)),
        }
    }

    /// Appends the entropy-coded data of these rows of units, as if there were no others.
    fn scan(&self, picture: &Picture<'_>, rows: Range<usize>, out: &mut Vec<u8>) {
        let mut blocks = [Zigzag::default(); 6];
        match self {
            Self::Portable(portable) => {
                scan(picture, rows, &mut blocks, out, |unit, blocks| portable.blocks(unit, blocks), put);
            }
            Self::Swar(swar) => {
                let mut room = swar::Rows::default();
                scan(
                    picture,
                    rows,
                    &mut blocks,
                    out,
                    |unit, blocks| swar.blocks(unit, &mut room, blocks),
                    put,
                );
            }
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(avx2) => avx2.scan(picture, rows, out),
        }
    }
}

#[inline(always)]
fn put(bits: &mut BitWriter, blocks: &[Zigzag; 6], index: usize, codes: &Codes, last: &mut i16) {
    put_block(bits, codes, &blocks[index], last);
}

impl BaselineEncoder {
    pub(super) const NAME: &'static str = "eyelet";

    /// With the fastest backend for this processor.
    pub fn new() -> Self {
        Self::single(Backend::best())
    }

    /// With this backend; `None` if the processor cannot run it.
    pub fn with_backend(backend: Backend) -> Option<Self> {
        backend.is_available().then(|| Self::single(backend))
    }

    fn single(backend: Backend) -> Self {
        Self { name: Cow::Borrowed(Self::NAME), backend, blocks: None, bands: None }
    }

    /// The same with `threads` threads for each frame, the caller's among them; they end with the encoder.
    ///
    /// For computers with processors to spare: two take 0.55 of the time of one at 640x480, 0.53 at 1920x1080 (`benches`).
    /// Where other programs keep all processors busy, a frame takes longer than with one, as it waits for every thread.
    /// With more than one thread there is a restart marker between any two rows of MCUs, for some 0.1 % more bytes. These
    /// bytes do not depend on the number of threads, and decode to the same pixels as those of a single thread.
    ///
    /// # Errors
    /// If the system refuses to start a thread.
    pub fn with_threads(self, threads: NonZeroU8) -> Result<Self> {
        if threads.get() == 1 {
            return Ok(Self::single(self.backend));
        }
        let bands = Bands::new(threads).map_err(|cause| {
            let what = format!("cannot start {threads} encoder threads: {cause}");
            Error::new(ErrorKind::Other, what).with_remedy("use fewer").with_source(cause)
        })?;
        Ok(Self { name: format!("{}:{threads}", Self::NAME).into(), bands: Some(bands), ..self })
    }

    /// The code that computes its blocks.
    pub fn backend(&self) -> Backend {
        self.backend
    }
}

impl Default for BaselineEncoder {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for BaselineEncoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BaselineEncoder")
            .field("name", &self.name)
            .field("backend", &self.backend)
            .finish_non_exhaustive()
    }
}

impl JpegEncoder for BaselineEncoder {
    fn name(&self) -> &str {
        &self.name
    }

    fn supports(&self, format: StreamFormat) -> bool {
        Pixels::supports(format)
    }

    fn encode(&mut self, frame: &Frame<'_>, quality: Quality, out: &mut Vec<u8>) -> Result<()> {
        let pixels = Pixels::of(frame)?;
        let picture = Picture::new(&pixels);
        let blocks = match &mut self.blocks {
            Some((of, blocks)) if *of == quality => blocks,
            blocks => &mut blocks.insert((quality, BlockEncoder::new(self.backend, quality))).1,
        };
        match &mut self.bands {
            None => {
                header::write(out, &picture, quality, Restarts::Nowhere);
                blocks.scan(&picture, 0..picture.unit_rows(), out);
            }
            Some(bands) => {
                header::write(out, &picture, quality, Restarts::Rows);
                bands.scan(blocks, &picture, out);
            }
        }
        out.extend_from_slice(&[0xff, 0xd9]);
        Ok(())
    }
}
