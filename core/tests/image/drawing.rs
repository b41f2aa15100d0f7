//! `Image`: what is drawn is where it should be, in the picture and in the files made of it.

use embedded_graphics::{
    pixelcolor::Rgb888,
    prelude::*,
    primitives::{Circle, PrimitiveStyle, Rectangle},
};
use eyelet_core::image::{Color, FileFormat, Image, Thickness};
use eyelet_hal::{ErrorKind, Frame, FrameMeta, PixelFormat, Plane, Quality, StreamFormat};
use proptest::prelude::*;
use zune_jpeg::{JpegDecoder, zune_core::bytestream::ZCursor};

fn pixel(image: &Image, x: i64, y: i64) -> &[u8] {
    let at = (y * i64::from(image.width()) + x) as usize * 3;
    &image.as_bytes()[at..at + 3]
}

/// Whether (x, y) belongs to a rectangle's line or area, computed for one pixel.
fn on_rect((x, y): (i64, i64), (left, top, w, h): (i64, i64, i64, i64), thickness: Thickness) -> bool {
    let within = |left: i64, top: i64, right: i64, bottom: i64| {
        (left..right).contains(&x) && (top..bottom).contains(&y)
    };
    match thickness {
        _ if w == 0 || h == 0 => false,
        Thickness::Pixels(0) => false,
        Thickness::Pixels(line) => {
            let (outside, inside) = (i64::from(line / 2), i64::from(line.div_ceil(2)));
            within(left - outside, top - outside, left + w + outside, top + h + outside)
                && !within(left + inside, top + inside, left + w - inside, top + h - inside)
        }
        _ => within(left, top, left + w, top + h),
    }
}

/// Numbers near the picture and at the ends of their range.
fn coordinate() -> impl Strategy<Value = i32> {
    prop_oneof![8 => -30i32..60, 1 => any::<i32>(), 1 => Just(i32::MIN), 1 => Just(i32::MAX)]
}

fn length() -> impl Strategy<Value = u32> {
    prop_oneof![8 => 0u32..50, 1 => any::<u32>(), 1 => Just(u32::MAX)]
}

fn thickness() -> impl Strategy<Value = Thickness> {
    prop_oneof![Just(Thickness::Filled), length().prop_map(Thickness::Pixels)]
}

proptest! {
    #[test]
    fn rectangle_is_drawn_in_place_and_clipped(
        x in coordinate(), y in coordinate(), w in length(), h in length(), thickness in thickness(),
        (width, height) in (1u32..40, 1u32..40),
    ) {
        let mut image = Image::new(width, height).unwrap();
        image.draw_rect(x, y, w, h, Color::RED, thickness);
        for py in 0..i64::from(height) {
            for px in 0..i64::from(width) {
                let on = on_rect((px, py), (x.into(), y.into(), w.into(), h.into()), thickness);
                prop_assert_eq!(pixel(&image, px, py), if on { [255, 0, 0] } else { [0, 0, 0] }, "({}, {})", px, py);
            }
        }
    }

    #[test]
    fn text_beyond_the_edges_is_clipped(
        x in coordinate(), y in coordinate(), text in "\\PC{0,20}(\n.{0,5}){0,3}", (width, height) in (1u32..40, 1u32..40),
    ) {
        // The same text on a larger picture, cut out.
        let mut image = Image::new(width, height).unwrap();
        image.draw_string(x, y, &text, Color::WHITE);
        let mut large = Image::new(200, 200).unwrap();
        let (dx, dy) = (80, 80);
        large.draw_string(x.saturating_add(dx), y.saturating_add(dy), &text, Color::WHITE);
        let saturates = x > i32::MAX - dx || y > i32::MAX - dy;
        for py in 0..i64::from(height) {
            for px in 0..i64::from(width) {
                let want = pixel(&large, px + i64::from(dx), py + i64::from(dy));
                prop_assert!(saturates || pixel(&image, px, py) == want, "({}, {})", px, py);
            }
        }
    }

    #[test]
    fn embedded_graphics_drawing_is_clipped(
        x in -50i32..80, y in -50i32..80, diameter in 0u32..60, (width, height) in (1u32..40, 1u32..40),
    ) {
        let mut image = Image::new(width, height).unwrap();
        let circle = Circle::new(Point::new(x, y), diameter);
        circle.into_styled(PrimitiveStyle::with_fill(Rgb888::new(1, 2, 3))).draw(&mut image).unwrap();
        for py in 0..height as i32 {
            for px in 0..width as i32 {
                let want = if circle.contains(Point::new(px, py)) { [1, 2, 3] } else { [0, 0, 0] };
                prop_assert_eq!(pixel(&image, px.into(), py.into()), want);
            }
        }
    }

    #[test]
    fn pixels_and_areas_outside_are_clipped(x in coordinate(), y in coordinate(), w in length(), h in length()) {
        let mut image = Image::new(20, 10).unwrap();
        let area = Rectangle::new(Point::new(x, y), Size::new(w, h));
        image.draw_iter([Pixel(Point::new(x, y), Rgb888::GREEN)]).unwrap();
        let hit = (0..20).contains(&x) && (0..10).contains(&y);
        prop_assert_eq!(image.as_bytes().iter().any(|&b| b != 0), hit);
        image.fill_solid(&area, Rgb888::RED).unwrap();
    }

    #[test]
    fn png_holds_the_same_pixels((width, height) in (1u32..40, 1u32..40), seed: u64) {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut image = Image::new(width, height).unwrap();
        let points = (0..height as i32).flat_map(|y| (0..width as i32).map(move |x| Point::new(x, y)));
        image.draw_iter(points.map(|at| Pixel(at, Rgb888::new(random.u8(..), random.u8(..), random.u8(..))))).unwrap();
        let file = image.to_format(FileFormat::Png).unwrap();
        let mut reader = png::Decoder::new(std::io::Cursor::new(&file)).read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut pixels).unwrap();
        prop_assert_eq!((info.width, info.height, info.color_type), (width, height, png::ColorType::Rgb));
        prop_assert_eq!(&pixels, image.as_bytes());
        prop_assert_eq!(pixels, image.to_bytes());
    }
}

