//! From the drawn picture into a camera's pixel format.

use eyelet_hal::{PixelFormat, Plane, PlaneGeometry, StreamFormat};

/// Where the planes of a frame lie in one buffer.
#[derive(Clone, Debug)]
pub(crate) struct FrameLayout {
    format: StreamFormat,
    planes: Vec<Place>,
}

#[derive(Clone, Copy, Debug)]
struct Place {
    offset: usize,
    stride: usize,
    geometry: PlaneGeometry,
}

impl FrameLayout {
    /// One plane after the other, each row followed by `padding` bytes that mean nothing.
    ///
    /// `None` for JPEG, which has no rows.
    pub(crate) fn new(format: StreamFormat, padding: usize) -> Option<Self> {
        let mut offset = 0usize;
        let planes = (0..format.pixel.planes()).map(|index| {
            let geometry = format.plane(index)?;
            let stride = geometry.row_bytes.checked_add(padding)?;
            let place = Place { offset, stride, geometry };
            offset = offset.checked_add(stride.checked_mul(geometry.rows)?)?;
            Some(place)
        });
        Some(Self { format, planes: planes.collect::<Option<_>>()? })
    }

    pub(crate) fn format(&self) -> StreamFormat {
        self.format
    }

    /// Bytes of a buffer.
    pub(crate) fn len(&self) -> usize {
        self.planes.last().map_or(0, |p| p.offset + p.stride * p.geometry.rows)
    }

    /// The planes that lie in `buffer`.
    pub(crate) fn planes<'a>(&self, buffer: &'a [u8]) -> Vec<Plane<'a>> {
        let plane = |p: &Place| Plane::host(&buffer[p.offset..][..p.stride * p.geometry.rows], p.stride);
        self.planes.iter().map(plane).collect()
    }

    /// Converts packed `rgb` of the format's size into `buffer`.
    ///
    /// BT.601, full range; a chroma sample is the mean of the pixels it stands for.
    pub(crate) fn convert(&self, rgb: &[u8], buffer: &mut [u8]) {
        let width = self.format.width.get() as usize;
        let rgb: Vec<&[u8]> = rgb.chunks_exact(width * 3).collect();
        match self.format.pixel {
            PixelFormat::Rgb24 => {
                for (row, rgb) in self.rows(buffer, 0).zip(rgb) {
                    row.copy_from_slice(rgb);
                }
            }
            PixelFormat::Bgr24 => {
                for (row, rgb) in self.rows(buffer, 0).zip(rgb) {
                    for (bgr, &[r, g, b]) in row.as_chunks_mut().0.iter_mut().zip(rgb.as_chunks().0) {
                        *bgr = [b, g, r];
                    }
                }
            }
            PixelFormat::Grey => self.luma(&rgb, buffer),
            PixelFormat::Nv12 | PixelFormat::Nv21 => {
                self.luma(&rgb, buffer);
                let (cb, cr) = if self.format.pixel == PixelFormat::Nv12 { (0, 1) } else { (1, 0) };
                for (row, rgb) in self.rows(buffer, 1).zip(rgb.chunks(2)) {
                    for (pair, chroma) in row.as_chunks_mut::<2>().0.iter_mut().zip(chroma(rgb)) {
                        (pair[cb], pair[cr]) = chroma;
                    }
                }
            }
            PixelFormat::I420 | PixelFormat::Yuv422p => {
                self.luma(&rgb, buffer);
                let tall = if self.format.pixel == PixelFormat::I420 { 2 } else { 1 };
                let (first, second) = buffer.split_at_mut(self.planes[2].offset);
                let rows = self.rows(first, 1).zip(rows(second, 0, self.planes[2]));
                for ((cb, cr), rgb) in rows.zip(rgb.chunks(tall)) {
                    for ((cb, cr), chroma) in cb.iter_mut().zip(cr).zip(chroma(rgb)) {
                        (*cb, *cr) = chroma;
                    }
                }
            }
            PixelFormat::Yuyv => {
                for (row, rgb) in self.rows(buffer, 0).zip(&rgb) {
                    let pixels = rgb.as_chunks().0.chunks(2).zip(chroma(std::slice::from_ref(rgb)));
                    for (quad, (pair, (cb, cr))) in row.as_chunks_mut().0.iter_mut().zip(pixels) {
                        // An odd width ends with half a pair: its pixel stands for both.
                        *quad = [luma(pair[0]), cb, luma(pair[pair.len() - 1]), cr];
                    }
                }
            }
            // No layout is made for others.
            _ => {}
        }
    }

    fn rows<'a>(&self, buffer: &'a mut [u8], plane: usize) -> impl Iterator<Item = &'a mut [u8]> {
        let place = self.planes[plane];
        rows(buffer, place.offset, place)
    }

    fn luma(&self, rgb: &[&[u8]], buffer: &mut [u8]) {
        for (row, rgb) in self.rows(buffer, 0).zip(rgb) {
            for (out, pixel) in row.iter_mut().zip(rgb.as_chunks().0) {
                *out = luma(*pixel);
            }
        }
    }
}

