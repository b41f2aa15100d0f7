//! `snapshot FILE`: one picture.

use super::{Devices, Failure, Outcome, Output, SnapshotArgs, capture};
use crate::image::Image;
use eyelet_hal::{CameraSource, Error, ErrorKind, Frame};
use std::{
    fs,
    io::{ErrorKind as ErrorOf, Write as _},
    path::Path,
    time::Duration,
};

/// How long a camera may take for its first good frame.
const PATIENCE: Duration = Duration::from_secs(5);
const ATTEMPTS: u32 = 50;

enum Target<'a> {
    Stdout,
    Jpeg(&'a Path),
    Png(&'a Path),
}

pub(super) fn run<D: Devices>(args: &SnapshotArgs<D::Flags>, output: &Output) -> Outcome {
    output.log(&args.camera.log)?;
    let target = target(&args.file)?;
    let mut camera = capture::camera::<D>(&args.camera)?;
    let mut encoder = D::encoder(&args.camera.encoder, &args.camera.own)?;
    camera.start()?;
    let picture = first_good(&mut *camera, |frame| match target {
        Target::Png(_) => Ok(Image::from_frame(frame)?.to_png()?.to_vec()),
        Target::Jpeg(_) | Target::Stdout => {
            let mut jpeg = Vec::new();
            encoder.encode(frame, args.camera.quality, &mut jpeg).map(|()| jpeg)
        }
    })?;
    // The picture is there, whatever stopping meets.
    let _ = camera.stop();
    match target {
        Target::Stdout => output.bytes(&picture),
        Target::Jpeg(path) | Target::Png(path) => write_whole(path, &picture).map_err(|e| {
            let remedy = match e.kind() {
                ErrorOf::StorageFull | ErrorOf::QuotaExceeded | ErrorOf::FileTooLarge => "make room there",
                _ => "name a file that can be written",
            };
            Failure::runtime(format!("cannot write {}: {e}; {remedy}", path.display()))
        }),
    }
}

fn target(file: &Path) -> Result<Target<'_>, Failure> {
    let extension = file.extension().and_then(|e| e.to_str()).map(str::to_ascii_lowercase);
    match extension.as_deref() {
        _ if file == Path::new("-") => Ok(Target::Stdout),
        Some("jpg" | "jpeg") => Ok(Target::Jpeg(file)),
        Some("png") => Ok(Target::Png(file)),
        _ => Err(Failure::Usage(format!(
            "cannot tell the format of {}: the name ends in neither; name it .jpg or .png, or - for stdout",
            file.display()
        ))),
    }
}

/// What `picture` makes of the first frame that is not damaged.
fn first_good(
    camera: &mut dyn CameraSource,
    mut picture: impl FnMut(&Frame<'_>) -> eyelet_hal::Result<Vec<u8>>,
) -> eyelet_hal::Result<Vec<u8>> {
    let mut last = Error::new(ErrorKind::TimedOut, "no frame");
    for _ in 0..ATTEMPTS {
        match camera.next_frame(PATIENCE).and_then(|frame| picture(&frame)) {
            Err(e) if e.kind() == ErrorKind::CorruptFrame => last = e,
            Err(e) if e.kind() == ErrorKind::TimedOut => {
                let what = format!("no frame from {} within {PATIENCE:?}; is it in use?", camera.name());
                return Err(Error::new(ErrorKind::TimedOut, what));
            }
            other => return other,
        }
    }
    let what = format!("{ATTEMPTS} damaged frames in a row from {}: {last}; check its cable", camera.name());
    Err(Error::new(ErrorKind::CorruptFrame, what))
}

/// The file appears whole or not at all.
fn write_whole(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.part", std::process::id()));
    let part = path.with_file_name(name);
    let written = fs::File::create_new(&part)
        .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&part, path));
    if written.is_err() {
        let _ = fs::remove_file(&part);
    }
    written
}
