//! Limited-range pictures, where 16 is black and 235 is white, made full-range as JPEG has them.
//!
//! Only for a driver that reports it: the default of V4L2 names no range that cameras keep to, and most raw formats of USB
//! cameras are passed on as they are, without a copy.

use eyelet_hal::{PixelFormat, Plane};

/// Stretches samples into a picture of its own.
pub(crate) struct Expander {
    luma: [u8; 256],
    chroma: [u8; 256],
    picture: Vec<u8>,
}

/// `sample`, whose distance from `zero` grows as 255 to `range`, about `centre`.
fn stretched(sample: usize, zero: i32, range: i32, centre: i32) -> u8 {
    let scaled = (sample as i32 - zero) * 510 / range;
    // Half a step up, so that it rounds.
    ((scaled + scaled.signum()) / 2 + centre).clamp(0, 255) as u8
}

impl Expander {
    pub(crate) fn new() -> Self {
        Self {
            luma: std::array::from_fn(|sample| stretched(sample, 16, 219, 0)),
            chroma: std::array::from_fn(|sample| stretched(sample, 128, 224, 128)),
            picture: Vec::new(),
        }
    }

    /// The same planes, stretched, in host memory.
    pub(crate) fn expand<'a>(&'a mut self, pixel: PixelFormat, planes: &[Plane<'_>]) -> [Plane<'a>; 3] {
        self.picture.clear();
        for (index, plane) in planes.iter().enumerate() {
            // Luma, chroma; by turns where they share a plane.
            let (first, second) = match (pixel, index) {
                (PixelFormat::Yuyv, _) => (&self.luma, &self.chroma),
                (_, 0) => (&self.luma, &self.luma),
                _ => (&self.chroma, &self.chroma),
            };
            let start = self.picture.len();
            self.picture.extend_from_slice(plane.bytes);
            for row in self.picture[start..].chunks_mut(plane.stride.max(1)) {
                for pair in row.chunks_mut(2) {
                    pair[0] = first[usize::from(pair[0])];
                    if let Some(sample) = pair.get_mut(1) {
                        *sample = second[usize::from(*sample)];
                    }
                }
            }
        }
        let mut rest = &self.picture[..];
        let mut expanded = [Plane::host(&[], 0); 3];
        for (to, from) in expanded.iter_mut().zip(planes) {
            let (bytes, behind) = rest.split_at(from.bytes.len());
            *to = Plane::host(bytes, from.stride);
            rest = behind;
        }
        expanded
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expanded_black_white_and_grey_are_those_of_a_jpeg() {
        let e = Expander::new();
        assert_eq!([0, 15, 16, 126, 235, 255].map(|i: usize| e.luma[i]), [0, 0, 0, 128, 255, 255]);
        assert_eq!(
            [0, 16, 127, 128, 129, 240, 255].map(|i: usize| e.chroma[i]),
            [0, 0, 127, 128, 129, 255, 255]
        );
        assert!(e.luma.is_sorted() && e.chroma.is_sorted());
    }

    #[test]
    fn each_plane_keeps_its_place_and_each_sample_its_kind() {
        let mut e = Expander::new();
        // Two rows of an odd stride: the kinds begin anew in each.
        let bytes = [16, 240, 235, 16, 0, 16, 240, 235, 16];
        let planes = e.expand(PixelFormat::Yuyv, &[Plane::host(&bytes, 5)]);
        assert_eq!(planes[0].bytes, [0, 255, 255, 0, 0, 0, 255, 255, 0]);
        assert_eq!((planes[0].stride, planes[1].bytes.len()), (5, 0));

        let (y, uv) = ([235; 4], [240; 2]);
        let planes = e.expand(PixelFormat::Nv12, &[Plane::host(&y, 2), Plane::host(&uv, 2)]);
        assert_eq!((planes[0].bytes, planes[1].bytes), (&[255; 4][..], &[255; 2][..]));
        let planes = e.expand(PixelFormat::Rgb24, &[Plane::host(&[16, 235, 16], 3)]);
        assert_eq!(planes[0].bytes, [0, 255, 0]);
    }
}