/// The rows of a plane that begins at `offset` of `buffer`, without their padding.
fn rows(buffer: &mut [u8], offset: usize, place: Place) -> impl Iterator<Item = &mut [u8]> {
    let rows = buffer[offset..].chunks_exact_mut(place.stride).take(place.geometry.rows);
    rows.map(move |row| &mut row[..place.geometry.row_bytes])
}

type Rgb = [u8; 3];

/// 65536 times 0.299, 0.587, 0.114.
fn luma([r, g, b]: Rgb) -> u8 {
    ((19_595 * u32::from(r) + 38_470 * u32::from(g) + 7_471 * u32::from(b) + 32_768) >> 16) as u8
}

/// Cb and Cr of each pair of columns over these one or two rows; fewer pixels at the edges.
fn chroma<'a>(rows: &'a [&[u8]]) -> impl Iterator<Item = (u8, u8)> + 'a {
    // A row or a column that stands alone counts twice, which changes no mean.
    let (above, below) = (rows[0], rows[rows.len() - 1]);
    let pairs = above.as_chunks().0.iter().zip(below.as_chunks().0).map(|(above, below)| {
        let [[a, b, c, d, e, f], [g, h, i, j, k, l]] = [*above, *below];
        mean_chroma([[a, b, c], [d, e, f], [g, h, i], [j, k, l]])
    });
    let alone = above.as_chunks::<6>().1.as_chunks().0.iter().zip(below.as_chunks::<6>().1.as_chunks().0);
    pairs.chain(alone.map(|(above, below)| mean_chroma([*above, *above, *below, *below])))
}

