//! Which of the formats, sizes and rates that a camera offers comes nearest to the request.

use crate::fourcc;
use eyelet_hal::{Error, ErrorKind, PixelFormat, Result};
use std::fmt;

/// Sizes that a camera offers in one format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SizeRange {
    /// One size: width, height.
    Discrete(u32, u32),
    /// Every size from `min` to `max` in steps, each a width and a height.
    Stepwise {
        /// The smallest.
        min: (u32, u32),
        /// The largest.
        max: (u32, u32),
        /// From one to the next; 0 counts as 1.
        step: (u32, u32),
    },
}

/// Time from frame to frame, in seconds: `numerator / denominator`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interval {
    /// Above the line.
    pub numerator: u32,
    /// Below the line.
    pub denominator: u32,
}

/// Intervals that a camera offers in one format and size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IntervalRange {
    /// One interval.
    Discrete(Interval),
    /// Every interval from the shortest to the longest; the driver rounds to its own steps.
    Stepwise {
        /// The shortest: the highest rate.
        min: Interval,
        /// The longest: the lowest rate.
        max: Interval,
    },
}

/// One format that a camera offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormatInfo {
    /// V4L2's four-character code.
    pub fourcc: [u8; 4],
    /// What eyelet calls it; `None` if it cannot use it.
    pub pixel: Option<PixelFormat>,
    /// Its sizes; empty if the driver does not list them.
    pub sizes: Vec<SizeRange>,
}

impl fmt::Display for SizeRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Discrete(width, height) => write!(f, "{width}x{height}"),
            Self::Stepwise { min, max, .. } => write!(f, "{}x{} to {}x{}", min.0, min.1, max.0, max.1),
        }
    }
}

impl fmt::Display for FormatInfo {
    /// `jpeg (MJPG): 640x480, 320x240`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.pixel.map_or("not usable", PixelFormat::name);
        write!(f, "{name} ({})", fourcc::name(self.fourcc))?;
        for (index, size) in self.sizes.iter().enumerate() {
            write!(f, "{}{size}", if index == 0 { ": " } else { ", " })?;
        }
        Ok(())
    }
}

/// What to look for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// Width and height in pixels.
    pub size: (u32, u32),
    /// Frames per second.
    pub fps: u32,
    /// The pixel format; `None` leaves it to [`choose`].
    pub format: Option<PixelFormat>,
    /// No JPEGs where there is anything else and `format` leaves it open.
    pub raw: bool,
}

/// The format and size to set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Choice {
    /// The pixel format.
    pub pixel: PixelFormat,
    /// Its four-character code.
    pub fourcc: [u8; 4],
    /// Width and height in pixels.
    pub size: (u32, u32),
}

/// From the cheapest to stream: what is a JPEG already, what the hardware encoder reads, what is encoded
/// without averaging chroma, the rest, and last what has no colour.
const PREFERENCE: [PixelFormat; 9] = [
    PixelFormat::Jpeg,
    PixelFormat::Nv12,
    PixelFormat::Nv21,
    PixelFormat::Yuyv,
    PixelFormat::I420,
    PixelFormat::Yuv422p,
    PixelFormat::Rgb24,
    PixelFormat::Bgr24,
    PixelFormat::Grey,
];

/// The nearest that there is: of the wanted format or else of any, first by size, then by cost of the format.
///
/// The size comes first because it is what a user sees; a camera has nearly always all its sizes as jpeg, and
/// then that is taken.
///
/// # Errors
/// `Unsupported`, with a list of what there is, if the camera lacks the format or offers nothing that eyelet
/// knows.
pub fn choose(camera: &str, formats: &[FormatInfo], request: &Request) -> Result<Choice> {
    let mut candidates = Vec::new();
    for (pixel, format) in request.among(formats) {
        let size = nearest_size(&format.sizes, request.size);
        let rank = PREFERENCE.iter().position(|&p| p == pixel).unwrap_or(PREFERENCE.len());
        candidates
            .push(((distance(size, request.size), rank), Choice { pixel, fourcc: format.fourcc, size }));
    }
    // The first of equals, so that the driver's own order counts.
    let nearest = candidates.into_iter().min_by_key(|&(cost, _)| cost);
    nearest.map(|(_, choice)| choice).ok_or_else(|| refuse(camera, formats, request))
}

fn refuse(camera: &str, formats: &[FormatInfo], request: &Request) -> Error {
    let mut known: Vec<&str> = formats.iter().filter_map(|o| o.pixel).map(PixelFormat::name).collect();
    known.dedup();
    let (what, remedy) = if let Some(wanted) = request.format.filter(|_| !known.is_empty()) {
        let (wanted, known) = (wanted.name(), known.join(", "));
        (format!("cannot take {wanted} from {camera}: it offers {known}"), "choose one of them")
    } else {
        let mut codes: Vec<String> = formats.iter().map(|o| fourcc::name(o.fourcc)).collect();
        codes.sort_unstable();
        let codes = if codes.is_empty() { "nothing".to_owned() } else { codes.join(", ") };
        let what = format!("cannot use {camera}: it offers {codes}, and eyelet supports none of it");
        (what, "use another camera")
    };
    Error::new(ErrorKind::Unsupported, what).with_remedy(remedy)
}

