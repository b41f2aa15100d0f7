//! `snapshot FILE`: one picture.

use super::stoppable::{POLL, Stoppable, write};
use crate::{
    cli::{
        Failure, Outcome, Output, Platform, Signals, SnapshotArgs, args::picture, output::stdout_is_open,
        runtime, setup::pipeline,
    },
    feed::{Label, RunId},
    image::Image,
    pipeline::ActualSize,
    whole_file::WholeFile,
};
use eyelet_hal::{
    CameraSource, Error, ErrorKind, Frame,
    clock::{Clock as _, SystemClock},
};
use std::{
    io::{self, ErrorKind as ErrorOf, IsTerminal as _},
    path::Path,
    time::{Duration, Instant},
};

/// How long a camera may take for its first good frame, or this many of its periods. What comes before may be damaged: many
/// cameras begin with a few such frames.
const PATIENCE: Duration = Duration::from_secs(5);
const PERIODS: u32 = 3;

enum Target<'a> {
    Stdout,
    Jpeg(&'a Path),
    Png(&'a Path),
}

pub(super) fn run<D: Platform>(args: &SnapshotArgs<D::Flags>, output: &Output) -> Outcome {
    output.log(&args.camera.log)?;
    let target = target(&args.file)?;
    if matches!(target, Target::Stdout) {
        let closed = "cannot write to stdout: it is closed; redirect it, or name a file";
        stdout_is_open().map_err(|_| Failure::runtime(closed))?;
        if io::stdout().is_terminal() {
            let what = "stdout is a terminal, which shows no pictures; redirect it, or name a file";
            return Err(Failure::Usage(what.to_owned()));
        }
    }
    let runtime = runtime()?;
    let mut signals = Signals::watch(&runtime)?;
    let mut check = || signals.check(&runtime, stopped);
    let edits = picture::edits(&args.camera)?;
    let mut camera = pipeline::camera::<D>(&args.camera, &mut check)?;
    let name = args.camera.camera.first().and_then(|camera| Some(camera.name.as_ref()?.as_str()));
    let mut editor = picture::editor(edits, &*camera, name)?;
    let mut encoder = pipeline::encoder::<D>(&args.camera)?;
    let patience = PATIENCE.max(args.camera.fps.period().saturating_mul(PERIODS));
    let mut stoppable = Stoppable::new(&mut *camera, &mut check);
    let picture = stoppable.start().and_then(|()| {
        first_good(&mut stoppable, patience, |frame| {
            let meta = frame.meta();
            let captured_at = SystemClock.to_unix(meta.captured_at);
            let label = Label { run: RunId::new(0), sequence: meta.sequence, captured_at };
            let edited = editor.as_mut().map(|editor| editor.take(frame, label)).transpose()?.flatten();
            let frame = edited.as_ref().unwrap_or(frame);
            match target {
                Target::Png(_) => Ok(Image::from_frame(frame)?.to_png()?.to_vec()),
                Target::Jpeg(_) | Target::Stdout => {
                    let mut jpeg = Vec::new();
                    encoder.encode(frame, args.camera.quality, &mut jpeg).map(|()| jpeg)
                }
            }
        })
    });
    let picture = stoppable.done(picture)?.map_err(|e| refused(&e))?;
    // The picture is there, whatever stopping meets. Nothing is open while somebody may take long to read it.
    let _ = camera.stop();
    drop((camera, encoder));
    match target {
        Target::Stdout => write(output, picture, &mut signals, &runtime),
        Target::Jpeg(path) | Target::Png(path) => write_whole(path, &picture).map_err(|e| {
            let remedy = match e.kind() {
                ErrorOf::StorageFull | ErrorOf::QuotaExceeded | ErrorOf::FileTooLarge => {
                    "free some space there"
                }
                _ => "name a file that can be written",
            };
            Failure::runtime(format!("cannot write {}: {e}; {remedy}", path.display()))
        }),
    }
}

/// Whoever asked for a picture finds none.
fn stopped() -> Failure {
    Failure::runtime("stopped by a signal before there was a picture; take it again")
}

/// What a device refuses is not wrong usage, whatever the kind of its error.
fn refused(error: &Error) -> Failure {
    Failure::runtime(error.to_string())
}

fn target(file: &Path) -> Result<Target<'_>, Failure> {
    let extension = file.extension().and_then(|e| e.to_str()).map(str::to_ascii_lowercase);
    match extension.as_deref() {
        _ if file == Path::new("-") => Ok(Target::Stdout),
        Some("jpg" | "jpeg") => Ok(Target::Jpeg(file)),
        Some("png") => Ok(Target::Png(file)),
        _ => Err(Failure::Usage(format!(
            "cannot tell the format of {}: the name ends in neither .jpg nor .png; add one of them, or use - for stdout",
            file.display()
        ))),
    }
}