fn mean_chroma([a, b, c, d]: [Rgb; 4]) -> (u8, u8) {
    let sum = |i: usize| i32::from(a[i]) + i32::from(b[i]) + i32::from(c[i]) + i32::from(d[i]);
    let (r, g, b) = (sum(0), sum(1), sum(2));
    // Each coefficient times 65536; two more bits for the sum of four; half a unit less one, as libjpeg has it, so
    // that 255.5 does not become 256.
    const HALF: i32 = (128 << 18) + (1 << 17) - 1;
    let cb = (-11_059 * r - 21_709 * g + 32_768 * b + HALF) >> 18;
    let cr = (32_768 * r - 27_439 * g - 5_329 * b + HALF) >> 18;
    (cb as u8, cr as u8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Y, Cb, Cr by the definition of JFIF.
    fn ycbcr([r, g, b]: [f64; 3]) -> [f64; 3] {
        [
            0.299 * r + 0.587 * g + 0.114 * b,
            -0.168_735_892 * r - 0.331_264_108 * g + 0.5 * b + 128.0,
            0.5 * r - 0.418_687_589 * g - 0.081_312_411 * b + 128.0,
        ]
    }

    /// Mean of Cb or Cr over the pixels of a block that exist.
    fn mean(rgb: &[u8], (w, h): (usize, usize), columns: [usize; 2], rows: [usize; 2], c: usize) -> f64 {
        let mut seen = vec![];
        for y in rows[0]..rows[1].min(h) {
            for x in columns[0]..columns[1].min(w) {
                let p = &rgb[(y * w + x) * 3..];
                seen.push(ycbcr([p[0], p[1], p[2]].map(f64::from))[c]);
            }
        }
        seen.iter().sum::<f64>() / seen.len() as f64
    }

    fn raw() -> impl Strategy<Value = PixelFormat> {
        prop::sample::select(PixelFormat::RAW.to_vec())
    }

    proptest! {
        #[test]
        fn every_sample_is_that_of_a_naive_walk(
            pixel in raw(), w in 1usize..20, h in 1usize..20, padding in 0usize..9, seed: u64,
        ) {
            let mut random = fastrand::Rng::with_seed(seed);
            let rgb: Vec<u8> = (0..w * h * 3).map(|_| random.u8(..)).collect();
            let format = StreamFormat::new(pixel, w as u32, h as u32).unwrap();
            let layout = FrameLayout::new(format, padding).unwrap();
            let mut buffer = vec![0x5a; layout.len()];
            layout.convert(&rgb, &mut buffer);
            let planes = layout.planes(&buffer);
            let frame = eyelet_hal::Frame::new(format, Default::default(), &planes);
            prop_assert!(frame.is_ok());

            let at = |plane: usize, x: usize, y: usize| f64::from(planes[plane].bytes[y * planes[plane].stride + x]);
            for y in 0..h {
                for x in 0..w {
                    let pixel_rgb = &rgb[(y * w + x) * 3..][..3];
                    let near = |sample: f64, want: f64| (sample - want).abs() <= 0.51;
                    let pair = [x / 2 * 2, x / 2 * 2 + 2];
                    let (two, one) = ([y / 2 * 2, y / 2 * 2 + 2], [y, y + 1]);
                    let cb = |rows| mean(&rgb, (w, h), pair, rows, 1);
                    let cr = |rows| mean(&rgb, (w, h), pair, rows, 2);
                    let y_want = mean(&rgb, (w, h), [x, x + 1], one, 0);
                    let (half_x, half_y) = (x / 2, y / 2);
                    let found = match pixel {
                        PixelFormat::Rgb24 | PixelFormat::Bgr24 => {
                            for (c, &want) in pixel_rgb.iter().enumerate() {
                                let c = if pixel == PixelFormat::Bgr24 { 2 - c } else { c };
                                prop_assert_eq!(at(0, x * 3 + c, y), f64::from(want));
                            }
                            continue;
                        }
                        PixelFormat::Grey => vec![(at(0, x, y), y_want)],
                        PixelFormat::Nv12 => vec![
                            (at(0, x, y), y_want), (at(1, half_x * 2, half_y), cb(two)), (at(1, half_x * 2 + 1, half_y), cr(two)),
                        ],
                        PixelFormat::Nv21 => vec![
                            (at(0, x, y), y_want), (at(1, half_x * 2, half_y), cr(two)), (at(1, half_x * 2 + 1, half_y), cb(two)),
                        ],
                        PixelFormat::I420 => vec![
                            (at(0, x, y), y_want), (at(1, half_x, half_y), cb(two)), (at(2, half_x, half_y), cr(two)),
                        ],
                        PixelFormat::Yuv422p => vec![
                            (at(0, x, y), y_want), (at(1, half_x, y), cb(one)), (at(2, half_x, y), cr(one)),
                        ],
                        PixelFormat::Yuyv => vec![
                            (at(0, x * 2, y), y_want), (at(0, half_x * 4 + 1, y), cb(one)), (at(0, half_x * 4 + 3, y), cr(one)),
                        ],
                        other => panic!("{other}"),
                    };
                    for (sample, want) in found {
                        prop_assert!(near(sample, want), "{format} ({x}, {y}): {sample} is not {want}");
                    }
                }
            }
            // Nothing is written between the rows.
            for (index, plane) in planes.iter().enumerate() {
                let geometry = format.plane(index).unwrap();
                for row in plane.bytes.chunks(plane.stride) {
                    prop_assert!(row[geometry.row_bytes..].iter().all(|&b| b == 0x5a));
                }
            }
        }
    }

    #[test]
    fn primaries_do_not_wrap() {
        for rgb in [[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255], [0, 0, 0]] {
            let (cb, cr) = chroma(&[&rgb]).next().unwrap();
            let want = ycbcr(rgb.map(f64::from));
            for (found, want) in [(luma(rgb), want[0]), (cb, want[1]), (cr, want[2])] {
                assert!((f64::from(found) - want.min(255.0)).abs() <= 0.51, "{rgb:?}: {found} is not {want}");
            }
        }
    }
}
