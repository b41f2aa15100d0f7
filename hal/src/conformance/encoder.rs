//! The contract of [`JpegEncoder`].

use super::{
    pictures::{Picture, Rows},
    report::{Outcome, Report, Watched, with_kind},
};
use crate::{ErrorKind, JpegEncoder, PixelFormat, Quality, StreamFormat, jpeg};

/// Sizes that find what is wrong: single pixels, odd sides, one block, more than one, a camera's.
const SIZES: [(u32, u32); 8] = [(1, 1), (2, 2), (3, 5), (16, 16), (17, 33), (64, 48), (640, 480), (641, 479)];

/// Stays in front of what the encoder appends.
const PREFIX: &[u8] = b"\xff\xd8 what was there before \xff\xd9";

/// What to expect of an encoder under test.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct EncoderExpectations {
    /// Formats that must be supported at every size. Others may be refused, but truthfully.
    pub formats: Vec<PixelFormat>,
}

impl EncoderExpectations {
    /// The formats that must be supported.
    #[must_use]
    pub fn supporting(formats: impl IntoIterator<Item = PixelFormat>) -> Self {
        Self { formats: formats.into_iter().collect() }
    }
}

/// Checks an encoder with frames of every format and of sizes from 1x1 to 641x479.
pub fn encoder(encoder: &mut dyn JpegEncoder, expect: &EncoderExpectations) -> Report {
    let mut report = Report::new(encoder.name());
    for pixel in PixelFormat::ALL {
        Checks::default().run(encoder, pixel).report(&mut report, pixel, expect.formats.contains(&pixel));
    }
    let name = match encoder.name() {
        "" => Outcome::Failed("name() is empty".into()),
        _ => Outcome::Passed,
    };
    report.add("has a name", name);
    report
}

type Seen<T> = Result<T, String>;

/// All that is seen of one pixel format.
#[derive(Default)]
struct Checks {
    supported: Watched,
    refused: Watched,
    encodes: Watched,
    appends: Watched,
    whole: Watched,
    padded: Watched,
    fresh: Watched,
    damaged: Watched,
}

impl Checks {
    fn run(mut self, encoder: &mut dyn JpegEncoder, pixel: PixelFormat) -> Self {
        for (width, height) in SIZES {
            let Some(format) = StreamFormat::new(pixel, width, height) else { continue };
            let Some(picture) = Picture::new(format, Rows::Packed, 1) else { continue };
            if encoder.supports(format) {
                self.supported.see(Ok(()));
                self.size(encoder, format, &picture);
            } else {
                self.supported.see(Err(format!("supports() is false for {format}")));
                self.refused.see(refuses(encoder, &picture, format, ErrorKind::Unsupported));
            }
        }
        self
    }

    fn size(&mut self, encoder: &mut dyn JpegEncoder, format: StreamFormat, picture: &Picture) {
        let first = match encode(encoder, picture, &[]) {
            Ok(jpeg) => jpeg,
            Err(what) => return self.encodes.see(Err(format!("{format}: {what}"))),
        };
        self.encodes.see(Ok(()));
        self.whole.see(whole(&first, format));
        self.appends.see(encode(encoder, picture, PREFIX).and_then(|out| match out.strip_prefix(PREFIX) {
            None => Err(format!("{format}: what was in `out` is changed or gone")),
            Some(jpeg) => same(&first, jpeg, format, "appended to something"),
        }));
        for rows in [Rows::Padded(1), Rows::Padded(13), Rows::Aligned(64)] {
            if pixel_rows(format.pixel) {
                self.padded.see(
                    encode_new(encoder, format, rows, 1)
                        .and_then(|jpeg| same(&first, &jpeg, format, &format!("with rows {rows:?}"))),
                );
            }
        }
        // Another picture in between: devices with queues may give the last one again.
        let other = encode_new(encoder, format, Rows::Packed, 77);
        let again = encode(encoder, picture, &[]);
        self.fresh.see(other.and_then(|other| {
            // A picture of a few pixels may well look like another.
            if other == first && format.width.get() >= 16 {
                return Err(format!("{format}: a different picture gives the same bytes"));
            }
            same(&first, &again?, format, "encoded a second time")
        }));
        if format.pixel == PixelFormat::Jpeg
            && let Some(picture) = Picture::new(format, Rows::Packed, 1)
        {
            self.damaged.see(refuses(encoder, &picture.truncated(), format, ErrorKind::CorruptFrame));
        }
    }

