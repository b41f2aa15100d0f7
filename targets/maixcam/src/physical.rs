//! Frames that lie in physical memory only, for those who read host memory.

use crate::sys::{Device, Ion, Mapping, Node, System};
use eyelet_hal::{
    CameraControls, CameraSource, Error, ErrorKind, Frame, Memory, Plane, Result, StreamFormat,
};
use std::{fmt, io, ops::Range, sync::Arc, time::Duration};

/// How many places of frames are kept mapped: more than a camera has buffers.
const MAPPINGS: usize = 8;
/// The largest frame that is mapped, in bytes.
const LARGEST: u64 = 16 << 20;

/// Maps frames in physical memory from `/dev/mem` through the CPU's cache, once for each place in memory, and drops the cache over
/// it for each frame.
#[derive(Debug)]
pub(crate) struct PhysicalReader {
    system: Arc<dyn System>,
    nodes: Option<Nodes>,
    mapped: Vec<(Range<u64>, Box<dyn Mapping>)>,
}

#[derive(Debug)]
struct Nodes {
    sys: Box<dyn Device>,
    mem: Box<dyn Device>,
}

impl PhysicalReader {
    pub(crate) fn new(system: Arc<dyn System>) -> Self {
        Self { system, nodes: None, mapped: Vec::new() }
    }

    /// The mapping of this memory, with nothing of it in the CPU's cache.
    fn map(&mut self, range: &Range<u64>) -> Result<&dyn Mapping> {
        let len = range.end - range.start;
        let refused = |cause: io::Error| {
            let what = format!("cannot map a frame at {:#x} for software: {cause}", range.start);
            Error::new(ErrorKind::PermissionDenied, what)
                .with_remedy("does the kernel allow /dev/mem, are you root?")
                .with_source(cause)
        };
        let nodes = match &mut self.nodes {
            Some(nodes) => nodes,
            none => {
                let sys = self.system.open(Node::Sys).map_err(refused)?;
                let mem = self.system.open(Node::Mem).map_err(refused)?;
                none.insert(Nodes { sys, mem })
            }
        };
        let index = match self.mapped.iter().position(|(mapped, _)| mapped == range) {
            Some(index) => index,
            None => {
                if self.mapped.len() >= MAPPINGS {
                    self.mapped.clear();
                }
                let mapping = nodes.mem.map(range.start, len as usize).map_err(refused)?;
                self.mapped.push((range.clone(), mapping));
                self.mapped.len() - 1
            }
        };
        Ion(&*nodes.sys).invalidate(range.start, len)?;
        Ok(&*self.mapped[index].1)
    }

    /// Shows `frame` with its planes in host memory; false for one that lies in no other.
    ///
    /// # Errors
    /// Why it cannot be mapped, and those of `look`.
    pub(crate) fn read(
        &mut self,
        frame: &Frame<'_>,
        look: &mut dyn FnMut(&Frame<'_>) -> Result<()>,
    ) -> Result<bool> {
        let Some(ranges) = physical(frame) else { return Ok(false) };
        let planes = &ranges[..frame.planes().len()];
        let from = planes.iter().map(|range| range.start).min().unwrap_or_default();
        let to = planes.iter().map(|range| range.end).max().unwrap_or_default();
        if to - from > LARGEST {
            let what = format!("the planes of a {} frame lie too far apart to be mapped", frame.format());
            return Err(Error::new(ErrorKind::Unsupported, what));
        }
        let mapping = self.map(&(from..to))?;
        let mut result = Ok(());
        mapping.look(&mut |bytes| {
            let mut host = [Plane::host(&[], 0); 3];
            for ((host, plane), range) in host.iter_mut().zip(frame.planes()).zip(planes) {
                let bytes = &bytes[(range.start - from) as usize..(range.end - from) as usize];
                *host = Plane { bytes, ..*plane };
            }
            result = Frame::new(frame.format(), frame.meta(), &host[..planes.len()])
                .and_then(|frame| look(&frame));
        });
        result.map(|()| true)
    }
}

/// A camera whose frames are in host memory: those that are not are copied there, and go back at once.
pub(crate) struct HostCamera {
    camera: Box<dyn CameraSource>,
    reader: PhysicalReader,
    copy: Vec<u8>,
}

impl HostCamera {
    pub(crate) fn new(camera: Box<dyn CameraSource>, system: Arc<dyn System>) -> Self {
        Self { camera, reader: PhysicalReader::new(system), copy: Vec::new() }
    }
}

impl fmt::Debug for HostCamera {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HostCamera({})", self.camera.name())
    }
}

impl CameraSource for HostCamera {
    fn name(&self) -> &str {
        self.camera.name()
    }

    fn format(&self) -> StreamFormat {
        self.camera.format()
    }

