use crate::{choose::*, fourcc};
use eyelet_hal::{ErrorKind, PixelFormat};
use proptest::prelude::*;

fn format(fourcc: &[u8; 4], sizes: &[(u32, u32)]) -> FormatInfo {
    let sizes = sizes.iter().map(|&(w, h)| SizeRange::Discrete(w, h)).collect();
    FormatInfo { fourcc: *fourcc, pixel: fourcc::pixel_format(*fourcc), sizes }
}

fn ask(size: (u32, u32), format: Option<PixelFormat>) -> Request {
    Request { size, fps: 30, format, raw: false }
}

const VGA: (u32, u32) = (640, 480);
const QVGA: (u32, u32) = (320, 240);

#[test]
fn choose_among_formats_of_one_size_takes_the_cheapest() {
    let mut formats = vec![
        format(b"GREY", &[VGA]),
        format(b"BGR3", &[VGA]),
        format(b"RGB3", &[VGA]),
        format(b"YUYV", &[VGA]),
        format(b"H264", &[VGA]),
        format(b"NV21", &[VGA]),
        format(b"NV12", &[VGA]),
        format(b"MJPG", &[VGA]),
    ];
    let mut order = Vec::new();
    while let Ok(choice) = choose("c", &formats, &ask(VGA, None)) {
        order.push(choice.pixel.name());
        formats.retain(|o| o.fourcc != choice.fourcc);
    }
    assert_eq!(order, ["jpeg", "nv12", "nv21", "yuyv", "rgb24", "bgr24", "grey"]);
}

#[test]
fn choose_of_raw_frames_passes_jpegs_over_where_there_is_anything_else() {
    let raw = Request { raw: true, ..ask(VGA, None) };
    let both = [format(b"MJPG", &[VGA]), format(b"YUYV", &[QVGA])];
    assert_eq!(choose("c", &both, &raw).unwrap().pixel, PixelFormat::Yuyv);
    // Whoever edits them says what is wrong, as of any camera of JPEGs.
    assert_eq!(choose("c", &both[..1], &raw).unwrap().pixel, PixelFormat::Jpeg);
    let other = [format(b"MJPG", &[VGA]), format(b"H264", &[VGA])];
    assert_eq!(choose("c", &other, &raw).unwrap().pixel, PixelFormat::Jpeg);
}

#[test]
fn choose_counts_the_size_more_than_the_format() {
    let formats = [format(b"MJPG", &[VGA]), format(b"YUYV", &[VGA, QVGA])];
    let choice = choose("c", &formats, &ask(QVGA, None)).unwrap();
    assert_eq!((choice.pixel, choice.size), (PixelFormat::Yuyv, QVGA));
    let choice = choose("c", &formats, &ask((1920, 1080), None)).unwrap();
    assert_eq!((choice.pixel, choice.size), (PixelFormat::Jpeg, VGA));
}

