//! Frames looked at and drawn on where they are: every raw format, odd sizes, padded rows.

use eyelet_core::image::{Canvas, Color, Image, Thickness, View};
use eyelet_hal::{ErrorKind, Frame, FrameMeta, Memory, PixelFormat, Plane, StreamFormat};
use proptest::prelude::*;

/// Planes of noise with `padding` bytes after each row.
#[derive(Clone, PartialEq)]
struct Planes {
    format: StreamFormat,
    planes: Vec<(Vec<u8>, usize)>,
}

impl Planes {
    fn noise(format: StreamFormat, padding: usize, seed: u64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut plane = |index| {
            let plane = format.plane(index).unwrap();
            let stride = plane.row_bytes + padding;
            ((0..plane.rows * stride).map(|_| random.u8(..)).collect(), stride)
        };
        Self { format, planes: (0..format.pixel.planes()).map(&mut plane).collect() }
    }

    fn frame(&self) -> Frame<'_> {
        let planes: Vec<_> = self.planes.iter().map(|(bytes, stride)| Plane::host(bytes, *stride)).collect();
        Frame::new(self.format, FrameMeta::default(), &planes).unwrap()
    }

    fn draw(&mut self, draw: impl FnOnce(&mut Canvas<'_>)) {
        let planes: Vec<_> =
            self.planes.iter_mut().map(|(bytes, stride)| (bytes.as_mut_slice(), *stride)).collect();
        let mut canvas = match planes.len() {
            1 => Canvas::new(self.format, <[_; 1]>::try_from(planes).unwrap()).unwrap(),
            2 => Canvas::new(self.format, <[_; 2]>::try_from(planes).unwrap()).unwrap(),
            _ => Canvas::new(self.format, <[_; 3]>::try_from(planes).unwrap()).unwrap(),
        };
        draw(&mut canvas);
    }

    fn luma(&self, x: u32, y: u32) -> u8 {
        View::of(&self.frame()).unwrap().luma(x, y).unwrap()
    }

    fn pixel(&self, x: u32, y: u32) -> [u8; 3] {
        View::of(&self.frame()).unwrap().pixel(x, y).unwrap().to_bytes()
    }

    /// Of the bytes that differ, how many are not of a plane's last rows: for messages.
    fn changed(&self, other: &Self) -> usize {
        let pairs = self.planes.iter().zip(&other.planes);
        pairs.map(|((a, _), (b, _))| a.iter().zip(b).filter(|(a, b)| a != b).count()).sum()
    }
}

fn raw() -> impl Strategy<Value = PixelFormat> {
    prop::sample::select(PixelFormat::RAW.to_vec())
}

fn near(got: [u8; 3], want: [u8; 3]) -> bool {
    got.iter().zip(want).all(|(got, want)| got.abs_diff(want) <= 2)
}

/// Whether two pixels share their chroma.
fn share(pixel: PixelFormat, a: (u32, u32), b: (u32, u32)) -> bool {
    let (across, down) = match pixel {
        PixelFormat::Nv12 | PixelFormat::Nv21 | PixelFormat::I420 => (2, 2),
        PixelFormat::Yuv422p | PixelFormat::Yuyv => (2, 1),
        _ => (1, 1),
    };
    (a.0 / across, a.1 / down) == (b.0 / across, b.1 / down)
}

