//! Pictures with the statistics of photographs, made from a seed.
//!
//! Noise of many octaves, each coarser one stronger (the amplitude of natural scenes falls about as 1/f), overlapping
//! flat-shaded shapes with sharp edges (dead leaves: what occlusion does to a spectrum), slowly varying colour, and the
//! noise of a sensor. At 640x480 and quality 80 the JPEG of seed 7 has 63 kB from NV12 (4:2:0) and 69 kB from YUYV
//! (4:2:2), as a detailed photograph's has.

use eyelet_hal::{Frame, FrameMeta, PixelFormat, Plane, StreamFormat};

/// A repeatable stream of numbers (SplitMix64).
struct Seed(u64);

impl Seed {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From -1 to 1.
    fn unit(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1 << 23) as f32 - 1.0
    }

    /// About normal, with variance 1: four uniform numbers.
    fn normal(&mut self) -> f32 {
        (0..4).map(|_| self.unit()).sum::<f32>() * 0.866
    }
}

/// Noise that is smooth over `period` pixels.
struct Octave {
    period: f32,
    columns: usize,
    knots: Vec<f32>,
}

impl Octave {
    fn new(seed: &mut Seed, period: f32, width: usize, height: usize) -> Self {
        let columns = (width as f32 / period) as usize + 3;
        let rows = (height as f32 / period) as usize + 3;
        Self { period, columns, knots: (0..columns * rows).map(|_| seed.unit()).collect() }
    }

    fn at(&self, x: usize, y: usize) -> f32 {
        let (x, y) = (x as f32 / self.period, y as f32 / self.period);
        let (column, row) = (x as usize, y as usize);
        let ease = |t: f32| t * t * (3.0 - 2.0 * t);
        let (fx, fy) = (ease(x - column as f32), ease(y - row as f32));
        let knot = |dx: usize, dy: usize| self.knots[(row + dy) * self.columns + column + dx];
        let top = knot(0, 0) + (knot(1, 0) - knot(0, 0)) * fx;
        let bottom = knot(0, 1) + (knot(1, 1) - knot(0, 1)) * fx;
        top + (bottom - top) * fy
    }
}

/// Noise of octaves from `longest` pixels down to `shortest`.
struct Cloud(Vec<(Octave, f32)>);

impl Cloud {
    fn new(seed: &mut Seed, longest: f32, shortest: f32, width: usize, height: usize) -> Self {
        let mut octaves = Vec::new();
        let mut period = longest;
        while period >= shortest {
            octaves.push((Octave::new(seed, period, width, height), (period / longest).powf(0.7)));
            period /= 2.0;
        }
        Self(octaves)
    }

    fn at(&self, x: usize, y: usize) -> f32 {
        self.0.iter().map(|(octave, strength)| octave.at(x, y) * strength).sum()
    }
}

/// A picture as R, G, B, row by row.
#[derive(Clone, Debug)]
pub struct Picture {
    width: usize,
    height: usize,
    rgb: Vec<[u8; 3]>,
}

impl Picture {
    /// The picture of this seed and size.
    pub fn new(width: u32, height: u32, seed: u64) -> Self {
        let (width, height) = (width as usize, height as usize);
        let mut seed = Seed(seed);
        let light = Cloud::new(&mut seed, 128.0, 2.0, width, height);
        let colours = [0; 2].map(|_| Cloud::new(&mut seed, 96.0, 12.0, width, height));
        let mut shades = vec![[0.0f32; 4]; width * height];
        leaves(&mut seed, &mut shades, width, height);
        let mut rgb = Vec::with_capacity(width * height);
        for y in 0..height {
            for x in 0..width {
                let [shade, red, blue, texture] = shades[y * width + x];
                let luma = 118.0 + shade + light.at(x, y) * texture;
                let (red, blue) = (red + colours[0].at(x, y) * 12.0, blue + colours[1].at(x, y) * 12.0);
                let parts = [luma + red, luma - 0.4 * red - 0.2 * blue, luma + blue];
                rgb.push(parts.map(|part| (part + seed.normal() * 2.0).round().clamp(0.0, 255.0) as u8));
            }
        }
        Self { width, height, rgb }
    }