#[test]
fn missing_format_is_an_error_with_those_there_are() {
    let formats = [format(b"MJPG", &[VGA]), format(b"YUYV", &[VGA]), format(b"H264", &[VGA])];
    let error = choose("/dev/video0", &formats, &ask(VGA, Some(PixelFormat::Nv12))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert_eq!(
        error.to_string(),
        "cannot take nv12 from /dev/video0: it offers jpeg, yuyv; choose one of them"
    );
    let error = choose("/dev/video0", &formats[2..], &ask(VGA, None)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot use /dev/video0: it offers H264, and eyelet supports none of it; use another camera"
    );
    assert!(choose("c", &[], &ask(VGA, None)).unwrap_err().to_string().contains("offers nothing"));
}

#[test]
fn driver_without_a_list_of_sizes_gets_the_wanted_one() {
    let choice = choose("c", &[format(b"YUYV", &[])], &ask((123, 45), None)).unwrap();
    assert_eq!(choice.size, (123, 45));
}

#[test]
fn difference_from_the_request_is_a_sentence() {
    let took = Choice { pixel: PixelFormat::Jpeg, fourcc: *b"MJPG", size: VGA };
    let rate = |numerator, denominator| Some(Interval { numerator, denominator });
    assert_eq!(ask(VGA, None).difference("c", took, rate(333_333, 10_000_000)), None);
    assert_eq!(ask(VGA, None).difference("c", took, None), None);
    assert_eq!(
        ask((800, 600), None).difference("/dev/video0", took, rate(1, 25)).unwrap(),
        "/dev/video0 does not offer 800x600 at 30 fps; took 640x480 jpeg at 25 fps"
    );
    assert_eq!(
        ask(VGA, None).difference("c", took, rate(2, 15)).unwrap(),
        "c does not offer 640x480 at 30 fps; took 640x480 jpeg at 7.50 fps"
    );
}

#[test]
fn nearest_interval_is_the_nearest_rate() {
    let discrete = |fps| IntervalRange::Discrete(Interval { numerator: 1, denominator: fps });
    let fps = |offered: &[IntervalRange], fps| nearest_interval(offered, fps).map(Interval::fps);
    assert_eq!(fps(&[discrete(30), discrete(15), discrete(5)], 20), Some(15.0));
    assert_eq!(fps(&[discrete(15), discrete(25)], 20), Some(25.0), "the faster of two as near");
    assert_eq!(fps(&[], 20), None);
    assert_eq!(fps(&[discrete(0)], 20), None, "not a rate");
    let min = Interval { numerator: 1, denominator: 60 };
    let max = Interval { numerator: 1, denominator: 5 };
    let range = [IntervalRange::Stepwise { min, max }];
    assert_eq!(fps(&range, 20), Some(20.0));
    assert_eq!(fps(&range, 100), Some(60.0));
    assert_eq!(fps(&range, 1), Some(5.0));
    // A driver without a limit of its own.
    let min = Interval { numerator: 0, denominator: 1 };
    assert_eq!(fps(&[IntervalRange::Stepwise { min, max }], 500), Some(500.0));
}

fn any_range() -> impl Strategy<Value = SizeRange> {
    prop_oneof![
        (1u32..60, 1u32..60).prop_map(|(w, h)| SizeRange::Discrete(w, h)),
        ((1u32..40, 1u32..40), (0u32..40, 0u32..40), (0u32..9, 0u32..9)).prop_map(|(min, more, step)| {
            SizeRange::Stepwise { min, max: (min.0 + more.0, min.1 + more.1), step }
        }),
    ]
}

/// Every size of a range, one by one.
fn all_sizes(range: &SizeRange) -> Vec<(u32, u32)> {
    match *range {
        SizeRange::Discrete(w, h) => vec![(w, h)],
        SizeRange::Stepwise { min, max, step } => (min.0..=max.0)
            .step_by(step.0.max(1) as usize)
            .flat_map(|w| (min.1..=max.1).step_by(step.1.max(1) as usize).map(move |h| (w, h)))
            .collect(),
    }
}

proptest! {
    #[test]
    fn nearest_size_is_the_nearest_there_is(
        ranges in prop::collection::vec(any_range(), 1..4),
        want in (1u32..90, 1u32..90),
    ) {
        let taken = nearest_size(&ranges, want);
        let all: Vec<(u32, u32)> = ranges.iter().flat_map(all_sizes).collect();
        prop_assert!(all.contains(&taken), "{taken:?} is not on offer");
        let least = all.iter().map(|&size| distance(size, want)).min().unwrap();
        prop_assert_eq!(distance(taken, want), least);
    }

    #[test]
    fn extreme_numbers_do_not_overflow(min: (u32, u32), max: (u32, u32), step: (u32, u32), want: (u32, u32), fps: u32) {
        let formats = [FormatInfo {
            fourcc: *b"YUYV",
            pixel: Some(PixelFormat::Yuyv),
            sizes: vec![SizeRange::Stepwise { min, max, step }],
        }];
        let _ = choose("c", &formats, &Request { size: want, fps, format: None, raw: false });
        let interval = |(numerator, denominator)| Interval { numerator, denominator };
        let range = IntervalRange::Stepwise { min: interval(min), max: interval(max) };
        if let Some(interval) = nearest_interval(&[range, IntervalRange::Discrete(interval(step))], fps) {
            prop_assert!(interval.fps().is_finite());
            let _ = interval.to_string();
        }
    }

    #[test]
    fn choose_with_the_wanted_size_listed_takes_it(
        ranges in prop::collection::vec(any_range(), 1..4),
        pick: prop::sample::Index,
    ) {
        let all: Vec<(u32, u32)> = ranges.iter().flat_map(all_sizes).collect();
        let want = all[pick.index(all.len())];
        let formats = [FormatInfo { fourcc: *b"NV12", pixel: Some(PixelFormat::Nv12), sizes: ranges }];
        let choice = choose("c", &formats, &ask(want, Some(PixelFormat::Nv12))).unwrap();
        prop_assert_eq!(choice.size, want);
    }
}
