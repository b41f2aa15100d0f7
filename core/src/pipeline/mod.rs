//! Camera to feed, the first stages of a frame: the camera thread captures, encodes and publishes, and opens a camera or
//! an encoder again that was lost.
//!
//! [`Pipeline`] is the thread. In it a supervisor uses the devices, `publisher` turns a frame into a numbered picture, and
//! the other files hold one decision each: how long a camera may be silent (`allowance`), when to try again (`retry`),
//! which time stamps (`stamps`) and sizes (`actual_size`) to believe.
//!
//! # Frames before they are encoded
//!
//! An application can look at each frame before it is encoded, draw on it, and attach what it found:
//!
//! ```no_run
//! use eyelet_core::{Eyelet, image::{Color, Thickness}, pipeline::FrameInHand};
//! # fn open() -> eyelet_hal::Result<Box<dyn eyelet_hal::CameraSource>> { unimplemented!() }
//!
//! # fn main() -> eyelet_hal::Result<()> {
//! let running = Eyelet::builder().camera(open).each_frame(|frame| {
//!     let luma = frame.view()?.luma(100, 60).unwrap_or(0); // to look costs no copy
//!     frame.data().value("luma", luma.into());
//!     frame.canvas()?.draw_rect(90, 50, 20, 20, Color::RED, Thickness::Pixels(2)); // to draw costs one
//!     Ok(())
//! });
//! let running = running.start()?;
//! # Ok(())
//! # }
//! ```
//!
//! It is called on the camera thread, so the next frame waits for it, with each frame that is wanted: while there are
//! viewers, uploads or listeners to its data. A program that must see frames without them keeps a
//! [subscription](crate::feed::Feed::subscribe), for which they are encoded too. Sequence number and time of capture stay with
//! the frame. After the first frame nothing is allocated.
//!
//! Before that a pipeline itself can [rotate](Pipeline::rotate) and [flip](Pipeline::flip) each frame, black out
//! [parts](Pipeline::mask) of it and write text (`Pipeline::overlay`) on it: the application sees what comes of that.
//!
//! After an error, or a panic in a program that unwinds, there is no picture of that frame, so that one without what should be on it, as a mask, is never shown. It is
//! tried again as an encoder that fails, with growing pauses; after [`stall_after`](Pipeline::stall_after) viewers see the
//! reason.

mod actual_size;
mod allowance;
#[cfg_attr(not(feature = "control"), path = "no_control.rs")]
mod control;
mod device;
mod edits;
mod in_hand;
mod no_signal;
mod pool;
mod publisher;
mod retry;
mod sequence;
mod stamps;
mod supervisor;

pub(crate) use actual_size::ActualSize;
pub use device::Open;
pub(crate) use device::wait_to_go_on;
pub(crate) use edits::Edits;
#[cfg(feature = "drawing")]
pub use edits::{Corner, Overlay};
pub use edits::{Flip, Mask, Rotation};
pub use in_hand::FrameInHand;
pub(crate) use in_hand::{EachFrame, Hand};
pub(crate) use publisher::{Publisher, Unwanted};

use crate::feed::Hub;
use device::Device;
use eyelet_hal::{
    CameraSource, Error, ErrorKind, JpegEncoder, Quality, Result, StreamFormat,
    clock::{Clock, SystemClock},
    monotonic,
};
use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

/// Failures in a row until a device is closed and opened again. A camera without frames has nothing left to try; an
/// encoder may have failed because of the frame.
const CAMERA_CHANCES: u32 = 1;
const ENCODER_CHANCES: u32 = 3;

/// A camera, an encoder and where their pictures go.
///
/// ```no_run
/// use eyelet_core::{Hub, encode, pipeline::Pipeline};
/// # fn open() -> eyelet_hal::Result<Box<dyn eyelet_hal::CameraSource>> { unimplemented!() }
/// # fn main() -> eyelet_hal::Result<()> {
/// let hub = Hub::default();
/// let mut pipeline = Pipeline::new(Box::new(open), Box::new(|| encode::by_name("auto")), hub.clone());
/// pipeline.open_camera()?; // a mistake shows now, not in the log of the camera thread
/// let running = pipeline.spawn()?; // until dropped
/// let mut pictures = hub.feed.subscribe();
/// # Ok(())
/// # }
/// ```
///
/// A lost camera (`Disconnected`, or no frame for [`stall_after`](Self::stall_after)) is closed and opened again,
/// for ever and with growing pauses; meanwhile viewers see a "no signal" picture with the reason. An encoder that
/// fails loses its frame, not the camera: it is tried again, and after three failures in a row closed and opened again, with
/// growing pauses too; when it has failed for `stall_after`, the same picture shows the reason. A camera may change the
/// format and the size of its frames at any time; JPEGs that keep coming in another size than the negotiated one are
/// published in theirs. Time stamps that cannot be right are replaced by the time of arrival. Each change of state is
/// logged once.
///
/// A camera that is slower than `stall_after` allows for is given five times as long as its frames take; until that is
/// known, twice as long at each attempt, up to 40 s.
///
/// While no pictures are wanted nothing is encoded, and after a tenth of a second the camera is polled five times a
/// second only: it keeps its newest frames, which count as captured and skipped. A new viewer gets a frame captured after
/// it joined. Only where frames are seconds apart is each one encoded, so that a viewer need not wait for the next.
pub struct Pipeline {
    camera: Device<dyn CameraSource>,
    encoder: Device<dyn JpegEncoder>,
    stall_after: Duration,
    clock: Arc<dyn Clock>,
    hub: Hub,
    edits: Option<Edits>,
    hand: Option<Box<dyn Hand>>,
    /// Of the camera, where there are several.
    name: Option<String>,
}

