//! What can be changed about the simulated camera.

use crate::{
    camera::SimConfig,
    scene::{Effects, Scene},
};
use eyelet_hal::{Control, ControlKind, Mode, Modes, PixelFormat};

pub(crate) const BRIGHTNESS: &str = "brightness";
pub(crate) const BRIGHTNESS_AUTOMATIC: &str = "brightness_automatic";
pub(crate) const NOISE: &str = "noise";
pub(crate) const MIRROR: &str = "mirror";
pub(crate) const SCENE: &str = "scene";
pub(crate) const QUALITY: &str = "quality";
pub(crate) const RESET: &str = "reset";

/// Common ones.
const SIZES: [(u32, u32); 7] =
    [(160, 120), (320, 240), (640, 480), (800, 600), (1024, 768), (1280, 720), (1920, 1080)];

/// The lowest and the highest rate.
const FPS: (f64, f64) = (1.0, 60.0);

/// The values of the controls that are no part of a [`SimConfig`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Values {
    pub(crate) brightness: i16,
    pub(crate) brightness_automatic: bool,
    pub(crate) noise: u8,
    pub(crate) mirror: bool,
}

impl Values {
    /// What they do to a picture.
    pub(crate) fn effects(&self) -> Effects {
        let mut effects = Effects::default();
        (effects.noise, effects.mirror) = (self.noise, self.mirror);
        if !self.brightness_automatic {
            effects.brightness = self.brightness;
        }
        effects
    }
}

/// All controls; `original` is how the camera was opened.
pub(crate) fn list(values: &Values, config: &SimConfig, original: &SimConfig) -> Vec<Control> {
    let integer = |min, max| ControlKind::Integer { min, max, step: 1 };
    let scenes = (0..).zip(Scene::ALL.map(|scene| scene.name().to_owned())).collect();
    let mut brightness = Control::new(BRIGHTNESS, integer(-100, 100), 0, Some(values.brightness.into()));
    brightness.inactive = values.brightness_automatic;
    let mut all = vec![
        brightness,
        Control::new(BRIGHTNESS_AUTOMATIC, ControlKind::Boolean, 0, Some(values.brightness_automatic.into())),
        Control::new(NOISE, integer(0, 100), 0, Some(values.noise.into())),
        Control::new(MIRROR, ControlKind::Boolean, 0, Some(values.mirror.into())),
        Control::new(SCENE, ControlKind::Menu(scenes), number(original.scene), Some(number(config.scene))),
    ];
    if config.format.pixel == PixelFormat::Jpeg {
        let (default, now) = (original.quality.get().into(), config.quality.get().into());
        all.push(Control::new(QUALITY, integer(1, 100), default, Some(now)));
    }
    all.push(Control::new(RESET, ControlKind::Button, 0, None));
    all
}

/// The number of a scene in the menu.
fn number(scene: Scene) -> i64 {
    Scene::ALL.iter().position(|other| *other == scene).unwrap_or_default() as i64
}

/// The sizes and rates; `fps` is `None` for a camera that waits for no moment.
pub(crate) fn modes(config: &SimConfig, fps: Option<f64>) -> Modes {
    let size = (config.format.width.get(), config.format.height.get());
    let now = Mode { size, fps: fps.unwrap_or(FPS.1) };
    let range = fps.map_or((FPS.1, FPS.1), |fps| (FPS.0.min(fps), FPS.1.max(fps)));
    Modes::new(now, SIZES.to_vec(), range)
}
