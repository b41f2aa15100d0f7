//! The allocator's own list of the carve-out, as debugfs shows it.

/// An allocation in the list, whoever made it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listed<'a> {
    /// Where it begins.
    pub physical: u64,
    /// Bytes.
    pub size: u64,
    /// What its maker called it.
    pub name: &'a str,
}

impl Listed<'_> {
    /// Whether all these bytes are in it.
    pub fn holds(&self, physical: u64, len: u64) -> bool {
        physical
            .checked_sub(self.physical)
            .and_then(|offset| offset.checked_add(len))
            .is_some_and(|end| end <= self.size)
    }
}

/// The allocations in the list. The line of one is: heap, size, physical address in hexadecimal, count of kernel
/// mappings, name.
pub fn listed(summary: &str) -> impl Iterator<Item = Listed<'_>> {
    summary.lines().filter_map(|line| {
        let mut words = line.split_ascii_whitespace();
        let mut next = || words.next();
        let (_, size, physical, _, name) = (next()?, next()?, next()?, next()?, next()?);
        let physical = u64::from_str_radix(physical, 16).ok()?;
        Some(Listed { physical, size: size.parse().ok()?, name }).filter(|_| words.next().is_none())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// As a board of this kind prints it.
    const LIST: &str = "Summary:\n[0] carveout heap size:78643200 bytes, used:19050496 bytes\n\
        usage rate:25%, memory usage peak 19050496 bytes\n\nDetails:\n\
        \x20        heap_id   alloc_buf_size         phy_addr         kmap_cnt      buffer name\n\
        \x20              0         12533760         8b300000                1          VbPool0\n\
        \x20              0           294912         8bef4000                1 ISP_SHARED_BUFFER_0\n\n\n\
        minimum ion allocate unit = 4096\nfree memory regions:\n\
        \x20        heap_id            start              end           length\n\
        \x20              0         8c52b000         8fe00000         59592704\n";

    #[test]
    fn list_has_the_allocations_and_nothing_of_what_surrounds_them() {
        let expected = [(0x8b30_0000, 12_533_760, "VbPool0"), (0x8bef_4000, 294_912, "ISP_SHARED_BUFFER_0")];
        assert_eq!(
            listed(LIST).collect::<Vec<_>>(),
            expected.map(|(physical, size, name)| Listed { physical, size, name })
        );
    }

    #[test]
    fn allocation_holds_what_is_in_it_to_the_last_byte() {
        let listed = Listed { physical: 0x1000, size: 0x100, name: "x" };
        assert!(listed.holds(0x1000, 0x100) && listed.holds(0x10ff, 1));
        for (physical, len) in [(0xfff, 1), (0x1000, 0x101), (0x1100, 1), (u64::MAX, 2), (0x1001, u64::MAX)] {
            assert!(!listed.holds(physical, len), "{physical:#x} {len:#x}");
        }
    }

    proptest! {
        #[test]
        fn any_list_is_parsed(list in "[ 0-9a-zVbPool:\n-]{0,200}") {
            let _ = listed(&list).count();
        }
    }
}