/// MaixPy's upload example: a red rectangle on black, sent as JPEG.
#[test]
fn red_rectangle_survives_jpeg() {
    for thickness in [Thickness::Filled, Thickness::Pixels(8)] {
        let mut img = Image::new(640, 480).unwrap();
        img.draw_rect(60, 60, 80, 80, Color::from_rgb(255, 0, 0), thickness);
        let jpeg = img.to_format(FileFormat::Jpeg(Quality::new(95).unwrap())).unwrap();
        let mut decoder = JpegDecoder::new(ZCursor::new(&jpeg[..]));
        let pixels = decoder.decode().unwrap();
        assert_eq!(decoder.dimensions(), Some((640, 480)));
        let at = |x: usize, y: usize| &pixels[(y * 640 + x) * 3..][..3];
        let red = |p: &[u8]| p[0] > 200 && p[1] < 60 && p[2] < 60;
        let black = |p: &[u8]| p.iter().all(|&part| part < 40);
        for edge in [(60, 100), (139, 100), (100, 60), (100, 139), (62, 62)] {
            assert!(red(at(edge.0, edge.1)), "{thickness:?} {edge:?}: {:?}", at(edge.0, edge.1));
        }
        for outside in [(48, 100), (152, 100), (100, 48), (100, 152), (0, 0), (639, 479)] {
            assert!(black(at(outside.0, outside.1)), "{thickness:?} {outside:?}");
        }
        assert_eq!(red(at(100, 100)), thickness == Thickness::Filled);
    }
}

#[test]
fn one_pixel_line_is_the_outermost_of_the_rectangle() {
    let mut image = Image::new(10, 10).unwrap();
    image.draw_rect(2, 3, 4, 5, Color::GREEN, Thickness::default());
    let green: Vec<_> = (0..100).filter(|i| pixel(&image, i % 10, i / 10) == [0, 255, 0]).collect();
    assert_eq!(green, [32, 33, 34, 35, 42, 45, 52, 55, 62, 65, 72, 73, 74, 75]);
}

#[test]
fn text_starts_at_its_top_left_corner() {
    let mut image = Image::new(60, 60).unwrap();
    image.draw_string(10, 5, "HH\nH", Color::WHITE);
    let lit = |x: std::ops::Range<i64>, y: std::ops::Range<i64>| {
        x.flat_map(|x| y.clone().map(move |y| (x, y)))
            .filter(|&(x, y)| pixel(&image, x, y) == [255; 3])
            .count()
    };
    let one = lit(10..20, 5..25);
    assert!(one > 20);
    assert_eq!(lit(20..30, 5..25), one);
    assert_eq!(lit(10..20, 25..45), one);
    assert_eq!(lit(0..60, 0..60), 3 * one);
}

