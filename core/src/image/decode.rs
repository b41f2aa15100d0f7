//! Decodes JPEGs as browsers do: with libjpeg-turbo's colours, sampling and orientation.

use super::{Image, convert::rgb, orientation::Orientation};
use crate::jpeg::{self, Plane};
use eyelet_hal::{
    Error, ErrorKind, Result, StreamFormat,
    jpeg::{FrameHeader, segments},
};

impl Image {
    /// The picture in a JPEG, rotated upright according to its EXIF orientation.
    ///
    /// # Errors
    /// `CorruptFrame` when it is incomplete, `Unsupported` for kinds that browsers cannot show and for CMYK,
    /// `OutOfMemory` when memory is short or the picture has more than 2^25 pixels.
    pub fn from_jpeg(jpeg: &[u8]) -> Result<Self> {
        Self::decode(jpeg, None)
    }

    /// The picture in a JPEG, whose size must be that of `format`.
    pub(super) fn decode(bytes: &[u8], format: Option<StreamFormat>) -> Result<Self> {
        let mut whole = Vec::new();
        let info = jpeg::repair(bytes, &mut whole)?;
        if let Some(format) = format {
            jpeg::check_size(&info, format)?;
        }
        if info.components > 3 {
            let what = "cannot decode a JPEG of four colours, for print";
            return Err(Error::new(ErrorKind::Unsupported, what).with_remedy("use one of three"));
        }
        let notes = Notes::read(&whole);
        let (frame, planes) = jpeg::planes(&whole)?;
        let (width, height) = (usize::from(frame.width), usize::from(frame.height));
        let (across, down) = notes.orientation.size(info.width, info.height);
        let mut image = Self::new(across.into(), down.into())?;
        let is_rgb = notes.is_rgb(&frame);
        let mut rows = [const { Vec::new() }; 3];
        for y in 0..height {
            for ((row, plane), component) in rows.iter_mut().zip(&planes).zip(frame.components()) {
                let (h, v) = frame.sampling();
                let scale = Scale { across: (component.sampling.0, h), down: (component.sampling.1, v) };
                row.clear();
                scale.row(plane, y, width, row);
            }
            let (mut at, step) = notes.orientation.row(y, (width, height));
            let mut put = |pixel| {
                image.pixels[at] = pixel;
                at = at.wrapping_add_signed(step);
            };
            let [first, second, third] = &rows;
            if planes.len() == 1 {
                first.iter().for_each(|&luma| put([luma; 3]));
                continue;
            }
            for ((&a, &b), &c) in first.iter().zip(second).zip(third) {
                put(if is_rgb { [a, b, c] } else { rgb(a, b, c) });
            }
        }
        Ok(image)
    }
}

/// The relevant contents of application segments.
#[derive(Default)]
struct Notes {
    jfif: bool,
    /// Adobe's colour transform.
    adobe: Option<u8>,
    orientation: Orientation,
}

impl Notes {
    fn read(jpeg: &[u8]) -> Self {
        let mut notes = Self::default();
        for segment in segments(jpeg).map_while(Result::ok) {
            let payload = segment.payload;
            match segment.marker {
                0xe0 => notes.jfif |= payload.len() >= 14 && payload.starts_with(b"JFIF\0"),
                0xe1 => {
                    if let Some(orientation) = Orientation::in_app1(payload) {
                        notes.orientation = orientation;
                    }
                }
                0xee if payload.starts_with(b"Adobe") => notes.adobe = payload.get(11).copied(),
                _ => {}
            }
        }
        notes
    }

    /// Whether three components are R, G and B rather than Y, Cb and Cr.
    fn is_rgb(&self, frame: &FrameHeader) -> bool {
        match (self.jfif, self.adobe) {
            (true, _) => false,
            (false, Some(transform)) => transform == 0,
            (false, None) => frame.components().iter().map(|c| c.id).eq(*b"RGB"),
        }
    }
}

/// The subsampling of a component along both axes: samples per pixels.
struct Scale {
    across: (u8, u8),
    down: (u8, u8),
}

impl Scale {
    /// Appends `width` samples of row `y` of the picture. At half resolution samples are interpolated, three parts
    /// of the nearer one and one of the farther; otherwise the nearest sample is used.
    fn row(&self, plane: &Plane, y: usize, width: usize, out: &mut Vec<u8>) {
        let half = |(own, most): (u8, u8)| 2 * own == most;
        let nearest = |at: usize, (own, most): (u8, u8)| at * usize::from(own) / usize::from(most);
        let near = plane.row(nearest(y, self.down));
        let smooth = plane.width > 2 && (half(self.across) || self.across.0 == self.across.1);
        let far = match half(self.down) && smooth {
            true if y.is_multiple_of(2) => plane.row((y / 2).saturating_sub(1)),
            true => plane.row(y / 2 + 1),
            false => near,
        };
        let sum = |at: usize| 3 * u16::from(near[at]) + u16::from(far[at]);
        let last = plane.width - 1;
        if half(self.across) && smooth {
            out.extend((0..width).map(|x| {
                let other = if x.is_multiple_of(2) { (x / 2).saturating_sub(1) } else { last.min(x / 2 + 1) };
                ((3 * sum(x / 2) + sum(other) + 8) >> 4) as u8
            }));
        } else {
            out.extend((0..width).map(|x| ((sum(nearest(x, self.across).min(last)) + 2) >> 2) as u8));
        }
    }
}
