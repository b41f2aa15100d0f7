//! Frames, encoders and raw calls for the tests.

pub(crate) use crate::logged::logged;
use eyelet_core::encode;
use eyelet_hal::{Frame, FrameMeta, JpegEncoder, PixelFormat, Plane, Quality, StreamFormat};
use eyelet_maixcam::{
    model::{Leftovers, Machine, Process},
    sys::{
        Channel, Device, Ion, Node, System,
        abi::{self, ChannelAttr, FrameInfo, Plain as _},
    },
    venc::{HwJpegEncoder, Options},
};
use std::{sync::Arc, time::Duration};

/// Longer than any test takes: a hang where none may be fails the whole run.
pub(crate) const NEVER: Duration = Duration::from_secs(600);
/// For tests in which something hangs for certain.
pub(crate) const SHORT: Duration = Duration::from_millis(100);

pub(crate) const NONE: Leftovers = nothing();

const fn nothing() -> Leftovers {
    Leftovers { ion_slots: 0, channels: 0, units: 0, locked: false, pools: 0, leases: 0 }
}

/// The formats that the unit takes.
pub(crate) const FORMATS: [PixelFormat; 5] =
    [PixelFormat::Nv12, PixelFormat::Nv21, PixelFormat::I420, PixelFormat::Yuv422p, PixelFormat::Yuyv];

/// A picture that owns its bytes.
#[derive(Clone, Debug)]
pub(crate) struct Picture {
    pub(crate) format: StreamFormat,
    pub(crate) planes: Vec<(Vec<u8>, usize)>,
}

impl Picture {
    /// Smooth, so that it has no sharp edge that JPEG would smear, and different for each `seed`.
    pub(crate) fn new(pixel: PixelFormat, width: u32, height: u32, seed: u8) -> Self {
        let format = StreamFormat::new(pixel, width, height).unwrap();
        let planes = (0..pixel.planes())
            .map(|index| {
                let plane = format.plane(index).unwrap();
                let bytes = (0..plane.rows * plane.row_bytes)
                    .map(|at| {
                        let (x, y) = (at % plane.row_bytes, at / plane.row_bytes);
                        (x / 4 + y + 40 * index + usize::from(seed) * 7) as u8
                    })
                    .collect();
                (bytes, plane.row_bytes)
            })
            .collect();
        Self { format, planes }
    }

    pub(crate) fn frame(&self) -> Frame<'_> {
        let planes: Vec<_> = self.planes.iter().map(|(bytes, stride)| Plane::host(bytes, *stride)).collect();
        Frame::new(self.format, FrameMeta::default(), &planes).unwrap()
    }
}

/// A small picture that every test can use.
pub(crate) fn small(seed: u8) -> Picture {
    Picture::new(PixelFormat::Nv12, 64, 48, seed)
}

pub(crate) fn software() -> Box<dyn JpegEncoder> {
    encode::by_name("software").unwrap()
}

/// An encoder that must find its unit.
pub(crate) fn encoder(process: &Arc<Process>) -> HwJpegEncoder {
    let system: Arc<dyn System> = process.clone();
    HwJpegEncoder::try_open(system, software(), &Options::default().watchdog(NEVER)).unwrap()
}

/// An encoder that may find none.
pub(crate) fn encoder_or_software(process: &Arc<Process>, watchdog: Duration) -> HwJpegEncoder {
    let system: Arc<dyn System> = process.clone();
    HwJpegEncoder::open(system, software(), &Options::default().watchdog(watchdog))
}

/// One JPEG, which must be this picture's.
pub(crate) fn encode(encoder: &mut dyn JpegEncoder, picture: &Picture) -> Vec<u8> {
    encode_at(encoder, picture, 80)
}

/// One JPEG of this quality, which must show exactly what software makes of the picture.
pub(crate) fn encode_at(encoder: &mut dyn JpegEncoder, picture: &Picture, quality: u8) -> Vec<u8> {
    let quality = Quality::new(quality).unwrap();
    let mut jpeg = Vec::new();
    encoder.encode(&picture.frame(), quality, &mut jpeg).unwrap();
    // The driver refuses 50 and 100, so their neighbours stand in on the unit.
    let as_driver = match (encoder.name(), quality.get()) {
        ("sg2002", 50) => 51,
        ("sg2002", 100) => 99,
        (_, quality) => quality,
    };
    let mut want = Vec::new();
    software().encode(&picture.frame(), Quality::new(as_driver).unwrap(), &mut want).unwrap();
    assert!(decode(&jpeg) == decode(&want), "another picture came out");
    jpeg
}

/// Width, height and pixels.
pub(crate) fn decode(jpeg: &[u8]) -> (usize, usize, Vec<u8>) {
    let mut decoder = zune_jpeg::JpegDecoder::new(zune_jpeg::zune_core::bytestream::ZCursor::new(jpeg));
    let pixels = decoder.decode().unwrap();
    let (width, height) = decoder.dimensions().unwrap();
    (width, height, pixels)
}

/// Another program on the same board, such as a MaixPy one, that makes calls of its own.
pub(crate) struct Stranger {
    pub(crate) process: Arc<Process>,
    sys: Box<dyn Device>,
}

impl Stranger {
    pub(crate) fn on(machine: &Arc<Machine>) -> Self {
        let process = machine.process();
        process.block_signals().unwrap();
        let sys = process.open(Node::Sys).unwrap();
        Self { process, sys }
    }

    pub(crate) fn node(&self, number: u8) -> Box<dyn Device> {
        self.process.open(Node::Channel(number)).unwrap()
    }

    /// Makes and starts a 32x32 channel.
    pub(crate) fn make(&self, number: u8) -> Box<dyn Device> {
        let node = self.node(number);
        Channel(&*node).create(&attr(32, 32)).unwrap();
        Channel(&*node).start().unwrap();
        node
    }

    pub(crate) fn alloc(&self, size: u32) -> Option<u64> {
        Ion(&*self.sys).alloc(size, "VI_DMA_BUF").ok()
    }

    pub(crate) fn free(&self, physical: u64) {
        Ion(&*self.sys).free(physical, 0).unwrap();
    }

    /// Sends a frame of its channel's size, and keeps the unit.
    pub(crate) fn send(&self, node: &dyn Device) {
        let physical = self.alloc(32 * 32 * 3 / 2).unwrap();
        Ion(&*self.sys).flush(physical, 32 * 32 * 3 / 2).unwrap();
        Channel(node).send_frame(&nv12(physical, 32, 32), 0).unwrap();
    }

    pub(crate) fn flush(&self, physical: u64, len: u64) {
        Ion(&*self.sys).flush(physical, len).unwrap();
    }

    pub(crate) fn invalidate(&self, physical: u64, len: u64) {
        Ion(&*self.sys).invalidate(physical, len).unwrap();
    }
}

pub(crate) fn attr(width: u32, height: u32) -> ChannelAttr {
    ChannelAttr {
        payload_type: abi::PT_JPEG,
        max_width: width,
        max_height: height,
        buffer_size: 64 << 10,
        by_frame: 1,
        width,
        height,
        rate_control: abi::RC_MJPEG_FIXQP,
        ..ChannelAttr::zeroed()
    }
}

pub(crate) fn nv12(physical: u64, width: u32, height: u32) -> FrameInfo {
    FrameInfo {
        width,
        height,
        pixel_format: abi::NV12,
        physical: [physical, physical + u64::from(width * height), 0],
        stride: [width, width, 0],
        length: [width * height, width * height / 2, 0],
        ..FrameInfo::zeroed()
    }
}