proptest! {
    #[test]
    fn drawn_pixel_has_its_colour_and_changes_no_other_ones_brightness(
        pixel in raw(), (width, height) in (1u32..12, 1u32..12), padding in 0usize..5, seed: u64,
        (x, y) in (0u32..12, 0u32..12), color: [u8; 3],
    ) {
        prop_assume!(x < width && y < height);
        let format = StreamFormat::new(pixel, width, height).unwrap();
        let before = Planes::noise(format, padding, seed);
        let mut after = before.clone();
        let [r, g, b] = color;
        after.draw(|canvas| canvas.set_pixel(x as i32, y as i32, Color::from_rgb(r, g, b)));
        if pixel == PixelFormat::Grey {
            let luma = (299 * u32::from(r) + 587 * u32::from(g) + 114 * u32::from(b) + 500) / 1000;
            prop_assert!(u32::from(after.luma(x, y)).abs_diff(luma) <= 1);
        } else {
            prop_assert!(near(after.pixel(x, y), color), "{:?} is not {color:?}", after.pixel(x, y));
        }
        prop_assert!(after.changed(&before) <= 3, "padding or other cells were written");
        for other in (0..height).flat_map(|y| (0..width).map(move |x| (x, y))).filter(|&at| at != (x, y)) {
            prop_assert_eq!(after.luma(other.0, other.1), before.luma(other.0, other.1), "{:?}", other);
            if !share(pixel, other, (x, y)) {
                prop_assert_eq!(after.pixel(other.0, other.1), before.pixel(other.0, other.1), "{:?}", other);
            }
        }
    }

    #[test]
    fn filled_rectangle_is_its_pixels_one_by_one(
        pixel in raw(), (width, height) in (1u32..12, 1u32..12), padding in 0usize..5, seed: u64,
        (x, y) in (-5i32..15, -5i32..15), (w, h) in (0u32..15, 0u32..15), color: [u8; 3],
    ) {
        let format = StreamFormat::new(pixel, width, height).unwrap();
        let mut filled = Planes::noise(format, padding, seed);
        let mut dotted = filled.clone();
        let [r, g, b] = color;
        let color = Color::from_rgb(r, g, b);
        filled.draw(|canvas| canvas.draw_rect(x, y, w, h, color, Thickness::Filled));
        dotted.draw(|canvas| {
            for y in y..y + h as i32 {
                (x..x + w as i32).for_each(|x| canvas.set_pixel(x, y, color));
            }
        });
        prop_assert!(filled == dotted, "{} bytes differ", filled.changed(&dotted));
    }

    #[test]
    fn view_shows_what_a_converted_picture_shows(
        pixel in raw(), (width, height) in (1u32..12, 1u32..12), padding in 0usize..5, seed: u64,
    ) {
        let planes = Planes::noise(StreamFormat::new(pixel, width, height).unwrap(), padding, seed);
        let image = Image::from_frame(&planes.frame()).unwrap();
        let mut pixels = image.as_bytes().as_chunks().0.iter();
        for (y, x) in (0..height).flat_map(|y| (0..width).map(move |x| (y, x))) {
            prop_assert_eq!(Some(&planes.pixel(x, y)), pixels.next(), "({}, {})", x, y);
        }
        prop_assert_eq!(View::of(&planes.frame()).unwrap().pixel(width, 0), None);
        prop_assert_eq!(View::of(&planes.frame()).unwrap().luma(0, height), None);
    }

    #[test]
    fn copy_of_a_frame_is_the_frame_and_leaves_it_alone(
        pixel in raw(), (width, height) in (1u32..12, 1u32..12), padding in 0usize..5, seed: u64,
    ) {
        let planes = Planes::noise(StreamFormat::new(pixel, width, height).unwrap(), padding, seed);
        let before = planes.clone();
        let meta = FrameMeta::new(7, std::time::Duration::from_millis(40));
        let mut buffer = Vec::new();
        let frame = planes.frame();
        let copy = Canvas::copy_of(&frame, &mut buffer).unwrap().into_frame(meta).unwrap();
        prop_assert_eq!((copy.meta(), copy.format()), (meta, planes.format));
        prop_assert_eq!(Image::from_frame(&copy).unwrap(), Image::from_frame(&frame).unwrap());
        drop(copy);
        let mut canvas = Canvas::copy_of(&frame, &mut buffer).unwrap();
        canvas.draw_rect(0, 0, width, height, Color::RED, Thickness::Filled);
        prop_assert!(near(canvas.view().pixel(0, 0).unwrap().to_bytes(), [255, 0, 0]) || pixel == PixelFormat::Grey);
        prop_assert!(planes == before);
    }

    #[test]
    fn packed_planes_are_the_frame_in_a_file(pixel in raw(), (width, height) in (1u32..12, 1u32..12), seed: u64) {
        let format = StreamFormat::new(pixel, width, height).unwrap();
        let planes = Planes::noise(format, 0, seed);
        let mut file: Vec<u8> = planes.planes.iter().flat_map(|(bytes, _)| bytes.clone()).collect();
        prop_assert!(Canvas::packed(format, &mut file[1..]).is_err());
        let frame = Canvas::packed(format, &mut file).unwrap().into_frame(FrameMeta::default()).unwrap();
        prop_assert_eq!(Image::from_frame(&frame).unwrap(), Image::from_frame(&planes.frame()).unwrap());
    }
}

