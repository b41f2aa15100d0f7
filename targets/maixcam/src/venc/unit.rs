//! The JPEG unit and one channel of it: from probing to teardown, one call at a time. Lives on a thread of its own,
//! as any call may hang.

use super::{
    jfif,
    layout::{PictureLayout, Place, driver_quality},
    ledger::{HeldChannel, Ledger},
    mem::{self, Allocation},
};
use crate::sys::{
    Channel, Code, Device, Ion, Mapping, Node, System,
    abi::{self, ChannelAttr, Pack},
    chip_id,
};
use eyelet_hal::{Error, ErrorKind, Quality, Result};
use std::{io, sync::Arc};

/// CV1810C to CV1813H on the driver's list: the SG2002 and its sisters, with their RISC-V core running.
const CHIPS: std::ops::RangeInclusive<u32> = 16..=21;

/// How many JPEG units the driver has; one more crashes it.
const UNITS: usize = 8;

/// How long `SEND_FRAME` waits for a frame of another program, in milliseconds.
const PATIENCE: i32 = 500;

/// What frees a unit that is locked.
const RESTART: &str = "start the board again";

/// The unit, probed.
#[derive(Debug)]
pub(super) struct Unit {
    system: Arc<dyn System>,
    ledger: Ledger,
    sys: Box<dyn Device>,
    mem: Box<dyn Device>,
    node: Box<dyn Device>,
    number: u8,
    channel: Option<CreatedChannel>,
    staging: Option<(Allocation, Arc<dyn Mapping>)>,
    output: Option<Output>,
    /// The unit's lock is held, by our own lost frame or by another program: to destroy the channel would hang.
    locked: bool,
}

/// A channel that was made.
#[derive(Debug)]
struct CreatedChannel {
    layout: PictureLayout,
    quality: Option<u32>,
    started: bool,
}

/// The driver's memory for JPEGs, mapped as far as it was needed.
#[derive(Debug)]
struct Output {
    physical: u64,
    len: usize,
    mapping: Box<dyn Mapping>,
}

impl Unit {
    /// Looks for the unit, gives back what a killed run left, and picks a channel. Makes nothing yet.
    ///
    /// # Errors
    /// Why the unit cannot be used.
    pub(super) fn probe(system: Arc<dyn System>) -> Result<Self> {
        let base = open(&*system, Node::Base)?;
        let id = chip_id(&*base)?;
        if !CHIPS.contains(&id) {
            let what = format!("this is not an SG2002: its driver reports chip {id}");
            return Err(Error::new(ErrorKind::Unsupported, what).with_remedy("use the software encoder"));
        }
        let sys = open(&*system, Node::Sys)?;
        let mem = open(&*system, Node::Mem)?;
        let mut ledger = Ledger::open(&*system)?;
        recover_channel(&*system, &mut ledger)?;
        mem::recover(&*system, &*sys, &mut ledger)?;
        let (number, node) = free_channel(&*system)?;
        mem::prove_room(&*sys, &mut ledger, 64 << 10)?;
        tracing::debug!(channel = number, "found the JPEG unit");
        let (channel, staging, output, locked) = (None, None, None, false);
        Ok(Self { system, ledger, sys, mem, node, number, channel, staging, output, locked })
    }

    /// Memory of the unit for a picture, mapped. It is the same for the same layout.
    ///
    /// # Errors
    /// `OutOfMemory`; what the system says.
    pub(super) fn stage(&mut self, layout: &PictureLayout) -> Result<Arc<dyn Mapping>> {
        if let Some((allocation, mapping)) = &self.staging
            && allocation.size == layout.len()
        {
            return Ok(Arc::clone(mapping));
        }
        self.unstage()?;
        let allocation = mem::take(&*self.sys, &mut self.ledger, layout.len(), "frame")?;
        match self.mem.map(allocation.physical, allocation.size as usize) {
            Ok(mapping) => {
                let mapping: Arc<dyn Mapping> = Arc::from(mapping);
                self.staging = Some((allocation, Arc::clone(&mapping)));
                Ok(mapping)
            }
            Err(cause) => {
                mem::give_back(&*self.sys, &mut self.ledger, allocation)?;
                Err(cannot_map(allocation.physical, cause))
            }
        }
    }

    fn unstage(&mut self) -> Result<()> {
        let Some((allocation, mapping)) = self.staging.take() else { return Ok(()) };
        drop(mapping);
        mem::give_back(&*self.sys, &mut self.ledger, allocation)
    }

    /// Where a staged picture lies.
    pub(super) fn staged(&self, layout: &PictureLayout) -> Result<Place> {
        match &self.staging {
            Some((allocation, _)) if allocation.size == layout.len() => Ok(layout.at(allocation.physical)),
            _ => Err(Error::new(ErrorKind::InvalidInput, "no picture was staged")),
        }
    }

