//! What can go wrong with a USB camera, on demand.

use std::{fmt, str::FromStr};

/// One way to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// The error bit in the header of every payload of a frame.
    ErrorBit,
    /// Only the first half of a frame's bytes, its end marked as if it were whole.
    Truncated,
    /// A packet that is damaged on the wire. Isochronous only: bulk transfers are repeated by the bus.
    LostPacket,
    /// A request that ends with a halted endpoint. `uvcvideo` gives all buffers back and never renews that
    /// request; it has five.
    Stall,
}

impl Fault {
    const ALL: [(Self, &'static str); 4] = [
        (Self::ErrorBit, "error"),
        (Self::Truncated, "truncate"),
        (Self::LostPacket, "lose"),
        (Self::Stall, "stall"),
    ];
}

impl FromStr for Fault {
    type Err = UnknownFault;
    fn from_str(s: &str) -> Result<Self, UnknownFault> {
        Self::ALL.into_iter().find(|(_, name)| *name == s).map(|(fault, _)| fault).ok_or(UnknownFault(()))
    }
}

/// No such fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownFault(());

impl fmt::Display for UnknownFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no such fault; use one of error, truncate, lose, stall")
    }
}

impl std::error::Error for UnknownFault {}

/// Faults that are still to happen.
#[derive(Clone, Debug, Default)]
pub struct Pending([u32; Fault::ALL.len()]);

impl Pending {
    /// Adds `count` times `fault`.
    pub fn add(&mut self, fault: Fault, count: u32) {
        let slot = &mut self.0[fault as usize];
        *slot = slot.saturating_add(count);
    }

    /// Whether `fault` is to happen now; it counts as happened.
    pub fn take(&mut self, fault: Fault) -> bool {
        let slot = &mut self.0[fault as usize];
        let due = *slot > 0;
        *slot = slot.saturating_sub(1);
        due
    }

    /// How many faults are still to happen.
    pub fn count(&self) -> u64 {
        self.0.iter().map(|&n| u64::from(n)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fault_happens_as_often_as_configured() {
        for (fault, name) in Fault::ALL {
            assert_eq!(name.parse(), Ok(fault));
            let mut pending = Pending::default();
            pending.add(fault, 2);
            assert_eq!(pending.count(), 2);
            assert_eq!([pending.take(fault), pending.take(fault), pending.take(fault)], [true, true, false]);
        }
        assert!("explode".parse::<Fault>().is_err());
    }
}
