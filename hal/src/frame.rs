//! A captured picture, borrowed from the camera that took it.

use crate::{Error, ErrorKind, PixelFormat, Result, StreamFormat};
use std::{fmt, os::fd::BorrowedFd, time::Duration};

/// When a frame was taken, and which one it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct FrameMeta {
    /// The camera's own count since `start`. It grows with every frame; a gap means frames were dropped before
    /// they reached the caller.
    pub sequence: u64,
    /// `CLOCK_MONOTONIC` at the moment of capture.
    pub captured_at: Duration,
}

impl FrameMeta {
    /// Both.
    ///
    /// Take the device's own time where it has one on this clock, and [`now`](Self::now) where it has none: what compares
    /// frames with the present, such as a snapshot, relies on it.
    pub fn new(sequence: u64, captured_at: Duration) -> Self {
        Self { sequence, captured_at }
    }

    /// Of a frame that is captured this very moment.
    pub fn now(sequence: u64) -> Self {
        Self::new(sequence, crate::monotonic())
    }
}

/// Where a plane lives besides host memory, for encoders that do not read host memory.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Memory<'a> {
    /// Only in host memory.
    Host,
    /// In a dma-buf, borrowed for as long as the frame.
    DmaBuf {
        /// The buffer.
        fd: BorrowedFd<'a>,
        /// Where the plane begins in it, in bytes.
        offset: u32,
    },
    /// At a physical address (a carve-out such as the SG2002's ION). Of a plane without [`bytes`](Plane::bytes) there
    /// nothing is in the CPU's cache that is not in memory.
    Physical(u64),
}

/// One plane of pixels, or one compressed picture.
#[derive(Clone, Copy, Debug)]
pub struct Plane<'a> {
    /// The payload as the driver counted it (`bytesused`), not the whole mapping. Empty where `memory` is all
    /// there is.
    pub bytes: &'a [u8],
    /// Bytes from the start of one row to the start of the next, at least the row's; 0 for
    /// [`Jpeg`](PixelFormat::Jpeg).
    pub stride: usize,
    /// Where else the plane lives.
    pub memory: Memory<'a>,
}

impl<'a> Plane<'a> {
    const EMPTY: Plane<'static> = Plane { bytes: &[], stride: 0, memory: Memory::Host };

    /// A plane in host memory only.
    pub fn host(bytes: &'a [u8], stride: usize) -> Self {
        Self { bytes, stride, memory: Memory::Host }
    }
}

/// Takes a leased buffer back.
///
/// It cannot fail: an implementation that meets an error keeps it and returns it from the next
/// [`next_frame`](crate::CameraSource::next_frame).
pub trait Requeue {
    /// Called exactly once for each [`Lease`], when it drops.
    fn requeue(&self, index: u32);
}

/// The promise to give buffer `index` back to its ring, kept on drop.
///
/// A camera makes the lease *before* it looks at the buffer's content, so that a damaged frame's buffer goes
/// back too.
#[must_use = "dropping the lease gives the buffer back"]
pub struct Lease<'a> {
    ring: &'a dyn Requeue,
    index: u32,
}

impl<'a> Lease<'a> {
    /// A lease of buffer `index` of `ring`.
    pub fn new(ring: &'a dyn Requeue, index: u32) -> Self {
        Self { ring, index }
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        self.ring.requeue(self.index);
    }
}

impl fmt::Debug for Lease<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Lease({})", self.index)
    }
}

/// What is known about a frame.
#[derive(Clone, Copy)]
struct Data<'a>(&'a dyn fmt::Display);

impl fmt::Debug for Data<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A captured picture, borrowed from the camera that took it. Dropping it gives the buffer back.
///
/// A frame that exists is well-formed: it has as many planes as its format, and each plane that is in host
/// memory holds all its rows. Encoders need not check that again.
#[derive(Debug)]
pub struct Frame<'a> {
    format: StreamFormat,
    meta: FrameMeta,
    planes: [Plane<'a>; 3],
    data: Option<Data<'a>>,
    // Held for its drop.
    _lease: Option<Lease<'a>>,
}

