//! Keeps what a camera lends, for [`ReplayCamera`](crate::replay::ReplayCamera) to play.

use eyelet_hal::{CameraControls, CameraSource, Error, ErrorKind, Frame, PixelFormat, Result, StreamFormat};
use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

/// A camera of `jpeg` frames that writes each frame it lends into a folder.
///
/// Files are named `frame-00000001.jpg` and so on and appear whole or not at all. What is in the folder stays;
/// numbers go on after the highest there is.
#[derive(Debug)]
pub struct Recorder<C> {
    camera: C,
    dir: PathBuf,
    next: u64,
}

impl<C: CameraSource> Recorder<C> {
    /// Records `camera` into `dir`, which is made if need be.
    ///
    /// # Errors
    /// `Unsupported` if the camera's frames are not `jpeg`; `PermissionDenied` and others if there can be no such
    /// folder.
    pub fn new(camera: C, dir: impl Into<PathBuf>) -> Result<Self> {
        let (dir, format) = (dir.into(), camera.format());
        if format.pixel != PixelFormat::Jpeg {
            let what = format!("cannot record {format} from {}: not compressed", camera.name());
            return Err(Error::new(ErrorKind::Unsupported, what).with_remedy("use jpeg"));
        }
        fs::create_dir_all(&dir).map_err(|e| failed("make", &dir, e))?;
        let mut next = 1;
        for entry in fs::read_dir(&dir).map_err(|e| failed("read", &dir, e))? {
            let name = entry.map_err(|e| failed("read", &dir, e))?.file_name();
            if let Some(number) = number(&name.to_string_lossy()) {
                next = next.max(number.saturating_add(1));
            }
        }
        Ok(Self { camera, dir, next })
    }

    /// The camera, recorded no more.
    pub fn into_inner(self) -> C {
        self.camera
    }
}

fn number(name: &str) -> Option<u64> {
    name.strip_prefix("frame-")?.strip_suffix(".jpg")?.parse().ok()
}

fn failed(verb: &str, path: &Path, error: std::io::Error) -> Error {
    let (kind, remedy) = match error.kind() {
        std::io::ErrorKind::PermissionDenied => {
            (ErrorKind::PermissionDenied, "record where this user may write")
        }
        std::io::ErrorKind::StorageFull => (ErrorKind::Other, "free some space, or record elsewhere"),
        _ => (ErrorKind::Other, "record into another folder"),
    };
    Error::new(kind, format!("cannot {verb} {}: {error}", path.display()))
        .with_remedy(remedy)
        .with_source(error)
}

/// Writes `bytes` under another name first, so that no reader sees half a file. Nothing waits for the disk, which would be
/// slower than the camera: a power cut may damage the last ones.
fn write(dir: &Path, number: u64, bytes: &[u8]) -> Result<()> {
    let path = dir.join(format!("frame-{number:08}.jpg"));
    let partial = dir.join(format!("frame-{number:08}.part"));
    fs::write(&partial, bytes).and_then(|()| fs::rename(&partial, &path)).map_err(|e| {
        // The first error is the one to report.
        let _ = fs::remove_file(&partial);
        failed("write", &path, e)
    })
}

impl<C: CameraSource> CameraSource for Recorder<C> {
    fn name(&self) -> &str {
        self.camera.name()
    }

    fn format(&self) -> StreamFormat {
        self.camera.format()
    }

    fn start(&mut self) -> Result<()> {
        self.camera.start()
    }

    /// As the camera's.
    ///
    /// # Errors
    /// Those of the camera, and `PermissionDenied` or `Other` if the frame cannot be written.
    fn next_frame(&mut self, timeout: Duration) -> Result<Frame<'_>> {
        let frame = self.camera.next_frame(timeout)?;
        for plane in frame.planes() {
            write(&self.dir, self.next, plane.bytes)?;
            self.next += 1;
        }
        Ok(frame)
    }

    fn stop(&mut self) -> Result<()> {
        self.camera.stop()
    }

    fn controls(&mut self) -> Option<&mut dyn CameraControls> {
        self.camera.controls()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        camera::{SimCamera, SimConfig},
        pace::Rate,
        replay::ReplayCamera,
    };
    use eyelet_hal::clock::ManualClock;
    use std::sync::Arc;

    fn camera(pixel: PixelFormat) -> SimCamera {
        let format = StreamFormat::new(pixel, 160, 48).unwrap();
        let config = SimConfig { format, ..SimConfig::default() };
        SimCamera::open(config, Arc::new(ManualClock::new(Duration::ZERO))).unwrap()
    }

    #[test]
    fn recording_can_be_played() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path().join("made/by/the/recorder");
        let mut lent = Vec::new();
        for _ in 0..2 {
            let mut recorder = Recorder::new(camera(PixelFormat::Jpeg), &dir).unwrap();
            recorder.start().unwrap();
            for _ in 0..6 {
                let frame = recorder.next_frame(Duration::from_secs(1)).unwrap();
                lent.push(frame.planes()[0].bytes.to_vec());
            }
        }
        let mut names: Vec<_> = fs::read_dir(&dir).unwrap().map(|e| e.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names.len(), 12, "{names:?}");
        assert_eq!((&*names[0], &*names[11]), ("frame-00000001.jpg".as_ref(), "frame-00000012.jpg".as_ref()));

        let clock = Arc::new(ManualClock::new(Duration::ZERO));
        let mut replay = ReplayCamera::open(&dir, Rate::FreeRunning, clock).unwrap();
        replay.start().unwrap();
        for picture in lent {
            assert!(replay.next_frame(Duration::ZERO).unwrap().planes()[0].bytes == picture);
        }
    }

    #[test]
    fn raw_frames_and_places_that_are_not_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let error = Recorder::new(camera(PixelFormat::Nv12), dir.path()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert_eq!(error.to_string(), "cannot record 160x48 nv12 from sim: not compressed; use jpeg");

        let file = dir.path().join("file");
        fs::write(&file, "").unwrap();
        let error = Recorder::new(camera(PixelFormat::Jpeg), file.join("dir")).unwrap_err().to_string();
        assert!(
            error.starts_with("cannot make ") && error.ends_with("record into another folder"),
            "{error}"
        );
    }

    #[test]
    fn frame_that_cannot_be_written_is_an_error_and_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let mut recorder = Recorder::new(camera(PixelFormat::Jpeg), dir.path()).unwrap();
        recorder.start().unwrap();
        fs::create_dir(dir.path().join("frame-00000001.jpg")).unwrap();
        let error = recorder.next_frame(Duration::ZERO).unwrap_err();
        assert!(error.to_string().starts_with("cannot write "), "{error}");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}