    fn start(&mut self) -> Result<()> {
        self.camera.start()
    }

    fn next_frame(&mut self, timeout: Duration) -> Result<Frame<'_>> {
        let frame = self.camera.next_frame(timeout)?;
        self.copy.clear();
        let copy = &mut self.copy;
        let mut lengths = [0; 3];
        let copied = self.reader.read(&frame, &mut |host| {
            for (plane, len) in host.planes().iter().zip(&mut lengths) {
                copy.extend_from_slice(plane.bytes);
                *len = plane.bytes.len();
            }
            Ok(())
        })?;
        if !copied {
            return Ok(frame);
        }
        let (mut planes, mut rest) = ([Plane::host(&[], 0); 3], &self.copy[..]);
        for ((plane, len), from) in planes.iter_mut().zip(lengths).zip(frame.planes()) {
            let (bytes, after) = rest.split_at(len);
            (*plane, rest) = (Plane::host(bytes, from.stride), after);
        }
        Frame::new(frame.format(), frame.meta(), &planes[..frame.planes().len()])
    }

    fn stop(&mut self) -> Result<()> {
        self.camera.stop()
    }

    fn controls(&mut self) -> Option<&mut dyn CameraControls> {
        self.camera.controls()
    }
}

/// Where the planes of a frame lie that is in physical memory only.
fn physical(frame: &Frame<'_>) -> Option<[Range<u64>; 3]> {
    let mut ranges = [0..0, 0..0, 0..0];
    for (index, plane) in frame.planes().iter().enumerate() {
        let Memory::Physical(from) = plane.memory else { return None };
        let rows = frame.format().plane(index)?.rows;
        let len = plane.stride.checked_mul(rows).filter(|_| plane.bytes.is_empty())?;
        ranges[index] = from..from.checked_add(len as u64)?;
    }
    Some(ranges)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Machine;
    use eyelet_hal::{FrameMeta, Lease, PixelFormat, Requeue};
    use std::sync::atomic::{AtomicU32, Ordering};

    /// A camera of one picture in physical memory, or else in this.
    struct Camera(Option<u64>, [u8; 96], Arc<Back>);

    #[derive(Default)]
    struct Back(AtomicU32);

    impl Requeue for Back {
        fn requeue(&self, _: u32) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    impl CameraSource for Camera {
        fn name(&self) -> &str {
            "csi"
        }
        fn format(&self) -> StreamFormat {
            StreamFormat::new(PixelFormat::Nv21, 6, 4).unwrap()
        }
        fn start(&mut self) -> Result<()> {
            Ok(())
        }
        fn stop(&mut self) -> Result<()> {
            Ok(())
        }
        fn next_frame(&mut self, _: Duration) -> Result<Frame<'_>> {
            let plane = |from: usize, rows: usize| match self.0 {
                Some(base) => Plane { bytes: &[], stride: 16, memory: Memory::Physical(base + from as u64) },
                None => Plane::host(&self.1[from..from + rows * 16], 16),
            };
            let meta = FrameMeta::new(3, Duration::from_secs(5));
            Frame::leased(self.format(), meta, &[plane(0, 4), plane(64, 2)], Lease::new(&*self.2, 0))
        }
    }

    #[test]
    fn frame_in_physical_memory_is_copied_and_goes_back_at_once() {
        let machine = Machine::new();
        let camera = machine.process();
        let bytes: [u8; 96] = std::array::from_fn(|at| at as u8);
        let base = 0x8b40_0000;
        let memory = camera.open(Node::Mem).unwrap().map(base, bytes.len()).unwrap();
        memory.look(&mut |memory| memory.copy_from_slice(&bytes));
        Ion(&*camera.open(Node::Sys).unwrap()).flush(base, bytes.len() as u64).unwrap();
        let back = Arc::<Back>::default();
        for (at, returned) in [(Some(base), 1), (None, 0)] {
            back.0.store(0, Ordering::Relaxed);
            let mut camera =
                HostCamera::new(Box::new(Camera(at, bytes, Arc::clone(&back))), machine.process());
            for _ in 0..3 {
                let frame = camera.next_frame(Duration::ZERO).unwrap();
                let planes: Vec<_> = frame.planes().iter().map(|plane| (plane.bytes, plane.stride)).collect();
                assert_eq!(planes, [(&bytes[..64], 16), (&bytes[64..], 16)]);
                assert_eq!(frame.meta(), FrameMeta::new(3, Duration::from_secs(5)));
                assert_eq!(back.0.swap(0, Ordering::Relaxed), returned);
                drop(frame);
                back.0.store(0, Ordering::Relaxed);
            }
        }
        let mut camera = HostCamera::new(Box::new(Camera(Some(0x1000), bytes, back)), machine.process());
        let error = camera.next_frame(Duration::ZERO).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    }
}
