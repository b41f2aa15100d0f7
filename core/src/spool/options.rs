//! How much a spool may hold, and what happens when it is full.

use std::str::FromStr;

/// What happens when there is no room for a new picture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WhenFull {
    /// The oldest picture is dropped to make room for the newest.
    #[default]
    DropOldest,
    /// Stored pictures stay, and no more are taken.
    Hold,
}

impl FromStr for WhenFull {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, &'static str> {
        match text {
            "drop-oldest" => Ok(Self::DropOldest),
            "hold" => Ok(Self::Hold),
            _ => Err("a full spool can drop-oldest or hold"),
        }
    }
}

/// A spool's limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Options {
    /// Total bytes of its files, including those set aside. The file system's overhead is not counted.
    pub max_bytes: u64,
    /// What happens when that limit is reached, or the disk is full.
    pub when_full: WhenFull,
}

impl Options {
    /// 64 MiB: at 60 kB a picture about 1,100 of them, or 37 s at 30 fps.
    pub const DEFAULT_MAX_BYTES: u64 = 64 * 1024 * 1024;

    /// At most this many bytes; the oldest make room.
    pub fn new(max_bytes: u64) -> Self {
        Self { max_bytes, when_full: WhenFull::default() }
    }
}

impl Default for Options {
    fn default() -> Self {
        Self::new(Self::DEFAULT_MAX_BYTES)
    }
}
