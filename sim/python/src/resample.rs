//! Other sizes: nearest, and weighted sums of the pixels around, first along the rows, then along the columns.

use crate::{
    error::refused,
    raster::{self, Raster},
};
use eyelet_hal::{Error, ErrorKind, Result};

/// How a picture fits into another shape; MaixPy's numbers.
pub(crate) const CONTAIN: i32 = 1;
pub(crate) const COVER: i32 = 2;

/// MaixPy's `ResizeMethod`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Method {
    Nearest,
    Bilinear,
    Bicubic,
    Area,
    Lanczos,
}

impl Method {
    /// # Errors
    /// `Unsupported` for a method that is not here.
    pub(crate) fn numbered(number: u8) -> Result<Self> {
        match number {
            0 => Ok(Self::Nearest),
            1 => Ok(Self::Bilinear),
            2 => Ok(Self::Bicubic),
            3 => Ok(Self::Area),
            4 => Ok(Self::Lanczos),
            _ => Err(Error::new(ErrorKind::Unsupported, format!("no resize method {number} here"))
                .with_remedy("use NEAREST, BILINEAR, BICUBIC, AREA or LANCZOS")),
        }
    }

    /// Pixels on each side that count.
    fn reach(self) -> i64 {
        match self {
            Self::Nearest | Self::Bilinear | Self::Area => 1,
            Self::Bicubic => 2,
            Self::Lanczos => 4,
        }
    }

    /// The weight of a pixel at this distance.
    fn weight(self, distance: f64) -> f64 {
        let x = distance.abs();
        match self {
            Self::Nearest | Self::Bilinear | Self::Area => (1.0 - x).max(0.0),
            // OpenCV's: a = -0.75.
            Self::Bicubic if x <= 1.0 => (1.25 * x - 2.25) * x * x + 1.0,
            Self::Bicubic if x < 2.0 => ((-0.75 * x + 3.75) * x - 6.0) * x + 3.0,
            Self::Lanczos if x < 1e-9 => 1.0,
            Self::Lanczos if x < 4.0 => {
                let at = std::f64::consts::PI * x;
                4.0 * at.sin() * (at / 4.0).sin() / (at * at)
            }
            _ => 0.0,
        }
    }

    /// For each new pixel of a line: the old ones that count, and how much.
    fn taps(self, old: usize, new: usize) -> Vec<Vec<(usize, f32)>> {
        let scale = old as f64 / new as f64;
        let tap = |at: i64, weight: f64| (at.clamp(0, old as i64 - 1) as usize, weight as f32);
        let of = |pixel: usize| -> Vec<(usize, f32)> {
            if self == Self::Area && scale > 1.0 {
                let (start, end) = (pixel as f64 * scale, (pixel + 1) as f64 * scale);
                let covered = |at: i64| (end.min(at as f64 + 1.0) - start.max(at as f64)) / scale;
                return (start as i64..end.ceil() as i64).map(|at| tap(at, covered(at))).collect();
            }
            let middle = (pixel as f64 + 0.5) * scale - 0.5;
            let first = middle.floor() as i64 - self.reach() + 1;
            let mut taps: Vec<_> = (first..first + 2 * self.reach())
                .map(|at| tap(at, self.weight(middle - at as f64)))
                .collect();
            let sum: f32 = taps.iter().map(|tap| tap.1).sum();
            taps.iter_mut().for_each(|tap| tap.1 /= sum);
            taps
        };
        (0..new).map(of).collect()
    }
}

