//! The carve-out's allocator: first fit, and a table of 100 allocations for the whole system.

use std::fmt::Write as _;

const PAGE: u64 = 4096;

/// How many allocations the system can have.
pub(super) const SLOTS: usize = 100;

#[derive(Clone, Debug)]
struct Slot {
    physical: u64,
    size: u64,
    name: String,
}

/// The carve-out.
#[derive(Clone, Debug)]
pub(super) struct Ion {
    base: u64,
    size: u64,
    /// By address.
    slots: Vec<Slot>,
}

impl Ion {
    pub(super) fn new(base: u64, size: u64) -> Self {
        Self { base, size, slots: Vec::new() }
    }

    pub(super) fn alloc(&mut self, size: u64, name: &str) -> Option<u64> {
        let size = size.checked_next_multiple_of(PAGE).filter(|&size| size > 0)?;
        if self.slots.len() >= SLOTS {
            return None;
        }
        let mut at = self.base;
        let mut index = 0;
        while let Some(slot) = self.slots.get(index) {
            if slot.physical - at >= size {
                break;
            }
            at = slot.physical + slot.size;
            index += 1;
        }
        if self.base + self.size - at < size {
            return None;
        }
        self.slots.insert(index, Slot { physical: at, size, name: name.to_owned() });
        Some(at)
    }

    pub(super) fn free(&mut self, physical: u64) -> bool {
        let before = self.slots.len();
        self.slots.retain(|slot| slot.physical != physical);
        self.slots.len() < before
    }

    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether all these bytes are in allocations that were taken.
    pub(super) fn holds(&self, physical: u64, len: u64) -> bool {
        self.slots.iter().any(|slot| {
            physical >= slot.physical && physical.saturating_add(len) <= slot.physical + slot.size
        })
    }

    /// The list, as debugfs shows it.
    pub(super) fn summary(&self) -> String {
        let used: u64 = self.slots.iter().map(|slot| slot.size).sum();
        let mut text = format!(
            "Summary:\n[0] carveout heap size:{} bytes, used:{used} bytes\n\
             usage rate:{}%, memory usage peak {used} bytes\n\nDetails:\n",
            self.size,
            (100 * used).div_ceil(self.size.max(1))
        );
        let head = ["heap_id", "alloc_buf_size", "phy_addr", "kmap_cnt", "buffer name"];
        let [a, b, c, d, e] = head;
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{a:>16} {b:>16} {c:>16} {d:>16} {e:>16}");
        for Slot { physical, size, name } in &self.slots {
            let _ = writeln!(text, "{:>16} {size:>16} {physical:>16x} {:>16} {name:>16}", 0, 1);
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn allocations_never_overlap(calls in prop::collection::vec((0u64..200_000, any::<bool>()), 1..300)) {
            let mut ion = Ion::new(0x1000_0000, 4 << 20);
            let mut taken: Vec<(u64, u64)> = Vec::new();
            for (size, free) in calls {
                if free && !taken.is_empty() {
                    let (physical, _) = taken.remove(size as usize % taken.len());
                    prop_assert!(ion.free(physical));
                    prop_assert!(!ion.free(physical));
                } else if let Some(physical) = ion.alloc(size, "x") {
                    prop_assert!(physical >= 0x1000_0000 && physical + size <= 0x1000_0000 + (4 << 20));
                    prop_assert!(taken.iter().all(|&(p, s)| physical + size <= p || p + s <= physical));
                    prop_assert!(ion.holds(physical, size) && !ion.holds(physical, size + 4096));
                    taken.push((physical, size));
                }
                prop_assert!(ion.len() == taken.len() && taken.len() <= SLOTS);
            }
        }
    }
}
