//! A build without the feature `control`: no client changes the camera.

use super::Edits;
use crate::feed::Hub;
use eyelet_hal::{CameraSource, Result, clock::Clock};
use std::sync::{Arc, atomic::AtomicBool};

/// Nothing.
pub(super) struct Controls;

impl Controls {
    pub(super) fn new(_: Hub, _: Arc<dyn Clock>, _: Option<Edits>) -> Self {
        Self
    }

    /// Starts a camera that has just been opened.
    ///
    /// # Errors
    /// Those of starting it.
    pub(super) fn start(&mut self, camera: &mut dyn CameraSource) -> Result<()> {
        camera.start()
    }

    /// Nothing.
    pub(super) fn lost(&self, _: &str) {}

    /// Nothing: false.
    pub(super) fn serve(&self, _: &mut dyn CameraSource, _: &AtomicBool) -> Result<bool> {
        Ok(false)
    }
}
