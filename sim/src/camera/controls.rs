//! What can be changed about the simulated camera.

use super::{SimCamera, SimConfig};
use crate::{
    pace::{Fps, Rate},
    scene::{Effects, Painter, Scene},
};
use eyelet_hal::{
    CameraControls, Control, ControlKind, Error, ErrorKind, Mode, Modes, PixelFormat, Quality, Result,
    StreamFormat,
};
use std::sync::Arc;

const BRIGHTNESS: &str = "brightness";
const BRIGHTNESS_AUTOMATIC: &str = "brightness_automatic";
const NOISE: &str = "noise";
const MIRROR: &str = "mirror";
const SCENE: &str = "scene";
const QUALITY: &str = "quality";
const RESET: &str = "reset";

/// Common ones.
const SIZES: [(u32, u32); 7] =
    [(160, 120), (320, 240), (640, 480), (800, 600), (1024, 768), (1280, 720), (1920, 1080)];

/// The lowest and the highest rate.
const FPS: (f64, f64) = (1.0, 60.0);

/// The values of the controls that are no part of a [`SimConfig`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Values {
    brightness: i16,
    brightness_automatic: bool,
    noise: u8,
    mirror: bool,
}

impl Values {
    /// What they do to a picture.
    fn effects(&self) -> Effects {
        let mut effects = Effects::default();
        (effects.noise, effects.mirror) = (self.noise, self.mirror);
        if !self.brightness_automatic {
            effects.brightness = self.brightness;
        }
        effects
    }
}

impl CameraControls for SimCamera {
    fn list(&mut self) -> Result<Vec<Control>> {
        Ok(list(&self.values, &self.config, &self.original))
    }

    fn set(&mut self, name: &str, value: i64) -> Result<()> {
        self.find(name, value)?;
        // Each is in the range of its control.
        match name {
            BRIGHTNESS => self.values.brightness = value as i16,
            BRIGHTNESS_AUTOMATIC => self.values.brightness_automatic = value == 1,
            NOISE => self.values.noise = value as u8,
            MIRROR => self.values.mirror = value == 1,
            SCENE => self.show(Scene::ALL[value as usize]),
            QUALITY => self.config.quality = Quality::new(value as u8).unwrap_or_default(),
            _ => {
                self.values = Values::default();
                self.show(self.original.scene);
            }
        }
        self.painter.effects = self.values.effects();
        Ok(())
    }

    fn modes(&mut self) -> Result<Option<Modes>> {
        let fps = match self.config.rate {
            Rate::Fps(fps) => Some(fps.get()),
            Rate::FreeRunning => None,
        };
        Ok(Some(modes(&self.config, fps)))
    }

    fn set_mode(&mut self, mode: Mode) -> Result<()> {
        let refuse =
            |why: &str| Error::new(ErrorKind::InvalidInput, format!("cannot change the mode of sim: {why}"));
        if self.pacer.is_some() {
            return Err(refuse("it is started").with_remedy("call stop() first"));
        }
        let mut config = self.config.clone();
        config.format = StreamFormat::new(config.format.pixel, mode.size.0, mode.size.1)
            .ok_or_else(|| refuse("no side of the size may be 0"))?;
        if let Rate::Fps(fps) = &mut config.rate {
            *fps = Fps::new(mode.fps).ok_or_else(|| refuse("there is no such rate"))?;
        }
        let mut changed = Self::open(config, Arc::clone(&self.clock))?;
        (changed.original, changed.values) = (self.original.clone(), self.values);
        changed.painter.effects = changed.values.effects();
        *self = changed;
        Ok(())
    }
}

impl SimCamera {
    fn show(&mut self, scene: Scene) {
        if scene != self.config.scene {
            let StreamFormat { width, height, .. } = self.config.format;
            self.config.scene = scene;
            self.painter = Painter::new(scene, width.get(), height.get(), self.config.seed);
        }
    }
}

/// All controls; `original` is how the camera was opened.
fn list(values: &Values, config: &SimConfig, original: &SimConfig) -> Vec<Control> {
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
fn modes(config: &SimConfig, fps: Option<f64>) -> Modes {
    let size = (config.format.width.get(), config.format.height.get());
    let now = Mode { size, fps: fps.unwrap_or(FPS.1) };
    let range = fps.map_or((FPS.1, FPS.1), |fps| (FPS.0.min(fps), FPS.1.max(fps)));
    Modes::new(now, SIZES.to_vec(), range)
}

#[cfg(test)]
mod tests {
    use super::{
        super::tests::{open, small},
        *,
    };
    use eyelet_hal::CameraSource as _;
    use std::time::Duration;

    #[test]
    fn mode_is_changed_while_stopped_and_leaves_the_controls_as_they_are() {
        let (mut camera, _) = open(small(PixelFormat::Jpeg));
        camera.set(MIRROR, 1).unwrap();
        camera.set(QUALITY, 30).unwrap();
        let mode = Mode { size: (320, 240), fps: 5.0 };
        camera.start().unwrap();
        assert_eq!(camera.set_mode(mode).unwrap_err().kind(), ErrorKind::InvalidInput);
        camera.stop().unwrap();
        assert!(camera.set_mode(Mode { size: (0, 240), ..mode }).is_err());
        assert_eq!(camera.modes().unwrap().unwrap().now, Mode { size: (160, 48), fps: 10.0 });
        camera.set_mode(mode).unwrap();
        assert_eq!(camera.modes().unwrap().unwrap().now, mode);
        let value = |camera: &mut SimCamera, name| {
            let list = camera.list().unwrap();
            list.iter().find(|control| control.name == name).unwrap().value
        };
        let values = [MIRROR, QUALITY].map(|name| value(&mut camera, name));
        assert_eq!(values, [Some(1), Some(30)]);
        camera.start().unwrap();
        let format = camera.format();
        assert_eq!((format.width.get(), format.height.get()), (320, 240));
        assert_eq!(camera.next_frame(Duration::ZERO).unwrap().format(), format);
        camera.set(RESET, 1).unwrap();
        assert_eq!(value(&mut camera, MIRROR), Some(0));
    }

    #[test]
    fn automatic_brightness_makes_the_other_inactive_and_without_effect() {
        let luma = |settings: &[(&str, i64)]| {
            let (mut camera, _) = open(small(PixelFormat::Grey));
            settings.iter().for_each(|(name, value)| camera.set(name, *value).unwrap());
            let inactive = camera.list().unwrap()[0].inactive;
            camera.start().unwrap();
            let frame = camera.next_frame(Duration::ZERO).unwrap();
            (frame.planes()[0].bytes.iter().map(|byte| u64::from(*byte)).sum::<u64>(), inactive)
        };
        let (plain, dark) = (luma(&[]), luma(&[(BRIGHTNESS, -50)]));
        assert!(dark.0 < plain.0 && !dark.1);
        let automatic = luma(&[(BRIGHTNESS, -50), (BRIGHTNESS_AUTOMATIC, 1)]);
        assert_eq!(automatic, (plain.0, true));
    }
}
