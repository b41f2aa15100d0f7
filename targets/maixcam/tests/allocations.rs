//! What a frame costs: copies of the picture and allocations, counted from outside of the encoder and the camera.

// A counting allocator is unsafe code by nature.
#![allow(unsafe_code)]

use eyelet_core::encode;
use eyelet_hal::{
    CameraSource, Frame, FrameMeta, JpegEncoder, Memory, PixelFormat, Plane, Quality, StreamFormat,
};
use eyelet_maixcam::{
    csi::{Held, RawCamera},
    model::Machine,
    sys::{Device, Ion, Mapping, Node, Notes, System, abi::Request},
    venc::{HwJpegEncoder, Options},
};
use std::{
    alloc::{GlobalAlloc, Layout, System as Heap},
    cell::Cell,
    io,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

const WIDTH: usize = 640;
const HEIGHT: usize = 480;
const FRAMES: usize = 50;

static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);
static LARGEST: AtomicUsize = AtomicUsize::new(0);
/// Looks into mapped memory that is as large as a picture.
static PICTURE_LOOKS: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// The model is at work, whose allocations are not the encoder's.
    static PAUSED: Cell<bool> = const { Cell::new(false) };
}

struct Counting;

#[global_allocator]
static COUNTING: Counting = Counting;

// SAFETY: every call goes to the system's allocator as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if !PAUSED.get() {
            ALLOCATIONS.fetch_add(1, Relaxed);
            LARGEST.fetch_max(layout.size(), Relaxed);
        }
        // SAFETY: the caller's promise.
        unsafe { Heap.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { Heap.dealloc(pointer, layout) };
    }
}

/// A system whose own work is not counted.
#[derive(Debug)]
struct Uncounted<T>(T);

fn uncounted<T>(work: impl FnOnce() -> T) -> T {
    PAUSED.set(true);
    let result = work();
    PAUSED.set(false);
    result
}

impl System for Uncounted<Arc<dyn System>> {
    fn open(&self, node: Node) -> io::Result<Box<dyn Device>> {
        Ok(Box::new(Uncounted(self.0.open(node)?)))
    }
    fn notes(&self) -> io::Result<Box<dyn Notes>> {
        self.0.notes()
    }
    fn boot_id(&self) -> io::Result<String> {
        self.0.boot_id()
    }
    fn ion_summary(&self) -> Option<String> {
        self.0.ion_summary()
    }
    fn block_signals(&self) -> io::Result<()> {
        self.0.block_signals()
    }
}

impl Device for Uncounted<Box<dyn Device>> {
    fn ioctl(&self, request: Request, argument: &mut [&mut [u8]]) -> io::Result<i32> {
        uncounted(|| self.0.ioctl(request, argument))
    }
    fn map(&self, physical: u64, len: usize) -> io::Result<Box<dyn Mapping>> {
        Ok(Box::new(Uncounted(self.0.map(physical, len)?)))
    }
    fn readable(&self) -> io::Result<bool> {
        self.0.readable()
    }
    fn try_lock(&self) -> io::Result<bool> {
        self.0.try_lock()
    }
}

impl Mapping for Uncounted<Box<dyn Mapping>> {
    fn look(&self, look: &mut dyn FnMut(&mut [u8])) {
        self.0.look(&mut |bytes| {
            PICTURE_LOOKS.fetch_add(usize::from(bytes.len() >= WIDTH * HEIGHT), Relaxed);
            look(bytes);
        });
    }
}

/// The counters are everybody's.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// Allocations, the largest one and picture copies of so many frames, when the first ones are over.
fn cost(encoder: &mut HwJpegEncoder, frame: &Frame<'_>) -> (usize, usize, usize) {
    let mut jpeg = Vec::new();
    for count in 0..FRAMES + 5 {
        if count == 5 {
            for counter in [&ALLOCATIONS, &LARGEST, &PICTURE_LOOKS] {
                counter.store(0, Relaxed);
            }
        }
        jpeg.clear();
        encoder.encode(frame, Quality::DEFAULT, &mut jpeg).unwrap();
    }
    assert_eq!(encoder.fallback_reason(), None);
    (ALLOCATIONS.load(Relaxed), LARGEST.load(Relaxed), PICTURE_LOOKS.load(Relaxed))
}

