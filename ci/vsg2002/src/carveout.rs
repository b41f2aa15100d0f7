//! The memory that the kernel keeps out of, as the unit sees it.

use eyelet_maixcam::{
    model::Memory,
    sys::{Kernel, Mapping, Node, System},
};
use std::io;

/// Where it begins; `ci/vboard/boot.sh` keeps the kernel out of it.
pub(crate) const BASE: u64 = 0x9000_0000;
/// How many bytes it has. The end of what QEMU adds to the kernel's memory holds the device tree.
pub(crate) const SIZE: u64 = 48 << 20;

/// The carve-out, mapped.
#[derive(Debug)]
pub(crate) struct Carveout(Box<dyn Mapping>);

impl Carveout {
    /// Maps it.
    ///
    /// # Errors
    /// If `/dev/mem` does not let it be mapped: then it is the kernel's memory, or none.
    pub(crate) fn map() -> io::Result<Self> {
        let mapping = Kernel::default().open(Node::Mem)?.map(BASE, SIZE as usize);
        mapping.map(Self).map_err(|e| {
            io::Error::new(e.kind(), format!("cannot map memory at {BASE:#x}: {e}; boot with mem=256M"))
        })
    }

    fn look(&self, physical: u64, len: usize, look: &mut dyn FnMut(&mut [u8])) -> bool {
        let Some(from) = physical.checked_sub(BASE) else { return false };
        let Some(to) = from.checked_add(len as u64).filter(|&to| to <= SIZE) else { return false };
        self.0.look(&mut |bytes| look(&mut bytes[from as usize..to as usize]));
        true
    }
}

// The emulated processor has no cache to go wrong; the driver's model checks the order of the calls.
impl Memory for Carveout {
    fn read(&self, physical: u64, into: &mut [u8]) -> bool {
        self.look(physical, into.len(), &mut |bytes| into.copy_from_slice(bytes))
    }

    fn write(&mut self, physical: u64, from: &[u8]) -> bool {
        self.look(physical, from.len(), &mut |bytes| bytes.copy_from_slice(from))
    }

    fn flush(&mut self, _: u64, _: u64) {}

    fn invalidate(&mut self, _: u64, _: u64) {}
}
