//! The memory that the kernel sets aside for pictures ("ION carve-out"), from its allocator's list.

use crate::sys::{Listed, listed};
use std::num::NonZeroU32;

/// What the vendor's code allocates for a camera and nothing else gives back.
const POOLS: [&str; 3] = ["VbPool", "VI_DMA_BUF", "ISP_SHARED_BUFFER"];

/// How many buffers MaixPy is asked for, of the size asked for and of the sensor's each.
const BUFFERS: u64 = 4;

/// A picture of the GC4653, the sensor that most boards have: 2560x1440 in NV21.
const SENSOR: u64 = 2560 * 1440 * 3 / 2;

/// The state of the carve-out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Carveout {
    /// Bytes.
    pub(super) total: u64,
    /// Bytes that are allocated.
    pub(super) used: u64,
    /// Allocations that are pools of a camera.
    pub(super) pools: usize,
    /// Their bytes.
    pub(super) pooled: u64,
}

impl Carveout {
    /// Reads the allocator's list.
    pub(super) fn parse(list: &str) -> Option<Self> {
        let after = |word: &str| {
            let rest = list.split_once(word)?.1;
            rest.split(|c: char| !c.is_ascii_digit()).next()?.parse::<u64>().ok()
        };
        let is_pool = |listed: &Listed<'_>| POOLS.iter().any(|pool| listed.name.starts_with(pool));
        let pools: Vec<u64> = listed(list).filter(is_pool).map(|listed| listed.size).collect();
        Some(Self {
            total: after("heap size:")?,
            used: after("used:")?,
            pools: pools.len(),
            pooled: pools.iter().fold(0, |sum, &size| sum.saturating_add(size)),
        })
    }

    /// Bytes that are left.
    pub(super) fn free(&self) -> u64 {
        self.total.saturating_sub(self.used)
    }
}

/// How many bytes a camera of this size takes at least: its buffers, the sensor's, and the JPEG unit's output. What the
/// ISP takes for itself comes on top, up to 20 MiB.
pub(super) fn needed(width: NonZeroU32, height: NonZeroU32) -> u64 {
    let (width, height) = (u64::from(width.get()), u64::from(height.get()));
    let picture = width.next_multiple_of(64) * height.next_multiple_of(2) * 3 / 2;
    BUFFERS * (picture + SENSOR) + width * height
}

/// Bytes for people.
pub(super) fn mib(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Machine;
    use proptest::prelude::*;

    #[test]
    fn list_gives_sizes_and_the_pools_of_the_camera() {
        let list = "Summary:\n[0] carveout heap size:110100480 bytes, used:19050496 bytes\n\
            usage rate:18%, memory usage peak 29050496 bytes\n\nDetails:\n\
            \x20  heap_id   alloc_buf_size         phy_addr         kmap_cnt      buffer name\n\
            \x20        0         12533760         8b300000                1          VbPool0\n\
            \x20        0           294912         8bef4000                1 ISP_SHARED_BUFFER_0\n\
            \x20        0           460800         8bf3c000                1     eyelet-frame\n\n\
            minimum ion allocate unit = 4096\nfree memory regions:\n\
            \x20        0         8c52b000         8fe00000         59592704\n";
        let found = Carveout::parse(list).unwrap();
        let expected =
            Carveout { total: 110_100_480, used: 19_050_496, pools: 2, pooled: 12_533_760 + 294_912 };
        assert_eq!((found, found.free()), (expected, 91_049_984));
        assert_eq!(Carveout::parse("Summary:\n"), None);
    }

    /// The model's list is what tests of the board's other code rely on.
    #[test]
    fn list_of_the_model_is_one_of_these() {
        use crate::sys::System;
        let machine = Machine::new();
        let pools = || Carveout::parse(&machine.process().ion_summary().unwrap()).unwrap().pools;
        assert_eq!(pools(), 0);
        let camera = machine.connect_camera();
        assert_eq!(camera.line("open 640 480 30 4"), "ok 0");
        assert_eq!(pools(), 1);
    }

    #[test]
    fn size_needs_its_own_pools_and_the_sensors() {
        let needed =
            |width, height| needed(NonZeroU32::new(width).unwrap(), NonZeroU32::new(height).unwrap());
        assert_eq!(needed(1280, 720), 4 * (1_382_400 + 5_529_600) + 921_600);
        assert_eq!(needed(650, 480) - needed(649, 480), 480, "rows of 704 pixels both");
    }

    proptest! {
        #[test]
        fn any_list_is_parsed(list in "[ 0-9a-zVbPoolhep:\n-]{0,200}") {
            let _ = Carveout::parse(&list);
        }
    }
}
