//! A camera whose pictures are files.

use crate::{
    camera::{no_frame, not_started},
    pace::{Pacer, Rate},
};
use eyelet_core::jpeg::repair;
use eyelet_hal::{
    CameraSource, Error, ErrorKind, Frame, FrameMeta, PixelFormat, Plane, Result, StreamFormat, clock::Clock,
};
use std::{
    ffi::OsStr,
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

/// The most bytes of pictures that are held in memory.
pub const MEMORY_LIMIT: u64 = 256 << 20;

/// The JPEG files of a folder, in the order of their names, again and again.
///
/// Frames are `jpeg`, of the size that all pictures share. Files are read once, when the camera is opened, and
/// are those that end in `.jpg` or `.jpeg`, in any case.
#[derive(Debug)]
pub struct ReplayCamera {
    name: String,
    format: StreamFormat,
    pictures: Vec<Vec<u8>>,
    rate: Rate,
    clock: Arc<dyn Clock>,
    /// `Some` while it runs.
    pacer: Option<Pacer>,
}

impl ReplayCamera {
    /// Reads every picture of `dir`.
    ///
    /// # Errors
    /// Each names the file. `NotFound` or `PermissionDenied` where the folder or a file cannot be read, `NotFound`
    /// if there are no pictures, `CorruptFrame` for a file that is not one whole JPEG, `Unsupported` for one that
    /// browsers do not show, `InvalidInput` for a picture of another size than the first, `OutOfMemory` beyond [`MEMORY_LIMIT`].
    pub fn open(dir: impl AsRef<Path>, rate: Rate, clock: Arc<dyn Clock>) -> Result<Self> {
        let dir = dir.as_ref();
        let name = format!("replay:{}", dir.display());
        let mut format: Option<StreamFormat> = None;
        let mut pictures = Vec::new();
        let mut total = 0;
        for path in files(dir)? {
            total += fs::metadata(&path).map_err(|e| unreadable(&path, e))?.len();
            if total > MEMORY_LIMIT {
                let limit = MEMORY_LIMIT >> 20;
                let what = format!("cannot replay {}: more than {limit} MiB of pictures", dir.display());
                return Err(Error::new(ErrorKind::OutOfMemory, what).with_remedy("use fewer or smaller ones"));
            }
            let (picture, size) = picture(&path)?;
            match format {
                None => format = Some(size),
                Some(first) if first == size => {}
                Some(first) => {
                    let (path, (w, h)) = (path.display(), (size.width, size.height));
                    let (width, height) = (first.width, first.height);
                    let what =
                        format!("cannot replay {path}: it is {w}x{h}, the first picture {width}x{height}");
                    return Err(
                        Error::new(ErrorKind::InvalidInput, what).with_remedy("use pictures of one size")
                    );
                }
            }
            pictures.push(picture);
        }
        let format = format.ok_or_else(|| {
            let what = format!("cannot replay {}: no pictures in it", dir.display());
            Error::new(ErrorKind::NotFound, what).with_remedy("put .jpg files there")
        })?;
        Ok(Self { name, format, pictures, rate, clock, pacer: None })
    }

    /// How many pictures there are before the first comes again.
    pub fn pictures(&self) -> usize {
        self.pictures.len()
    }
}

/// The pictures of a folder, in the order of their names.
fn files(dir: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(dir).map_err(|e| unreadable(dir, e))?;
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(|e| unreadable(dir, e))?.path();
        let extension = path.extension().and_then(OsStr::to_str).unwrap_or_default();
        if ["jpg", "jpeg"].iter().any(|e| extension.eq_ignore_ascii_case(e)) && path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// A file's picture, [repaired](repair) where it can be, and what it is.
fn picture(path: &Path) -> Result<(Vec<u8>, StreamFormat)> {
    let file = fs::read(path).map_err(|e| unreadable(path, e))?;
    let mut bytes = Vec::new();
    let info = repair(&file, &mut bytes).map_err(|error| {
        let error = match error.kind() {
            ErrorKind::Unsupported => error,
            _ => error.with_remedy("remove the file or replace it by a whole JPEG"),
        };
        error.map_message(|message| format!("cannot replay {}: {message}", path.display()))
    })?;
    bytes.shrink_to_fit();
    let format = StreamFormat::new(PixelFormat::Jpeg, info.width.into(), info.height.into());
    let no_size = || Error::new(ErrorKind::CorruptFrame, format!("{} has no size", path.display()));
    Ok((bytes, format.ok_or_else(no_size)?))
}

fn unreadable(path: &Path, error: io::Error) -> Error {
    let (kind, remedy) = match error.kind() {
        io::ErrorKind::NotFound => (ErrorKind::NotFound, "is the path right?"),
        io::ErrorKind::PermissionDenied => (ErrorKind::PermissionDenied, "make it readable for this user"),
        io::ErrorKind::NotADirectory => (ErrorKind::InvalidInput, "name the folder that holds the pictures"),
        _ => (ErrorKind::Other, "is the disk all right?"),
    };
    Error::new(kind, format!("cannot read {}: {error}", path.display()))
        .with_remedy(remedy)
        .with_source(error)
}

impl CameraSource for ReplayCamera {
    fn name(&self) -> &str {
        &self.name
    }

    fn format(&self) -> StreamFormat {
        self.format
    }

    fn start(&mut self) -> Result<()> {
        self.pacer.get_or_insert_with(|| Pacer::new(self.rate, self.clock.monotonic()));
        Ok(())
    }

    fn next_frame(&mut self, timeout: Duration) -> Result<Frame<'_>> {
        let pacer = self.pacer.as_mut().ok_or_else(|| not_started(&self.name))?;
        let tick = pacer.wait(&*self.clock, timeout).ok_or_else(|| no_frame(&self.name, timeout))?;
        let index = tick.sequence % self.pictures.len() as u64;
        let picture = &self.pictures[index as usize];
        Frame::new(self.format, FrameMeta::new(tick.sequence, tick.at), &[Plane::host(picture, 0)])
    }

    fn stop(&mut self) -> Result<()> {
        self.pacer = None;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        camera::{SimCamera, SimConfig},
        pace::Fps,
    };
    use eyelet_hal::clock::ManualClock;

    fn clock() -> Arc<ManualClock> {
        Arc::new(ManualClock::new(Duration::ZERO))
    }

    fn jpeg(width: u32, height: u32) -> Vec<u8> {
        let config = SimConfig {
            format: StreamFormat::new(PixelFormat::Jpeg, width, height).unwrap(),
            ..SimConfig::default()
        };
        let mut camera = SimCamera::open(config, clock()).unwrap();
        camera.start().unwrap();
        camera.next_frame(Duration::ZERO).unwrap().planes()[0].bytes.to_vec()
    }

    fn open(dir: &Path) -> Result<ReplayCamera> {
        ReplayCamera::open(dir, Rate::Fps(Fps::new(10.0).unwrap()), clock())
    }

    fn refused(dir: &Path) -> (ErrorKind, String) {
        let error = open(dir).unwrap_err();
        let text = error.to_string();
        assert!(!text.contains('\n'), "{text}");
        (error.kind(), text.replace(&*dir.to_string_lossy(), "DIR"))
    }

    #[test]
    fn pictures_come_by_name_again_and_again() {
        let dir = tempfile::tempdir().unwrap();
        let pictures = [jpeg(16, 8), jpeg(16, 8), jpeg(16, 8)].map(|mut jpeg| {
            // A comment makes them differ.
            jpeg.splice(2..2, [0xff, 0xfe, 0, 3, 0]);
            jpeg
        });
        for (index, name) in ["b.JPG", "a.jpg", "c.jpeg"].iter().enumerate() {
            let mut bytes = pictures[index].clone();
            bytes[6] = index as u8;
            bytes.extend([0; 4]); // padding, as cameras write it
            fs::write(dir.path().join(name), bytes).unwrap();
        }
        fs::write(dir.path().join("notes.txt"), "not a picture").unwrap();
        fs::create_dir(dir.path().join("folder.jpg")).unwrap();

        let mut camera = open(dir.path()).unwrap();
        assert_eq!(camera.name(), format!("replay:{}", dir.path().display()));
        assert_eq!(camera.format().to_string(), "16x8 jpeg");
        assert_eq!(camera.pictures(), 3);
        camera.start().unwrap();
        for (sequence, mark) in [1, 0, 2, 1, 0].into_iter().enumerate() {
            let frame = camera.next_frame(Duration::from_secs(1)).unwrap();
            assert_eq!(frame.meta().sequence, sequence as u64);
            assert_eq!(frame.meta().captured_at.as_millis(), sequence as u128 * 100);
            let bytes = frame.planes()[0].bytes;
            assert_eq!(bytes[6], mark);
            assert_eq!(bytes.len(), pictures[0].len(), "padding is cut off");
        }
    }

    #[test]
    fn open_of_what_cannot_be_played_is_an_error_with_a_remedy() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path();
        let (kind, text) = refused(dir);
        assert_eq!(kind, ErrorKind::NotFound);
        assert_eq!(text, "cannot replay DIR: no pictures in it; put .jpg files there");

        let (kind, text) = refused(&dir.join("missing"));
        assert_eq!(kind, ErrorKind::NotFound);
        assert!(
            text.starts_with("cannot read DIR: No such file") && text.ends_with("is the path right?"),
            "{text}"
        );

        fs::write(dir.join("a.jpg"), jpeg(32, 16)).unwrap();
        let (kind, text) = refused(&dir.join("a.jpg"));
        assert_eq!(kind, ErrorKind::InvalidInput);
        assert!(text.contains("Not a directory"), "{text}");

        let whole = jpeg(32, 16);
        fs::write(dir.join("b.jpg"), &whole[..whole.len() - 9]).unwrap();
        let (kind, text) = refused(dir);
        assert_eq!(kind, ErrorKind::CorruptFrame);
        assert!(text.starts_with("cannot replay DIR/b.jpg: the JPEG is truncated"), "{text}");
        assert!(text.ends_with("; remove the file or replace it by a whole JPEG"), "{text}");

        fs::write(dir.join("b.jpg"), jpeg(16, 16)).unwrap();
        let (kind, text) = refused(dir);
        assert_eq!(kind, ErrorKind::InvalidInput);
        let want = "cannot replay DIR/b.jpg: it is 16x16, the first picture 32x16; use pictures of one size";
        assert_eq!(text, want);

        // A sparse file: longer than memory may hold, and nothing on the disk.
        fs::File::create(dir.join("0.jpg")).unwrap().set_len(MEMORY_LIMIT + 1).unwrap();
        let (kind, text) = refused(dir);
        assert_eq!(kind, ErrorKind::OutOfMemory);
        assert_eq!(text, "cannot replay DIR: more than 256 MiB of pictures; use fewer or smaller ones");
    }

    /// One of the files of `core/tests/cases`.
    fn case(name: &str) -> PathBuf {
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../core/tests/cases").join(name)
    }

    #[test]
    fn quirks_that_browsers_put_up_with_are_played_without_them() {
        for name in ["no-eoi-zero-padded.jpg", "empty-dht-only.jpg", "zero-byte-between-segments.jpg"] {
            let dir = tempfile::tempdir().unwrap();
            fs::copy(case(name), dir.path().join("a.jpg")).unwrap();
            let mut camera = open(dir.path()).unwrap();
            camera.start().unwrap();
            let frame = camera.next_frame(Duration::from_secs(1)).unwrap();
            let bytes = frame.planes()[0].bytes;
            let info = eyelet_hal::jpeg::inspect(bytes).unwrap();
            assert!(info.huffman_tables && !info.stray && info.len == bytes.len(), "{name}");
        }
    }

    #[test]
    fn jpeg_that_browsers_do_not_show_is_an_error_with_the_reason() {
        let dir = tempfile::tempdir().unwrap();
        let mut lossless = jpeg(16, 16);
        let at = lossless.windows(2).position(|pair| pair == [0xff, 0xc0]).unwrap();
        lossless[at + 1] = 0xc3;
        fs::write(dir.path().join("a.jpg"), lossless).unwrap();
        let (kind, text) = refused(dir.path());
        assert_eq!(kind, ErrorKind::Unsupported);
        let want = "cannot replay DIR/a.jpg: the JPEG is lossless, which browsers do not show; \
                    use baseline or progressive JPEG";
        assert_eq!(text, want);

        fs::copy(case("sof-30000x30000.jpg"), dir.path().join("a.jpg")).unwrap();
        assert_eq!(refused(dir.path()).0, ErrorKind::CorruptFrame);
    }
}
