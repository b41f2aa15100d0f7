//! The pictures that servers are compared with: natural scenes of a given size in bytes, each with a stamp.

use crate::{natural::Picture, stamp::Stamp};
use eyelet_core::encode::BaselineEncoder;
use eyelet_hal::{JpegEncoder, PixelFormat, Quality};
use std::{fs, io, path::Path};

/// JPEGs 4:2:0, numbered from 0, of the quality at which each is nearest to `bytes`.
///
/// # Panics
/// On odd sides.
pub fn make(count: u64, (width, height): (u32, u32), bytes: usize) -> Vec<Vec<u8>> {
    let mut encoder = BaselineEncoder::new();
    let mut encoded = |seed| {
        let delivered = Picture::new(width, height, seed).delivered(PixelFormat::Nv12);
        let jpegs = (30..=95).filter_map(Quality::new).map(|quality| {
            let mut jpeg = Vec::new();
            encoder.encode(&delivered.frame(), quality, &mut jpeg).expect("NV12 is supported");
            jpeg
        });
        let nearest = jpegs.min_by_key(|jpeg| jpeg.len().abs_diff(bytes)).expect("66 qualities");
        Stamp::put(seed, &nearest)
    };
    (0..count).map(&mut encoded).collect()
}

/// Writes them where `--camera replay:DIR` finds them in their order.
///
/// # Errors
/// The system's.
pub fn write(dir: &Path, pictures: &[Vec<u8>]) -> io::Result<()> {
    fs::create_dir_all(dir)?;
    for (number, picture) in pictures.iter().enumerate() {
        fs::write(dir.join(format!("{number:04}.jpg")), picture)?;
    }
    Ok(())
}

/// Reads what [`write()`] wrote.
///
/// # Errors
/// The system's; `InvalidData` if there is none, or one without a stamp.
pub fn read(dir: &Path) -> io::Result<Vec<Vec<u8>>> {
    let mut files: Vec<_> = fs::read_dir(dir)?.map(|entry| Ok(entry?.path())).collect::<io::Result<_>>()?;
    files.sort();
    let pictures: Vec<Vec<u8>> = files.iter().map(fs::read).collect::<io::Result<_>>()?;
    if pictures.is_empty() || pictures.iter().any(|picture| Stamp::of(picture).is_none()) {
        let what = format!("{}: not a folder that the program `pictures` made", dir.display());
        return Err(io::Error::new(io::ErrorKind::InvalidData, what));
    }
    Ok(pictures)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_have_the_requested_size_and_a_number() {
        let pictures = make(2, (160, 120), 6_000);
        for (number, picture) in pictures.iter().enumerate() {
            let stamp = Stamp::of(picture).unwrap();
            assert_eq!(stamp.number, number as u64);
            assert!(picture.len().abs_diff(6_000) < 600, "{} bytes", picture.len());
            let info = eyelet_hal::jpeg::inspect(picture).unwrap();
            assert_eq!((info.width, info.height, info.len), (160, 120, picture.len()));
        }
        assert_ne!(pictures[0][40..], pictures[1][40..]);
    }
}