impl fmt::Debug for Pipeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pipeline")
            .field("camera", &self.camera.get().map(|camera| camera.name()))
            .field("encoder", &self.encoder.get().map(|encoder| encoder.name()))
            .finish_non_exhaustive()
    }
}

impl Pipeline {
    /// The default of [`stall_after`](Self::stall_after): 3 s.
    pub const STALL_AFTER: Duration = Duration::from_secs(3);

    /// A pipeline into `hub` from the devices that these open, at the default quality and on the system's clock.
    pub fn new(camera: Open<dyn CameraSource>, encoder: Open<dyn JpegEncoder>, hub: Hub) -> Self {
        Self {
            camera: Device::new(camera, CAMERA_CHANCES),
            encoder: Device::new(encoder, ENCODER_CHANCES),
            stall_after: Self::STALL_AFTER,
            clock: Arc::new(SystemClock),
            hub,
            edits: None,
            hand: None,
            name: None,
        }
    }

    /// With this name of its camera in that of its thread, `camera NAME`, of which Linux keeps 15 bytes.
    #[must_use]
    pub fn name(self, name: impl Into<String>) -> Self {
        Self { name: Some(name.into()), ..self }
    }

    /// With pictures of this quality, until the hub's [settings](crate::feed::Settings) change it.
    #[must_use]
    pub fn quality(self, quality: Quality) -> Self {
        self.hub.settings.start_with(quality);
        self
    }

    /// A started camera that delivers no good frame for this long counts as lost, and an encoder that produces no picture
    /// as broken.
    #[must_use]
    pub fn stall_after(self, stall_after: Duration) -> Self {
        Self { stall_after, ..self }
    }

    /// Calls `each` with every wanted [frame](self#frames-before-they-are-encoded) before it is encoded.
    #[must_use]
    pub fn each_frame(self, each: impl FnMut(&mut FrameInHand<'_>) -> Result<()> + Send + 'static) -> Self {
        self.in_hand(Some(Box::new(EachFrame::new(each))))
    }

    /// Does this to each frame first.
    pub(crate) fn edits(self, edits: Option<Edits>) -> Self {
        Self { edits, ..self }
    }

    /// Hands every wanted frame to the application, if there is a way to.
    pub(crate) fn in_hand(self, hand: Option<Box<dyn Hand>>) -> Self {
        Self { hand, ..self }
    }

    /// With the time of this clock.
    #[must_use]
    pub fn clock(self, clock: Arc<dyn Clock>) -> Self {
        Self { clock, ..self }
    }

    /// Opens the camera now rather than on the camera thread, which would try for ever.
    ///
    /// # Errors
    /// Those of opening it.
    pub fn open_camera(&mut self) -> Result<()> {
        self.open_camera_unless(|| false).map(drop)
    }

    /// As [`open_camera`](Self::open_camera), until `stopped`; false then.
    pub(crate) fn open_camera_unless(&mut self, stopped: impl Fn() -> bool) -> Result<bool> {
        while !stopped() {
            let began = monotonic();
            match self.continue_opening() {
                Err(error) if error.kind() == ErrorKind::Opening => wait_to_go_on(began),
                opened => return opened.map(|()| true),
            }
        }
        Ok(false)
    }

    /// Opens the camera, or goes on with that, for a short while.
    ///
    /// # Errors
    /// `Opening` if it is not open yet, and those of opening it.
    pub(crate) fn continue_opening(&mut self) -> Result<()> {
        self.camera.open().map(|_| ())
    }

    /// Whether the frames of the camera, if it is open, can be edited as they are to be.
    ///
    /// # Errors
    /// `Unsupported` if they cannot, and their format.
    pub(crate) fn check_edits(&self) -> std::result::Result<(), (Error, StreamFormat)> {
        match (&self.edits, self.camera.get()) {
            (Some(edits), Some(camera)) => {
                edits.check_camera(camera).map_err(|error| (error, camera.format()))
            }
            _ => Ok(()),
        }
    }

    /// Opens the encoder now rather than on the camera thread, which would try for ever.
    ///
    /// # Errors
    /// Those of opening it.
    pub fn open_encoder(&mut self) -> Result<()> {
        self.encoder.open().map(|_| ())
    }

    /// Runs on a thread of its own until stopped.
    ///
    /// # Errors
    /// `OutOfMemory` if the system refuses the thread.
    pub fn spawn(self) -> Result<Running> {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let name = self.name.as_ref().map_or_else(|| "camera".to_owned(), |name| format!("camera {name}"));
        let run = move || {
            wake_on_time();
            self.run(&stopped);
        };
        match thread::Builder::new().name(name).spawn(run) {
            Ok(thread) => Ok(Running { stop, thread: Some(thread) }),
            Err(e) => Err(Error::new(ErrorKind::OutOfMemory, format!("cannot start the camera thread: {e}"))
                .with_remedy("is the process limit reached?")
                .with_source(e)),
        }
    }

    /// Runs on this thread until `stop` is set.
    pub fn run(self, stop: &AtomicBool) {
        supervisor::run(self, stop);
    }
}

/// Linux ends a sleep up to 50 us late to save wake-ups; a camera thread that sleeps until the next frame saves none, and
/// each picture would be that much older.
fn wake_on_time() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::thread::set_current_timer_slack(std::num::NonZeroU64::new(1)) {
        tracing::debug!(%error, "frames may be 50 us late");
    }
}

/// A running pipeline. Dropping it stops the camera and waits for its thread: 200 ms at most, and as long as the device
/// takes to stop, or to give up an opening that has begun.
#[derive(Debug)]
pub struct Running {
    stop: Arc<AtomicBool>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the camera thread panicked");
        }
    }
}
