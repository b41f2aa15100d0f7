//! Frames that lie in physical memory only, for encoders that read host memory.

use crate::sys::{Device, Ion, Mapping, Node, System};
use eyelet_hal::{Error, ErrorKind, Frame, JpegEncoder, Memory, Plane, Quality, Result, StreamFormat};
use std::{io, ops::Range, sync::Arc};

/// How many places of frames are kept mapped: more than a camera has buffers.
const MAPPINGS: usize = 8;
/// The largest frame that is mapped, in bytes.
const LARGEST: u64 = 16 << 20;

/// An encoder that takes frames in physical memory too.
///
/// Such a frame is mapped from `/dev/mem` through the CPU's cache, once for each place in memory, and the cache over it
/// is dropped for each frame. Frames in host memory cost nothing more than without this.
#[derive(Debug)]
pub(super) struct HostReading {
    encoder: Inner,
    system: Arc<dyn System>,
    nodes: Option<Nodes>,
    mapped: Vec<(Range<u64>, Box<dyn Mapping>)>,
}

struct Inner(Box<dyn JpegEncoder>);

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0.name())
    }
}

#[derive(Debug)]
struct Nodes {
    sys: Box<dyn Device>,
    mem: Box<dyn Device>,
}

impl HostReading {
    pub(super) fn new(system: Arc<dyn System>, encoder: Box<dyn JpegEncoder>) -> Self {
        Self { encoder: Inner(encoder), system, nodes: None, mapped: Vec::new() }
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
}

impl JpegEncoder for HostReading {
    fn name(&self) -> &str {
        self.encoder.0.name()
    }

    fn supports(&self, format: StreamFormat) -> bool {
        self.encoder.0.supports(format)
    }

    fn encode(&mut self, frame: &Frame<'_>, quality: Quality, out: &mut Vec<u8>) -> Result<()> {
        let Some(ranges) = physical(frame) else { return self.encoder.0.encode(frame, quality, out) };
        let planes = &ranges[..frame.planes().len()];
        let from = planes.iter().map(|range| range.start).min().unwrap_or_default();
        let to = planes.iter().map(|range| range.end).max().unwrap_or_default();
        if to - from > LARGEST {
            let what = format!("the planes of a {} frame lie too far apart to be mapped", frame.format());
            return Err(Error::new(ErrorKind::Unsupported, what));
        }
        self.map(&(from..to))?;
        let Self { encoder, mapped, .. } = self;
        let Some((_, mapping)) = mapped.iter().find(|(mapped, _)| *mapped == (from..to)) else {
            return Ok(());
        };
        let mut result = Ok(());
        mapping.look(&mut |bytes| {
            let mut host = [Plane::host(&[], 0); 3];
            for ((host, plane), range) in host.iter_mut().zip(frame.planes()).zip(planes) {
                let bytes = &bytes[(range.start - from) as usize..(range.end - from) as usize];
                *host = Plane { bytes, ..*plane };
            }
            result = Frame::new(frame.format(), frame.meta(), &host[..planes.len()])
                .and_then(|frame| encoder.0.encode(&frame, quality, out));
        });
        result
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