impl Raster {
    /// The picture in another size. `fit` is MaixPy's: stretched, or within black bars, or cropped.
    ///
    /// # Errors
    /// `InvalidInput` for a size out of range, `Unsupported` where pixels do not follow each other.
    pub(crate) fn resized(&self, width: usize, height: usize, fit: i32, method: Method) -> Result<Self> {
        let len = raster::len(width, height, self.format)?;
        let channels = self.channels("resize")?;
        let (across, down) = (width as f64 / self.width as f64, height as f64 / self.height as f64);
        let scaled = |scale: f64| {
            let side = |side: usize| ((side as f64 * scale).round() as usize).max(1);
            (side(self.width), side(self.height))
        };
        match fit {
            CONTAIN => {
                let (w, h) = scaled(across.min(down));
                let inner = self.stretched(w.min(width), h.min(height), channels, method)?;
                let mut bytes = vec![0; len];
                let (left, top) = ((width - inner.width) / 2, (height - inner.height) / 2);
                for (y, row) in inner.bytes.chunks_exact(inner.width * channels).enumerate() {
                    let at = ((top + y) * width + left) * channels;
                    bytes[at..at + row.len()].copy_from_slice(row);
                }
                Self::new(width, height, self.format, bytes)
            }
            COVER => {
                let (w, h) = scaled(across.max(down));
                let outer = self.stretched(w.max(width), h.max(height), channels, method)?;
                outer.cropped((outer.width - width) / 2, (outer.height - height) / 2, width, height)
            }
            _ => self.stretched(width, height, channels, method),
        }
    }

    fn stretched(&self, width: usize, height: usize, channels: usize, method: Method) -> Result<Self> {
        raster::len(width, height, self.format)?;
        if (width, height) == (self.width, self.height) {
            return Ok(self.clone());
        }
        if method == Method::Nearest {
            return self.nearest(width, height, channels);
        }
        let (columns, rows) = (method.taps(self.width, width), method.taps(self.height, height));
        // Each old row once, as it is needed: rows are as wide as the new picture.
        let line = width * channels;
        let mut wide = vec![0f32; self.height * line];
        for (old, new) in self.bytes.chunks_exact(self.width * channels).zip(wide.chunks_exact_mut(line)) {
            for (taps, pixel) in columns.iter().zip(new.chunks_exact_mut(channels)) {
                for &(at, weight) in taps {
                    let old = &old[at * channels..][..channels];
                    pixel.iter_mut().zip(old).for_each(|(sum, &value)| *sum += weight * f32::from(value));
                }
            }
        }
        let mut bytes = Vec::with_capacity(height * line);
        let mut sums = vec![0f32; line];
        for taps in &rows {
            sums.fill(0.5);
            for &(at, weight) in taps {
                let row = &wide[at * line..][..line];
                sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += weight * value);
            }
            bytes.extend(sums.iter().map(|&sum| sum as u8));
        }
        Self::new(width, height, self.format, bytes)
    }

    fn nearest(&self, width: usize, height: usize, channels: usize) -> Result<Self> {
        let columns: Vec<usize> = (0..width).map(|x| x * self.width / width * channels).collect();
        let mut bytes = Vec::with_capacity(width * height * channels);
        for y in 0..height {
            let row = &self.bytes[y * self.height / height * self.width * channels..];
            for &at in &columns {
                bytes.extend_from_slice(&row[at..at + channels]);
            }
        }
        Self::new(width, height, self.format, bytes)
    }

    /// The part whose top left pixel is (`x`, `y`).
    ///
    /// # Errors
    /// `InvalidInput` if it is not inside, `Unsupported` where pixels do not follow each other.
    pub(crate) fn cropped(&self, x: usize, y: usize, width: usize, height: usize) -> Result<Self> {
        let channels = self.channels("crop")?;
        raster::len(width, height, self.format)?;
        let inside = |at: usize, len: usize, side| at.checked_add(len).is_some_and(|end| end <= side);
        if !inside(x, width, self.width) || !inside(y, height, self.height) {
            let what = format!("{width}x{height} at ({x}, {y}) is not inside {}x{}", self.width, self.height);
            return Err(refused(what));
        }
        let rows = self.bytes.chunks_exact(self.width * channels).skip(y).take(height);
        let bytes = rows.flat_map(|row| &row[x * channels..(x + width) * channels]).copied().collect();
        Self::new(width, height, self.format, bytes)
    }
}
