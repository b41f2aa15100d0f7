//! What the camera can deliver: pixel format, size, and the pictures of each mode as files.

use std::{
    fs::{self, File},
    io,
    os::unix::fs::FileExt,
    path::Path,
    time::Duration,
};

/// The pictures of one mode, in a file, shown round and round.
///
/// They stay in the file: the board's memory is small.
#[derive(Debug)]
pub struct Reel {
    file: File,
    /// Offset and length of each picture.
    pictures: Vec<(u64, usize)>,
}

impl Reel {
    fn open(path: &Path, encoding: Encoding, frame_bytes: usize) -> io::Result<Self> {
        let bytes = fs::read(path)?;
        let pictures = match encoding {
            Encoding::Yuyv => {
                (0..bytes.len() / frame_bytes).map(|i| ((i * frame_bytes) as u64, frame_bytes)).collect()
            }
            Encoding::Mjpeg => split_jpegs(&bytes, frame_bytes)?,
        };
        let whole: usize = pictures.iter().map(|&(_, len)| len).sum();
        if pictures.is_empty() || whole != bytes.len() {
            return Err(invalid("does not hold whole pictures of its size"));
        }
        Ok(Self { file: File::open(path)?, pictures })
    }

    /// Picture `index`, counted on from the last one to the first.
    ///
    /// # Errors
    /// What reading the file says.
    pub fn picture(&self, index: u64) -> io::Result<Vec<u8>> {
        let (offset, len) = self.pictures[(index % self.pictures.len() as u64) as usize];
        let mut bytes = vec![0; len];
        self.file.read_exact_at(&mut bytes, offset)?;
        Ok(bytes)
    }
}

fn split_jpegs(bytes: &[u8], limit: usize) -> io::Result<Vec<(u64, usize)>> {
    let mut pictures = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let info = eyelet_hal::jpeg::inspect(&bytes[at..]).map_err(|e| invalid(&e.to_string()))?;
        if info.len > limit {
            return Err(invalid("has a picture larger than its pixels"));
        }
        pictures.push((at as u64, info.len));
        at += info.len;
    }
    Ok(pictures)
}

fn invalid(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

/// How a picture lies on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Encoding {
    /// Motion JPEG.
    Mjpeg,
    /// Packed 4:2:2.
    Yuyv,
}

/// One size in one encoding.
#[derive(Debug)]
pub struct Mode {
    /// How a picture is encoded.
    pub encoding: Encoding,
    /// Pixels in a row.
    pub width: u16,
    /// Rows.
    pub height: u16,
    /// What is shown.
    pub reel: Reel,
}

impl Mode {
    /// Time from one frame to the next: 30 frames a second.
    pub const INTERVAL: Duration = Duration::from_nanos(33_333_300);
    /// [`INTERVAL`](Self::INTERVAL) as descriptors have it, in 100 ns.
    pub const INTERVAL_100NS: u32 = 333_333;

    /// The most bytes in a frame.
    pub fn frame_bytes(&self) -> u32 {
        u32::from(self.width) * u32::from(self.height) * 2
    }

    /// The modes whose pictures are in `folder`: `WxH.mjpg` has JPEGs one after the other, `WxH.yuyv` raw frames.
    /// JPEG comes first, then the larger size, as in most cameras.
    ///
    /// # Errors
    /// One line that names the file that cannot be used, or the folder if there is none.
    pub fn open_all(folder: &Path) -> io::Result<Vec<Self>> {
        let say = |path: &Path, e: io::Error| {
            io::Error::new(e.kind(), format!("cannot show {}: {e}", path.display()))
        };
        let mut modes = Vec::new();
        for entry in fs::read_dir(folder).map_err(|e| say(folder, e))? {
            let path = entry?.path();
            let Some((encoding, width, height)) = parse_name(&path) else { continue };
            let frame_bytes = usize::from(width) * usize::from(height) * 2;
            let reel = Reel::open(&path, encoding, frame_bytes).map_err(|e| say(&path, e))?;
            modes.push(Self { encoding, width, height, reel });
        }
        if modes.is_empty() {
            return Err(say(folder, invalid("no WxH.mjpg or WxH.yuyv in it")));
        }
        modes.sort_by_key(|m| (m.encoding, std::cmp::Reverse(m.frame_bytes())));
        Ok(modes)
    }
}

fn parse_name(path: &Path) -> Option<(Encoding, u16, u16)> {
    let encoding = match path.extension()?.to_str()? {
        "mjpg" => Encoding::Mjpeg,
        "yuyv" => Encoding::Yuyv,
        _ => return None,
    };
    let (width, height) = path.file_stem()?.to_str()?.split_once('x')?;
    let (width, height) = (width.parse().ok()?, height.parse().ok()?);
    (width > 0 && width % 2 == 0 && height > 0).then_some((encoding, width, height))
}

/// The modes that tests of this crate use: one tiny JPEG, two raw sizes.
#[cfg(test)]
pub(crate) mod fixture {
    use super::*;

    /// An 8x8 grey picture as far as the markers go.
    pub(crate) const JPEG: &[u8] = &[
        0xff, 0xd8, 0xff, 0xc0, 0x00, 0x0b, 8, 0, 8, 0, 8, 1, 1, 0x11, 0, 0xff, 0xda, 0x00, 0x08, 1, 1, 0, 0,
        63, 0, 0x12, 0x34, 0x56, 0xff, 0xd9,
    ];

    pub(crate) fn modes() -> Vec<Mode> {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("640x480.mjpg"), JPEG.repeat(3)).unwrap();
        fs::write(folder.path().join("640x480.yuyv"), vec![1; 640 * 480 * 2]).unwrap();
        fs::write(folder.path().join("320x240.yuyv"), vec![2; 320 * 240 * 2 * 2]).unwrap();
        fs::write(folder.path().join("notes.txt"), "not a reel").unwrap();
        Mode::open_all(folder.path()).unwrap()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_are_in_the_order_of_a_real_camera() {
        let names: Vec<_> =
            fixture::modes().iter().map(|m| (m.encoding, m.width, m.reel.pictures.len())).collect();
        assert_eq!(names, [(Encoding::Mjpeg, 640, 3), (Encoding::Yuyv, 640, 1), (Encoding::Yuyv, 320, 2)]);
    }

    #[test]
    fn reel_begins_again_after_its_end() {
        let modes = fixture::modes();
        assert_eq!(modes[0].reel.picture(4).unwrap(), fixture::JPEG);
        assert_eq!(modes[2].reel.picture(u64::MAX).unwrap().len(), 320 * 240 * 2);
    }

    #[test]
    fn half_a_picture_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("8x8.yuyv");
        fs::write(&path, vec![0; 8 * 8 * 2 + 1]).unwrap();
        let error = Mode::open_all(folder.path()).unwrap_err().to_string();
        assert_eq!(
            error,
            format!("cannot show {}: does not hold whole pictures of its size", path.display())
        );
        fs::remove_file(&path).unwrap();
        assert!(Mode::open_all(folder.path()).is_err(), "an empty folder");
        fs::write(folder.path().join("8x8.mjpg"), &fixture::JPEG[..20]).unwrap();
        assert!(Mode::open_all(folder.path()).is_err(), "a truncated JPEG");
    }
}
