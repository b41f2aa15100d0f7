//! Values of what can be changed about a camera.

use eyelet_hal::Mode;
use std::collections::BTreeMap;

/// Some of a camera's values: those that a client asks for, or those that were changed and are to stay.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct CameraValues {
    /// Controls by name, and their values.
    pub(crate) controls: BTreeMap<String, i64>,
    /// Width and height in pixels.
    pub(crate) size: Option<(u32, u32)>,
    /// Frames per second.
    pub(crate) fps: Option<f64>,
}

impl CameraValues {
    pub(crate) fn is_empty(&self) -> bool {
        self.controls.is_empty() && !self.has_mode()
    }

    /// Whether the size or the rate is among them.
    pub(crate) fn has_mode(&self) -> bool {
        self.size.is_some() || self.fps.is_some()
    }

    /// The mode of a camera that has this one, and is to have these values.
    pub(crate) fn mode(&self, now: Mode) -> Mode {
        Mode { size: self.size.unwrap_or(now.size), fps: self.fps.unwrap_or(now.fps) }
    }
}
