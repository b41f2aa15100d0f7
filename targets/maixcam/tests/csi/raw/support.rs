//! A board with its camera open, and frames when they are wanted.

use eyelet_core::encode;
use eyelet_hal::{CameraSource, Frame, JpegEncoder, Memory, Result};
use eyelet_maixcam::{
    csi::{Held, RawCamera},
    model::{CameraConnection, Leftovers, Machine, Process},
    sys::{
        Device, Node, System,
        abi::{self, FrameInfo, Plain, Request, ScalerFrame},
    },
    venc::{HwJpegEncoder, Options, Standby},
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

/// Longer than any test takes: a hang where none may be fails the whole run.
pub(crate) const NEVER: Duration = Duration::from_secs(600);

pub(crate) const NONE: Leftovers = nothing();

const fn nothing() -> Leftovers {
    Leftovers { ion_slots: 0, channels: 0, units: 0, locked: false, pools: 0, leases: 0 }
}

/// A board of which a process holds the camera open.
pub(crate) struct Board {
    pub(crate) machine: Arc<Machine>,
    pub(crate) connection: CameraConnection,
    pub(crate) held: Held,
}

impl Board {
    pub(crate) fn new(width: u32, height: u32) -> Self {
        Self::on(Machine::new(), width, height)
    }

    pub(crate) fn on(machine: Arc<Machine>, width: u32, height: u32) -> Self {
        let connection = machine.connect_camera();
        assert_eq!(connection.line(&format!("open {width} {height} 30 4")), "ok 0");
        let held = Held { group: 0, channel: 0, width, height, fps: 30, buffers: 4 };
        Self { machine, connection, held }
    }

    /// A camera whose frames do not grow old while this machine has other things to do.
    pub(crate) fn unhurried(mut self) -> Self {
        self.held.fps = 1;
        self
    }

    /// Opens the camera, which must work.
    pub(crate) fn camera(&self) -> RawCamera {
        self.open(&self.machine.process()).unwrap()
    }

    /// Opens the camera, with frames as they are wanted.
    pub(crate) fn open(&self, process: &Arc<Process>) -> Result<RawCamera> {
        let system: Arc<dyn System> = process.clone();
        fed(&self.machine, || RawCamera::open(system, &self.held))
    }

    /// Lets the process that holds the camera end as it should.
    pub(crate) fn close(self) -> Arc<Machine> {
        assert_eq!(self.connection.line("close"), "ok");
        self.machine
    }
}

/// Does `work`, in which every wait for a frame ends with one.
pub(crate) fn fed<T>(machine: &Machine, work: impl FnOnce() -> T) -> T {
    fed_late(machine, Duration::ZERO, work)
}

/// The same, with time stamps that are so old.
pub(crate) fn fed_late<T>(machine: &Machine, late: Duration, work: impl FnOnce() -> T) -> T {
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            loop {
                machine.wait_until_wanted(|| over.load(Ordering::SeqCst));
                if over.load(Ordering::SeqCst) {
                    return;
                }
                machine.deliver_at(eyelet_hal::monotonic().saturating_sub(late));
            }
        });
        let result = work();
        over.store(true, Ordering::SeqCst);
        result
    })
}

/// A frame that is delivered and taken.
pub(crate) fn next<'a>(machine: &Machine, camera: &'a mut RawCamera) -> Frame<'a> {
    machine.deliver();
    camera.next_frame(NEVER).unwrap()
}

/// Where a frame lies.
pub(crate) fn place(frame: &Frame<'_>) -> u64 {
    match frame.planes()[0].memory {
        Memory::Physical(physical) => physical,
        memory => panic!("a frame in {memory:?}"),
    }
}

pub(crate) fn software() -> Box<dyn JpegEncoder> {
    encode::by_name("software").unwrap()
}

/// An encoder that must find its unit.
pub(crate) fn encoder(process: &Arc<Process>, standby: &Standby) -> HwJpegEncoder {
    let options = Options::default().watchdog(NEVER).standby(standby.clone());
    let system: Arc<dyn System> = process.clone();
    HwJpegEncoder::try_open(system, software(), &options).unwrap()
}

/// Width, height and luma.
pub(crate) fn decode(jpeg: &[u8]) -> (usize, usize, Vec<u8>) {
    use zune_jpeg::zune_core::{bytestream::ZCursor, colorspace::ColorSpace, options::DecoderOptions};
    let options = DecoderOptions::default().jpeg_set_out_colorspace(ColorSpace::Luma);
    let mut decoder = zune_jpeg::JpegDecoder::new_with_options(ZCursor::new(jpeg), options);
    let pixels = decoder.decode().unwrap();
    let (width, height) = decoder.dimensions().unwrap();
    (width, height, pixels)
}

/// The number in a picture.
pub(crate) fn number(jpeg: &[u8]) -> Option<u32> {
    let (width, height, luma) = decode(jpeg);
    eyelet_sim::pattern::read_sequence(&luma, width, height, width)
}

/// Another program that makes calls of its own.
pub(crate) struct Stranger {
    pub(crate) process: Arc<Process>,
}

impl Stranger {
    pub(crate) fn on(machine: &Arc<Machine>) -> Self {
        let process = machine.process();
        process.block_signals().unwrap();
        Self { process }
    }

    pub(crate) fn node(&self, node: Node) -> Box<dyn Device> {
        self.process.open(node).unwrap()
    }
}

/// A call with a frame as it is, the driver's pointer included.
pub(crate) fn call(node: &dyn Device, request: Request, frame: &FrameInfo, milliseconds: i32) -> i32 {
    let mut argument = ScalerFrame { frame: *frame, milliseconds, ..ScalerFrame::zeroed() };
    node.ioctl(request, &mut [argument.bytes_mut()]).unwrap()
}

/// Takes the frame that waits.
pub(crate) fn get(node: &dyn Device) -> FrameInfo {
    let mut argument = ScalerFrame { milliseconds: 1000, ..ScalerFrame::zeroed() };
    assert_eq!(node.ioctl(abi::VPSS_GET_CHN_FRAME, &mut [argument.bytes_mut()]).unwrap(), 0);
    argument.frame
}
