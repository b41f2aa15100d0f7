//! A build without the feature `control`: clients may change nothing.

use crate::feed::{CameraName, Hub};
use eyelet_hal::Result;

/// Nothing.
#[derive(Default)]
pub(super) struct Control {}

/// There is none.
pub(super) enum Saver {}

impl Control {
    /// Nothing.
    pub(super) fn check(&self) -> Result<()> {
        Ok(())
    }

    /// Nothing.
    pub(super) fn begin(&self, _: &Hub) {}

    /// Nothing.
    pub(super) fn restore<'a>(
        &self,
        _: impl Iterator<Item = (Option<&'a CameraName>, &'a Hub)>,
    ) -> Result<Option<Saver>> {
        Ok(None)
    }
}

impl Saver {
    pub(super) async fn run(&self) {
        match *self {}
    }
}