    /// As a camera would deliver it in `pixel`: chroma is the mean of the pixels that share it.
    ///
    /// # Panics
    /// With `PixelFormat::Jpeg`, which is not made of pixels, and on odd sides.
    pub fn delivered(&self, pixel: PixelFormat) -> Delivered {
        assert!(self.width.is_multiple_of(2) && self.height.is_multiple_of(2), "even sides");
        let format = StreamFormat::new(pixel, self.width as u32, self.height as u32).expect("not zero");
        let lumas = || self.rgb.iter().map(luma).collect::<Vec<u8>>();
        let planes = match pixel {
            PixelFormat::Rgb24 => vec![self.rgb.as_flattened().to_vec()],
            PixelFormat::Bgr24 => vec![self.rgb.iter().flat_map(|&[r, g, b]| [b, g, r]).collect()],
            PixelFormat::Grey => vec![lumas()],
            PixelFormat::Nv12 | PixelFormat::Nv21 => {
                let at = usize::from(pixel == PixelFormat::Nv21);
                let pairs = self.chroma(2).into_iter().flat_map(|pair| [pair[at], pair[1 - at]]);
                vec![lumas(), pairs.collect()]
            }
            PixelFormat::I420 | PixelFormat::Yuv422p => {
                let pairs = self.chroma(if pixel == PixelFormat::I420 { 2 } else { 1 });
                vec![
                    lumas(),
                    pairs.iter().map(|pair| pair[0]).collect(),
                    pairs.iter().map(|pair| pair[1]).collect(),
                ]
            }
            PixelFormat::Yuyv => {
                let (luma, pairs) = (lumas(), self.chroma(1));
                let cells = luma.as_chunks::<2>().0.iter().zip(pairs);
                vec![cells.flat_map(|(&[y0, y1], [cb, cr])| [y0, cb, y1, cr]).collect()]
            }
            other => panic!("{other} is not made of pixels"),
        };
        let planes = planes.into_iter().enumerate();
        let planes =
            planes.map(|(at, bytes)| (bytes, format.plane(at).expect("a plane").row_bytes)).collect();
        Delivered { format, planes }
    }

    /// Cb, Cr of each 2 x `rows` pixels.
    fn chroma(&self, rows: usize) -> Vec<[u8; 2]> {
        let mut pairs = Vec::new();
        for y in (0..self.height).step_by(rows) {
            for x in (0..self.width).step_by(2) {
                let mut sum = [0.0; 3];
                for (dy, dx) in (0..rows).flat_map(|dy| [(dy, 0), (dy, 1)]) {
                    for (sum, &part) in sum.iter_mut().zip(&self.rgb[(y + dy) * self.width + x + dx]) {
                        *sum += f32::from(part) / (2 * rows) as f32;
                    }
                }
                let [r, g, b] = sum;
                let cb = 128.0 - 0.168_736 * r - 0.331_264 * g + 0.5 * b;
                let cr = 128.0 + 0.5 * r - 0.418_688 * g - 0.081_312 * b;
                pairs.push([cb, cr].map(|value| value.round().clamp(0.0, 255.0) as u8));
            }
        }
        pairs
    }
}

fn luma(&[r, g, b]: &[u8; 3]) -> u8 {
    (0.299 * f32::from(r) + 0.587 * f32::from(g) + 0.114 * f32::from(b)).round() as u8
}

/// Discs of all sizes over each other, many small and few large: shade, red, blue and how strongly each is textured.
fn leaves(seed: &mut Seed, shades: &mut [[f32; 4]], width: usize, height: usize) {
    shades.fill([0.0, 0.0, 0.0, 22.0]);
    let count = width * height / 350;
    for index in 0..count {
        // Radii of density 1/r^3 from 6 to 90 pixels.
        let share = (index as f32 + 0.5) / count as f32;
        let radius = 90.0 / (1.0 + share * 224.0).sqrt();
        let (cx, cy) = ((seed.unit() + 1.0) * 0.5 * width as f32, (seed.unit() + 1.0) * 0.5 * height as f32);
        let stretch = 1.0 + seed.unit() * 0.5;
        let leaf =
            [seed.unit() * 55.0, seed.unit() * 22.0, seed.unit() * 22.0, 5.0 + (seed.unit() + 1.0) * 18.0];
        let rows = (cy - radius * 2.0).max(0.0) as usize..((cy + radius * 2.0) as usize).min(height);
        for y in rows {
            let dy = (y as f32 - cy) * stretch;
            let Some(half) = Some(radius * radius - dy * dy).filter(|&d| d > 0.0).map(f32::sqrt) else {
                continue;
            };
            let from = (cx - half).max(0.0) as usize;
            let to = ((cx + half) as usize).min(width);
            if from < to {
                shades[y * width..][from..to].fill(leaf);
            }
        }
    }
}

/// A picture in a camera's memory, without padding.
#[derive(Clone, Debug)]
pub struct Delivered {
    /// Pixel format and size.
    pub format: StreamFormat,
    /// Bytes and stride of each plane.
    pub planes: Vec<(Vec<u8>, usize)>,
}

impl Delivered {
    /// It, as a frame.
    ///
    /// # Panics
    /// Never: a delivered picture is well-formed.
    pub fn frame(&self) -> Frame<'_> {
        let planes: Vec<_> = self.planes.iter().map(|(bytes, stride)| Plane::host(bytes, *stride)).collect();
        Frame::new(self.format, FrameMeta::default(), &planes).expect("well-formed")
    }
}