    /// Encodes the picture at `place` and appends it to `out`.
    ///
    /// # Errors
    /// Any surprise. The unit is then to be [released](Self::release), and `out` holds rubbish at its end.
    pub(super) fn encode(
        &mut self,
        layout: &PictureLayout,
        place: &Place,
        quality: Quality,
        out: &mut Vec<u8>,
    ) -> Result<()> {
        self.ready(layout, driver_quality(quality))?;
        for plane in place.iter().filter(|plane| plane.cached) {
            Ion(&*self.sys).flush(plane.physical, plane.len.into())?;
        }
        let channel = Channel(&*self.node);
        if let Err(refused) = channel.send_frame(&layout.frame(place), PATIENCE) {
            self.locked = refused.code == Code::Busy;
            return Err(refused.into());
        }
        // The lock is the whole system's now: nothing may come between.
        let (stream, packs) = match channel.get_stream(PATIENCE) {
            Ok(got) => got,
            Err(refused) => {
                self.locked = true;
                if let Err(error) = self.ledger.note(|record| record.stuck = true) {
                    tracing::debug!("{error}");
                }
                let what = format!("the JPEG unit did not finish a frame: {refused}");
                return Err(Error::new(ErrorKind::TimedOut, what).with_remedy(RESTART).with_source(refused));
            }
        };
        let start = out.len();
        out.resize(start + jfif::ROOM, 0);
        let count = packs.len().min(stream.pack_count as usize);
        let copied = self.collect(&packs[..count], layout.jpeg_len(), out);
        let released = Channel(&*self.node).release_stream(&stream, &packs);
        copied?;
        released?;
        jfif::finish(out, start, layout.size())
    }

    /// Lets the channel be one for such pictures and this quality.
    fn ready(&mut self, layout: &PictureLayout, quality: u32) -> Result<()> {
        if self.channel.as_ref().is_none_or(|made| made.layout != *layout) {
            self.take_apart()?;
            self.make(layout)?;
        }
        let Some(made) = &mut self.channel else { return Ok(()) };
        if made.quality != Some(quality) {
            let channel = Channel(&*self.node);
            let mut param = channel.jpeg_param()?;
            param.quality = quality;
            channel.set_jpeg_param(&param)?;
            made.quality = Some(quality);
        }
        if !made.started {
            Channel(&*self.node).start()?;
            made.started = true;
        }
        Ok(())
    }

    fn make(&mut self, layout: &PictureLayout) -> Result<()> {
        let attr = layout.attr();
        mem::prove_room(&*self.sys, &mut self.ledger, attr.buffer_size)?;
        prove_unit(&*self.system)?;
        let channel = Channel(&*self.node);
        if channel.attr().is_ok() {
            let number = self.number;
            let what = format!("another program took channel {number} of the JPEG unit");
            return Err(Error::new(ErrorKind::Busy, what).with_remedy("start eyelet again"));
        }
        let held = HeldChannel {
            number: self.number,
            width: attr.width,
            height: attr.height,
            buffer_size: attr.buffer_size,
        };
        self.ledger.note(|record| record.channel = Some(held))?;
        channel.create(&attr)?;
        self.channel = Some(CreatedChannel { layout: *layout, quality: None, started: false });
        Ok(())
    }

    fn take_apart(&mut self) -> Result<()> {
        self.output = None;
        if self.channel.is_some() {
            destroy_channel(&*self.node, &mut self.ledger)?;
            self.channel = None;
        }
        Ok(())
    }

    /// Appends what the packs hold.
    fn collect(&mut self, packs: &[Pack], most: u32, out: &mut Vec<u8>) -> Result<()> {
        for pack in packs {
            // The length counts from the buffer's beginning, what comes before the offset is none of the JPEG. The
            // pack's other address is the kernel's own.
            let Some(len) = pack.len.checked_sub(pack.offset).filter(|_| pack.len <= 2 * most) else {
                let what = format!("the JPEG unit delivered bytes {} to {}", pack.offset, pack.len);
                return Err(Error::new(ErrorKind::CorruptFrame, what));
            };
            if len > 0 {
                self.read(pack.physical + u64::from(pack.offset), len as usize, out)?;
            }
        }
        Ok(())
    }

    fn read(&mut self, physical: u64, len: usize, out: &mut Vec<u8>) -> Result<()> {
        let covered = |output: &Output| {
            physical >= output.physical && physical + len as u64 <= output.physical + output.len as u64
        };
        if !self.output.as_ref().is_some_and(covered) {
            self.output = None;
            let mapping = self.mem.map(physical, len).map_err(|cause| cannot_map(physical, cause))?;
            self.output = Some(Output { physical, len, mapping });
        }
        Ion(&*self.sys).invalidate(physical, len as u64)?;
        if let Some(output) = &self.output {
            let at = (physical - output.physical) as usize;
            output.mapping.look(&mut |bytes| out.extend_from_slice(&bytes[at..at + len]));
        }
        Ok(())
    }

    /// Gives everything back. While the unit is locked its channel stays, for the next run to take apart.
    ///
    /// # Errors
    /// The first of what went wrong; the rest was still tried.
    pub(super) fn release(&mut self) -> Result<()> {
        let channel = if self.locked { Ok(()) } else { self.take_apart() };
        self.output = None;
        let staging = self.unstage();
        channel.and(staging)
    }
}

