//! The pixels of a raw frame, to draw on.

use super::{Color, Thickness, View, samples};
use eyelet_hal::{Error, ErrorKind, Frame, FrameMeta, PixelFormat, Plane, Result, StreamFormat};
use std::ops::Range;

/// Pixels to draw on where they are, in any raw format.
///
/// Brightness is drawn exactly. Where two or four pixels share their chroma, as in all formats of YCbCr, they get that of the
/// pixel drawn last: what is drawn has its colour at odd coordinates too, and may tint the pixel beside it, whose brightness
/// stays. Pixels outside the picture are clipped. In grey frames only the brightness of a colour counts.
///
/// With the feature `drawing` it is also an embedded-graphics `DrawTarget`, and draws text.
///
/// ```
/// use eyelet_core::image::{Canvas, Color, Thickness};
/// use eyelet_hal::{FrameMeta, PixelFormat, StreamFormat};
///
/// let format = StreamFormat::new(PixelFormat::Nv12, 320, 240).unwrap();
/// let mut buffer = vec![0; format.packed_len().unwrap()];
/// let mut canvas = Canvas::packed(format, &mut buffer)?;
/// canvas.draw_rect(61, 61, 81, 81, Color::RED, Thickness::Pixels(3));
/// let frame = canvas.into_frame(FrameMeta::now(1))?; // to encode
/// assert_eq!(frame.planes().len(), 2);
/// # Ok::<_, eyelet_hal::Error>(())
/// ```
#[derive(Debug)]
pub struct Canvas<'a> {
    pub(super) format: StreamFormat,
    // Each holds all its rows; strides follow.
    pub(super) planes: [&'a mut [u8]; 3],
    pub(super) strides: [usize; 3],
}

impl<'a> Canvas<'a> {
    /// Over planes of one's own, each with its stride in bytes, in the order of [`PixelFormat`]'s description.
    ///
    /// # Errors
    /// `InvalidInput` for a compressed format, and if there are not as many planes as the format has, or one is too short.
    pub fn new<const N: usize>(format: StreamFormat, planes: [(&'a mut [u8], usize); N]) -> Result<Self> {
        let mut canvas = Self { format, planes: [&mut [], &mut [], &mut []], strides: [0; 3] };
        let want = if format.pixel == PixelFormat::Jpeg { 0 } else { format.pixel.planes() };
        if N != want || want == 0 {
            return Err(cannot(format, &format!("these are {N} planes of pixels")));
        }
        for (index, (bytes, stride)) in planes.into_iter().enumerate() {
            let least = format.plane(index).and_then(|plane| plane.min_len(stride));
            if least.is_none_or(|least| bytes.len() < least) {
                return Err(cannot(
                    format,
                    &format!("plane {index} is {} bytes of stride {stride}", bytes.len()),
                ));
            }
            (canvas.planes[index], canvas.strides[index]) = (bytes, stride);
        }
        Ok(canvas)
    }

    /// Over a buffer in which the planes follow one another without padding, as `format.packed_len()` counts it.
    ///
    /// # Errors
    /// `InvalidInput` for a compressed format and if the buffer is too short.
    pub fn packed(format: StreamFormat, buffer: &'a mut [u8]) -> Result<Self> {
        let mut canvas = Self { format, planes: [&mut [], &mut [], &mut []], strides: [0; 3] };
        let mut rest = buffer;
        for index in 0..format.pixel.planes() {
            let plane = format.plane(index).filter(|_| format.packed_len().is_some());
            let taken = plane.and_then(|plane| {
                rest.split_off_mut(..plane.row_bytes * plane.rows).map(|bytes| (bytes, plane.row_bytes))
            });
            let Some((bytes, stride)) = taken else {
                return Err(cannot(format, "the buffer is too short, or the format compressed"));
            };
            (canvas.planes[index], canvas.strides[index]) = (bytes, stride);
        }
        Ok(canvas)
    }

    /// Over a copy of `frame`, in a buffer that is used again and again: it grows to the size of the frame once.
    ///
    /// # Errors
    /// As [`View::of`].
    pub fn copy_of(frame: &Frame<'_>, buffer: &'a mut Vec<u8>) -> Result<Self> {
        buffer.clear();
        for (bytes, _) in planes_of(&View::of(frame)?) {
            buffer.extend_from_slice(bytes);
        }
        Self::over_copy(frame, buffer)
    }

    /// Over the copy of `frame` that [`copy_of`](Self::copy_of) has made.
    pub(crate) fn over_copy(frame: &Frame<'_>, buffer: &'a mut [u8]) -> Result<Self> {
        let view = View::of(frame)?;
        let mut canvas = Self { format: view.format, planes: [&mut [], &mut [], &mut []], strides: [0; 3] };
        let mut rest = buffer;
        for (index, (bytes, stride)) in planes_of(&view).enumerate() {
            canvas.planes[index] = rest.split_off_mut(..bytes.len()).unwrap_or_default();
            canvas.strides[index] = stride;
        }
        Ok(canvas)
    }

    /// Over the pixels of an [`Image`](super::Image).
    pub(super) fn over_rgb(format: StreamFormat, pixels: &'a mut [u8]) -> Self {
        let stride = 3 * format.width.get() as usize;
        Self { format, planes: [pixels, &mut [], &mut []], strides: [stride, 0, 0] }
    }

    /// The pixels, to look at.
    pub fn view(&self) -> View<'_> {
        let [first, second, third] = &self.planes;
        let [a, b, c] = self.strides;
        View { format: self.format, planes: [(first, a), (second, b), (third, c)] }
    }

    /// The same, for as long as the canvas would have lasted.
    pub(crate) fn into_view(self) -> View<'a> {
        let ([first, second, third], [a, b, c]) = (self.planes.map(|bytes| &*bytes), self.strides);
        View { format: self.format, planes: [(first, a), (second, b), (third, c)] }
    }

