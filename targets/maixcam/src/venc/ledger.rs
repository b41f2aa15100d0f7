//! What a run holds of the hardware, written down before it is taken, so that the next run can give it back if this
//! one is killed: the driver frees nothing when a process ends.

use crate::sys::{Notes, System};
use eyelet_hal::{Error, ErrorKind, Result};
use std::{fmt::Write as _, io};

/// Every record has this length, so that it is replaced in one write.
const LEN: usize = 512;

/// What a run holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Record {
    /// The boot in which this is true.
    pub(super) boot: String,
    /// The channel that was made, or is about to be.
    pub(super) channel: Option<HeldChannel>,
    /// A frame was sent and never came back: the unit is locked until the driver is loaded anew.
    pub(super) stuck: bool,
    /// Allocations of the carve-out: physical address and size.
    pub(super) buffers: Vec<(u64, u32)>,
    /// Size of an allocation that is about to be taken, or was just taken.
    pub(super) pending: Option<u32>,
}

/// A channel, and what distinguishes it from another program's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct HeldChannel {
    pub(super) number: u8,
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) buffer_size: u32,
}

impl Record {
    fn to_bytes(&self) -> Vec<u8> {
        let mut text = format!("eyelet-sg2002 1\nboot {}\n", self.boot);
        // Writing to a string cannot fail.
        if let Some(HeldChannel { number, width, height, buffer_size }) = self.channel {
            let _ = writeln!(text, "channel {number} {width} {height} {buffer_size}");
        }
        if self.stuck {
            text.push_str("stuck\n");
        }
        for (physical, size) in &self.buffers {
            let _ = writeln!(text, "buffer {physical:#x} {size}");
        }
        if let Some(size) = self.pending {
            let _ = writeln!(text, "pending {size}");
        }
        text.push_str("end\n");
        let mut bytes = text.into_bytes();
        bytes.resize(LEN.max(bytes.len()), b' ');
        bytes
    }

    /// `None` for anything that was not written by this version in full.
    fn parse(bytes: &[u8]) -> Option<Self> {
        let mut lines = std::str::from_utf8(bytes).ok()?.lines();
        if lines.next()? != "eyelet-sg2002 1" {
            return None;
        }
        let mut record = Self::default();
        for line in lines {
            let words: Vec<_> = line.split(' ').collect();
            match words[..] {
                ["boot", boot] => boot.clone_into(&mut record.boot),
                ["channel", number, width, height, buffer_size] => {
                    record.channel = Some(HeldChannel {
                        number: number.parse().ok()?,
                        width: width.parse().ok()?,
                        height: height.parse().ok()?,
                        buffer_size: buffer_size.parse().ok()?,
                    });
                }
                ["stuck"] => record.stuck = true,
                ["buffer", physical, size] => {
                    let physical = u64::from_str_radix(physical.strip_prefix("0x")?, 16).ok()?;
                    record.buffers.push((physical, size.parse().ok()?));
                }
                ["pending", size] => record.pending = Some(size.parse().ok()?),
                ["end"] => return Some(record),
                _ => return None,
            }
        }
        None
    }
}

/// The record in its file, which is locked as long as this lives.
#[derive(Debug)]
pub(super) struct Ledger {
    notes: Box<dyn Notes>,
    record: Record,
}

impl Ledger {
    /// Opens and locks the file. What it holds of an earlier boot is forgotten.
    ///
    /// # Errors
    /// `Busy` if another process has it; otherwise what the system says.
    pub(super) fn open(system: &dyn System) -> Result<Self> {
        let notes = system.notes().map_err(|e| failed("open", &e))?;
        if !notes.try_lock().map_err(|e| failed("lock", &e))? {
            let what = "cannot use the JPEG unit: another eyelet uses it";
            return Err(Error::new(ErrorKind::Busy, what).with_remedy("stop that one first"));
        }
        let boot = system.boot_id().map_err(|e| failed("read the boot's name for", &e))?;
        let old = Record::parse(&notes.read().map_err(|e| failed("read", &e))?);
        let record = old.filter(|old| old.boot == boot).unwrap_or(Record { boot, ..Record::default() });
        Ok(Self { notes, record })
    }

    pub(super) fn record(&self) -> &Record {
        &self.record
    }

    /// Changes the record, here and in the file.
    ///
    /// # Errors
    /// What the system says; the record is then as changed, the file as before.
    pub(super) fn note(&mut self, change: impl FnOnce(&mut Record)) -> Result<()> {
        change(&mut self.record);
        self.notes.write(&self.record.to_bytes()).map_err(|e| failed("write", &e))
    }
}

fn failed(doing: &str, cause: &io::Error) -> Error {
    let kind = match cause.kind() {
        io::ErrorKind::PermissionDenied => ErrorKind::PermissionDenied,
        io::ErrorKind::NotFound => ErrorKind::NotFound,
        _ => ErrorKind::Other,
    };
    // The cause is in the sentence already.
    Error::new(kind, format!("cannot {doing} the notes on the JPEG unit: {cause}"))
        .with_remedy("is /run writable, are you root?")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_record() -> impl Strategy<Value = Record> {
        let channel = (any::<u8>(), any::<u32>(), any::<u32>(), any::<u32>());
        let held = channel.prop_map(|(number, width, height, buffer_size)| HeldChannel {
            number,
            width,
            height,
            buffer_size,
        });
        let buffers = prop::collection::vec(any::<(u64, u32)>(), 0..4);
        ("[0-9a-f-]{1,36}", prop::option::of(held), any::<bool>(), buffers, prop::option::of(any::<u32>()))
            .prop_map(|(boot, channel, stuck, buffers, pending)| Record {
                boot,
                channel,
                stuck,
                buffers,
                pending,
            })
    }

    proptest! {
        #[test]
        fn record_round_trips(record in any_record()) {
            let bytes = record.to_bytes();
            prop_assert_eq!(bytes.len(), LEN, "always one length");
            prop_assert_eq!(Record::parse(&bytes), Some(record));
        }

        #[test]
        fn half_a_record_is_none(record in any_record(), cut in 0usize..1000) {
            let bytes = record.to_bytes();
            let text = bytes.trim_ascii_end();
            prop_assert_eq!(Record::parse(&text[..cut % text.len()]), None);
        }

        #[test]
        fn any_bytes_are_a_record_or_none(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Record::parse(&bytes);
        }
    }
}