#[test]
fn image_sides_outside_1_to_65535_are_refused() {
    for (width, height) in [(0, 480), (640, 0), (65536, 1), (1, 65536), (u32::MAX, u32::MAX)] {
        let error = Image::new(width, height).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert_eq!(
            error.to_string(),
            format!("cannot make a {width}x{height} picture: sides are 1 to 65535")
        );
    }
    assert_eq!(Image::new(65535, 1).unwrap().as_bytes().len(), 65535 * 3);
}

#[test]
fn image_is_lent_as_a_frame() {
    let mut image = Image::new(3, 2).unwrap();
    image.draw_rect(1, 1, 1, 1, Color::BLUE, Thickness::Filled);
    let meta = FrameMeta::new(7, std::time::Duration::from_millis(40));
    let frame = image.frame(meta).unwrap();
    assert_eq!(frame.meta(), meta);
    assert_eq!(frame.format(), StreamFormat::new(PixelFormat::Rgb24, 3, 2).unwrap());
    assert_eq!(frame.planes()[0].bytes.as_ptr(), image.as_bytes().as_ptr(), "not a copy");
    assert_eq!(Image::from_frame(&frame).unwrap(), image);
}

#[test]
fn frame_of_every_format_becomes_an_image() {
    let colors: [([u8; 3], [u8; 3]); 5] = [
        ([76, 85, 255], [254, 0, 0]),
        ([150, 44, 21], [0, 255, 1]),
        ([29, 255, 107], [0, 0, 254]),
        ([255, 128, 128], [255; 3]),
        ([0, 128, 128], [0; 3]),
    ];
    for ([y, cb, cr], rgb) in colors {
        let frames: [(PixelFormat, &[&[u8]]); 5] = [
            (PixelFormat::Nv12, &[&[y; 4], &[cb, cr]]),
            (PixelFormat::Nv21, &[&[y; 4], &[cr, cb]]),
            (PixelFormat::I420, &[&[y; 4], &[cb], &[cr]]),
            (PixelFormat::Yuv422p, &[&[y; 4], &[cb; 2], &[cr; 2]]),
            (PixelFormat::Yuyv, &[&[y, cb, y, cr, y, cb, y, cr]]),
        ];
        for (pixel, planes) in frames {
            let format = StreamFormat::new(pixel, 2, 2).unwrap();
            let planes: Vec<_> = planes
                .iter()
                .enumerate()
                .map(|(index, bytes)| Plane::host(bytes, format.plane(index).unwrap().row_bytes))
                .collect();
            let image =
                Image::from_frame(&Frame::new(format, FrameMeta::default(), &planes).unwrap()).unwrap();
            for (got, want) in image.as_bytes().iter().zip(rgb.iter().cycle()) {
                assert!(got.abs_diff(*want) <= 1, "{pixel} {rgb:?}: {:?}", image.as_bytes());
            }
        }
    }
    let grey = StreamFormat::new(PixelFormat::Grey, 2, 1).unwrap();
    let frame = Frame::new(grey, FrameMeta::default(), &[Plane::host(&[3, 9], 2)]).unwrap();
    assert_eq!(Image::from_frame(&frame).unwrap().as_bytes(), [3, 3, 3, 9, 9, 9]);
    let jpeg = StreamFormat::new(PixelFormat::Jpeg, 2, 1).unwrap();
    let frame = Frame::new(jpeg, FrameMeta::default(), &[Plane::host(&[3, 9], 0)]).unwrap();
    assert_eq!(Image::from_frame(&frame).unwrap_err().kind(), ErrorKind::CorruptFrame);
}

#[test]
fn jpeg_decodes_back_to_its_picture() {
    let mut image = Image::new(33, 17).unwrap();
    image.draw_rect(0, 0, 16, 17, Color::from_rgb(200, 40, 40), Thickness::Filled);
    let jpeg = image.to_jpeg(Quality::new(95).unwrap()).unwrap();
    let decoded = Image::from_jpeg(&jpeg).unwrap();
    assert_eq!((decoded.width(), decoded.height()), (33, 17));
    for (x, y) in [(4, 4), (11, 16), (20, 2), (32, 16)] {
        for (want, got) in pixel(&image, x, y).iter().zip(pixel(&decoded, x, y)) {
            assert!(want.abs_diff(*got) < 8, "({x}, {y}) is {:?}", pixel(&decoded, x, y));
        }
    }
    assert!(Image::from_jpeg(&jpeg[..jpeg.len() - 9]).is_err());

    let format = StreamFormat::new(PixelFormat::Jpeg, 33, 17).unwrap();
    let frame = Frame::new(format, FrameMeta::default(), &[Plane::host(&jpeg, 0)]).unwrap();
    assert_eq!(Image::from_frame(&frame).unwrap().as_bytes(), decoded.as_bytes());
}
