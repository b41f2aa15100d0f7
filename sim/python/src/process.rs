//! Whether a thing was made in this process: a child that was forked has none of its threads, and locks that no thread frees.

use crate::error::refused;
use eyelet_hal::Result;

/// The process that made something.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Maker(u32);

impl Maker {
    /// This process.
    pub(crate) fn this() -> Self {
        Self(std::process::id())
    }

    /// Whether that is this process.
    pub(crate) fn is_here(self) -> bool {
        self == Self::this()
    }

    /// # Errors
    /// `InvalidInput` in a forked child.
    pub(crate) fn check(self, what: &str) -> Result<()> {
        if self.is_here() {
            return Ok(());
        }
        Err(refused(format!("this {what} belongs to the parent process"))
            .with_remedy("make one after the fork"))
    }
}
