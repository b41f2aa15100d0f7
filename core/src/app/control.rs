//! What clients may change, and where that is kept.

use super::Builder;
pub(super) use crate::control::Saver;
use crate::feed::{CameraName, Hub};
use eyelet_hal::{Error, ErrorKind, Result};
use std::path::PathBuf;

/// Whether clients may change something, and the file that keeps it.
#[derive(Default)]
pub(super) struct Control {
    allowed: bool,
    file: Option<PathBuf>,
}

impl Control {
    /// Whether it can be done.
    ///
    /// # Errors
    /// `InvalidInput` if there is nothing to keep.
    pub(super) fn check(&self) -> Result<()> {
        if self.file.is_none() || self.allowed {
            return Ok(());
        }
        Err(Error::new(ErrorKind::InvalidInput, "save_control has nothing to save")
            .with_remedy("let clients change something with allow_control"))
    }

    /// Lets clients change this camera, if they may.
    pub(super) fn begin(&self, hub: &Hub) {
        if self.allowed {
            hub.settings.allow_changes();
        }
    }

    /// Gives the cameras what the file holds for them.
    ///
    /// # Errors
    /// Those of [`Saver::restore`].
    pub(super) fn restore<'a>(
        &self,
        cameras: impl Iterator<Item = (Option<&'a CameraName>, &'a Hub)>,
    ) -> Result<Option<Saver>> {
        self.file.as_ref().map(|file| Saver::restore(file, cameras)).transpose()
    }
}

/// What clients may change.
impl Builder {
    /// Lets clients change the quality, and what the cameras can change, at `/control`: pages of other sites cannot. Off by
    /// default. It needs the feature `control`.
    #[must_use]
    pub fn allow_control(mut self) -> Self {
        self.control.allowed = true;
        self
    }

    /// Keeps what clients change in this file, over a restart; it is made when something changes. It needs
    /// [`allow_control`](Self::allow_control). A damaged file is set aside and logged, and the cameras start without it.
    #[must_use]
    pub fn save_control(mut self, file: impl Into<PathBuf>) -> Self {
        self.control.file = Some(file.into());
        self
    }
}
