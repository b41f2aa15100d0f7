//! Allocations of the carve-out ("ION"), each in the ledger from before it is taken until after it is given back.

use super::ledger::Ledger;
use crate::sys::{Device, Ion, Listed, System, listed};
use eyelet_hal::{Error, ErrorKind, Result};

/// How the names of our allocations begin in the allocator's list.
const NAME: &str = "eyelet-";

/// What is left free beside a channel's own buffer when it is made.
const MARGIN: u32 = 256 << 10;

/// An allocation of physical memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Allocation {
    pub(super) physical: u64,
    pub(super) size: u32,
}

/// Takes `size` bytes.
///
/// # Errors
/// `OutOfMemory` if the carve-out or its table is full.
pub(super) fn take(sys: &dyn Device, ledger: &mut Ledger, size: u32, what: &str) -> Result<Allocation> {
    ledger.note(|record| record.pending = Some(size))?;
    let taken = Ion(sys).alloc(size, &format!("{NAME}{what}"));
    ledger.note(|record| {
        record.pending = None;
        record.buffers.extend(taken.ok().map(|physical| (physical, size)));
    })?;
    let physical = taken.map_err(|refused| {
        let what =
            format!("cannot take {} KiB of ION memory for the {what}: {}", size.div_ceil(1024), refused.code);
        Error::new(ErrorKind::OutOfMemory, what)
            .with_remedy("is a MaixPy program running, or was one killed?")
            .with_source(refused)
    })?;
    Ok(Allocation { physical, size })
}

/// Gives an allocation back.
///
/// # Errors
/// What the driver or the notes' file system says.
pub(super) fn give_back(sys: &dyn Device, ledger: &mut Ledger, allocation: Allocation) -> Result<()> {
    Ion(sys).free(allocation.physical, allocation.size)?;
    ledger.note(|record| record.buffers.retain(|&(physical, _)| physical != allocation.physical))
}

/// Proves that there is room for a channel's buffer of `size` bytes: the driver crashes if there is not.
///
/// # Errors
/// `OutOfMemory` if there is none.
pub(super) fn prove_room(sys: &dyn Device, ledger: &mut Ledger, size: u32) -> Result<()> {
    let proof = take(sys, ledger, size + MARGIN, "proof")?;
    give_back(sys, ledger, proof)
}

/// Gives back what a killed run of ours took. The ledger's lock says that no run of ours is alive.
///
/// The allocator's list is believed before the notes: it also shows what was taken a moment before the kill, and
/// what was given back and has another owner now.
///
/// # Errors
/// What the driver or the notes' file system says.
pub(super) fn recover(system: &dyn System, sys: &dyn Device, ledger: &mut Ledger) -> Result<()> {
    let record = ledger.record();
    let left = match system.ion_summary() {
        Some(summary) => ours(&summary),
        None => {
            if let Some(size) = record.pending {
                let kib = size.div_ceil(1024);
                tracing::warn!(
                    "a killed run may have left {kib} KiB of ION memory behind, until the board starts again"
                );
            }
            record.buffers.iter().map(|&(physical, size)| Allocation { physical, size }).collect()
        }
    };
    for allocation in left {
        // It may have been given back already, just before the kill.
        match Ion(sys).free(allocation.physical, allocation.size) {
            Ok(()) => tracing::info!(
                "gave back {} KiB of ION memory that a killed run had left at {:#x}",
                allocation.size.div_ceil(1024),
                allocation.physical
            ),
            Err(refused) => tracing::debug!("ION memory at {:#x}: {refused}", allocation.physical),
        }
    }
    ledger.note(|record| {
        record.buffers.clear();
        record.pending = None;
    })
}

/// Our allocations in the allocator's list.
fn ours(summary: &str) -> Vec<Allocation> {
    listed(summary)
        .filter(|listed| listed.name.starts_with(NAME))
        .filter_map(|Listed { physical, size, .. }| {
            Some(Allocation { physical, size: size.try_into().ok()? })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_allocations_are_found_among_others() {
        let summary = "Summary:\n\
            [0] carveout heap size:50331648 bytes, used:1 bytes\n\
            usage rate:1%, memory usage peak 2 bytes\n\n\
            Details:\n         heap_id   alloc_buf_size         phy_addr         kmap_cnt      buffer name\n\
            \x20              0          2764800         8b300000                0       VI_DMA_BUF\n\
            \x20              0           460800         8b5a3000                1     eyelet-frame\n\
            \x20              0             4096         8b700000                0     my-eyelet-no\n\n";
        assert_eq!(ours(summary), [Allocation { physical: 0x8b5a_3000, size: 460_800 }]);
    }
}