impl<'a> Frame<'a> {
    /// A frame whose buffer need not go back.
    ///
    /// # Errors
    /// [`CorruptFrame`](ErrorKind::CorruptFrame) if the number of planes is not the format's, if a stride is
    /// shorter than a row, or if a plane is shorter than its rows: how a camera's short delivery shows.
    pub fn new(format: StreamFormat, meta: FrameMeta, planes: &[Plane<'a>]) -> Result<Self> {
        Self::build(format, meta, planes, None)
    }

    /// A frame whose buffer goes back with `lease`: when the frame drops, and also when this fails.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn leased(
        format: StreamFormat,
        meta: FrameMeta,
        planes: &[Plane<'a>],
        lease: Lease<'a>,
    ) -> Result<Self> {
        Self::build(format, meta, planes, Some(lease))
    }

    fn build(
        format: StreamFormat,
        meta: FrameMeta,
        planes: &[Plane<'a>],
        lease: Option<Lease<'a>>,
    ) -> Result<Self> {
        check(format, planes)?;
        let mut all = [Plane::EMPTY; 3];
        all[..planes.len()].copy_from_slice(planes);
        Ok(Self { format, meta, planes: all, data: None, _lease: lease })
    }

    /// With what is known about this very frame, such as what was detected in it: JSON, as `data` displays, which is
    /// written only if there is somebody to read it. A camera wrapped around another one attaches what it has found:
    ///
    /// ```
    /// # use eyelet_hal::*; use std::time::Duration;
    /// struct Counter<C> { camera: C, data: String }
    ///
    /// impl<C: CameraSource> CameraSource for Counter<C> {
    ///     fn next_frame<'a>(&'a mut self, timeout: Duration) -> Result<Frame<'a>> {
    ///         let frame = self.camera.next_frame(timeout)?;
    ///         self.data.clear();
    ///         self.data.push_str(r#"{"labels": [{"x": 8, "y": 8, "text": "two cats"}]}"#);
    ///         Ok(frame.with_data(&self.data))
    ///     }
    /// #   fn name(&self) -> &str { self.camera.name() }
    /// #   fn format(&self) -> StreamFormat { self.camera.format() }
    /// #   fn start(&mut self) -> Result<()> { self.camera.start() }
    /// #   fn stop(&mut self) -> Result<()> { self.camera.stop() }
    /// }
    /// ```
    #[must_use]
    pub fn with_data(self, data: &'a dyn fmt::Display) -> Self {
        Self { data: Some(Data(data)), ..self }
    }

    /// With what is known about `frame`, in whose place this one goes on.
    #[must_use]
    pub fn with_data_of(self, frame: &'a Frame<'_>) -> Self {
        Self { data: frame.data, ..self }
    }

    /// What is known about this very frame: see [`with_data`](Self::with_data).
    pub fn data(&self) -> Option<&dyn fmt::Display> {
        self.data.map(|data| data.0 as _)
    }

    /// Pixel format and size of this frame.
    pub fn format(&self) -> StreamFormat {
        self.format
    }

    /// Sequence number and time of capture.
    pub fn meta(&self) -> FrameMeta {
        self.meta
    }

    /// The planes, in the order of [`PixelFormat`]'s description. They are borrowed from the frame, not from the camera:
    /// no code can keep pixels whose buffer has gone back.
    pub fn planes(&self) -> &[Plane<'_>] {
        &self.planes[..self.format.pixel.planes()]
    }
}

fn check(format: StreamFormat, planes: &[Plane<'_>]) -> Result<()> {
    let corrupt = |what: String| Err(Error::new(ErrorKind::CorruptFrame, what));
    let want = format.pixel.planes();
    if planes.len() != want {
        return corrupt(format!("a {format} frame has {want} planes, not {}", planes.len()));
    }
    for (index, plane) in planes.iter().enumerate() {
        if plane.bytes.is_empty() && !matches!(plane.memory, Memory::Host) {
            continue;
        }
        let need = match format.pixel {
            PixelFormat::Jpeg => Some(1),
            _ => format.plane(index).and_then(|g| g.min_len(plane.stride)),
        };
        match need {
            Some(need) if plane.bytes.len() >= need => {}
            Some(need) => {
                let got = plane.bytes.len();
                return corrupt(format!("plane {index} of a {format} frame needs {need} bytes, got {got}"));
            }
            None => {
                let stride = plane.stride;
                return corrupt(format!(
                    "plane {index} of a {format} frame cannot have a stride of {stride}"
                ));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;

    #[derive(Default)]
    struct Ring(RefCell<Vec<u32>>);
    impl Requeue for Ring {
        fn requeue(&self, index: u32) {
            self.0.borrow_mut().push(index);
        }
    }

    fn grey(width: u32, height: u32) -> StreamFormat {
        StreamFormat::new(PixelFormat::Grey, width, height).unwrap()
    }

    #[test]
    fn buffer_of_a_dropped_frame_goes_back() {
        let ring = Ring::default();
        let bytes = [0; 4];
        let frame =
            Frame::leased(grey(2, 2), FrameMeta::default(), &[Plane::host(&bytes, 2)], Lease::new(&ring, 7))
                .unwrap();
        assert_eq!(frame.planes().len(), 1);
        assert!(ring.0.borrow().is_empty());
        drop(frame);
        assert_eq!(*ring.0.borrow(), [7]);
    }

    #[test]
    fn buffer_of_a_short_frame_goes_back() {
        let ring = Ring::default();
        let error =
            Frame::leased(grey(2, 2), FrameMeta::default(), &[Plane::host(&[0; 3], 2)], Lease::new(&ring, 1))
                .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::CorruptFrame);
        assert_eq!(error.to_string(), "plane 0 of a 2x2 grey frame needs 4 bytes, got 3");
        assert_eq!(*ring.0.borrow(), [1]);
    }

    #[test]
    fn planes_that_are_no_frame_are_an_error() {
        let nv12 = StreamFormat::new(PixelFormat::Nv12, 2, 2).unwrap();
        let luma = Plane::host(&[0; 4], 2);
        assert!(Frame::new(nv12, FrameMeta::default(), &[luma]).is_err());
        assert!(Frame::new(nv12, FrameMeta::default(), &[luma, Plane::host(&[0; 2], 1)]).is_err());
        assert!(Frame::new(nv12, FrameMeta::default(), &[luma, Plane::host(&[0; 2], 2)]).is_ok());
        let jpeg = StreamFormat::new(PixelFormat::Jpeg, 2, 2).unwrap();
        assert!(Frame::new(jpeg, FrameMeta::default(), &[Plane::host(&[], 0)]).is_err());
    }

    #[test]
    fn data_stays_with_its_frame() {
        let (bytes, data) = ([0; 4], "{}".to_owned());
        let frame = Frame::new(grey(2, 2), FrameMeta::default(), &[Plane::host(&bytes, 2)]).unwrap();
        assert!(frame.data().is_none());
        let frame = frame.with_data(&data);
        assert_eq!(frame.data().unwrap().to_string(), "{}");
        let in_its_place = Frame::new(grey(2, 2), FrameMeta::default(), frame.planes()).unwrap();
        assert_eq!(in_its_place.with_data_of(&frame).data().unwrap().to_string(), "{}");
    }

    #[test]
    fn plane_without_host_memory_needs_no_bytes() {
        let plane = Plane { bytes: &[], stride: 2, memory: Memory::Physical(0x8000_0000) };
        assert!(Frame::new(grey(2, 2), FrameMeta::default(), &[plane]).is_ok());
    }
}