#[cfg(feature = "drawing")]
#[test]
fn text_on_a_frame_is_the_text_on_a_picture() {
    let mut image = Image::new(61, 41).unwrap();
    image.draw_string(3, 5, "Ab\nÄ?", Color::WHITE);
    for pixel in PixelFormat::RAW {
        let format = StreamFormat::new(pixel, 61, 41).unwrap();
        let mut planes = Planes::noise(format, 3, 1);
        planes.draw(|canvas| {
            canvas.draw_rect(0, 0, 61, 41, Color::BLACK, Thickness::Filled);
            canvas.draw_string(3, 5, "Ab\nÄ?", Color::WHITE);
        });
        assert_eq!(Image::from_frame(&planes.frame()).unwrap(), image, "{pixel}");
    }
}

#[test]
fn frame_without_pixels_in_host_memory_is_refused_with_a_remedy() {
    let jpeg = StreamFormat::new(PixelFormat::Jpeg, 640, 480).unwrap();
    let frame = Frame::new(jpeg, FrameMeta::default(), &[Plane::host(b"\xff\xd8", 0)]).unwrap();
    let error = Canvas::copy_of(&frame, &mut Vec::new()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert_eq!(
        error.message(),
        "cannot look at or draw on the pixels of a 640x480 jpeg frame: it is compressed"
    );
    assert!(error.remedy().unwrap().contains("nv12"));

    let grey = StreamFormat::new(PixelFormat::Grey, 8, 8).unwrap();
    let plane = Plane { bytes: &[], stride: 8, memory: Memory::Physical(0x8000_0000) };
    let frame = Frame::new(grey, FrameMeta::default(), &[plane]).unwrap();
    let error = View::of(&frame).unwrap_err();
    assert_eq!((error.kind(), error.remedy()), (ErrorKind::Unsupported, Some("map it")));
}

#[test]
fn planes_that_do_not_hold_the_picture_are_refused() {
    let nv12 = StreamFormat::new(PixelFormat::Nv12, 5, 3).unwrap();
    let (mut luma, mut chroma) = ([0; 15], [0; 12]);
    let refused =
        |result: eyelet_hal::Result<Canvas<'_>>| result.unwrap_err().kind() == ErrorKind::InvalidInput;
    assert!(refused(Canvas::new(nv12, [(&mut luma[..], 5)])), "a plane is missing");
    assert!(refused(Canvas::new(nv12, [(&mut luma[..14], 5), (&mut chroma[..], 6)])), "a byte is missing");
    assert!(
        refused(Canvas::new(nv12, [(&mut luma[..], 5), (&mut chroma[..], 5)])),
        "the stride is too short"
    );
    assert!(Canvas::new(nv12, [(&mut luma[..], 5), (&mut chroma[..], 6)]).is_ok());
    let jpeg = StreamFormat::new(PixelFormat::Jpeg, 5, 3).unwrap();
    assert!(refused(Canvas::new(jpeg, [(&mut luma[..], 5)])));
    assert!(refused(Canvas::packed(jpeg, &mut luma)));
    let huge = StreamFormat::new(PixelFormat::Grey, u32::MAX, u32::MAX).unwrap();
    assert!(refused(Canvas::packed(huge, &mut luma)));
}
