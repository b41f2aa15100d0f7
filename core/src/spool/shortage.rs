//! What a spool lacks, so that pictures are lost, and what helps.

use std::fmt;

/// Why pictures are lost although the disk works. A [`Keeper`](super::Keeper) logs it once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Shortage {
    /// The oldest pictures make room for new ones.
    Dropping,
    /// There is no room, and stored pictures stay.
    Full,
    /// There is no room beside the picture that is being sent.
    TooSmall,
    /// One picture exceeds the limit of the whole spool.
    TooLarge,
    /// The disk cannot keep up with the camera.
    TooSlow,
}

impl Shortage {
    /// What helps.
    pub fn remedy(self) -> &'static str {
        match self {
            Self::Dropping | Self::TooSmall | Self::TooLarge => "raise its limit",
            Self::Full => "raise its limit, or have it drop the oldest",
            Self::TooSlow => "lower the frame rate or the quality",
        }
    }
}

impl fmt::Display for Shortage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Dropping => "the spool is full: the oldest pictures are dropped",
            Self::Full => "pictures are not spooled: the spool is full",
            Self::TooSmall => "pictures are not spooled: there is no room beside the one that is being sent",
            Self::TooLarge => "pictures are not spooled: one is larger than the whole spool may be",
            Self::TooSlow => "pictures are not spooled: the disk is too slow",
        })
    }
}
