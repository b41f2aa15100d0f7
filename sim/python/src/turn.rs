//! Rotated and mirrored pictures.

use crate::{
    raster::{self, Raster},
    resample::Method,
};
use eyelet_hal::Result;

impl Raster {
    /// Mirrored: rows in the opposite order, columns, or both.
    ///
    /// # Errors
    /// `Unsupported` where pixels do not follow each other.
    pub(crate) fn flipped(&self, rows: bool, columns: bool) -> Result<Self> {
        let (w, h) = (self.width, self.height);
        self.mapped("flip", (w, h), |x, y| {
            (if columns { w - 1 - x } else { x }, if rows { h - 1 - y } else { y })
        })
    }

    /// Rotated anticlockwise about its middle, by any angle in degrees; what comes from outside is black.
    ///
    /// # Errors
    /// `InvalidInput` for a size out of range, `Unsupported` where pixels do not follow each other.
    pub(crate) fn rotated(
        &self,
        degrees: f64,
        (width, height): (usize, usize),
        method: Method,
    ) -> Result<Self> {
        let (w, h) = (self.width, self.height);
        let quarters = degrees.rem_euclid(360.0) / 90.0;
        let own = if quarters % 2.0 == 1.0 { (h, w) } else { (w, h) };
        if quarters.fract() == 0.0 && (width, height) == own {
            return self.mapped("rotate", own, |x, y| match quarters as u8 {
                0 => (x, y),
                1 => (w - 1 - y, x),
                2 => (w - 1 - x, h - 1 - y),
                _ => (y, h - 1 - x),
            });
        }
        let channels = self.channels("rotate")?;
        let mut bytes = vec![0; raster::len(width, height, self.format)?];
        let (sin, cos) = degrees.to_radians().sin_cos();
        let (middle_x, middle_y) = ((width as f64 - 1.0) / 2.0, (height as f64 - 1.0) / 2.0);
        for (y, row) in bytes.chunks_exact_mut(width * channels).enumerate() {
            for (x, pixel) in row.chunks_exact_mut(channels).enumerate() {
                let (dx, dy) = (x as f64 - middle_x, y as f64 - middle_y);
                let from_x = dx * cos - dy * sin + (w as f64 - 1.0) / 2.0;
                let from_y = dx * sin + dy * cos + (h as f64 - 1.0) / 2.0;
                if method == Method::Nearest {
                    self.sample(from_x.round(), from_y.round(), channels, pixel);
                    continue;
                }
                let (left, top) = (from_x.floor(), from_y.floor());
                let (right, below) = (from_x - left, from_y - top);
                let mut sums = [0.5f64; 4];
                for (dx, across) in [(0.0, 1.0 - right), (1.0, right)] {
                    for (dy, down) in [(0.0, 1.0 - below), (1.0, below)] {
                        let mut one = [0; 4];
                        self.sample(left + dx, top + dy, channels, &mut one[..channels]);
                        sums.iter_mut()
                            .zip(one)
                            .for_each(|(sum, value)| *sum += across * down * f64::from(value));
                    }
                }
                pixel.iter_mut().zip(sums).for_each(|(value, sum)| *value = sum as u8);
            }
        }
        Self::new(width, height, self.format, bytes)
    }

    /// Copies a pixel; leaves `pixel` as it is outside the picture.
    fn sample(&self, x: f64, y: f64, channels: usize, pixel: &mut [u8]) {
        if x >= 0.0 && y >= 0.0 && x < self.width as f64 && y < self.height as f64 {
            let at = (y as usize * self.width + x as usize) * channels;
            pixel.copy_from_slice(&self.bytes[at..at + channels]);
        }
    }

    /// A picture of `size`, each of whose pixels is the one at `from`.
    fn mapped(
        &self,
        what: &str,
        (width, height): (usize, usize),
        from: impl Fn(usize, usize) -> (usize, usize),
    ) -> Result<Self> {
        let channels = self.channels(what)?;
        let mut bytes = Vec::with_capacity(self.bytes.len());
        for y in 0..height {
            for x in 0..width {
                let (x, y) = from(x, y);
                let at = (y * self.width + x) * channels;
                bytes.extend_from_slice(&self.bytes[at..at + channels]);
            }
        }
        Self::new(width, height, self.format, bytes)
    }
}