/// What `picture` makes of the first frame that is not damaged and comes within `patience`.
fn first_good(
    camera: &mut dyn CameraSource,
    patience: Duration,
    mut picture: impl FnMut(&Frame<'_>) -> eyelet_hal::Result<Vec<u8>>,
) -> eyelet_hal::Result<Vec<u8>> {
    let deadline = Instant::now() + patience;
    let mut size = ActualSize::default();
    let mut damaged: Option<(u32, Error)> = None;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            break;
        }
        let taken = camera.next_frame(left.min(POLL)).and_then(|frame| {
            let relabelled = size.relabelled(&frame)?;
            picture(relabelled.as_ref().unwrap_or(&frame))
        });
        match taken {
            Err(e) if e.kind() == ErrorKind::TimedOut => {}
            Err(e) if e.kind() == ErrorKind::CorruptFrame => {
                damaged = Some((damaged.map_or(1, |(count, _)| count + 1), e));
            }
            other => return other,
        }
    }
    let name = camera.name();
    Err(match damaged {
        None => {
            let what = format!("no frame from {name} within {patience:?}");
            Error::new(ErrorKind::TimedOut, what).with_remedy("is it in use, or slower than --fps?")
        }
        Some((count, last)) => {
            let why = last.message();
            let what = format!("no good frame from {name} within {patience:?}, {count} damaged: {why}");
            Error::new(ErrorKind::CorruptFrame, what).with_remedy("check its cable").with_source(last)
        }
    })
}

/// Has the file appear whole or not at all. Any number of processes may write the same one at a time: the last one wins.
pub(super) fn write_whole(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    WholeFile::new(path, 0o666, &format!(".{}.part", std::process::id())).write(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use eyelet_hal::{FrameMeta, MockCameraSource, PixelFormat, Plane, StreamFormat};

    /// What comes of a camera whose `n`th frame, from 0, is `frames(n)`.
    fn taken(
        patience: Duration,
        frames: impl Fn(u32) -> Result<&'static [u8], ErrorKind> + Send + 'static,
    ) -> eyelet_hal::Result<Vec<u8>> {
        let mut camera = MockCameraSource::new();
        camera.expect_name().return_const("mock".to_owned());
        let mut number = 0;
        camera.expect_next_frame().returning(move |_| {
            let frame =
                frames(number).map_err(|kind| Error::new(kind, "short").with_remedy("plug it in again"));
            number += 1;
            let format = StreamFormat::new(PixelFormat::Jpeg, 16, 16).expect("not zero");
            Frame::new(format, FrameMeta::now(number.into()), &[Plane::host(frame?, 0)])
        });
        let mut encoder = crate::encode::by_name("auto")?;
        first_good(&mut camera, patience, |frame| {
            let mut jpeg = Vec::new();
            encoder.encode(frame, Default::default(), &mut jpeg).map(|()| jpeg)
        })
    }

    #[test]
    fn snapshot_with_damaged_first_frames_takes_the_first_good_one() {
        let good: &[u8] = include_bytes!("../../../tests/cases/dnl-with-height-given.jpg");
        // Short ones, cut ones, and then those whose size is not the one negotiated.
        let picture = taken(Duration::from_secs(60), move |n| match n {
            0..70 => Err(ErrorKind::CorruptFrame),
            70..75 => Ok(&good[..1500]),
            _ => Ok(good),
        });
        assert_eq!(picture.unwrap(), good);
    }

    #[test]
    fn snapshot_without_a_good_frame_gives_up_in_time() {
        let patience = Duration::from_millis(20);
        let error = taken(patience, |_| Err(ErrorKind::TimedOut)).unwrap_err();
        let want = "no frame from mock within 20ms; is it in use, or slower than --fps?";
        assert_eq!((error.kind(), &*error.to_string()), (ErrorKind::TimedOut, want));
        let error = taken(patience, |_| Err(ErrorKind::CorruptFrame)).unwrap_err();
        let text = error.to_string();
        assert!(text.starts_with("no good frame from mock within 20ms, "), "{text}");
        assert!(text.ends_with(" damaged: short; check its cable"), "{text}");
        assert_eq!(text.matches("; ").count(), 1, "the remedy of the error below is left out: {text}");
    }

    #[test]
    fn snapshot_of_an_unsupported_frame_fails_at_once() {
        let error =
            taken(Duration::from_secs(60), |_| Ok(b"\xff\xd8\xff\xc3\0\x0b\x08\0\x10\0\x10\x01\x01\x11\0"));
        let text = error.unwrap_err().to_string();
        assert!(text.contains("lossless, which browsers do not show"), "{text}");
    }
}