    /// The pixels as a frame, to encode.
    ///
    /// # Errors
    /// None in practice: a canvas meets every check of [`Frame::new`].
    pub fn into_frame(self, meta: FrameMeta) -> Result<Frame<'a>> {
        let (planes, [a, b, c]) = (self.planes, self.strides);
        let [first, second, third] = planes.map(|bytes| &*bytes);
        let planes = [Plane::host(first, a), Plane::host(second, b), Plane::host(third, c)];
        Frame::new(self.format, meta, &planes[..self.format.pixel.planes()])
    }

    /// Pixel format and size.
    pub fn format(&self) -> StreamFormat {
        self.format
    }

    /// In pixels.
    pub fn width(&self) -> u32 {
        self.format.width.get()
    }

    /// In pixels.
    pub fn height(&self) -> u32 {
        self.format.height.get()
    }

    /// Sets one pixel.
    pub fn set_pixel(&mut self, x: i32, y: i32, color: Color) {
        self.blend(x.into(), y.into(), color, 256);
    }

    /// Draws the rectangle whose top left pixel is (`x`, `y`), `w` pixels wide and `h` high.
    pub fn draw_rect(&mut self, x: i32, y: i32, w: u32, h: u32, color: Color, thickness: Thickness) {
        let (left, top) = (i64::from(x), i64::from(y));
        let (right, bottom) = (left + i64::from(w), top + i64::from(h));
        if w == 0 || h == 0 || thickness == Thickness::Pixels(0) {
            return;
        }
        let Thickness::Pixels(line) = thickness else {
            return self.fill(left..right, top..bottom, color);
        };
        let outside = i64::from(line / 2);
        let inside = i64::from(line) - outside;
        let outer = (left - outside..right + outside, top - outside..bottom + outside);
        let hole = (left + inside..right - inside, top + inside..bottom - inside);
        if hole.0.is_empty() || hole.1.is_empty() {
            return self.fill(outer.0, outer.1, color);
        }
        self.fill(outer.0.clone(), outer.1.start..hole.1.start, color);
        self.fill(outer.0.clone(), hole.1.end..outer.1.end, color);
        self.fill(outer.0.start..hole.0.start, hole.1.clone(), color);
        self.fill(hole.0.end..outer.0.end, hole.1, color);
    }

    /// Fills the part of a rectangle that is inside the picture.
    pub(super) fn fill(&mut self, x: Range<i64>, y: Range<i64>, color: Color) {
        let clip = |range: Range<i64>, end: u32| {
            range.start.clamp(0, end.into()) as usize..range.end.clamp(0, end.into()) as usize
        };
        let (x, y) = (clip(x, self.width()), clip(y, self.height()));
        if x.is_empty() || y.is_empty() {
            return;
        }
        let values = samples::from_color(self.format.pixel, color);
        for (s, value) in samples::of(self.format.pixel).iter().zip(values) {
            // The first cell that the range touches to the last.
            let cells =
                |range: &Range<usize>, shift: u32| range.start >> shift..((range.end - 1) >> shift) + 1;
            let (columns, rows) = (cells(&x, s.across), cells(&y, s.down));
            let bytes = columns.start * s.step + s.offset..(columns.end - 1) * s.step + s.offset + 1;
            let stride = self.strides[s.plane];
            for row in rows {
                let row = &mut self.planes[s.plane][row * stride..][bytes.clone()];
                if s.step == 1 {
                    row.fill(value);
                } else {
                    row.iter_mut().step_by(s.step).for_each(|sample| *sample = value);
                }
            }
        }
    }

    /// Copies a picture of the same pixel format onto this one, whole: with its top left corner at even coordinates, and not
    /// beyond the edges.
    #[cfg(feature = "drawing")]
    pub(crate) fn paste(&mut self, picture: &View<'_>, x: u32, y: u32) {
        let pixel = self.format.pixel;
        for (index, &(bytes, stride)) in picture.planes[..pixel.planes()].iter().enumerate() {
            let first = samples::of(pixel).iter().find(|samples| samples.plane == index);
            let (Some(first), Some(plane)) = (first, picture.format.plane(index)) else { continue };
            let (left, top) = ((x >> first.across) as usize * first.step, (y >> first.down) as usize);
            let to = self.planes[index].chunks_mut(self.strides[index]).skip(top);
            for (to, from) in to.zip(bytes.chunks(stride)) {
                to[left..][..plane.row_bytes].copy_from_slice(&from[..plane.row_bytes]);
            }
        }
    }

    /// Blends `ink` 256ths of a colour into a pixel, if it is inside the picture.
    pub(crate) fn blend(&mut self, x: i64, y: i64, color: Color, ink: u32) {
        if !(0..i64::from(self.width())).contains(&x) || !(0..i64::from(self.height())).contains(&y) {
            return;
        }
        let (x, y) = (x as usize, y as usize);
        let values = samples::from_color(self.format.pixel, color);
        for (s, value) in samples::of(self.format.pixel).iter().zip(values) {
            let at = (y >> s.down) * self.strides[s.plane] + (x >> s.across) * s.step + s.offset;
            let old = &mut self.planes[s.plane][at];
            *old = ((u32::from(*old) * (256 - ink) + u32::from(value) * ink) >> 8) as u8;
        }
    }
}

/// The bytes of each plane that its rows take, and its stride.
fn planes_of<'a>(view: &View<'a>) -> impl Iterator<Item = (&'a [u8], usize)> {
    let (format, planes) = (view.format, view.planes);
    (0..format.pixel.planes()).map(move |index| {
        let (bytes, stride) = planes[index];
        let len = format.plane(index).and_then(|plane| plane.min_len(stride));
        (&bytes[..len.unwrap_or_default()], stride)
    })
}

fn cannot(format: StreamFormat, why: &str) -> Error {
    Error::new(ErrorKind::InvalidInput, format!("cannot draw on a {format} picture: {why}"))
}