#[test]
fn physical_frame_costs_no_copy_and_a_host_frame_one() {
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let machine = Machine::new();
    let system: Arc<dyn System> = machine.process();
    let camera = machine.process();
    let size = WIDTH * HEIGHT * 3 / 2;
    let physical = Ion(&*camera.open(Node::Sys).unwrap()).alloc(size as u32, "camera").unwrap();

    let options = Options::default().watchdog(Duration::from_secs(600));
    let software = encode::by_name("software").unwrap();
    let mut encoder = HwJpegEncoder::try_open(Arc::new(Uncounted(system)), software, &options).unwrap();

    let format = StreamFormat::new(PixelFormat::Nv12, WIDTH as u32, HEIGHT as u32).unwrap();
    let bytes = vec![90; size];
    let (luma, chroma) = bytes.split_at(WIDTH * HEIGHT);
    let host = [Plane::host(luma, WIDTH), Plane::host(chroma, WIDTH)];
    let at = |bytes, physical| Plane { bytes, stride: WIDTH, memory: Memory::Physical(physical) };
    let in_place = [at(luma, physical), at(chroma, physical + (WIDTH * HEIGHT) as u64)];

    for (what, planes, want) in [("physical", in_place, 0), ("host", host, 1)] {
        let frame = Frame::new(format, FrameMeta::default(), &planes).unwrap();
        let (allocations, largest, copies) = cost(&mut encoder, &frame);
        #[allow(clippy::print_stdout)] // To see what a frame costs.
        {
            println!(
                "{FRAMES} {what} frames: {copies} copies, {allocations} allocations up to {largest} bytes"
            );
        }
        assert_eq!(copies, want * FRAMES, "{what}");
        // A further copy would need room for it.
        assert!(largest < size / 16, "{what}: an allocation of {largest} bytes");
        assert!(allocations < FRAMES, "{what}: {allocations} allocations");
    }
    drop(encoder);
    assert_eq!(machine.violations(), []);
}

#[test]
fn frame_of_the_scaler_costs_no_allocation_and_no_copy() {
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let machine = Machine::new();
    let connection = machine.connect_camera();
    assert_eq!(connection.line("open 640 480 30 4"), "ok 0");
    let held = Held { group: 0, channel: 0, width: WIDTH as u32, height: HEIGHT as u32, fps: 30, buffers: 4 };
    let system: Arc<dyn System> = machine.process();
    let system: Arc<dyn System> = Arc::new(Uncounted(system));
    // One waits in the channel for the camera to open.
    machine.deliver();
    let mut camera = RawCamera::open(Arc::clone(&system), &held).unwrap();
    let options = Options::default().watchdog(Duration::from_secs(600));
    let software = encode::by_name("software").unwrap();
    let mut encoder = HwJpegEncoder::try_open(system, software, &options).unwrap();
    camera.start().unwrap();
    let mut jpeg = Vec::new();
    for count in 0..FRAMES + 5 {
        if count == 5 {
            for counter in [&ALLOCATIONS, &LARGEST, &PICTURE_LOOKS] {
                counter.store(0, Relaxed);
            }
        }
        uncounted(|| machine.deliver());
        let frame = camera.next_frame(Duration::from_secs(600)).unwrap();
        jpeg.clear();
        encoder.encode(&frame, Quality::DEFAULT, &mut jpeg).unwrap();
    }
    let (allocations, copies) = (ALLOCATIONS.load(Relaxed), PICTURE_LOOKS.load(Relaxed));
    // The channels to the unit's thread allocate by the block.
    assert!(allocations < FRAMES / 5, "{allocations} allocations for {FRAMES} frames");
    assert_eq!((copies, encoder.counts().copies), (0, 0));
    drop((encoder, camera));
    assert_eq!(connection.line("close"), "ok");
    assert_eq!(machine.violations(), []);
}
