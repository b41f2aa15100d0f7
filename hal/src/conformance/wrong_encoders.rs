//! Proof that the suite can fail: encoders that are wrong in one way each.

use super::{EncoderExpectations, Outcome, Report, encoder, pictures::grey_jpeg};
use crate::{Error, ErrorKind, Frame, JpegEncoder, PixelFormat, Quality, Result, StreamFormat, jpeg};
use std::hash::{DefaultHasher, Hash, Hasher};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Defect {
    None,
    HasNoName,
    SupportsNothing,
    Clobbers,
    ClobbersOnRefusal,
    ReadsPadding,
    IsOneTooSmall,
    HasNoEnd,
    LeavesRubbish,
    CountsFrames,
    RepeatsTheLast,
    DoesWhatItDoesNotSupport,
    RefusesWhatItSupports,
    RefusesWithTheWrongKind,
    PassesDamageOn,
}

/// Pictures that are grey, and whose comment is a hash of the pixels.
struct Wrong {
    defect: Defect,
    last: Option<Vec<u8>>,
    count: u32,
}

impl JpegEncoder for Wrong {
    fn name(&self) -> &str {
        if self.defect == Defect::HasNoName { "" } else { "wrong" }
    }

    fn supports(&self, format: StreamFormat) -> bool {
        use PixelFormat::{Grey, Jpeg, Nv12};
        matches!(format.pixel, Nv12 | Grey | Jpeg) && self.defect != Defect::SupportsNothing
    }

    fn encode(&mut self, frame: &Frame<'_>, _: Quality, out: &mut Vec<u8>) -> Result<()> {
        let format = frame.format();
        let refused = || Error::new(ErrorKind::Unsupported, format!("cannot encode {format}"));
        match self.defect {
            Defect::DoesWhatItDoesNotSupport => {}
            Defect::RefusesWhatItSupports if format.width.get() == 17 => return Err(refused()),
            _ if self.supports(format) => {}
            Defect::ClobbersOnRefusal => {
                out.clear();
                return Err(refused());
            }
            Defect::RefusesWithTheWrongKind => return Err(Error::new(ErrorKind::Other, "EINVAL")),
            _ => return Err(refused()),
        }
        if format.pixel == PixelFormat::Jpeg {
            let bytes = frame.planes()[0].bytes;
            if self.defect != Defect::PassesDamageOn {
                jpeg::inspect(bytes)?;
            }
            out.extend_from_slice(bytes);
            return Ok(());
        }
        let mut hasher = DefaultHasher::new();
        for (index, plane) in frame.planes().iter().enumerate() {
            let row_bytes = format.plane(index).unwrap().row_bytes;
            let seen = if self.defect == Defect::ReadsPadding { plane.stride } else { row_bytes };
            for row in plane.bytes.chunks(plane.stride).take(format.plane(index).unwrap().rows) {
                row[..seen.min(row.len())].hash(&mut hasher);
            }
        }
        self.count += 1;
        let count = if self.defect == Defect::CountsFrames { self.count } else { 0 };
        let width =
            format.width.get() - u32::from(self.defect == Defect::IsOneTooSmall && format.width.get() > 1);
        let size = StreamFormat::new(PixelFormat::Jpeg, width, format.height.get()).unwrap();
        let mut picture = grey_jpeg(size, hasher.finish() as u32 ^ count).unwrap();
        match self.defect {
            Defect::HasNoEnd => picture.truncate(picture.len() - 2),
            Defect::LeavesRubbish => picture.push(0),
            Defect::RepeatsTheLast => {
                let now = picture.clone();
                picture = self.last.take().unwrap_or(picture);
                self.last = Some(now);
            }
            Defect::Clobbers => out.clear(),
            _ => {}
        }
        out.extend(picture);
        Ok(())
    }
}

fn report(defect: Defect) -> Report {
    let expect = EncoderExpectations::supporting([PixelFormat::Nv12, PixelFormat::Grey, PixelFormat::Jpeg]);
    encoder(&mut Wrong { defect, last: None, count: 0 }, &expect)
}

#[test]
fn right_encoder_passes_every_check() {
    let report = report(Defect::None);
    report.assert_passed();
    for format in ["nv12", "grey", "jpeg"] {
        let passed =
            report.checks.iter().filter(|c| c.name.starts_with(format) && c.outcome == Outcome::Passed);
        assert_eq!(passed.count(), 6, "{report}");
    }
}

#[test]
fn defect_is_found_and_reported() {
    use Defect::*;
    const APPENDS: &str = "appends, and keeps what is in `out`";
    const WHOLE: &str = "gives one whole JPEG of the frame's size";
    const FRESH: &str = "same frame, same bytes; other frame, other bytes";
    const PADDED: &str = "padded rows give the same bytes as packed ones";
    const REFUSED: &str = "refused as Unsupported where supports() is false";
    for (defect, name, words) in [
        (HasNoName, "has a name", "empty"),
        (SupportsNothing, "nv12: is supported", "supports() is false for 1x1 nv12"),
        (Clobbers, &format!("nv12: {APPENDS}"), "1x1 nv12: what was in `out` is changed or gone"),
        (ClobbersOnRefusal, &format!("yuyv: {REFUSED}"), "`out` is changed although encode() failed"),
        (
            ReadsPadding,
            &format!("nv12: {PADDED}"),
            "1x1 nv12: with rows Aligned(64), the JPEG differs from byte",
        ),
        (IsOneTooSmall, &format!("nv12: {WHOLE}"), "2x2 nv12: the JPEG is 1x2"),
        (HasNoEnd, &format!("grey: {WHOLE}"), "1x1 grey: the JPEG is truncated"),
        (LeavesRubbish, &format!("nv12: {WHOLE}"), "1x1 nv12: 1 bytes follow the end of the JPEG"),
        (CountsFrames, &format!("nv12: {FRESH}"), "encoded a second time, the JPEG differs"),
        (RepeatsTheLast, &format!("nv12: {FRESH}"), "encoded a second time, the JPEG differs"),
        (DoesWhatItDoesNotSupport, &format!("rgb24: {REFUSED}"), "encode() made"),
        (
            RefusesWhatItSupports,
            "nv12: encodes where supports() is true",
            "17x33 nv12: encode() returned Unsupported (cannot encode 17x33 nv12)",
        ),
        (RefusesWithTheWrongKind, &format!("i420: {REFUSED}"), "encode() returned Other (EINVAL)"),
        (PassesDamageOn, "jpeg: a truncated one is CorruptFrame", "encode() made"),
    ] {
        let report = report(defect);
        let found = report.failures().find(|check| check.name == name);
        let reported = found.unwrap_or_else(|| panic!("{defect:?}: {report}")).to_string();
        assert!(reported.contains(words), "{defect:?}: {reported}");
    }
}
