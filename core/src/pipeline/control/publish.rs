//! What can be changed, and its values, for clients.

use super::Controls;
use crate::feed::CameraSettings;
use eyelet_hal::{CameraSource, Control, Modes, PixelFormat, Result, StreamFormat};
use std::time::Duration;

/// Not more often are its values listed because clients want to know them.
const LIST_EVERY: Duration = Duration::from_secs(1);

/// The controls of a camera, and its sizes and rates.
pub(super) type Listed = (Vec<Control>, Option<Modes>);

impl Controls {
    /// Lists what can be changed, and its values, for clients.
    pub(super) fn publish(&mut self, camera: &mut dyn CameraSource) {
        let listed = listed(camera);
        self.show(camera.format(), listed);
    }

    /// [Publishes](Self::publish) again, for the values that have changed by themselves.
    pub(super) fn refresh(&mut self, camera: &mut dyn CameraSource) {
        if self.clock.monotonic().saturating_sub(self.listed) < LIST_EVERY {
            return;
        }
        match list(camera) {
            Ok(listed) => self.show(camera.format(), listed),
            // Its frames show whether it is lost.
            Err(error) => tracing::debug!(%error, "values that clients see may be old"),
        }
    }

    /// Shows clients what a camera of this format has listed.
    fn show(&mut self, format: StreamFormat, listed: Listed) {
        let camera = self.as_shown(format, listed);
        self.hub.settings.set_camera(Some(camera));
    }

    /// What a camera of this format has listed just now, as clients may see it.
    pub(super) fn as_shown(&mut self, format: StreamFormat, (mut controls, modes): Listed) -> CameraSettings {
        for control in &mut controls {
            control.read_only = self.is_fixed(control);
        }
        self.listed = self.clock.monotonic();
        let compressed = format.pixel == PixelFormat::Jpeg;
        let modes = modes.map(|modes| {
            let mut modes = self.with_original(modes);
            // Masks are for one size.
            let now = modes.now.size;
            modes.sizes.retain(|size| *size == now || self.check_size(format, *size).is_ok());
            let original = self.original.unwrap_or(modes.now);
            (modes, original)
        });
        CameraSettings { compressed, controls, modes }
    }

    /// A camera may list its usual sizes and rates alone, beside the ones that it has: the ones that it was opened with are a
    /// way back.
    pub(super) fn with_original(&self, Modes { now, mut sizes, mut fps, .. }: Modes) -> Modes {
        let original = self.original.unwrap_or(now);
        sizes.push(original.size);
        if original.size == now.size {
            fps = (fps.0.min(original.fps), fps.1.max(original.fps));
        }
        Modes::new(now, sizes, fps)
    }
}

/// What this camera lists; nothing if it cannot now.
pub(super) fn listed(camera: &mut dyn CameraSource) -> Listed {
    list(camera).unwrap_or_else(|error| {
        tracing::warn!(%error, "clients can change the quality alone");
        (Vec::new(), None)
    })
}

fn list(camera: &mut dyn CameraSource) -> Result<Listed> {
    match camera.controls() {
        Some(controls) => controls.list().and_then(|list| Ok((list, controls.modes()?))),
        None => Ok((Vec::new(), None)),
    }
}