    fn report(self, report: &mut Report, pixel: PixelFormat, expected: bool) {
        const UNSEEN: &str = "supports() is false";
        let mut add = |name: &str, outcome| report.add(format!("{pixel}: {name}"), outcome);
        if expected {
            add("is supported", self.supported.outcome(UNSEEN));
        }
        add("refused as Unsupported where supports() is false", self.refused.outcome("always supported"));
        add("encodes where supports() is true", self.encodes.outcome(UNSEEN));
        if self.whole.is_unseen() {
            return;
        }
        add("appends, and keeps what is in `out`", self.appends.outcome(UNSEEN));
        add("gives one whole JPEG of the frame's size", self.whole.outcome(UNSEEN));
        add("same frame, same bytes; other frame, other bytes", self.fresh.outcome(UNSEEN));
        if pixel_rows(pixel) {
            add("padded rows give the same bytes as packed ones", self.padded.outcome(UNSEEN));
        } else {
            add("a truncated one is CorruptFrame", self.damaged.outcome(UNSEEN));
        }
    }
}

/// Whether there are rows that could be padded.
fn pixel_rows(pixel: PixelFormat) -> bool {
    pixel != PixelFormat::Jpeg
}

/// What is in `out` after encoding, where `before` was in it.
fn encode(encoder: &mut dyn JpegEncoder, picture: &Picture, before: &[u8]) -> Seen<Vec<u8>> {
    let frame = picture.frame().map_err(|e| with_kind(&e))?;
    let mut out = before.to_vec();
    match encoder.encode(&frame, Quality::DEFAULT, &mut out) {
        Ok(()) => Ok(out),
        Err(e) => Err(format!("encode() returned {}", with_kind(&e))),
    }
}

fn encode_new(encoder: &mut dyn JpegEncoder, format: StreamFormat, rows: Rows, seed: u32) -> Seen<Vec<u8>> {
    let picture = Picture::new(format, rows, seed).ok_or("a picture too large")?;
    encode(encoder, &picture, &[]).map_err(|what| format!("{format}: {what}"))
}

/// That an encoder refuses a frame and leaves `out` as it was.
fn refuses(
    encoder: &mut dyn JpegEncoder,
    picture: &Picture,
    format: StreamFormat,
    want: ErrorKind,
) -> Seen<()> {
    let frame = picture.frame().map_err(|e| with_kind(&e))?;
    let mut out = PREFIX.to_vec();
    match encoder.encode(&frame, Quality::DEFAULT, &mut out) {
        Ok(()) => {
            Err(format!("{format}: encode() made {} bytes of it", out.len().saturating_sub(PREFIX.len())))
        }
        Err(e) if e.kind() != want => Err(format!("{format}: encode() returned {}", with_kind(&e))),
        Err(_) if out != PREFIX => Err(format!("{format}: `out` is changed although encode() failed")),
        Err(_) => Ok(()),
    }
}

fn whole(bytes: &[u8], format: StreamFormat) -> Seen<()> {
    let info = jpeg::inspect(bytes).map_err(|e| format!("{format}: {e}"))?;
    let (width, height) = (u32::from(info.width), u32::from(info.height));
    if (width, height) != (format.width.get(), format.height.get()) {
        return Err(format!("{format}: the JPEG is {width}x{height}"));
    }
    match bytes.len() - info.len {
        0 => Ok(()),
        more => Err(format!("{format}: {more} bytes follow the end of the JPEG")),
    }
}

fn same(first: &[u8], second: &[u8], format: StreamFormat, how: &str) -> Seen<()> {
    if first == second {
        return Ok(());
    }
    let at = first.iter().zip(second).take_while(|(a, b)| a == b).count();
    let (a, b) = (first.len(), second.len());
    Err(format!("{format}: {how}, the JPEG differs from byte {at} on ({a} and {b} bytes long)"))
}