fn open(system: &dyn System, node: Node) -> Result<Box<dyn Device>> {
    system.open(node).map_err(|cause| {
        let (kind, remedy) = match cause.kind() {
            // Without this one there is no such chip; without another, something is wrong with the drivers.
            io::ErrorKind::NotFound if matches!(node, Node::Base | Node::Channel(_)) => {
                (ErrorKind::NotFound, "is this a MaixCAM, are its drivers loaded?")
            }
            io::ErrorKind::PermissionDenied => (ErrorKind::PermissionDenied, "run as root"),
            _ => (ErrorKind::Other, "are the board's drivers loaded?"),
        };
        Error::new(kind, format!("cannot open {node}: {cause}")).with_remedy(remedy)
    })
}

fn cannot_map(physical: u64, cause: io::Error) -> Error {
    let what = format!("cannot map the unit's memory at {physical:#x}: {cause}");
    Error::new(ErrorKind::PermissionDenied, what).with_remedy("does the kernel allow /dev/mem?")
}

/// The highest channel that was neither created nor locked. Never channel 0, which MaixPy uses without asking.
fn free_channel(system: &dyn System) -> Result<(u8, Box<dyn Device>)> {
    let mut refusal =
        Error::new(ErrorKind::Busy, "the video encoder has no free channel").with_remedy("stop a program");
    for number in (1..Node::CHANNELS).rev() {
        match open(system, Node::Channel(number)) {
            Ok(node) if Channel(&*node).attr().is_err() && node.try_lock().unwrap_or(false) => {
                return Ok((number, node));
            }
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => refusal = error,
        }
    }
    Err(refusal)
}

/// Proves that a JPEG unit is free, as far as channels tell: the driver crashes if none is.
fn prove_unit(system: &dyn System) -> Result<()> {
    let nodes = (0..Node::CHANNELS).filter_map(|number| system.open(Node::Channel(number)).ok());
    let taken = nodes.filter(|node| Channel(&**node).attr().is_ok_and(|attr| takes_a_unit(&attr)));
    if taken.count() < UNITS {
        return Ok(());
    }
    let what = "all 8 JPEG units are taken, one more would crash their driver";
    Err(Error::new(ErrorKind::Busy, what).with_remedy("stop a program"))
}

fn takes_a_unit(attr: &ChannelAttr) -> bool {
    [abi::PT_JPEG, abi::PT_MJPEG].contains(&attr.payload_type)
}

/// Destroys the channel of a killed run, after getting the frame that it may have sent.
fn recover_channel(system: &dyn System, ledger: &mut Ledger) -> Result<()> {
    let Some(held) = ledger.record().channel else { return Ok(()) };
    let node = open(system, Node::Channel(held.number))?;
    let channel = Channel(&*node);
    let ours = |attr: ChannelAttr| {
        (attr.payload_type, attr.width, attr.height, attr.buffer_size)
            == (abi::PT_JPEG, held.width, held.height, held.buffer_size)
    };
    if !channel.attr().is_ok_and(ours) {
        // It was not made yet, or the drivers were reloaded and it may be another program's.
        return ledger.note(|record| (record.channel, record.stuck) = (None, false));
    }
    if !node.try_lock().unwrap_or(false) {
        return Err(Error::new(ErrorKind::Busy, "a channel of a killed run is in use")
            .with_remedy("stop the other program"));
    }
    let number = held.number;
    if ledger.record().stuck {
        let what = format!("an earlier run left the JPEG unit locked on channel {number}");
        return Err(Error::new(ErrorKind::Busy, what).with_remedy("start the board again to free it"));
    }
    // Asked only of a channel that was made: of others the driver may not know.
    let sent = node.readable().map_err(|cause| {
        let what = format!("cannot poll channel {number} of a killed run: {cause}");
        Error::new(ErrorKind::Other, what)
    })?;
    if sent {
        match channel.get_stream(PATIENCE) {
            Ok((stream, packs)) => channel.release_stream(&stream, &packs)?,
            Err(refused) => {
                ledger.note(|record| record.stuck = true)?;
                let what = format!("the frame of a killed run is not finished: {refused}");
                return Err(Error::new(ErrorKind::Busy, what).with_remedy(RESTART).with_source(refused));
            }
        }
    }
    destroy_channel(&*node, ledger)?;
    tracing::info!(channel = number, "destroyed the JPEG channel that a killed run had left behind");
    Ok(())
}

/// Stops, empties and destroys the channel behind `node`.
fn destroy_channel(node: &dyn Device, ledger: &mut Ledger) -> Result<()> {
    let channel = Channel(node);
    for refused in [channel.stop(), channel.reset()].into_iter().filter_map(std::result::Result::err) {
        // A channel that was never started need not be stopped.
        tracing::debug!("while destroying a JPEG channel: {refused}");
    }
    match channel.destroy() {
        Ok(()) => {}
        // Nothing to destroy is as good.
        Err(refused) if matches!(refused.code, Code::Unexist | Code::NullPointer) => {}
        Err(refused) => return Err(refused.into()),
    }
    ledger.note(|record| (record.channel, record.stuck) = (None, false))
}
