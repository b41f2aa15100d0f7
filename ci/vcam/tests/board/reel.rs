//! Pictures for the cameras, each with its number in its pixels.

use eyelet_hal::{CameraSource, PixelFormat, StreamFormat, clock::ManualClock};
use eyelet_sim::{
    camera::{SimCamera, SimConfig},
    pace::Rate,
    scene::Scene,
};
use std::{collections::HashMap, fs, path::Path, sync::Arc, time::Duration};
use tempfile::TempDir;
use zune_jpeg::{
    JpegDecoder,
    zune_core::{bytestream::ZCursor, colorspace::ColorSpace, options::DecoderOptions},
};

/// Pictures in a reel: the board's memory is small, and the camera begins again at the first.
pub(crate) const PICTURES: u32 = 32;

/// Blocks of 8x8 pixels in a row, and rows of them, that hold a number: 32 bits and a checksum.
const COLUMNS: usize = 16;
const BLOCK: usize = 8;
const BITS: usize = 48;

/// The reels of the board's cameras.
pub(crate) struct Reels {
    folder: TempDir,
    /// Each JPEG with its number.
    numbers: HashMap<Vec<u8>, u32>,
}

impl Reels {
    /// JPEG at 640x480, YUYV at 640x480 (a few only) and at 320x240.
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let jpegs = shoot(PixelFormat::Jpeg, 640, 480, PICTURES);
        fs::write(folder.path().join("640x480.mjpg"), jpegs.concat()).unwrap();
        for (width, height, count) in [(640, 480, 4), (320, 240, PICTURES)] {
            let file = folder.path().join(format!("{width}x{height}.yuyv"));
            fs::write(file, shoot(PixelFormat::Yuyv, width, height, count).concat()).unwrap();
        }
        Self { folder, numbers: jpegs.into_iter().zip(0..).collect() }
    }

    /// With each JPEG as a file of its own too, as the stand-in for MaixPy reads them.
    pub(crate) fn with_files(self) -> Self {
        for (jpeg, number) in &self.numbers {
            fs::write(self.folder.path().join(format!("{number:03}.jpg")), jpeg).unwrap();
        }
        self
    }

    /// The folder, for the camera.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The number of a JPEG that is, byte for byte, one of these.
    pub(crate) fn number(&self, jpeg: &[u8]) -> Option<u32> {
        self.numbers.get(jpeg).copied()
    }
}

/// What a simulated camera takes: frame `number` has it in its pixels.
fn shoot(pixel: PixelFormat, width: u32, height: u32, count: u32) -> Vec<Vec<u8>> {
    let mut config = SimConfig::default();
    config.format = StreamFormat::new(pixel, width, height).unwrap();
    config.rate = Rate::FreeRunning;
    config.scene = Scene::Detail;
    let clock = Arc::new(ManualClock::new(Duration::ZERO));
    let mut camera = SimCamera::open(config, clock).unwrap();
    camera.start().unwrap();
    (0..count).map(|_| camera.next_frame(Duration::ZERO).unwrap().planes()[0].bytes.to_vec()).collect()
}

/// Size and luma of a JPEG; it must be decodable.
#[track_caller]
pub(crate) fn decode(jpeg: &[u8]) -> (usize, usize, Vec<u8>) {
    let options = DecoderOptions::default().set_strict_mode(true).jpeg_set_out_colorspace(ColorSpace::Luma);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(jpeg), options);
    let luma = decoder.decode().unwrap_or_else(|e| panic!("a JPEG of {} bytes: {e:?}", jpeg.len()));
    let (width, height) = decoder.dimensions().unwrap();
    (width, height, luma)
}

/// The number in a picture, from the middle of each block: read without the code that wrote it.
pub(crate) fn read_number(width: usize, luma: &[u8]) -> Option<u32> {
    let mut word = 0u64;
    for bit in 0..BITS {
        let (x, y) = (bit % COLUMNS * BLOCK + 4, bit / COLUMNS * BLOCK + 4);
        word = word << 1 | u64::from(*luma.get(y * width + x)? > 128);
    }
    let number = (word >> 16) as u32;
    (checksum(number) == word as u16).then_some(number)
}

/// CRC-16/CCITT-FALSE.
fn checksum(number: u32) -> u16 {
    number.to_be_bytes().iter().fold(0xffff, |crc, &byte| {
        (0..8).fold(
            crc ^ u16::from(byte) << 8,
            |crc, _| {
                if crc & 0x8000 == 0 { crc << 1 } else { crc << 1 ^ 0x1021 }
            },
        )
    })
}

#[test]
fn number_survives_jpeg() {
    let reels = Reels::new();
    for (jpeg, &number) in &reels.numbers {
        let (width, height, luma) = decode(jpeg);
        assert_eq!((width, height, read_number(width, &luma)), (640, 480, Some(number)));
    }
    assert_eq!(reels.numbers.len(), PICTURES as usize);
}