/// The nearest of the offered sizes; the wanted one itself if the driver lists none.
pub(crate) fn nearest_size(ranges: &[SizeRange], wanted: (u32, u32)) -> (u32, u32) {
    let sizes = ranges.iter().map(|range| match *range {
        SizeRange::Discrete(width, height) => (width, height),
        SizeRange::Stepwise { min, max, step } => {
            (nearest_step(min.0, max.0, step.0, wanted.0), nearest_step(min.1, max.1, step.1, wanted.1))
        }
    });
    let usable = sizes.filter(|size| size.0 > 0 && size.1 > 0);
    // Of two that are as near, the one with fewer pixels.
    usable
        .min_by_key(|&size| (distance(size, wanted), u64::from(size.0) * u64::from(size.1)))
        .unwrap_or(wanted)
}

/// The nearest of `min`, `min + step`, ... that is not above `max`.
fn nearest_step(min: u32, max: u32, step: u32, wanted: u32) -> u32 {
    let (max, step) = (max.max(min), step.max(1));
    let steps = (max - min) / step;
    let over = wanted.clamp(min, max) - min;
    let nearest = (over / step + u32::from(over % step > step / 2)).min(steps);
    min + nearest * step
}

pub(crate) fn distance(a: (u32, u32), b: (u32, u32)) -> u64 {
    u64::from(a.0.abs_diff(b.0)) + u64::from(a.1.abs_diff(b.1))
}

/// The offered interval whose rate is nearest to `fps`, the faster of two as near; `None` if there is none.
pub fn nearest_interval(offered: &[IntervalRange], fps: u32) -> Option<Interval> {
    let wanted = Interval { numerator: 1, denominator: fps };
    let intervals = offered.iter().map(|range| match *range {
        IntervalRange::Discrete(interval) => interval,
        IntervalRange::Stepwise { min, .. } if wanted.is_shorter_than(min) => min,
        IntervalRange::Stepwise { max, .. } if max.is_shorter_than(wanted) => max,
        IntervalRange::Stepwise { .. } => wanted,
    });
    let away = |interval: &Interval| (interval.fps() - f64::from(fps)).abs();
    intervals
        .filter(|interval| interval.numerator > 0 && interval.denominator > 0)
        .min_by(|a, b| away(a).total_cmp(&away(b)).then(b.fps().total_cmp(&a.fps())))
}

impl Interval {
    /// Frames per second; infinite for an interval of 0.
    pub fn fps(self) -> f64 {
        f64::from(self.denominator) / f64::from(self.numerator)
    }

    fn is_shorter_than(self, other: Self) -> bool {
        u64::from(self.numerator) * u64::from(other.denominator)
            < u64::from(other.numerator) * u64::from(self.denominator)
    }
}

impl fmt::Display for Interval {
    /// As a rate: `30 fps`, `29.97 fps`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hundredths = (self.fps() * 100.0).round();
        let decimals = if hundredths % 100.0 == 0.0 { 0 } else { 2 };
        write!(f, "{:.decimals$} fps", hundredths / 100.0)
    }
}

impl Request {
    /// The formats to choose from.
    pub(crate) fn among<'a>(
        &self,
        formats: &'a [FormatInfo],
    ) -> impl Iterator<Item = (PixelFormat, &'a FormatInfo)> {
        let known = || formats.iter().filter_map(|format| Some((format.pixel?, format)));
        let (wanted, has_raw) = (self.format, known().any(|(pixel, _)| pixel != PixelFormat::Jpeg));
        let without_jpeg = self.raw && has_raw;
        known().filter(move |&(pixel, _)| match wanted {
            Some(wanted) => pixel == wanted,
            None => !(without_jpeg && pixel == PixelFormat::Jpeg),
        })
    }

    /// A sentence if what was taken is not what was requested.
    pub(crate) fn difference(&self, camera: &str, took: Choice, rate: Option<Interval>) -> Option<String> {
        let (width, height) = took.size;
        // Cameras report 30 and mean 29.97, or 333333 of 10^7.
        let same_rate = rate.is_none_or(|rate| (rate.fps() - f64::from(self.fps)).abs() < 0.5);
        if took.size == self.size && same_rate {
            return None;
        }
        let rate = rate.map(|rate| format!(" at {rate}")).unwrap_or_default();
        let (wanted, fps, pixel) = (self.size, self.fps, took.pixel);
        Some(format!(
            "{camera} does not offer {}x{} at {fps} fps; took {width}x{height} {pixel}{rate}",
            wanted.0, wanted.1
        ))
    }
}
